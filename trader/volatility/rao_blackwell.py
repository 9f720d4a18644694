"""One window for particles that carry the moments of h: predict, find the mode, integrate, keep four cumulants.

For each particle's own parameters the density of h is a Gaussian times a third-order Edgeworth polynomial,

    z = (h - m) / sqrt v      g(z) = 1 + c3 He3 + c4 He4 + c3^2/2 He6 + c3 c4 He7 + c3^3/6 He9
    c3 = skewness / 6         c4 = excess kurtosis / 24

Times the likelihood of the window, it is integrated on the seven Gauss-Hermite nodes around the mode of Gaussian
times likelihood, scaled by the curvature there (Liu and Pierce, Biometrika 81, 1994); they are exact for
polynomials of degree 13, which is g's nine and the fourth moment's four. What is left over after a step are the four
cumulants and the window's likelihood: particles are needed for the parameters only ("nested hybrid filters",
Perez-Vieites, Marino and Miguez 2018, arXiv 1708.03730). Against an exact grid the log-likelihood of a thousand
windows is within 0.01, mean volatility within 0.01 %.

Gaussian mode: e^-x rv v/2 = W(rv v/2 e^(n v/2 - m)), W of Lambert to two percent (Fritsch, Shafer and Crowley,
Communications of the ACM 16, 1973): so x is off by 0.02 at most, and e^-x is known before x. Student mode: Newton
from a start that brackets it, see `centre_student`.
A block passes through short loops; in one long loop the chain from prediction to mode would stall the CPU.
"""

import math

import numpy as np

from trader.volatility.fast_math import (
    LN_2,
    LOG2_E,
    F,
    exp2,
    exp2_down,
    exp2_fast,
    exp2_rough,
    lane,
    larger,
    log,
    log2,
    log_rough,
    quotient,
    reciprocal,
    smaller,
)
from trader.volatility.particles import LANES

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum() * np.exp(_NODES**2 / 2)

X_1, X_2, X_3 = (F(x) for x in _NODES[4:])
X2_1, X2_2, X2_3 = (F(x**2) for x in _NODES[4:])
X3_1, X3_2, X3_3 = (F(x**3) for x in _NODES[4:])
X4_1, X4_2, X4_3 = (F(x**4) for x in _NODES[4:])
W_0, W_1, W_2, W_3 = (F(w) for w in _WEIGHTS[3:])

SKEW_MAX = 0.2
KURTOSIS_MIN, KURTOSIS_MAX = -0.04, 0.12
"""Limits of c3 and c4: beyond them g is no density any more. Only jumps of ten deviations come near them."""

LAMBERT_SMALL_MAX = math.log(0.7385)
"""Log of W's argument up to which it is taken for small."""

LOG_WEIGHT_START = -3e38
LOG_WEIGHT_LOST = -1e6
LOAD_MAX, STUDENT_LOAD_MAX = 1e20, 1e30
H_MAX, VARIANCE_MAX, CUMULANT_MAX = 300.0, 1e4, 1e7


@lane
def predict(block, i):
    """Mean and variance of h one window on."""
    mu, phi, sigma = block.mu[i], block.phi[i], block.sigma[i]
    return mu + phi * (block.mean[i] - mu), phi * phi * block.variance[i] + sigma * sigma


@lane
def look_ahead(block, scratch, i):
    """Keep h's mean and variance one window on, and the coefficients c3 and c4 of g; returns mean and variance."""
    mean, variance = predict(block, i)
    inverse_sd, phi = F(1.0) / math.sqrt(variance), block.phi[i]
    ratio = phi * inverse_sd
    square = ratio * ratio
    third = square * ratio * block.third[i] * F(1.0 / 6.0)
    fourth = square * square * block.fourth[i] * F(1.0 / 24.0)
    scratch.third[i] = smaller(larger(third, F(-SKEW_MAX)), F(SKEW_MAX))
    scratch.fourth[i] = smaller(larger(fourth, F(KURTOSIS_MIN)), F(KURTOSIS_MAX))
    scratch.prior_mean[i] = mean
    scratch.prior_variance[i] = variance
    scratch.inverse_sd[i] = inverse_sd
    return mean, variance


