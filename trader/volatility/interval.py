"""Returns known to a tick only: the probability of the interval around what was seen, instead of a density.

A price that moves in ticks gives a return y when the true one was in [y - d, y + d], d half a tick. An exact zero says
|return| < d, however small the volatility; as a density it would say that volatility is next to nothing. The
probability is divided by the interval's width, so that log-likelihoods compare with those of densities.

    P = phi(a) (M(a) - e^(-(b^2 - a^2) / 2) M(b))        a = (|y| - d) e^(-h/2), b = (|y| + d) e^(-h/2)

M is Mills' ratio, (1 - Phi) / phi, by a rational fit (relative error 3e-6); a zero is twice the interval [0, d].
Student-t quantiles are taken to normal ones first (Wallace, Annals of Mathematical Statistics 30, 1959).
While the interval is far below the volatility all of it is lost in rounding, and the density is as good.
"""

import math

from trader.compile_hints import wide_vectors
from trader.volatility.fast_math import (
    LN_2,
    LOG2_E,
    F,
    exp2,
    exp2_down,
    exp2_fast,
    lane,
    larger,
    log2,
    reciprocal,
    smaller,
    vector,
)
from trader.volatility.particles import LANES, Noise, block_at
from trader.volatility.rao_blackwell import (
    LOG_WEIGHT_START,
    X2_1,
    X2_2,
    X2_3,
    X_1,
    X_2,
    X_3,
    centre_gaussian,
    centre_student,
    conclude,
    keep_centre,
    keep_moments,
    keep_ratios,
    look_ahead,
    ratios_of,
    shape_at,
    shape_coefficients,
)

NARROW_MIN = 0.01
"""Half a tick over volatility below which the density is used."""

STANDARDISED_MAX = 1e6
"""Beyond so many deviations nothing is told apart, and squares stay finite."""

MILLS_0 = math.sqrt(math.pi / 2)


@lane
def mills_ratio(x):
    """(1 - Phi(x)) / phi(x) for x >= 0."""
    t = (x - F(2.5)) * reciprocal(x + F(2.5))
    p = F(0.002306614663318355) * t + F(0.0022170588672492985)
    p = p * t + F(-0.01787255891463762)
    p = p * t + F(-0.015330811345339623)
    p = p * t + F(0.14594818248694783)
    p = p * t + F(-0.23635150045409586)
    p = p * t + F(0.05628968890388218)
    return (p * t + F(1.0627958000556614)) * reciprocal(x + F(0.5))


@lane
def _normal_of_student(x, freedom):
    """The standard normal's quantile where the Student-t's is x >= 0."""
    return (
        math.sqrt(freedom * F(LN_2) * log2(F(1.0) + x * x / freedom))
        * (F(8.0) * freedom + F(1.0))
        / (F(8.0) * freedom + F(3.0))
    )


@lane
def log2_probability(low, high, count, noise, freedom):
    """Binary logarithm of sqrt(2 pi) times the probability of [low, high], 0 <= low < high; `count` times."""
    low, high = smaller(low, F(STANDARDISED_MAX)), smaller(high, F(STANDARDISED_MAX))
    if noise == Noise.STUDENT:
        low, high = _normal_of_student(low, freedom), _normal_of_student(high, freedom)
    below = F(0.5 * LOG2_E) * low * low
    gap = exp2_fast(below - F(0.5 * LOG2_E) * high * high)
    return count * (log2(larger(mills_ratio(low) - gap * mills_ratio(high), F(1e-30))) - below)


@lane
def _centre_inside(block, scratch, i, half_tick, count):
    """Where to put nodes for a zero: its probability falls from 1 to slope -h/2, so the mode is v/2 away at most."""
    mean, variance = look_ahead(block, scratch, i)
    b = smaller(half_tick * exp2(mean * F(-0.5 * LOG2_E)), F(10.0))
    share = b * reciprocal(F(MILLS_0) * exp2(F(0.5 * LOG2_E) * b * b) - mills_ratio(b) + F(1e-6))
    share = count * smaller(share, F(1.0))
    bend = F(1.0) + F(0.3) * variance * share * larger(F(1.0) - share, F(0.0))
    keep_centre(scratch, i, mean - F(0.5) * variance * share, bend)


