"""Whales: trades and orders that are large against what is usual, with side, size in deviations, confidence and impact.

The usual is the mean and deviation of log lots, over all that was seen and then over the last `memory` or so. What is
far out counts there as CLIP deviations only, so that a whale does not make the next one usual.

    confidence = d^2 / (1 + d^2)         d deviations above the mean: Cantelli's inequality, whatever the distribution
    impact = Y volatility sqrt(lots / lots a second)        the square-root law; Toth et al., Physical Review X 1 (2011)
"""

import math

import numpy as np

from shm.kernel import inlined, kernel

CLIP = 4.0
LOTS_MAX = 1 << 52
DEVIATION_MIN = 0.1
"""Where all are of one size, a tenth more is one deviation."""

IMPACT_SHARE = 0.5
"""Y of the square-root law: of the order of one."""

WHALE = np.dtype(
    [
        ("memory", "f8"),
        ("warm_count", "i8"),
        ("deviations_min", "f8"),
        ("count", "i8"),
        ("order_ns", "i8"),
        ("order_side", "i8"),
        ("order_lots", "i8"),
        ("order_told", "i8"),
        ("mean_log", "f8"),
        ("variance_log", "f8"),
        ("deviations", "f8"),
        ("confidence", "f8"),
        ("whale_count", "i8"),
        ("whale_side", "i8"),
        ("whale_lots", "i8"),
        ("whale_ns", "i8"),
        ("whale_confidence", "f8"),
    ],
    align=True,
)
"""Settings down to `deviations_min`. `order_...`: the last one, which later fills may add to; `deviations` and
`confidence` are its own; `whale_...`: of the last whale. `count`: orders that the usual is made of."""


@kernel
def whale_update(state, event_ns, side, lots):
    """Take a trade or an order: venue time, 1 for a buyer's and -1 for a seller's, lots above 0. 1 if it is a whale.

    Fills of one side at one time are one order: their lots add up, and it is told once.
    """
    if lots <= 0:
        return 0
    lots = min(lots, LOTS_MAX)
    if state.order_lots > 0 and event_ns == state.order_ns and side == state.order_side:
        lots = min(lots + state.order_lots, LOTS_MAX)
    else:
        _learn(state)
        state.order_ns = event_ns
        state.order_side = side
        state.order_told = 0
    state.order_lots = lots
    distance = math.log(float(lots)) - state.mean_log
    state.deviations = distance / _deviation(state) if state.count >= state.warm_count else 0.0
    above = max(state.deviations, 0.0)
    state.confidence = above * above / (1.0 + above * above)
    if state.deviations < state.deviations_min:
        return 0
    first = 1 - state.order_told
    state.order_told = 1
    state.whale_count += first
    state.whale_side = side
    state.whale_lots = lots
    state.whale_ns = event_ns
    state.whale_confidence = state.confidence
    return first


@inlined
def _deviation(state):
    return max(math.sqrt(state.variance_log), DEVIATION_MIN)


@inlined
def _learn(state):
    """The order before is whole: it becomes part of what is usual."""
    if state.order_lots <= 0:
        return
    distance = math.log(float(state.order_lots)) - state.mean_log
    if state.count >= state.warm_count:
        deviation = _deviation(state)
        distance = min(max(distance, -CLIP * deviation), CLIP * deviation)
    state.count += 1
    gain = max(1.0 / state.count, 1.0 / state.memory)
    state.mean_log += gain * distance
    state.variance_log = (1.0 - gain) * (state.variance_log + gain * distance * distance)


@kernel
def impact_bps(lots, lots_per_s, volatility_bps):
    """Expected move of the price, bps, by so many lots where `lots_per_s` are usual; 0 where nothing trades.

    `volatility_bps`: of the mid, bps per square-root second.
    """
    return IMPACT_SHARE * volatility_bps * math.sqrt(lots / lots_per_s) if lots_per_s > 0.0 else 0.0
