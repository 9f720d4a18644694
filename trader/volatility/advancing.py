"""The filters' compiled entry points: many windows at a time, each compiled when first used, and cached.

    advance(filter address, OBSERVATION records' address, how many, BELIEF records' address, 0) -> 0
    foresee(the same)              sets their transforms under what is predicted for the next window, learns nothing

A single window is a series of one through the same machine code, so streaming gives bit for bit what one call over
the whole series gives. None allocates.
"""

import math
from typing import Any

from shm.kernel import kernel, view
from shm.kernel import step as compiled_step
from trader.volatility.conditioning import condition_gaussian, condition_nothing, condition_student
from trader.volatility.fast_math import F
from trader.volatility.filtering import (
    begin,
    density_constant,
    expand_quantiles,
    interval_constant,
    interval_ends,
    is_interval,
    keep_apart,
    tell,
    weigh_in,
)
from trader.volatility.interval import condition_interval, weigh_interval_draws
from trader.volatility.joint import add_draw_moments, draw_gaussian, draw_student, find_quantiles, propagate, scatter
from trader.volatility.kernel_moves import STATIONARY_VARIANCE_MAX, draw_prior, settle
from trader.volatility.particles import BELIEF, FILTER, OBSERVATION, Method, Noise, Zeros
from trader.volatility.summary import add_moments, take_cumulants, take_parameters, transform, weigh

OBSERVATION_BYTES = OBSERVATION.itemsize
BELIEF_BYTES = BELIEF.itemsize
LOG_FAR = 46.0
"""Log of 1e20: so far below what is expected an rv is as good as none."""

FIXED_VARIANCE_MAX = 1e6


@kernel
def _log_squared(filter_, squared):
    """log rv; an rv that is next to nothing beside what is expected counts as so little, and changes nothing."""
    least = filter_.centre - LOG_FAR
    return max(math.log(squared), least) if squared > 0.0 else least


@kernel
def _finish(filter_, address, belief):
    """Quantiles from cumulants, belief, moves."""
    add_moments(filter_, address)
    take_cumulants(filter_)
    expand_quantiles(filter_)
    tell(filter_, belief)
    keep_apart(filter_, address)


@kernel
def _weigh_gaussian(filter_, address, seen, belief):
    """The particles against a density of Gaussian returns."""
    constant = density_constant(filter_, Noise.GAUSSIAN, seen.count)
    log_squared = F(_log_squared(filter_, seen.squared))
    top = condition_gaussian(filter_, address, log_squared, F(seen.count), F(filter_.centre))
    weigh_in(filter_, address, top, constant, belief)


@kernel
def _weigh_student(filter_, address, seen, belief):
    """The particles against a density of Student-t returns."""
    constant = density_constant(filter_, Noise.STUDENT, seen.count)
    freedom = filter_.degrees_of_freedom
    level = F(_log_squared(filter_, seen.squared) - math.log(freedom))
    top = condition_student(filter_, address, level, F(seen.count), F(freedom), F(filter_.centre))
    weigh_in(filter_, address, top, constant, belief)


@compiled_step
def advance_gaussian(address, observations, count, beliefs, _unused):
    """Moments of h, Gaussian returns."""
    filter_ = view(address, FILTER)
    for index in range(count):
        seen = view(observations + index * OBSERVATION_BYTES, OBSERVATION)
        belief = view(beliefs + index * BELIEF_BYTES, BELIEF)
        if begin(filter_, Noise.GAUSSIAN, seen, belief):
            _weigh_gaussian(filter_, address, seen, belief)
        else:
            condition_nothing(filter_, address)
        _finish(filter_, address, belief)
    return 0


@compiled_step
def advance_student(address, observations, count, beliefs, _unused):
    """Moments of h, Student-t returns."""
    filter_ = view(address, FILTER)
    for index in range(count):
        seen = view(observations + index * OBSERVATION_BYTES, OBSERVATION)
        belief = view(beliefs + index * BELIEF_BYTES, BELIEF)
        if begin(filter_, Noise.STUDENT, seen, belief):
            _weigh_student(filter_, address, seen, belief)
        else:
            condition_nothing(filter_, address)
        _finish(filter_, address, belief)
    return 0


@kernel
def _weigh_interval(filter_, address, noise, seen, belief):
    """The particles of either noise against an interval."""
    low, high = interval_ends(filter_, seen.squared)
    log_squared, count = F(_log_squared(filter_, seen.squared)), F(seen.count)
    freedom = F(filter_.degrees_of_freedom)
    top = condition_interval(filter_, address, F(low), F(high), count, log_squared, noise, freedom)
    weigh_in(filter_, address, top, interval_constant(filter_, low, seen.count), belief)