@lane
def _spread_roots(scratch, i):
    """e^(-h/2) at the mode, and at the three nodes above it relative to the mode's."""
    scale = scratch.scale[i] * F(0.5 * LOG2_E)
    scratch.load[i] = exp2(scratch.centre[i] * F(-0.5 * LOG2_E))
    keep_ratios(scratch, i, exp2_down(scale * -X_1), exp2_down(scale * -X_2), exp2_down(scale * -X_3))


@lane
def _interval_pair(scratch, i, x, x2, ratios, low, high, count, level, noise, freedom, odd, even):
    """Densities at the nodes x above and below the mode, relative to the mode's."""
    shift, narrow = scratch.shift[i], scratch.narrow[i]
    step = narrow * x
    root_above, root_below = scratch.load[i] * ratios[0], scratch.load[i] * ratios[1]
    bend = F(-0.5 * LOG2_E) * (narrow * narrow * x2) - level
    tilt = F(LOG2_E) * narrow * shift * x
    above = log2_probability(low * root_above, high * root_above, count, noise, freedom)
    below = log2_probability(low * root_below, high * root_below, count, noise, freedom)
    return (
        shape_at(shift + step, odd, even) * exp2_fast(bend - tilt + above),
        shape_at(shift - step, odd, even) * exp2_fast(bend + tilt + below),
    )


@lane
def _integrate_interval(scratch, i, low, high, count, noise, freedom):
    """Mass and first four moments on the nodes; `load` becomes the log2-probability at the mode."""
    odd, even = shape_coefficients(scratch, i)
    root = scratch.load[i]
    level = log2_probability(low * root, high * root, count, noise, freedom)
    ratios = ratios_of(scratch, i)
    pair_1 = _interval_pair(scratch, i, X_1, X2_1, ratios[0], low, high, count, level, noise, freedom, odd, even)
    pair_2 = _interval_pair(scratch, i, X_2, X2_2, ratios[1], low, high, count, level, noise, freedom, odd, even)
    pair_3 = _interval_pair(scratch, i, X_3, X2_3, ratios[2], low, high, count, level, noise, freedom, odd, even)
    keep_moments(scratch, i, shape_at(scratch.shift[i], odd, even), pair_1, pair_2, pair_3)
    scratch.load[i] = level


@vector
def condition_interval(filter_, address, low, high, count, log_squared, noise, freedom):
    """Weigh with the interval [low, high] around |return|, low = 0 for a zero; returns the largest log-weight.

    Log-weights leave out, `count` times, the factors 1 / sqrt(2 pi) and, for a zero, 2. A window of several returns
    has such a probability only if all were zero. `log_squared`: log rv, to place nodes.
    """
    wide_vectors()
    scratch = filter_.scratch
    log_freedom = F(math.log(freedom))
    top = F(LOG_WEIGHT_START)
    for index in range(filter_.block_count):
        block = block_at(address, index)
        if low == F(0.0):
            for i in range(LANES):
                _centre_inside(block, scratch, i, high, count)
        elif noise == Noise.GAUSSIAN:
            centre_gaussian(block, scratch, log_squared, F(1.0))
        else:
            centre_student(block, scratch, log_squared - log_freedom, F(1.0), freedom)
        for i in range(LANES):
            _spread_roots(scratch, i)
        for i in range(LANES):
            _integrate_interval(scratch, i, low, high, count, noise, freedom)
        for i in range(LANES):
            weight = block.log_weight[i] + conclude(block, scratch, i) + F(LN_2) * scratch.load[i]
            block.log_weight[i] = weight
            top = larger(top, weight)
    return top


@vector
def weigh_interval_draws(filter_, address, low, high, count, noise, freedom):
    """The joint filter's weights for such an interval; returns the largest log-weight, without the same factors."""
    wide_vectors()
    top = F(LOG_WEIGHT_START)
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            root = exp2(block.mean[i] * F(-0.5 * LOG2_E))
            weight = block.log_weight[i] + F(LN_2) * log2_probability(low * root, high * root, count, noise, freedom)
            block.log_weight[i] = weight
            top = larger(top, weight)
    return top
