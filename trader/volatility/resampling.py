"""Systematic resampling, in place: who has descendants stays, only the places of the rest are overwritten.

Kitagawa, Journal of Computational and Graphical Statistics 5 (1996).
"""

import math

from shm.kernel import kernel
from trader.compile_hints import wide_vectors
from trader.volatility.counter_rng import uniform
from trader.volatility.fast_math import F, vector
from trader.volatility.particles import LANES, block_at

STREAM_PRIOR, STREAM_JITTER, STREAM_RESAMPLING, STREAM_STATE = range(4)
STREAM_TRANSFORM = 16
"""Streams of random numbers; a stream takes further ones for its coordinates, 4 apart."""


@kernel
def count_descendants(filter_, address, offset):
    """Systematic resampling: each particle's number of descendants, into `ancestor`; offset in [0, 1).

    Particle i of weight w_i of N gets the positions j + offset that fall into its part of the cumulative weight, so
    its count differs from N w_i by less than 1, a weight of 0 gets none, and the counts add up to N.
    """
    total = cumulative = 0.0
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            total += block.weight[i]
    count = filter_.block_count * LANES
    before = 0
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            cumulative += block.weight[i]
            until = int(math.ceil(count * (cumulative / total) - offset))
            block.ancestor[i] = until - before
            before = until


@kernel
def copy_ancestors(filter_, address):
    """Overwrite the particles without descendants with copies of those that have several."""
    donor = -1
    surplus = 0
    giver = block_at(address, 0)
    lane = 0
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            if block.ancestor[i] > 0:
                continue
            while surplus <= 0:
                donor += 1
                giver = block_at(address, donor // LANES)
                lane = donor % LANES
                surplus = giver.ancestor[lane] - 1
            surplus -= 1
            block.mu[i] = giver.mu[lane]
            block.atanh_phi[i] = giver.atanh_phi[lane]
            block.log_sigma[i] = giver.log_sigma[lane]
            block.mean[i] = giver.mean[lane]
            block.variance[i] = giver.variance[lane]
            block.third[i] = giver.third[lane]
            block.fourth[i] = giver.fourth[lane]


@vector
def level_weights(filter_, address):
    """All particles count the same again."""
    wide_vectors()
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            block.log_weight[i] = F(0.0)
            block.weight[i] = F(1.0)
    count = float(filter_.block_count * LANES)
    filter_.sums[0] = count
    filter_.sums[1] = count
    filter_.log_total = math.log(count)


@kernel
def resample(filter_, address):
    """Draw the particles by weight; afterwards they count the same."""
    offset = uniform(filter_.seed, STREAM_RESAMPLING, filter_.draw)
    filter_.draw += 1
    count_descendants(filter_, address, offset)
    copy_ancestors(filter_, address)
    level_weights(filter_, address)
