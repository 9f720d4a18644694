"""Moving the parameters when few particles carry the weight: resample, shrink, jitter, match the moments, forget.

Liu and West, "Combined parameter and state estimation in simulation-based filtering" (2001): particles are drawn by
weight, shrunk towards their mean by a = (3 delta - 1) / (2 delta) and jittered with sqrt(1 - a^2) of their own
covariance, which keeps mean and covariance in expectation. Here an affine map then makes them exact, and with them
comes what the particles do not know by themselves:

    forgetting   precision <- l precision + (1 - l) prior's, l = forgetting^steps   (stabilised: never below the prior)
    floors       no deviation below its floor

All of it happens in the coordinates mu, atanh phi, log sigma_eta. (Moving h's mean along with the parameters, by its
regression on them, was tried: it changed nothing that could be measured.)
"""

import math

from shm.kernel import kernel
from trader.compile_hints import wide_vectors
from trader.volatility.counter_rng import fill_normals
from trader.volatility.fast_math import LOG2_E, F, exp, exp2, lane, larger, log, reciprocal, smaller, vector
from trader.volatility.matrices import factorise, invert_triangle, multiply
from trader.volatility.particles import LANES, PARAMETERS, block_at
from trader.volatility.rao_blackwell import LOG_WEIGHT_START
from trader.volatility.resampling import STREAM_JITTER, STREAM_PRIOR, level_weights, resample
from trader.volatility.summary import weigh

LOG_SQUARE_VARIANCE = math.pi**2 / 2
ATANH_PHI_MIN, ATANH_PHI_MAX = -2.0, 4.6
LOG_SIGMA_MIN, LOG_SIGMA_MAX = -7.0, 1.0
STATIONARY_VARIANCE_MAX = 9.0
ROOT_MIN, ROOT_MAX = math.sqrt(1.0 - math.tanh(ATANH_PHI_MAX)), math.sqrt(1.0 - math.tanh(ATANH_PHI_MIN))
"""Where learned parameters may be: phi to 0.9998, sigma_eta from 0.001 to 2.7; h starts within a factor e^(+-9)."""


@kernel
def find_moments(filter_, address):
    """Weighted mean and covariance of the parameters."""
    mean, covariance = filter_.found_mean, filter_.found_covariance
    for row in range(PARAMETERS):
        mean[row] = 0.0
        for column in range(PARAMETERS):
            covariance[row, column] = 0.0
    total = 0.0
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            weight = float(block.weight[i])
            total += weight
            mean[0] += weight * block.mu[i]
            mean[1] += weight * block.atanh_phi[i]
            mean[2] += weight * block.log_sigma[i]
    for k in range(PARAMETERS):
        mean[k] /= total
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            weight = block.weight[i] / total
            x, y, z = block.mu[i] - mean[0], block.atanh_phi[i] - mean[1], block.log_sigma[i] - mean[2]
            covariance[0, 0] += weight * x * x
            covariance[1, 0] += weight * y * x
            covariance[1, 1] += weight * y * y
            covariance[2, 0] += weight * z * x
            covariance[2, 1] += weight * z * y
            covariance[2, 2] += weight * z * z
    for row in range(PARAMETERS):
        for column in range(row):
            covariance[column, row] = covariance[row, column]


@lane
def _mu_given(windows, prior, prior_mean, centre, root, sigma):
    """Where mu is given phi = 1 - root^2 and sigma_eta, and the root of its precision.

    The prior tells of it, and so many windows around `centre`: their precision is one over the variance of the mean of
    log squares, whose noise is pi^2 / 2 each, around an h that wanders off with sigma_eta / (1 - phi).
    """
    square = root * root * root * root
    told = windows * square / (sigma * sigma + F(LOG_SQUARE_VARIANCE) * square)
    precision = prior + told
    return (prior * prior_mean + told * centre) / precision, math.sqrt(precision)


@vector
def enter_coordinates(filter_, address, centre):
    """mu, atanh phi -> mu standardised given the other two, sqrt(1 - phi)."""
    wide_vectors()
    prior_mean, prior, windows = F(filter_.prior_mean[0]), F(filter_.prior_precision[0]), F(filter_.information)
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            root = math.sqrt(F(1.0) - block.phi[i])
            place, sharpness = _mu_given(windows, prior, prior_mean, centre, root, block.sigma[i])
            block.mu[i] = (block.mu[i] - place) * sharpness
            block.atanh_phi[i] = root


