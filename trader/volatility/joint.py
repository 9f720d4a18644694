"""The joint filter, for comparison: each particle is parameters and one h, moved at random and weighed.

With fixed parameters it is the bootstrap filter (Gordon, Salmond and Smith 1993), with learned ones Liu and West's.
Its accuracy is that of so many random draws; it must move its particles some fifty times as often as the filter
that integrates h out, and that noise is what spoils its parameters. It is exact in the limit and assumes nothing
of the density's shape, so each of the two checks the other.
"""

import math

from shm.kernel import kernel
from trader.compile_hints import wide_vectors
from trader.volatility.counter_rng import fill_normals
from trader.volatility.fast_math import LN_2, LOG2_E, F, exp2, lane, larger, log2, smaller, vector
from trader.volatility.particles import LANES, block_at
from trader.volatility.rao_blackwell import LOG_WEIGHT_START
from trader.volatility.resampling import STREAM_STATE
from trader.volatility.summary import add_sums, quantile_of

WIDTH_SD_MIN = 0.04
"""Quantiles are interpolated within brackets narrower than this, in deviations of h."""

PASSES_MAX = 24
H_MAX = 80.0


@vector
def scatter(filter_, address):
    """Draw h where it is in the long run; its moments become 0, as those of a point."""
    wide_vectors()
    normals = filter_.scratch.ratio_1
    for index in range(filter_.block_count):
        block = block_at(address, index)
        fill_normals(normals, LANES // 4, filter_.seed, STREAM_STATE, filter_.draw, index)
        for i in range(LANES):
            block.mean[i] = block.mu[i] + math.sqrt(block.variance[i]) * normals[i]
            block.variance[i] = F(0.0)
    filter_.draw += 1


@lane
def _ahead(block, normals, i):
    """A particle's h, drawn one window on."""
    mu = block.mu[i]
    h = mu + block.phi[i] * (block.mean[i] - mu) + block.sigma[i] * normals[i]
    return smaller(larger(h, F(-H_MAX)), F(H_MAX))


@vector
def propagate(filter_, address):
    """Move every h one window on."""
    wide_vectors()
    normals = filter_.scratch.ratio_1
    for index in range(filter_.block_count):
        block = block_at(address, index)
        fill_normals(normals, LANES // 4, filter_.seed, STREAM_STATE, filter_.draw, index)
        for i in range(LANES):
            block.mean[i] = _ahead(block, normals, i)
    filter_.draw += 1


@vector
def draw_gaussian(filter_, address, squared, count, reference):
    """Move every h one window on and weigh it with a Gaussian window; returns the largest log-weight.

    Log-weights leave out -n/2 (log 2 pi + reference), as those of the other filter do.
    """
    wide_vectors()
    normals = filter_.scratch.ratio_1
    top = F(LOG_WEIGHT_START)
    half, load = F(0.5) * count, F(0.5) * squared
    for index in range(filter_.block_count):
        block = block_at(address, index)
        fill_normals(normals, LANES // 4, filter_.seed, STREAM_STATE, filter_.draw, index)
        for i in range(LANES):
            h = _ahead(block, normals, i)
            weight = block.log_weight[i] - half * (h - reference) - load * exp2(h * F(-LOG2_E))
            block.mean[i] = h
            block.log_weight[i] = larger(weight, F(LOG_WEIGHT_START))
            top = larger(top, weight)
    filter_.draw += 1
    return top


@vector
def draw_student(filter_, address, squared, count, freedom, reference):
    """Move every h one window on and weigh it with a Student-t window; returns the largest log-weight."""
    wide_vectors()
    normals = filter_.scratch.ratio_1
    top = F(LOG_WEIGHT_START)
    half, kappa, load = F(0.5) * count, F(0.5 * LN_2) * (freedom + count), squared / freedom
    for index in range(filter_.block_count):
        block = block_at(address, index)
        fill_normals(normals, LANES // 4, filter_.seed, STREAM_STATE, filter_.draw, index)
        for i in range(LANES):
            h = _ahead(block, normals, i)
            tail = kappa * log2(F(1.0) + load * exp2(h * F(-LOG2_E)))
            weight = block.log_weight[i] - half * (h - reference) - tail
            block.mean[i] = h
            block.log_weight[i] = weight
            top = larger(top, weight)
    filter_.draw += 1
    return top


@vector
def add_draw_moments(filter_, address):
    """Sums over the draws of h's moments about `centre`, of e^(h/2), and of h one window on."""
    wide_vectors()
    reference = F(filter_.centre)
    sums = filter_.sums
    for k in range(8, 15):
        sums[k] = 0.0
    for index in range(filter_.block_count):
        block = block_at(address, index)
        first = second = third = fourth = volatility = next_first = next_second = F(0.0)
        for i in range(LANES):
            weight, d, mu, sigma = block.weight[i], block.mean[i] - reference, block.mu[i] - reference, block.sigma[i]
            moment = weight * d
            first += moment
            moment *= d
            second += moment
            moment *= d
            third += moment
            fourth += moment * d
            volatility += weight * exp2(d * F(0.5 * LOG2_E))
            mean = mu + block.phi[i] * (d - mu)
            next_first += weight * mean
            next_second += weight * (sigma * sigma + mean * mean)
        add_sums(sums, first, second, third, fourth, volatility, next_first, next_second)


@vector
def count_below(filter_, address):
    """Weight of the particles whose h is below each of eight `thresholds`, into `counts`."""
    wide_vectors()
    limits, counts = filter_.thresholds, filter_.counts
    t_0, t_1, t_2, t_3 = F(limits[0]), F(limits[1]), F(limits[2]), F(limits[3])
    t_4, t_5, t_6, t_7 = F(limits[4]), F(limits[5]), F(limits[6]), F(limits[7])
    for k in range(8):
        counts[k] = 0.0
    for index in range(filter_.block_count):
        block = block_at(address, index)
        c_0 = c_1 = c_2 = c_3 = c_4 = c_5 = c_6 = c_7 = F(0.0)
        for i in range(LANES):
            h, weight = block.mean[i], block.weight[i]
            c_0 += weight if h < t_0 else F(0.0)
            c_1 += weight if h < t_1 else F(0.0)
            c_2 += weight if h < t_2 else F(0.0)
            c_3 += weight if h < t_3 else F(0.0)
            c_4 += weight if h < t_4 else F(0.0)
            c_5 += weight if h < t_5 else F(0.0)
            c_6 += weight if h < t_6 else F(0.0)
            c_7 += weight if h < t_7 else F(0.0)
        counts[0] += c_0
        counts[1] += c_1
        counts[2] += c_2
        counts[3] += c_3
        counts[4] += c_4
        counts[5] += c_5
        counts[6] += c_6
        counts[7] += c_7


@kernel
def find_quantiles(filter_, address):
    """Quantiles of h by weight, two levels at a time, into `quantiles`: brackets cut to thirds, then interpolated.

    The first bracket is where the cumulants put the quantile, as far beside it as the last one was found to be, and
    so narrow that one pass is mostly enough.
    """
    sd = math.sqrt(filter_.filtered[1])
    for first in range(0, filter_.level_count, 2):
        second = min(first + 1, filter_.level_count - 1)
        expected_1 = quantile_of(filter_.filtered, filter_.level_scores[first])
        expected_2 = quantile_of(filter_.filtered, filter_.level_scores[second])
        _bracket(filter_, 0, expected_1 + sd * filter_.beside[first], 3.0 * WIDTH_SD_MIN * sd)
        _bracket(filter_, 4, expected_2 + sd * filter_.beside[second], 3.0 * WIDTH_SD_MIN * sd)
        open_ = True
        passes = 0
        while open_ and passes < PASSES_MAX:
            count_below(filter_, address)
            filter_.quantiles[first] = _interpolated(filter_, 0, filter_.levels[first])
            filter_.quantiles[second] = _interpolated(filter_, 4, filter_.levels[second])
            # Both are narrowed, also when one of them is done: a pass costs the same.
            is_open = _narrow(filter_, 0, filter_.levels[first], WIDTH_SD_MIN * sd)
            open_ = _narrow(filter_, 4, filter_.levels[second], WIDTH_SD_MIN * sd) or is_open
            passes += 1
        filter_.beside[first] = (filter_.quantiles[first] - expected_1) / sd
        filter_.beside[second] = (filter_.quantiles[second] - expected_2) / sd


@kernel
def _bracket(filter_, at, middle, width):
    """Put four thresholds evenly over `width`."""
    for k in range(4):
        filter_.thresholds[at + k] = middle + width * (k / 3.0 - 0.5)


@kernel
def _interpolated(filter_, at, level):
    """Where the weight reaches the level between two thresholds; an end where it does so outside of them."""
    limits, counts, wanted = filter_.thresholds, filter_.counts, level * filter_.sums[0]
    for k in range(at, at + 3):
        if counts[k] <= wanted < counts[k + 1]:
            share = (wanted - counts[k]) / (counts[k + 1] - counts[k])
            return limits[k] + share * (limits[k + 1] - limits[k])
    return limits[at] if wanted < counts[at] else limits[at + 3]


@kernel
def _narrow(filter_, at, level, width_min):
    """Move the thresholds into the third, or over the end, where the level is; whether it needs another pass."""
    limits, counts, wanted = filter_.thresholds, filter_.counts, level * filter_.sums[0]
    width = limits[at + 3] - limits[at]
    if wanted < counts[at]:
        _bracket(filter_, at, limits[at] - width, 2.0 * width)
        return True
    if wanted >= counts[at + 3]:
        _bracket(filter_, at, limits[at + 3] + width, 2.0 * width)
        return True
    third = width / 3.0
    if third <= 1.001 * width_min:
        return False
    for k in range(at, at + 3):
        if counts[k] <= wanted < counts[k + 1]:
            _bracket(filter_, at, 0.5 * (limits[k] + limits[k + 1]), third)
            break
    return True
