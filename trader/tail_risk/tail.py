"""Tail index of a stream in O(1) an update: Hill's estimator over a threshold that follows a quantile.

Of |x|, above a threshold u, with y = log(|x| / u) over the exceedances (x = 0 counts as a value that never exceeds):

    1 / alpha = mean of y                                 Hill, Annals of Statistics 3 (1975)
    standard error of alpha = alpha / sqrt(exceedances)
    P(|x| > m) = share of exceedances (u / m)^alpha       Weissman, JASA 73 (1978), for m above u
    E(|x| given |x| > m) = m alpha / (alpha - 1)          infinite unless alpha > 1

For a Pareto tail y does not depend on where u stands, so u may move while y is averaged:

    log u += step (1 if |x| > u else 0) - step share      Robbins and Monro: u goes to that quantile of what is not 0

McNeil, Frey and Embrechts, Quantitative Risk Management, 5.2. No order statistics are kept, nothing is sorted.
"""

import math

import numpy as np

from shm.kernel import kernel
from trader.signals.exact_sums import is_finite

ALPHA_MAX = 100.0
"""A thinner tail than this is told as this one."""

STEP_MAX = 0.5

TAIL = np.dtype(
    [
        ("share", "f8"),
        ("memory", "f8"),
        ("count", "i8"),
        ("moved_count", "i8"),
        ("exceedance_count", "i8"),
        ("moved", "f8"),
        ("exceeded", "f8"),
        ("log_threshold", "f8"),
        ("mean_log_excess", "f8"),
    ],
    align=True,
)
"""`share`: of the values that are not 0, how many the threshold is to leave above it; `memory`: values that count, on
average (infinite: all). `moved`: share of values that are not 0; `exceeded`: share of those above the threshold."""


@kernel
def tail_update(state, x):
    """Take one value; one that is not finite changes nothing."""
    if not is_finite(x):
        return
    state.count += 1
    gain = max(1.0 / state.count, 1.0 / state.memory)
    size = abs(x)
    if size == 0.0:
        state.moved -= gain * state.moved
        return
    state.moved += gain * (1.0 - state.moved)
    log_size = math.log(size)
    if state.moved_count == 0:
        state.log_threshold = log_size
    state.moved_count += 1
    gain = max(1.0 / state.moved_count, 1.0 / state.memory)
    excess = log_size - state.log_threshold
    step = min(gain / (3.0 * state.share), STEP_MAX)
    if excess > 0.0:
        state.exceedance_count += 1
        share = max(1.0 / state.exceedance_count, 1.0 / (state.memory * state.share))
        state.mean_log_excess += min(share, 1.0) * (excess - state.mean_log_excess)
        state.exceeded += gain * (1.0 - state.exceeded)
        state.log_threshold += step * (1.0 - state.share)
    else:
        state.exceeded -= gain * state.exceeded
        state.log_threshold -= step * state.share


@kernel
def tail_alpha(state):
    """The tail index alpha, above 0; ALPHA_MAX before any exceedance."""
    mean = state.mean_log_excess
    return 1.0 / mean if mean * ALPHA_MAX > 1.0 else ALPHA_MAX


@kernel
def tail_alpha_error(state):
    """Standard error of the tail index; infinite before any exceedance. Forgetting leaves 2 / gain - 1 of them."""
    if state.exceedance_count == 0:
        return np.inf
    counted = min(float(state.exceedance_count), 2.0 * state.memory * state.share - 1.0)
    return tail_alpha(state) / math.sqrt(max(counted, 1.0))


@kernel
def tail_probability(state, size):
    """Chance that the next |x| is above `size` (above 0); below the threshold: at least that of the threshold."""
    distance = state.log_threshold - math.log(size)
    share = state.moved * state.exceeded
    return share * math.exp(tail_alpha(state) * distance) if distance < 0.0 else share


@kernel
def tail_expected(state, size):
    """Mean of |x| where it is above `size`; infinite for a tail index of 1 and below."""
    alpha = tail_alpha(state)
    return size * alpha / (alpha - 1.0) if alpha > 1.0 else np.inf
