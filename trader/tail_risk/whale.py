"""Whales: trades and orders that are large against what is usual, with side, size in deviations, confidence and impact.

The usual is the mean and deviation of log lots, over all that was seen and then over the last `memory` or so. What is
far out counts there as CLIP deviations only, so that a whale does not make the next one usual.

    confidence = d^2 / (1 + d^2)         d deviations above the mean: Cantelli's inequality, whatever the distribution
    impact = Y volatility sqrt(lots / lots a second)        the square-root law; Toth et al., Physical Review X 1 (2011)
"""

import math

import numpy as np

from shm.kernel import kernel

CLIP = 4.0
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
"""Settings down to `deviations_min`. `deviations`, `confidence`: of the last one; `whale_...`: of the last whale."""


@kernel
def whale_update(state, event_ns, side, lots):
    """Take a trade or an order: venue time, 1 for a buyer's and -1 for a seller's, lots above 0. 1 if it is a whale."""
    if lots <= 0:
        return 0
    size = math.log(float(lots))
    distance = size - state.mean_log
    deviation = max(math.sqrt(state.variance_log), DEVIATION_MIN)
    warm = state.count >= state.warm_count
    state.deviations = distance / deviation if warm else 0.0
    above = max(state.deviations, 0.0)
    state.confidence = above * above / (1.0 + above * above)
    state.count += 1
    gain = max(1.0 / state.count, 1.0 / state.memory)
    if warm:
        distance = min(max(distance, -CLIP * deviation), CLIP * deviation)
    state.mean_log += gain * distance
    state.variance_log = (1.0 - gain) * (state.variance_log + gain * distance * distance)
    if state.deviations < state.deviations_min:
        return 0
    state.whale_count += 1
    state.whale_side = side
    state.whale_lots = lots
    state.whale_ns = event_ns
    state.whale_confidence = state.confidence
    return 1


@kernel
def impact_bps(lots, lots_per_s, volatility_bps):
    """Expected move of the price, bps, by so many lots where `lots_per_s` are usual; 0 where nothing trades.

    `volatility_bps`: of the mid, bps per square-root second.
    """
    return IMPACT_SHARE * volatility_bps * math.sqrt(lots / lots_per_s) if lots_per_s > 0.0 else 0.0