@lane
def keep_centre(scratch, i, centre, bend):
    """Keep the mode, and the nodes' scale: the deviation of h over the root of `bend`."""
    narrow, inverse_sd = F(1.0) / math.sqrt(bend), scratch.inverse_sd[i]
    scratch.centre[i] = centre
    scratch.shift[i] = (centre - scratch.prior_mean[i]) * inverse_sd
    scratch.narrow[i] = narrow
    scratch.scale[i] = scratch.prior_variance[i] * inverse_sd * narrow


@lane
def _gaussian_load(scratch, i):
    """rv e^-x / 2 at the mode, W / v, from y = log of W's argument in its place."""
    y = scratch.load[i]
    argument = exp2_rough(y * F(LOG2_E))
    small = y < F(LAMBERT_SMALL_MAX)
    below = argument + F(4.0 / 3.0) * argument * argument
    beneath = F(1.0) + argument * (F(7.0 / 3.0) + F(5.0 / 6.0) * argument)
    divisor = F(7.0) * y * y + F(58.0) * y + F(127.0)
    above = y * divisor - F(24.0) * (y * y + F(2.0) * y - F(3.0))
    lambert = quotient(below if small else above, beneath if small else divisor)
    inverse_sd = scratch.inverse_sd[i]
    scratch.load[i] = smaller(larger(lambert * inverse_sd * inverse_sd, F(1e-37)), F(LOAD_MAX))


@lane
def centre_gaussian(block, scratch, log_squared, count):
    """Mode, curvature and shape of a block's particles: `load` is rv e^-x / 2 at the mode x; log_squared = log rv."""
    for i in range(LANES):
        mean, variance = look_ahead(block, scratch, i)
        half = F(0.5) * variance
        scratch.load[i] = log_rough(half) + (log_squared + count * half - mean)
    for i in range(LANES):
        _gaussian_load(scratch, i)
    for i in range(LANES):
        load = scratch.load[i]
        centre = log_squared - F(LN_2) - log(load)
        keep_centre(scratch, i, centre, F(1.0) + scratch.prior_variance[i] * load)


@lane
def centre_student(block, scratch, log_level, count, freedom):
    """Mode, curvature and shape: `load` is rv e^-x / nu at the mode x; log_level = log(rv / nu).

    With t = x - log_level, A = log_level - m + n v/2, B = kappa v, kappa = (nu + n)/2 the mode solves

        t + A = B / (1 + e^t)

    The root lies in [-A, B - A]; so does the start, the tangent's root at t = 0 where the right side is steepest.
    From there one Newton step is enough to place nodes.
    """
    kappa = F(0.5) * (freedom + count)
    for i in range(LANES):
        mean, variance = look_ahead(block, scratch, i)
        a, b = log_level - mean + F(0.5) * count * variance, kappa * variance
        t = (F(0.5) * b - a) * reciprocal(F(1.0) + F(0.25) * b)
        scratch.load[i] = smaller(larger(t, -a), b - a)
    for i in range(LANES):
        mean, variance, t = scratch.prior_mean[i], scratch.prior_variance[i], scratch.load[i]
        a, b = log_level - mean + F(0.5) * count * variance, kappa * variance
        share = reciprocal(F(1.0) + exp2_rough(t * F(LOG2_E)))
        t -= (t + a - b * share) * reciprocal(F(1.0) + b * share * (F(1.0) - share))
        scratch.load[i] = t
    for i in range(LANES):
        t = scratch.load[i]
        load = smaller(exp2(t * F(-LOG2_E)), F(STUDENT_LOAD_MAX))
        share = load * reciprocal(F(1.0) + load)
        bend = F(1.0) + scratch.prior_variance[i] * kappa * share * (F(1.0) - share)
        keep_centre(scratch, i, t + log_level, bend)
        scratch.load[i] = load


@lane
def spread(scratch, i):
    """e^-h at the three nodes above the mode, relative to the mode's, and one over it: at the nodes below."""
    scale = scratch.scale[i] * F(LOG2_E)
    keep_ratios(scratch, i, exp2_down(scale * -X_1), exp2_down(scale * -X_2), exp2_down(scale * -X_3))