@vector
def leave_coordinates(filter_, address, centre):
    """The way back, with the information that is left; parameters are taken into their range."""
    wide_vectors()
    prior_mean, prior, windows = F(filter_.prior_mean[0]), F(filter_.prior_precision[0]), F(filter_.information)
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            root = smaller(larger(block.atanh_phi[i], F(ROOT_MIN)), F(ROOT_MAX))
            log_sigma = smaller(larger(block.log_sigma[i], F(LOG_SIGMA_MIN)), F(LOG_SIGMA_MAX))
            sigma = exp(log_sigma)
            place, sharpness = _mu_given(windows, prior, prior_mean, centre, root, sigma)
            block.mu[i] = block.mu[i] / sharpness + place
            block.atanh_phi[i] = F(0.5) * log((F(2.0) - root * root) / (root * root))
            block.log_sigma[i] = log_sigma
            block.phi[i] = F(1.0) - root * root
            block.sigma[i] = sigma


@vector
def weigh_by_prior(filter_, address, power):
    """Log-weights: log of the prior of (sqrt(1 - phi), log sigma_eta) to a power; returns the largest."""
    wide_vectors()
    mean_1, mean_2 = F(filter_.prior_mean[1]), F(filter_.prior_mean[2])
    half_1, half_2 = F(0.5 * filter_.prior_precision[1]), F(0.5 * filter_.prior_precision[2])
    top = F(LOG_WEIGHT_START)
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            d_1, d_2 = block.atanh_phi[i] - mean_1, block.log_sigma[i] - mean_2
            b = F(1.0) - block.phi[i]
            # atanh phi changes by 2 / (root (2 - root^2)) with the root of b
            density = log(F(4.0) / (b * (F(2.0) - b) * (F(2.0) - b)))
            weight = power * (F(0.5) * density - half_1 * d_1 * d_1 - half_2 * d_2 * d_2)
            block.log_weight[i] = weight
            top = larger(top, weight)
    return top


@kernel
def want_moments(filter_, kept):
    """Mean and covariance that the parameters are to have, in the kernel's coordinates.

    Those that were found, wider where something is forgotten; mu is told given the others, so that its share of
    forgetting is in the way back. Deviations below their floors are stretched to them.
    """
    found, wanted = filter_.found_covariance, filter_.wanted_covariance
    root, prior = filter_.found_mean[1], filter_.prior_precision[0]
    sigma = math.exp(filter_.found_mean[2])
    told = filter_.information * kept * root**4 / (sigma * sigma + LOG_SQUARE_VARIANCE * root**4)
    floors = (
        filter_.sd_floors[0] * math.sqrt(prior + told),
        filter_.sd_floors[1] * 0.5 * root * (2.0 - root * root),
        filter_.sd_floors[2],
    )
    for row in range(PARAMETERS):
        filter_.wanted_mean[row] = filter_.found_mean[row]
        for k in range(PARAMETERS):
            wanted[row, k] = found[row, k]
    for row in range(PARAMETERS):
        stretch = 1.0 if row == 0 else 1.0 / math.sqrt(kept)
        stretch = max(floors[row] / math.sqrt(max(found[row, row], 1e-12)), stretch)
        for k in range(PARAMETERS):
            wanted[row, k] *= stretch
            wanted[k, row] *= stretch


