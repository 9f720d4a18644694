"""The panic detector: one-sided flow, a price that runs or jumps, a spread that blows out, depth that collapses.

Each sign is a cumulative sum of what is more than usual (Page, "Continuous inspection schemes", Biometrika 41, 1954):

    s = min(max(s + (what was seen - allowance x time) / limit, 0), 1)        0 in calm, 1 when it lasts

    flow      signed lots, both ways              in usual deviations of a second       (trader.signals.usual)
    run       moves of the mid, both ways         likewise
    jumps     squared moves of blocks             in usual squares of a block
    spread    distance above its mean             in usual deviations, times the time that it stands
    depth     distance below its mean             likewise

A sum forgets a spike within a moment, however high, and adds up what is small and goes on. The four families (run and
jumps are one: the price) are evidence, added as log odds; no one of them suffices:

    confidence = 1 / (1 + exp(-certainty (flow + price + spread + depth - signs_needed)))

    CALM --- c >= enter, and warm ---> PANIC          nothing is learned in it, for freeze_ms at most:
      ^                                  |            what lasts longer is the new usual
      +--- c < leave for hold_ms --------+

The direction is that of flow and run: 1 up, -1 down, 0 for neither.
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.signals.config import SignalsConfig
from trader.signals.usual import USUAL, begin_block, distance, is_warm, learn

CALM = 0
PANIC = 1

EVENT_MAX = 1.0
"""Deviations that a single trade or move counts for at most: one print is no run."""

SQUARE_MAX = 2.0
"""A block's squared move counts for so many allowances at most."""

S_PER_NS = 1e-9

DETECTOR = np.dtype(
    [
        ("flow_per_deviation", "f8"),
        ("flow_falls", "f8"),
        ("run_per_deviation", "f8"),
        ("run_falls", "f8"),
        ("jump_per_square", "f8"),
        ("jump_allowance", "f8"),
        ("spread_per_deviation", "f8"),
        ("spread_falls", "f8"),
        ("depth_per_deviation", "f8"),
        ("depth_falls", "f8"),
        ("signs_needed", "f8"),
        ("certainty", "f8"),
        ("enter", "f8"),
        ("leave", "f8"),
        ("hold_ns", "i8"),
        ("freeze_ns", "i8"),
        ("state", "i8"),
        ("direction", "i8"),
        ("confidence", "f8"),
        ("buyers", "f8"),
        ("sellers", "f8"),
        ("up", "f8"),
        ("down", "f8"),
        ("jumps", "f8"),
        ("spread", "f8"),
        ("depth", "f8"),
        ("event_ns", "i8"),
        ("loud_ns", "i8"),
        ("began_ns", "i8"),
        ("alarms", "i8"),
        ("linked", "i8"),
        ("spread_ticks", "f8"),
        ("depth_lots", "f8"),
        ("reach_ticks", "f8"),
        ("spread_rate", "f8"),
        ("depth_rate", "f8"),
        ("usual", USUAL),
    ],
    align=True,
)
"""Settings down to `freeze_ns`: of each sign 1 / its limit, and what is allowed, as a share of the limit a second (of
jumps: squares a block). `state`: CALM or PANIC; `direction`: -1, 0, 1; then the signs, 0 to 1 each; `loud_ns`:
when the confidence was last at `leave` or above; `alarms`: how often CALM became PANIC; `linked`: whether the book that
follows stands; `..._rate`: what its spread and depth add to their signs a second."""


def configure_detector(detector: np.void, config: SignalsConfig) -> None:
    """Set up one zeroed DETECTOR (cold)."""
    for name, (allowance, limit) in (
        ("flow", config.one_sided),
        ("run", config.run),
        ("spread", config.spread),
        ("depth", config.depth),
    ):
        detector[f"{name}_per_deviation"] = 1 / limit
        detector[f"{name}_falls"] = allowance / limit
    detector["jump_allowance"] = config.jumps[0]
    detector["jump_per_square"] = 1 / config.jumps[1]
    for name in ("signs_needed", "certainty", "enter", "leave"):
        detector[name] = getattr(config, name)
    detector["hold_ns"] = int(1e6 * config.hold_ms)
    detector["freeze_ns"] = int(1e6 * config.freeze_ms)
    usual = detector["usual"]
    usual["block_ns"] = int(1e6 * config.block_ms)
    usual["horizon_ns"] = 1e6 * config.slow_ms
    usual["warm_ns"] = int(1e6 * config.warm_ms)
    usual["variance_min"] = config.volatility_bps_min**2
    usual["distance_min"] = config.distance_min


@inlined
def _share(value):
    return min(max(value, 0.0), 1.0)