@lane
def keep_ratios(scratch, i, ratio_1, ratio_2, ratio_3):
    """Keep ratios and their reciprocals."""
    scratch.ratio_1[i], scratch.inverse_1[i] = ratio_1, reciprocal(ratio_1)
    scratch.ratio_2[i], scratch.inverse_2[i] = ratio_2, reciprocal(ratio_2)
    scratch.ratio_3[i], scratch.inverse_3[i] = ratio_3, reciprocal(ratio_3)


@lane
def ratios_of(scratch, i):
    """What was kept, in pairs: ratio and reciprocal of each node above the mode."""
    return (
        (scratch.ratio_1[i], scratch.inverse_1[i]),
        (scratch.ratio_2[i], scratch.inverse_2[i]),
        (scratch.ratio_3[i], scratch.inverse_3[i]),
    )


@lane
def shape_coefficients(scratch, i):
    """g as a polynomial: five coefficients of odd powers, four of even ones."""
    c3, c4 = scratch.third[i], scratch.fourth[i]
    c6 = F(0.5) * c3 * c3
    c7 = c3 * c4
    c9 = F(1.0 / 3.0) * c3 * c6
    odd = (
        F(-3.0) * c3 - F(105.0) * c7 + F(945.0) * c9,
        c3 + F(105.0) * c7 - F(1260.0) * c9,
        F(378.0) * c9 - F(21.0) * c7,
        c7 - F(36.0) * c9,
        c9,
    )
    even = (F(1.0) + F(3.0) * c4 - F(15.0) * c6, F(45.0) * c6 - F(6.0) * c4, c4 - F(15.0) * c6, c6)
    return odd, even


@lane
def shape_at(z, odd, even):
    """g(z), kept above 0."""
    q = z * z
    value = z * (odd[0] + q * (odd[1] + q * (odd[2] + q * (odd[3] + q * odd[4]))))
    return larger(value + (even[0] + q * (even[1] + q * (even[2] + q * even[3]))), F(1e-6))


@lane
def _gaussian_pair(scratch, i, x, x2, ratios, slope, bend, load, odd, even):
    """Densities at the nodes x above and below the mode, relative to the mode's."""
    shift, step = scratch.shift[i], scratch.narrow[i] * x
    level, tilt = bend * x2 + load, slope * x
    above = shape_at(shift + step, odd, even) * exp2_fast(level - tilt - load * ratios[0])
    below = shape_at(shift - step, odd, even) * exp2_fast(level + tilt - load * ratios[1])
    return above, below


@lane
def integrate_gaussian(scratch, i, count):
    """Mass and first four moments of the density on the nodes."""
    odd, even = shape_coefficients(scratch, i)
    narrow, load = scratch.narrow[i], scratch.load[i] * F(LOG2_E)
    slope = (narrow * scratch.shift[i] + F(0.5) * count * scratch.scale[i]) * F(LOG2_E)
    bend, ratios = narrow * narrow * F(-0.5 * LOG2_E), ratios_of(scratch, i)
    pair_1 = _gaussian_pair(scratch, i, X_1, X2_1, ratios[0], slope, bend, load, odd, even)
    pair_2 = _gaussian_pair(scratch, i, X_2, X2_2, ratios[1], slope, bend, load, odd, even)
    pair_3 = _gaussian_pair(scratch, i, X_3, X2_3, ratios[2], slope, bend, load, odd, even)
    keep_moments(scratch, i, shape_at(scratch.shift[i], odd, even), pair_1, pair_2, pair_3)


@lane
def _student_pair(scratch, i, x, x2, ratios, slope, bend, load, kappa, odd, even):
    """Densities at the nodes x above and below the mode, relative to the mode's; kappa = (nu + n) / 2."""
    shift, step = scratch.shift[i], scratch.narrow[i] * x
    level, tilt = bend * x2 + kappa * log2(F(1.0) + load), slope * x
    tail_above = kappa * log2(F(1.0) + load * ratios[0])
    tail_below = kappa * log2(F(1.0) + load * ratios[1])
    above = shape_at(shift + step, odd, even) * exp2_fast(level - tilt - tail_above)
    below = shape_at(shift - step, odd, even) * exp2_fast(level + tilt - tail_below)
    return above, below