@compiled_step
def advance_gaussian_ticks(address, observations, count, beliefs, _unused):
    """Moments of h, Gaussian returns known to a tick."""
    filter_ = view(address, FILTER)
    for index in range(count):
        seen = view(observations + index * OBSERVATION_BYTES, OBSERVATION)
        belief = view(beliefs + index * BELIEF_BYTES, BELIEF)
        if not begin(filter_, Noise.GAUSSIAN, seen, belief):
            condition_nothing(filter_, address)
        elif is_interval(filter_, seen.squared, seen.count):
            _weigh_interval(filter_, address, Noise.GAUSSIAN, seen, belief)
        else:
            _weigh_gaussian(filter_, address, seen, belief)
        _finish(filter_, address, belief)
    return 0


@compiled_step
def advance_student_ticks(address, observations, count, beliefs, _unused):
    """Moments of h, Student-t returns known to a tick."""
    filter_ = view(address, FILTER)
    for index in range(count):
        seen = view(observations + index * OBSERVATION_BYTES, OBSERVATION)
        belief = view(beliefs + index * BELIEF_BYTES, BELIEF)
        if not begin(filter_, Noise.STUDENT, seen, belief):
            condition_nothing(filter_, address)
        elif is_interval(filter_, seen.squared, seen.count):
            _weigh_interval(filter_, address, Noise.STUDENT, seen, belief)
        else:
            _weigh_student(filter_, address, seen, belief)
        _finish(filter_, address, belief)
    return 0


@kernel
def _weigh_draws(filter_, address, seen, belief):
    """The joint filter's particles, of whatever noise, moved on and weighed."""
    freedom, count = F(filter_.degrees_of_freedom), F(seen.count)
    squared, reference = F(seen.squared), F(filter_.centre)
    if is_interval(filter_, seen.squared, seen.count):
        low, high = interval_ends(filter_, seen.squared)
        constant = interval_constant(filter_, low, seen.count)
        propagate(filter_, address)
        top = weigh_interval_draws(filter_, address, F(low), F(high), count, filter_.noise, freedom)
    elif filter_.noise == Noise.GAUSSIAN:
        constant = density_constant(filter_, Noise.GAUSSIAN, seen.count)
        top = draw_gaussian(filter_, address, squared, count, reference)
    else:
        constant = density_constant(filter_, Noise.STUDENT, seen.count)
        top = draw_student(filter_, address, squared, count, freedom, reference)
    weigh_in(filter_, address, top, constant, belief)


@compiled_step
def advance_joint(address, observations, count, beliefs, _unused):
    """One h a particle."""
    filter_ = view(address, FILTER)
    for index in range(count):
        seen = view(observations + index * OBSERVATION_BYTES, OBSERVATION)
        belief = view(beliefs + index * BELIEF_BYTES, BELIEF)
        if begin(filter_, filter_.noise, seen, belief):
            _weigh_draws(filter_, address, seen, belief)
        else:
            propagate(filter_, address)
        add_draw_moments(filter_, address)
        take_cumulants(filter_)
        find_quantiles(filter_, address)
        tell(filter_, belief)
        keep_apart(filter_, address)
    return 0


@compiled_step
def foresee(address, observations, count, beliefs, _unused):
    """Where each of these would fall if it were the next window: `pit` alone is written, the filter stays as it is."""
    filter_ = view(address, FILTER)
    for index in range(count):
        seen = view(observations + index * OBSERVATION_BYTES, OBSERVATION)
        belief = view(beliefs + index * BELIEF_BYTES, BELIEF)
        belief.pit = transform(filter_, filter_.noise, seen.value, seen.squared, seen.count)
    return 0


@compiled_step
def begin_filter(address, drawing, _unused_1, _unused_2, _unused_3):
    """Before the first window: parameters from the prior (`drawing`) or as they stand, h as it is in the long run."""
    filter_ = view(address, FILTER)
    if drawing != 0:
        draw_prior(filter_, address)
    settle(filter_, address, STATIONARY_VARIANCE_MAX if filter_.learning != 0 else FIXED_VARIANCE_MAX)
    if filter_.method == Method.JOINT:
        scatter(filter_, address)
    weigh(filter_, address, F(0.0))
    if filter_.learning != 0:
        take_parameters(filter_)
    add_moments(filter_, address)
    take_cumulants(filter_)
    return 0


def entry_of(method: Method, noise: Noise, zeros: Zeros) -> Any:
    """The entry point for these settings."""
    if method == Method.JOINT:
        return advance_joint
    if zeros == Zeros.INTERVAL:
        return advance_gaussian_ticks if noise == Noise.GAUSSIAN else advance_student_ticks
    return advance_gaussian if noise == Noise.GAUSSIAN else advance_student