@vector
def jitter(filter_, address, shrink, factor):
    """Shrink the parameters towards the mean that was found, and add noise with the covariance factor factor'."""
    wide_vectors()
    scratch = filter_.scratch
    mean_0, mean_1, mean_2 = F(filter_.found_mean[0]), F(filter_.found_mean[1]), F(filter_.found_mean[2])
    l_00, l_10, l_11 = F(factor[0, 0]), F(factor[1, 0]), F(factor[1, 1])
    l_20, l_21, l_22 = F(factor[2, 0]), F(factor[2, 1]), F(factor[2, 2])
    keep, pull = F(shrink), F(1.0 - shrink)
    noise = F(math.sqrt(1.0 - shrink * shrink))
    seed, draw = filter_.seed, filter_.draw
    for index in range(filter_.block_count):
        block = block_at(address, index)
        fill_normals(scratch.ratio_1, LANES // 4, seed, STREAM_JITTER, draw, index)
        fill_normals(scratch.ratio_2, LANES // 4, seed, STREAM_JITTER + 4, draw, index)
        fill_normals(scratch.ratio_3, LANES // 4, seed, STREAM_JITTER + 8, draw, index)
        for i in range(LANES):
            z_0, z_1, z_2 = noise * scratch.ratio_1[i], noise * scratch.ratio_2[i], noise * scratch.ratio_3[i]
            block.mu[i] = keep * block.mu[i] + pull * mean_0 + l_00 * z_0
            block.atanh_phi[i] = keep * block.atanh_phi[i] + pull * mean_1 + l_10 * z_0 + l_11 * z_1
            block.log_sigma[i] = keep * block.log_sigma[i] + pull * mean_2 + l_20 * z_0 + l_21 * z_1 + l_22 * z_2
    filter_.draw += 1


@vector
def map_parameters(filter_, address, matrix):
    """coordinates <- wanted mean + matrix (coordinates - found mean)."""
    wide_vectors()
    from_0, from_1, from_2 = F(filter_.found_mean[0]), F(filter_.found_mean[1]), F(filter_.found_mean[2])
    to_0, to_1, to_2 = F(filter_.wanted_mean[0]), F(filter_.wanted_mean[1]), F(filter_.wanted_mean[2])
    m_00, m_10, m_11 = F(matrix[0, 0]), F(matrix[1, 0]), F(matrix[1, 1])
    m_20, m_21, m_22 = F(matrix[2, 0]), F(matrix[2, 1]), F(matrix[2, 2])
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            x_0, x_1, x_2 = block.mu[i] - from_0, block.atanh_phi[i] - from_1, block.log_sigma[i] - from_2
            block.mu[i] = to_0 + m_00 * x_0
            block.atanh_phi[i] = to_1 + m_10 * x_0 + m_11 * x_1
            block.log_sigma[i] = to_2 + m_20 * x_0 + m_21 * x_1 + m_22 * x_2


@vector
def derive(filter_, address):
    """Parameters into their range; phi and sigma_eta from their coordinates."""
    wide_vectors()
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            atanh_phi = smaller(larger(block.atanh_phi[i], F(ATANH_PHI_MIN)), F(ATANH_PHI_MAX))
            log_sigma = smaller(larger(block.log_sigma[i], F(LOG_SIGMA_MIN)), F(LOG_SIGMA_MAX))
            block.atanh_phi[i] = atanh_phi
            block.log_sigma[i] = log_sigma
            block.phi[i] = F(1.0) - F(2.0) * reciprocal(F(1.0) + exp2(F(2.0 * LOG2_E) * atanh_phi))
            block.sigma[i] = exp(log_sigma)


@kernel
def match_moments(filter_, address):
    """Map the parameters affinely, so that their mean and covariance become the wanted ones."""
    triangle, inverse, matrix = filter_.matrices[0], filter_.matrices[1], filter_.matrices[2]
    factorise(filter_.found_covariance, triangle)
    invert_triangle(triangle, inverse)
    factorise(filter_.wanted_covariance, triangle)
    multiply(triangle, inverse, matrix)
    map_parameters(filter_, address, matrix)


@kernel
def _told_centre(filter_):
    """Where the windows alone put mu: its posterior mean without the prior's share."""
    b = 1.0 - filter_.parameters[1]
    prior = filter_.prior_precision[0]
    told = filter_.information * b * b / (filter_.parameters[2] ** 2 + LOG_SQUARE_VARIANCE * b * b)
    return (filter_.parameters[0] * (prior + told) - prior * filter_.prior_mean[0]) / max(told, 1e-6)


@kernel
def move(filter_, address):
    """Resample, and move the parameters as told above."""
    kept = filter_.forgetting**filter_.steps_since_move
    centre = F(_told_centre(filter_))
    enter_coordinates(filter_, address, centre)
    find_moments(filter_, address)
    want_moments(filter_, kept)
    triangle = filter_.matrices[0]
    factorise(filter_.found_covariance, triangle)
    resample(filter_, address)
    jitter(filter_, address, (3.0 * filter_.shrinkage - 1.0) / (2.0 * filter_.shrinkage), triangle)
    find_moments(filter_, address)
    match_moments(filter_, address)
    filter_.information *= kept
    leave_coordinates(filter_, address, centre)
    if kept < 1.0:
        top = weigh_by_prior(filter_, address, F(1.0 - kept))
        weigh(filter_, address, top)
        filter_.log_total = math.log(filter_.sums[0])
    filter_.moves += 1
    filter_.steps_since_move = 0


@kernel
def draw_prior(filter_, address):
    """Particles of the prior: normal parameters with exactly its mean and covariance, h where it is stationary.

    Expects `wanted_mean` and `wanted_covariance` to be the prior's.
    """
    for index in range(filter_.block_count):
        block = block_at(address, index)
        fill_normals(block.mu, LANES // 4, filter_.seed, STREAM_PRIOR, 0, index)
        fill_normals(block.atanh_phi, LANES // 4, filter_.seed, STREAM_PRIOR + 4, 0, index)
        fill_normals(block.log_sigma, LANES // 4, filter_.seed, STREAM_PRIOR + 8, 0, index)
    level_weights(filter_, address)
    find_moments(filter_, address)
    match_moments(filter_, address)
    derive(filter_, address)


@kernel
def settle(filter_, address, variance_max):
    """h of every particle as it is in the long run: mean mu, variance sigma_eta^2 / (1 - phi^2)."""
    for index in range(filter_.block_count):
        block = block_at(address, index)
        for i in range(LANES):
            phi, sigma = block.phi[i], block.sigma[i]
            block.mean[i] = block.mu[i]
            block.variance[i] = smaller(sigma * sigma / (F(1.0) - phi * phi), F(variance_max))
            block.third[i] = F(0.0)
            block.fourth[i] = F(0.0)
    level_weights(filter_, address)
