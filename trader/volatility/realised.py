"""Realised variance of a window: the mid's movements over its parts, squared and summed up, on the scale of its return.

    window   |-- part --|-- part --|-- part --|      parts are spans of the venue's clock, too
    mid      a    b     c          c    d     e
    moves    log(c/a)        -         log(e/c)      n = 2 parts moved, rv = log(c/a)^2 + log(e/c)^2

A part whose mid stood still says that nothing traded, not that volatility is nothing: only those that moved count. What
a filter is told is (k rv, n), where k brings a part's square to a window's: the ratio of decaying means of squared
returns and of rv / n, which also holds what bounces and trends make of sums. So volatility keeps its meaning.

Sampling at such distances instead of at every change keeps most of the bounce out: Ait-Sahalia, Mykland and Zhang,
Review of Financial Studies 18 (2005).
"""

import math
from typing import Any

import numpy as np

from shm.kernel import kernel

BPS = 1e4
PARTS_A_WINDOW = 15
PART_NS_MIN = 1_000_000
"""Venues tell the time in milliseconds."""

RATIO_START = 1e-5
"""Where both means begin, in bps^2: a ratio of 1 until a movement was seen."""

PARTS = np.dtype(
    [
        ("part_ns", "i8"),
        ("decay", "f8"),
        ("part", "i8"),
        ("mid_halfticks", "i8"),
        ("open_squared", "f8"),
        ("open_count", "i8"),
        ("squared", "f8"),
        ("count", "i8"),
        ("return_mean", "f8"),
        ("part_mean", "f8"),
    ],
    align=True,
)
"""`part_ns` 0: not wanted. `part`, `mid_halfticks`: the open part's number and the mid before it; `open_...`: of the
open window's parts so far; `squared`, `count`: (k rv, n) of the last window; `..._mean`: of squares of windows and
parts."""


def part_ns_of(window_ns: int) -> int:
    """Length of a window's parts: a fifteenth, but a millisecond at least."""
    return max(window_ns // PARTS_A_WINDOW, PART_NS_MIN)


def configure_parts(parts: Any, part_ns: int, decay: float) -> None:
    """Set up zeroed PARTS (cold). `decay`: weight that a window in which the mid moved leaves to those before it."""
    parts["part_ns"] = part_ns
    parts["decay"] = decay
    parts["return_mean"] = parts["part_mean"] = RATIO_START


@kernel
def open_parts(parts, event_ns, mid_halfticks):
    """Begin with this mid: there is none before it."""
    if parts.part_ns > 0:
        parts.part = event_ns // parts.part_ns
        parts.mid_halfticks = mid_halfticks
        parts.open_squared = 0.0
        parts.open_count = 0


@kernel
def see_time(parts, event_ns, mid_halfticks):
    """An event's time, before its mid is taken: `mid_halfticks` stood until then, and may have ended a part."""
    if parts.part_ns > 0:
        part = event_ns // parts.part_ns
        if part > parts.part:
            _end_part(parts, mid_halfticks)
            parts.part = part


@kernel
def _end_part(parts, mid_halfticks):
    if mid_halfticks != parts.mid_halfticks:
        moved = math.log(float(mid_halfticks) / float(parts.mid_halfticks)) * BPS
        parts.open_squared += moved * moved
        parts.open_count += 1
        parts.mid_halfticks = mid_halfticks


@kernel
def realised_so_far(parts, mid_halfticks):
    """(k rv, n) of the open window, whose mid is this now."""
    squared, count = parts.open_squared, parts.open_count
    if mid_halfticks != parts.mid_halfticks:
        moved = math.log(float(mid_halfticks) / float(parts.mid_halfticks)) * BPS
        squared += moved * moved
        count += 1
    return squared * parts.return_mean / parts.part_mean, count


@kernel
def close_parts(parts, mid_halfticks, return_bps):
    """The window is over: what was observed of it into `squared` and `count`, and a new one begins."""
    if parts.part_ns == 0:
        return
    _end_part(parts, mid_halfticks)
    parts.count = parts.open_count
    if parts.count > 0:
        kept, gain = parts.decay, 1.0 - parts.decay
        parts.return_mean = kept * parts.return_mean + gain * return_bps * return_bps
        parts.part_mean = kept * parts.part_mean + gain * parts.open_squared / parts.count
    parts.squared = parts.open_squared * parts.return_mean / parts.part_mean
    parts.open_squared = 0.0
    parts.open_count = 0
