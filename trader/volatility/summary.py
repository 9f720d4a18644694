"""What all particles together believe: weights, moments over the mixture, quantiles, the PIT of the next window.

One pass over the blocks turns log-weights into weights and adds up, in float32 within a block and float64 over them,
everything that is told of a step. The mixture's density of h is summed up in four cumulants; its quantiles come from
them by Cornish and Fisher's expansion (Revue de l'Institut International de Statistique 5, 1938).
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import wide_vectors
from trader.volatility.fast_math import LOG2_E, F, exp2, lane, larger, smaller, vector
from trader.volatility.particles import LANES, PARAMETERS, Noise, block_at
from trader.volatility.rao_blackwell import predict
from trader.volatility.special import beta_cdf, gamma_cdf, normal_cdf, student_cdf

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(11)
NODES = tuple(float(x) for x in _NODES)
WEIGHTS = tuple(float(w) for w in _WEIGHTS / _WEIGHTS.sum())

CUBE_MAX = 1.0
FOURTH_MAX = 3.0
"""Limits of skewness and excess kurtosis in the quantiles: Cornish and Fisher's polynomial is monotone within."""

EXPONENT_MAX = 40.0


@vector
def weigh(filter_, address, top):
    """Weights from log-weights, which become relative to the largest, `top`; sums of weights and of parameters."""
    wide_vectors()
    mu_0, phi_0, sigma_0 = F(filter_.parameters[0]), F(filter_.parameters[1]), F(filter_.parameters[2])
    sums = filter_.sums
    for k in range(8):
        sums[k] = 0.0
    for index in range(filter_.block_count):
        block = block_at(address, index)
        total = squares = s_mu = s_mu2 = s_phi = s_phi2 = s_sigma = s_sigma2 = F(0.0)
        for i in range(LANES):
            relative = block.log_weight[i] - top
            weight = exp2(larger(relative * F(LOG2_E), F(-125.0)))
            block.log_weight[i] = relative
            block.weight[i] = weight
            mu, phi, sigma = block.mu[i] - mu_0, block.phi[i] - phi_0, block.sigma[i] - sigma_0
            total += weight
            squares += weight * weight
            s_mu += weight * mu
            s_mu2 += weight * mu * mu
            s_phi += weight * phi
            s_phi2 += weight * phi * phi
            s_sigma += weight * sigma
            s_sigma2 += weight * sigma * sigma
        sums[0] += total
        sums[1] += squares
        sums[2] += s_mu
        sums[3] += s_mu2
        sums[4] += s_phi
        sums[5] += s_phi2
        sums[6] += s_sigma
        sums[7] += s_sigma2


@lane
def add_sums(sums, first, second, third, fourth, volatility, next_first, next_second):
    """A block's part of the seven sums from the eighth on: moments of h, volatility, moments of h one window on."""
    sums[8] += first
    sums[9] += second
    sums[10] += third
    sums[11] += fourth
    sums[12] += volatility
    sums[13] += next_first
    sums[14] += next_second


@vector
def add_moments(filter_, address):
    """Sums over the mixture of h's moments about `centre`, of e^(h/2), and of h one window on."""
    wide_vectors()
    reference = F(filter_.centre)
    sums = filter_.sums
    for k in range(8, 15):
        sums[k] = 0.0
    for index in range(filter_.block_count):
        block = block_at(address, index)
        first = second = third = fourth = volatility = next_first = next_second = F(0.0)
        for i in range(LANES):
            weight, d = block.weight[i], block.mean[i] - reference
            v, k3, k4, d2 = block.variance[i], block.third[i], block.fourth[i], d * d
            first += weight * d
            second += weight * (v + d2)
            third += weight * (k3 + d * (F(3.0) * v + d2))
            fourth += weight * (k4 + F(4.0) * k3 * d + F(3.0) * v * (v + F(2.0) * d2) + d2 * d2)
            log_volatility = F(1.0 / 2) * d + F(1.0 / 8) * v + F(1.0 / 48) * k3 + F(1.0 / 384) * k4
            volatility += weight * exp2(smaller(larger(log_volatility * F(LOG2_E), F(-60.0)), F(60.0)))
            mean, variance = predict(block, i)
            mean -= reference
            next_first += weight * mean
            next_second += weight * (variance + mean * mean)
        add_sums(sums, first, second, third, fourth, volatility, next_first, next_second)


