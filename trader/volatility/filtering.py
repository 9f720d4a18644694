"""What every filter does with a window around its own conditioning: zeros, PIT, weights, moments, belief, moves.

    begin -> (condition) -> weigh_in -> tell -> keep_apart

`trader.volatility.advancing` puts these together with each filter's conditioning.
"""

import math

from shm.kernel import kernel
from trader.volatility.counter_rng import uniform
from trader.volatility.interval import NARROW_MIN
from trader.volatility.kernel_moves import move
from trader.volatility.particles import LANES, PARAMETERS, Method, Noise, Zeros
from trader.volatility.resampling import STREAM_TRANSFORM, resample
from trader.volatility.summary import (
    quantile_of,
    relative_volatility_sd,
    take_parameters,
    transform,
    weigh,
)

LOG_2_PI = math.log(2.0 * math.pi)

ESS_SHARE_MIN = 0.5
"""Particles are moved when fewer than this share of them count."""

FORGOTTEN_MAX = 0.05
"""They are moved, too, when this much is to be forgotten: in small steps, since each one flattens to a Gaussian."""


@kernel
def zero_probability(filter_):
    """Probability of a window in which nothing trades, where zeros mean that."""
    return (filter_.zero_weight + 0.5) / (filter_.zero_total + 1.0)


@kernel
def _see_activity(filter_, active):
    """Count a window among the zeros or the others; returns the log-probability that it had."""
    share = zero_probability(filter_)
    filter_.zero_weight = filter_.zero_forgetting * filter_.zero_weight + (0.0 if active else 1.0)
    filter_.zero_total = filter_.zero_forgetting * filter_.zero_total + 1.0
    if active:
        return math.log(1.0 - share)
    return math.log(share) - (math.log(2.0 * filter_.half_tick) if filter_.half_tick > 0.0 else 0.0)


@kernel
def is_interval(filter_, squared, count):
    """Whether a window is to be taken as an interval: only where ticks are coarse beside the volatility."""
    if filter_.zeros != Zeros.INTERVAL or (count != 1 and squared > 0.0):
        return False
    return filter_.half_tick * math.exp(-0.5 * filter_.centre) > NARROW_MIN


@kernel
def interval_ends(filter_, squared):
    """|return| less and plus half a tick; what is below half a tick is a zero."""
    size = math.sqrt(squared)
    if size < filter_.half_tick:
        return 0.0, filter_.half_tick
    return size - filter_.half_tick, size + filter_.half_tick


@kernel
def interval_constant(filter_, low, count):
    """What conditioning on an interval leaves out of the log-likelihood."""
    doubled = math.log(2.0) if low == 0.0 else 0.0
    return count * (doubled - 0.5 * LOG_2_PI - math.log(2.0 * filter_.half_tick))


@kernel
def density_constant(filter_, noise, count):
    """What conditioning on a density leaves out of the log-likelihood."""
    common = -0.5 * count * filter_.centre
    if noise == Noise.GAUSSIAN:
        return common - 0.5 * count * LOG_2_PI
    freedom = filter_.degrees_of_freedom
    half = 0.5 * (freedom + count)
    return common + math.lgamma(half) - math.lgamma(0.5 * freedom) - 0.5 * count * math.log(freedom * math.pi)


@kernel
def begin(filter_, noise, observation, belief):
    """Whether a window says anything of h; sets its PIT and the part of its log-likelihood that does not."""
    belief.pit = math.nan
    belief.log_likelihood = 0.0
    value, squared, count = observation.value, observation.squared, observation.count
    if count <= 0:
        return False
    if filter_.zeros == Zeros.INACTIVE:
        belief.log_likelihood = _see_activity(filter_, squared > 0.0)
        if squared <= 0.0:
            return False
    if is_interval(filter_, squared, count) and count == 1:
        # A discrete distribution's transform is uniform only if it is drawn from within the step.
        size = math.sqrt(squared) if math.isnan(value) else value
        below = transform(filter_, noise, size - filter_.half_tick, squared, 1)
        above = transform(filter_, noise, size + filter_.half_tick, squared, 1)
        belief.pit = below + uniform(filter_.seed, STREAM_TRANSFORM, filter_.steps) * (above - below)
    else:
        belief.pit = transform(filter_, noise, value, squared, count)
    return True


@kernel
def weigh_in(filter_, address, top, constant, belief):
    """Turn log-weights, the largest of them `top`, into weights, log-likelihood and parameters."""
    weigh(filter_, address, top)
    log_total = math.log(filter_.sums[0])
    belief.log_likelihood += constant + top + log_total - filter_.log_total
    filter_.log_total = log_total
    filter_.steps += 1
    filter_.steps_since_move += 1
    filter_.information += 1.0
    if filter_.learning != 0:
        take_parameters(filter_)


@kernel
def expand_quantiles(filter_):
    """Quantiles of h from its cumulants."""
    for k in range(filter_.level_count):
        filter_.quantiles[k] = quantile_of(filter_.filtered, filter_.level_scores[k])


@kernel
def tell(filter_, belief):
    """The belief after a window, but for log-likelihood and PIT, which it has."""
    activity = 1.0
    if filter_.zeros == Zeros.INACTIVE:
        belief.zero_share = zero_probability(filter_)
        activity = math.sqrt(1.0 - belief.zero_share)
    belief.volatility = activity * filter_.mean_volatility
    belief.volatility_sd = belief.volatility * relative_volatility_sd(filter_.filtered)
    for k in range(filter_.level_count):
        belief.quantiles[k] = activity * math.exp(0.5 * filter_.quantiles[k])
    belief.log_variance = filter_.filtered[0]
    belief.log_variance_sd = math.sqrt(filter_.filtered[1])
    for k in range(PARAMETERS):
        belief.parameters[k] = filter_.parameters[k]
        belief.parameters_sd[k] = filter_.parameters_sd[k]
    belief.effective_sample_size = filter_.sums[0] * filter_.sums[0] / filter_.sums[1]
    belief.moves = filter_.moves


@kernel
def keep_apart(filter_, address):
    """Move or resample the particles when too few count, or when enough is to be forgotten."""
    counting = ESS_SHARE_MIN * filter_.block_count * LANES
    poor = filter_.sums[0] * filter_.sums[0] < counting * filter_.sums[1]
    if filter_.learning != 0:
        if poor or (1.0 - filter_.forgetting) * filter_.steps_since_move >= FORGOTTEN_MAX:
            move(filter_, address)
    elif poor and filter_.method == Method.JOINT:
        resample(filter_, address)