@lane
def integrate_student(scratch, i, count, freedom):
    """Mass and first four moments of the density on the nodes."""
    odd, even = shape_coefficients(scratch, i)
    narrow, load, kappa = scratch.narrow[i], scratch.load[i], F(0.5) * (freedom + count)
    slope = (narrow * scratch.shift[i] + F(0.5) * count * scratch.scale[i]) * F(LOG2_E)
    bend, ratios = narrow * narrow * F(-0.5 * LOG2_E), ratios_of(scratch, i)
    pair_1 = _student_pair(scratch, i, X_1, X2_1, ratios[0], slope, bend, load, kappa, odd, even)
    pair_2 = _student_pair(scratch, i, X_2, X2_2, ratios[1], slope, bend, load, kappa, odd, even)
    pair_3 = _student_pair(scratch, i, X_3, X2_3, ratios[2], slope, bend, load, kappa, odd, even)
    keep_moments(scratch, i, shape_at(scratch.shift[i], odd, even), pair_1, pair_2, pair_3)


@lane
def keep_moments(scratch, i, middle, pair_1, pair_2, pair_3):
    """Sum densities (above, below) at the nodes to mass and moments, in units of the scale."""
    sum_1, gap_1 = W_1 * (pair_1[0] + pair_1[1]), W_1 * (pair_1[0] - pair_1[1])
    sum_2, gap_2 = W_2 * (pair_2[0] + pair_2[1]), W_2 * (pair_2[0] - pair_2[1])
    sum_3, gap_3 = W_3 * (pair_3[0] + pair_3[1]), W_3 * (pair_3[0] - pair_3[1])
    scratch.mass[i] = W_0 * middle + sum_1 + sum_2 + sum_3
    scratch.moment_1[i] = X_1 * gap_1 + X_2 * gap_2 + X_3 * gap_3
    scratch.moment_2[i] = X2_1 * sum_1 + X2_2 * sum_2 + X2_3 * sum_3
    scratch.moment_3[i] = X3_1 * gap_1 + X3_2 * gap_2 + X3_3 * gap_3
    scratch.moment_4[i] = X4_1 * sum_1 + X4_2 * sum_2 + X4_3 * sum_3


@lane
def conclude(block, scratch, i):
    """Moments to cumulants of h; returns log(mass) of what the particle's prior and the likelihood overlap."""
    mass = scratch.mass[i]
    norm = reciprocal(mass)
    a1, a2 = scratch.moment_1[i] * norm, scratch.moment_2[i] * norm
    a3, a4 = scratch.moment_3[i] * norm, scratch.moment_4[i] * norm
    scale, square = scratch.scale[i], a1 * a1
    area = scale * scale
    mean = scratch.centre[i] + scale * a1
    variance = area * larger(a2 - square, F(0.02))
    third = area * scale * (a3 - a1 * (F(3.0) * a2 - F(2.0) * square))
    fourth = area * area * (a4 - F(4.0) * a1 * a3 - F(3.0) * a2 * a2 + square * (F(12.0) * a2 - F(6.0) * square))
    shift = scratch.shift[i]
    gain = log(scratch.narrow[i] * mass) - F(0.5) * shift * shift
    # Arithmetic that overflowed, which takes returns at a billion deviations: the particle goes on without weight.
    sound = (abs(mean) < F(H_MAX)) & (variance < F(VARIANCE_MAX)) & (abs(third) < F(CUMULANT_MAX))
    sound = sound & (abs(fourth) < F(CUMULANT_MAX))
    mu, sigma = block.mu[i], block.sigma[i]
    block.mean[i] = mean if sound else mu
    block.variance[i] = variance if sound else sigma * sigma
    block.third[i] = third if sound else F(0.0)
    block.fourth[i] = fourth if sound else F(0.0)
    return gain if sound else F(LOG_WEIGHT_LOST)
