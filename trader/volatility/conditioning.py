"""Conditioning all particles on one window: for each noise its loops over the blocks, and the weights after it."""

from trader.compile_hints import wide_vectors
from trader.volatility.fast_math import LN_2, F, larger, log2, vector
from trader.volatility.particles import LANES, block_at
from trader.volatility.rao_blackwell import (
    LOG_WEIGHT_START,
    centre_gaussian,
    centre_student,
    conclude,
    integrate_gaussian,
    integrate_student,
    predict,
    spread,
)


@vector
def condition_gaussian(filter_, address, log_squared, count, reference):
    """Weigh with a Gaussian window, given log rv; returns the largest log-weight.

    Log-weights leave out -n/2 (log 2 pi + reference), the same for all; `reference` is some typical h.
    """
    wide_vectors()
    scratch = filter_.scratch
    top = F(LOG_WEIGHT_START)
    for index in range(filter_.block_count):
        block = block_at(address, index)
        centre_gaussian(block, scratch, log_squared, count)
        for i in range(LANES):
            spread(scratch, i)
        for i in range(LANES):
            integrate_gaussian(scratch, i, count)
        for i in range(LANES):
            level = F(0.5) * count * (scratch.centre[i] - reference) + scratch.load[i]
            weight = block.log_weight[i] + conclude(block, scratch, i) - level
            block.log_weight[i] = weight
            top = larger(top, weight)
    return top


@vector
def condition_student(filter_, address, log_level, count, freedom, reference):
    """Weigh with a Student-t window, given log(rv / nu); returns the largest log-weight, less constants as above."""
    wide_vectors()
    scratch = filter_.scratch
    top = F(LOG_WEIGHT_START)
    for index in range(filter_.block_count):
        block = block_at(address, index)
        centre_student(block, scratch, log_level, count, freedom)
        for i in range(LANES):
            spread(scratch, i)
        for i in range(LANES):
            integrate_student(scratch, i, count, freedom)
        for i in range(LANES):
            tail = F(0.5 * LN_2) * (freedom + count) * log2(F(1.0) + scratch.load[i])
            level = F(0.5) * count * (scratch.centre[i] - reference) + tail
            weight = block.log_weight[i] + conclude(block, scratch, i) - level
            block.log_weight[i] = weight
            top = larger(top, weight)
    return top


@vector
def condition_nothing(filter_, address):
    """A window in which nothing was seen: h moves on, weights stay."""
    wide_vectors()
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            mean, variance = predict(block, i)
            square = block.phi[i] * block.phi[i]
            block.mean[i] = mean
            block.variance[i] = variance
            block.third[i] *= square * block.phi[i]
            block.fourth[i] *= square * square