@kernel
def pass_time(detector, event_ns):
    """Let time pass until an event; one from the past counts as now."""
    if detector.event_ns == 0:
        detector.event_ns = event_ns
    passed_ns = event_ns - detector.event_ns
    if passed_ns <= 0:
        return
    detector.event_ns = event_ns
    usual = detector.usual
    usual.passed_ns += passed_ns
    span_ns = float(passed_ns)
    seconds = span_ns * S_PER_NS
    if is_warm(usual):
        calmed = seconds * detector.flow_falls
        detector.buyers = max(detector.buyers - calmed, 0.0)
        detector.sellers = max(detector.sellers - calmed, 0.0)
        calmed = seconds * detector.run_falls
        detector.up = max(detector.up - calmed, 0.0)
        detector.down = max(detector.down - calmed, 0.0)
        if detector.linked:
            detector.spread = _share(detector.spread + detector.spread_rate * seconds)
            detector.depth = _share(detector.depth + detector.depth_rate * seconds)
    if detector.linked:
        usual.linked_ns += passed_ns
        usual.spread_ns += detector.spread_ticks * span_ns
        usual.depth_ns += detector.depth_lots * span_ns
        usual.reach_ns += detector.reach_ticks * span_ns
    if usual.passed_ns >= usual.block_ns:
        _end_block(detector)


@kernel
def _end_block(detector):
    """A block that had a book for most of its time is judged by what was usual before it, then learned from."""
    usual = detector.usual
    if 2 * usual.linked_ns > usual.passed_ns:
        if is_warm(usual):
            moved = usual.moved_bps * usual.per_bps
            square = moved * moved / (S_PER_NS * usual.passed_ns)
            square = min(square, SQUARE_MAX * detector.jump_allowance)
            allowed = detector.jump_allowance * usual.passed_ns / usual.block_ns
            detector.jumps = _share(detector.jumps + (square - allowed) * detector.jump_per_square)
        if detector.state == CALM or detector.event_ns - detector.began_ns >= detector.freeze_ns:
            learn(usual)
    begin_block(usual)


@kernel
def see_trade(detector, sign, lots):
    """Take a trade at the time that has passed: sign 1 for a buyer's, -1 for a seller's; lots above 0."""
    usual = detector.usual
    signed = float(sign) * float(lots)
    usual.flow_lots += signed
    if is_warm(usual):
        part = min(max(signed * usual.per_lot, -EVENT_MAX), EVENT_MAX) * detector.flow_per_deviation
        detector.buyers = _share(detector.buyers + part)
        detector.sellers = _share(detector.sellers - part)


@kernel
def see_book(detector, moved_bps, spread_ticks, depth_lots, reach_ticks):
    """Take a book at the time that has passed: how far the mid went since the last, the spread, the lots near the mid,
    and how far the levels reach that they were looked for in."""
    usual = detector.usual
    detector.linked = 1
    detector.spread_ticks = max(float(spread_ticks), 0.0)
    detector.depth_lots = float(depth_lots)
    detector.reach_ticks = max(float(reach_ticks), 0.0)
    usual.moved_bps += moved_bps
    if not is_warm(usual):
        return
    part = min(max(moved_bps * usual.per_bps, -EVENT_MAX), EVENT_MAX) * detector.run_per_deviation
    detector.up = _share(detector.up + part)
    detector.down = _share(detector.down - part)
    away = distance(detector.spread_ticks, usual.spread_ticks) * usual.per_spread
    detector.spread_rate = away * detector.spread_per_deviation - detector.spread_falls
    away = -distance(detector.depth_lots, usual.depth_lots) * usual.per_depth
    detector.depth_rate = away * detector.depth_per_deviation - detector.depth_falls


@kernel
def lose_book(detector):
    """What the next book shows is a beginning. Until then spread and depth stay as they are judged."""
    detector.linked = 0


@kernel
def detect(detector):
    """Judge all signs as they stand; the confidence, 0 to 1."""
    if not is_warm(detector.usual):
        return 0.0
    signs = max(detector.buyers, detector.sellers) + max(detector.up, detector.down, detector.jumps)
    signs += detector.spread + detector.depth
    detector.confidence = 1.0 / (1.0 + math.exp(detector.certainty * (detector.signs_needed - signs)))
    towards = detector.buyers - detector.sellers + detector.up - detector.down
    detector.direction = 1 if towards > 0.0 else (-1 if towards < 0.0 else 0)
    _change_state(detector)
    return detector.confidence


@inlined
def _change_state(detector):
    if detector.confidence >= detector.leave:
        detector.loud_ns = detector.event_ns
    if detector.state == CALM:
        if detector.confidence >= detector.enter:
            detector.state = PANIC
            detector.began_ns = detector.event_ns
            detector.alarms += 1
    elif detector.event_ns - detector.loud_ns >= detector.hold_ns:
        detector.state = CALM
