"""Mean, variance, skewness and kurtosis of a stream, one value at a time, with or without forgetting.

Before each value all weights shrink by `decay` (1: nothing is forgotten). With W the weight so far, d = x - mean and
n = W + 1:

    M4 += d^4 W (W^2 - W + 1) / n^3 + 6 d^2 M2 / n^2 - 4 d M3 / n
    M3 += d^3 W (W - 1) / n^2 - 3 d M2 / n
    M2 += d^2 W / n
    mean += d / n

Pebay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments",
Sandia SAND2008-6212; the weights need not be whole. The mean is a pair of float64, so that an offset of 10^8 costs
the deviations nothing.
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.signals.exact_sums import is_finite, two_sum

MOMENTS = np.dtype(
    [
        ("decay", "f8"),
        ("count", "i8"),
        ("weight", "f8"),
        ("mean", "f8"),
        ("mean_low", "f8"),
        ("m2", "f8"),
        ("m3", "f8"),
        ("m4", "f8"),
    ],
    align=True,
)
"""`decay`: above 0, at most 1; `count`: values seen; `m2` to `m4`: sums of powers of the deviations from the mean."""


@kernel
def moments_update(state, x):
    """Take one value; one that is not finite changes nothing."""
    if not is_finite(x):
        return
    decay = state.decay
    weight = decay * state.weight
    m2, m3 = decay * state.m2, decay * state.m3
    total = weight + 1.0
    distance = (x - state.mean) - state.mean_low
    step = distance / total
    square = step * step
    spread = distance * step * weight
    state.m4 = (
        decay * state.m4 + spread * square * (weight * weight - weight + 1.0) + 6.0 * square * m2 - 4.0 * step * m3
    )
    state.m3 = m3 + spread * step * (weight - 1.0) - 3.0 * step * m2
    state.m2 = m2 + spread
    state.weight = total
    state.count += 1
    mean, low = two_sum(state.mean, step)
    state.mean, state.mean_low = two_sum(mean, low + state.mean_low)


@inlined
def variance(state):
    """Mean square deviation (population), 0 before two values."""
    return state.m2 / state.weight if state.weight > 0.0 else 0.0


@kernel
def skewness(state):
    """Third standardised moment (population), 0 where nothing varies."""
    return math.sqrt(state.weight) * state.m3 / (state.m2 * math.sqrt(state.m2)) if state.m2 > 0.0 else 0.0


@kernel
def kurtosis(state):
    """Fourth standardised moment (population; 3 for a normal), 0 where nothing varies."""
    return state.weight * state.m4 / (state.m2 * state.m2) if state.m2 > 0.0 else 0.0