@kernel
def take_parameters(filter_):
    """Posterior mean and deviation of mu, phi and sigma_eta from the sums."""
    total = filter_.sums[0]
    for k in range(PARAMETERS):
        first, second = filter_.sums[2 + 2 * k] / total, filter_.sums[3 + 2 * k] / total
        filter_.parameters[k] += first
        filter_.parameters_sd[k] = math.sqrt(max(second - first * first, 0.0))


@kernel
def take_cumulants(filter_):
    """Cumulants of h over the mixture, now and one window on, and mean volatility."""
    sums, centre = filter_.sums, filter_.centre
    total = sums[0]
    m1, m2, m3, m4 = sums[8] / total, sums[9] / total, sums[10] / total, sums[11] / total
    filtered, predicted = filter_.filtered, filter_.predicted
    filtered[0] = centre + m1
    filtered[1] = max(m2 - m1 * m1, 1e-12)
    filtered[2] = m3 - 3.0 * m1 * m2 + 2.0 * m1**3
    filtered[3] = m4 - 4.0 * m1 * m3 - 3.0 * m2 * m2 + 12.0 * m1 * m1 * m2 - 6.0 * m1**4
    ahead = sums[13] / total
    phi = filter_.parameters[1]
    predicted[0] = centre + ahead
    predicted[1] = max(sums[14] / total - ahead * ahead, 1e-12)
    predicted[2] = phi**3 * filtered[2]
    predicted[3] = phi**4 * filtered[3]
    filter_.mean_volatility = sums[12] / total * math.exp(0.5 * centre)
    filter_.centre = filtered[0]


@inlined
def _standardised(cumulants):
    """Deviation, skewness and excess kurtosis, the latter two within what the expansions bear."""
    sd = math.sqrt(cumulants[1])
    skewness = min(max(cumulants[2] / (sd * cumulants[1]), -CUBE_MAX), CUBE_MAX)
    kurtosis = min(max(cumulants[3] / (cumulants[1] * cumulants[1]), -1.0), FOURTH_MAX)
    return sd, skewness, kurtosis


@kernel
def quantile_of(cumulants, z):
    """The quantile of h that a standard normal has at z."""
    sd, skewness, kurtosis = _standardised(cumulants)
    z2 = z * z
    bent = z + skewness * (z2 - 1.0) / 6.0 + kurtosis * z * (z2 - 3.0) / 24.0
    return cumulants[0] + sd * (bent - skewness * skewness * z * (2.0 * z2 - 5.0) / 36.0)


@kernel
def relative_volatility_sd(cumulants):
    """Deviation of e^(h/2) over its mean."""
    sd, skewness, kurtosis = _standardised(cumulants)
    exponent = sd * sd / 4.0 + skewness * sd**3 / 8.0 + 7.0 / 192.0 * kurtosis * sd**4
    return math.sqrt(math.expm1(min(max(exponent, 0.0), EXPONENT_MAX)))


@kernel
def transform(filter_, noise, value, squared, count):
    """Probability integral transform of a window under what was predicted, integrated over h.

    Of the return where there is one, else of rv (count > 1, or the sign unknown). An rv whose window's return has a
    sign is put on its side, as far out as it is large: uniform as well, and large ones are at the ends.
    """
    cumulants = filter_.predicted
    sd, skewness, kurtosis = _standardised(cumulants)
    probability = mass = 0.0
    for k in range(len(NODES)):
        z = NODES[k]
        z2 = z * z
        shape = 1.0 + skewness / 6.0 * z * (z2 - 3.0) + kurtosis / 24.0 * (z2 * z2 - 6.0 * z2 + 3.0)
        weight = WEIGHTS[k] * max(shape, 0.0)
        mass += weight
        log_variance = cumulants[0] + sd * z
        probability += weight * _window_cdf(noise, filter_.degrees_of_freedom, value, squared, count, log_variance)
    if count > 1 and not math.isnan(value):
        return 0.5 + math.copysign(0.5 * probability / mass, value)
    return probability / mass


@kernel
def _window_cdf(noise, freedom, value, squared, count, log_variance):
    """Probability of less than was seen, for one h."""
    if count == 1 and not math.isnan(value):
        scaled = value * math.exp(-0.5 * log_variance)
        return normal_cdf(scaled) if noise == Noise.GAUSSIAN else student_cdf(scaled, freedom)
    scaled = squared * math.exp(-log_variance)
    if noise == Noise.GAUSSIAN:
        return gamma_cdf(0.5 * count, 0.5 * scaled)
    return beta_cdf(0.5 * count, 0.5 * freedom, scaled / (scaled + freedom))
