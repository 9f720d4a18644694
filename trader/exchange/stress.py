"""Stress in the order flow, from a moment on and for a while: what detectors are there to notice.

    CRASH         at every arrival somebody sells as well, and the fair price runs away downwards
    WHALE         one order of WHALE_SHARE usual ones buys through the book
    FLASH_SPREAD  the background's orders at both touches are withdrawn as often as they come back

    calm ... stress_at_s after the opening: stress ... stress_for_s later: calm

It draws no random numbers: up to its beginning a seed's market is the one without it. Our own orders are matched like
any other and never withdrawn.
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.exchange.config import ExchangeConfig
from trader.exchange.matching import BACKGROUND, LEVELS, cancel, match

NONE, CRASH, WHALE, FLASH_SPREAD = range(4)
NAMES = ("", "crash", "whale", "flash_spread")

CRASH_BPS_PER_S = 15.0
CRASH_TICKS = 5
WHALE_SHARE = 600.0
WHALE_TICKS = 300
FLASH_TICKS = 40
WITHDRAWN_MAX = 50

STRESS = np.dtype([(name, "i8") for name in ("kind", "at_ns", "for_ns", "from_ns", "until_ns", "is_done")], align=True)
"""`at_ns`: after the opening; `for_ns`: how long; `from_ns`, `until_ns`: the times themselves, once the market is open;
`is_done`: the whale has been."""


def prepare_stress(stress: np.void, config: ExchangeConfig) -> None:
    """Set up one zeroed STRESS (cold)."""
    stress["kind"] = NAMES.index(config.stress)
    stress["at_ns"] = round(config.stress_at_s * 1e9)
    stress["for_ns"] = round(config.stress_for_s * 1e9)


@kernel
def open_stress(stress, now_ns):
    """The market opens: from now on the moments are known."""
    stress.from_ns = now_ns + stress.at_ns
    stress.until_ns = stress.from_ns + stress.for_ns


@inlined
def press(flow, book):
    """What stress adds behind an arrival; as `order_flow.arrive`: the side of an order that took, 1, or 0 for nothing.

    `book.matches` tells what it met.
    """
    return _press(flow, book) if flow.stress.kind != NONE else 0


@kernel
def _press(flow, book):
    never_inlined()
    stress, now_ns = flow.stress, flow.last_ns
    if not stress.from_ns <= now_ns < stress.until_ns:
        return 0
    usual_lots = math.exp(flow.log_lots_median)
    if stress.kind == CRASH:
        if book.best_bid < 0:
            return 0
        flow.fair_ticks -= flow.start_ticks * 1e-4 * CRASH_BPS_PER_S * (flow.next_ns - now_ns) * 1e-9
        match(book, -1, book.base_ticks + book.best_bid - CRASH_TICKS, int(usual_lots), BACKGROUND)
        return -1
    if stress.kind == WHALE:
        if stress.is_done or book.best_ask >= LEVELS:
            return 0
        stress.is_done = 1
        match(book, 1, book.base_ticks + book.best_ask + WHALE_TICKS, int(WHALE_SHARE * usual_lots), BACKGROUND)
        return 1
    return _withdraw(book)


@kernel
def _withdraw(book):
    """Take touches out, the sides in turn, until the spread is wide; 1 if there were any."""
    withdrawn = 0
    for turn in range(WITHDRAWN_MAX):
        if book.best_ask - book.best_bid >= FLASH_TICKS or book.best_bid <= 0 or book.best_ask >= LEVELS:
            break
        slot = book.levels[book.best_bid if turn & 1 else book.best_ask].head
        if book.orders[slot].owner == BACKGROUND:
            cancel(book, slot)
            withdrawn = 1
    return withdrawn
