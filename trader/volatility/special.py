"""Distribution functions that numba has none for: chi-squared, Student-t and F, by series and continued fractions.

For one-step probability integral transforms, a few a window. Press, Teukolsky, Vetterling and Flannery, "Numerical
Recipes", 3rd edition, sections 6.2 and 6.4; errors below 1e-10 where the iterations suffice (shapes up to 1e4).
"""

import math

from shm.kernel import kernel

_ITERATIONS = 400
_PRECISION = 1e-14
_TINY = 1e-300


@kernel
def gamma_cdf(shape, x):
    """Regularised lower incomplete gamma function P(shape, x): the probability that a Gamma(shape, 1) is below x."""
    if x <= 0.0:
        return 0.0
    log_front = shape * math.log(x) - x - math.lgamma(shape)
    if x < shape + 1.0:
        term = 1.0 / shape
        total = term
        for k in range(1, _ITERATIONS):
            term *= x / (shape + k)
            total += term
            if term < total * _PRECISION:
                break
        return min(total * math.exp(log_front), 1.0)
    b = x + 1.0 - shape
    c = 1.0 / _TINY
    d = 1.0 / b
    fraction = d
    for k in range(1, _ITERATIONS):
        a = -k * (k - shape)
        b += 2.0
        d = 1.0 / _away_from_zero(a * d + b)
        c = _away_from_zero(b + a / c)
        fraction *= d * c
        if abs(d * c - 1.0) < _PRECISION:
            break
    return max(1.0 - math.exp(log_front) * fraction, 0.0)


@kernel
def beta_cdf(a, b, x):
    """Regularised incomplete beta function I_x(a, b)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(log_front) * _beta_fraction(a, b, x) / a
    return 1.0 - math.exp(log_front) * _beta_fraction(b, a, 1.0 - x) / b


@kernel
def _beta_fraction(a, b, x):
    c = 1.0
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _ITERATIONS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / _away_from_zero(1.0 + even * d)
        c = _away_from_zero(1.0 + even / c)
        fraction *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / _away_from_zero(1.0 + odd * d)
        c = _away_from_zero(1.0 + odd / c)
        fraction *= d * c
        if abs(d * c - 1.0) < _PRECISION:
            break
    return fraction


@kernel
def _away_from_zero(x):
    return x if abs(x) > _TINY else _TINY


@kernel
def normal_cdf(x):
    """Probability that a standard normal is below x."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@kernel
def student_cdf(x, freedom):
    """Probability that a standard Student-t is below x."""
    tail = 0.5 * beta_cdf(0.5 * freedom, 0.5, freedom / (freedom + x * x))
    return tail if x < 0.0 else 1.0 - tail
