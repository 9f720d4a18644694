"""The exact filter of the stochastic-volatility model with known parameters: a point-mass grid, summed up plainly.

h lives on a grid so fine that the trapezoid rule is exact to rounding (spacing below 0.6 sigma_eta); the transition is
a banded matrix. It shares nothing with what it checks.
"""

import math
from typing import NamedTuple

import numpy as np

from shm.kernel import kernel

WIDTH_SD = 9.0
BAND_SD = 8.0


class Exact(NamedTuple):
    """Per window: log-likelihood, mean and deviation of h and of exp(h / 2), its 5th and 95th percentile."""

    log_likelihoods: np.ndarray
    log_variance: np.ndarray
    log_variance_sd: np.ndarray
    volatility: np.ndarray
    volatility_sd: np.ndarray
    q05: np.ndarray
    q95: np.ndarray


def exact_filter(
    returns: np.ndarray,
    parameters: tuple[float, float, float],
    *,
    degrees_of_freedom: float = 0.0,
    half_tick: float = 0.0,
    counts: np.ndarray | None = None,
    spacing: float = 0.5,
) -> Exact:
    """Filter returns (NaN: nothing seen; with `counts`, roots of realised variances); 0 degrees: Gaussian noise."""
    mu, phi, sigma = parameters
    width = WIDTH_SD * sigma / math.sqrt(1 - phi * phi)
    half = math.ceil(width / (spacing * sigma))
    grid = width * np.arange(-half, half + 1) / half
    first, weights = transition(grid, phi, sigma)
    numbers = np.ones(len(returns)) if counts is None else np.asarray(counts, dtype=float)
    found = np.zeros((len(returns), 7))
    prior = np.exp(-0.5 * grid**2 * (1 - phi * phi) / sigma**2)
    prior /= prior.sum()
    run(np.asarray(returns, float), numbers, mu, grid, prior, first, weights, degrees_of_freedom, half_tick, found)
    return Exact(*found.T)


def transition(grid: np.ndarray, phi: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Each point's first source and the weights of its sources."""
    step = grid[1] - grid[0]
    reach = math.ceil(BAND_SD * sigma / abs(phi) / step)
    middle = np.round(grid / phi / step).astype(np.int64) + len(grid) // 2
    first = np.clip(middle - reach, 0, max(len(grid) - 2 * reach - 1, 0))
    sources = np.minimum(first[:, None] + np.arange(min(2 * reach + 1, len(grid))), len(grid) - 1)
    z = (grid[:, None] - phi * grid[sources]) / sigma
    return first, np.exp(-0.5 * z * z) * step / (sigma * math.sqrt(2 * math.pi))


@kernel
def log_density(y, n, h, freedom, half_tick):
    """Log-density of a window of n returns with root sum of squares |y|."""
    if half_tick > 0.0:
        scale = math.exp(-0.5 * h) / math.sqrt(2.0)
        low, high = (abs(y) - half_tick) * scale, (abs(y) + half_tick) * scale
        if low < 0.0:
            return math.log(max(math.erf(half_tick * scale), 1e-300) / (2.0 * half_tick))
        return math.log(max(0.5 * (math.erfc(low) - math.erfc(high)), 1e-300) / (2.0 * half_tick))
    rv = y * y
    if freedom == 0.0:
        return -0.5 * (n * h + rv * math.exp(-h) + n * math.log(2.0 * math.pi))
    half = 0.5 * (freedom + n)
    constant = math.lgamma(half) - math.lgamma(0.5 * freedom) - 0.5 * n * math.log(freedom * math.pi)
    return constant - 0.5 * n * h - half * math.log1p(rv * math.exp(-h) / freedom)


@kernel
def run(returns, counts, mu, grid, p, first, weights, freedom, half_tick, found):
    """The filter itself; `found`: one row a window, columns as in Exact."""
    size = len(grid)
    q = np.empty(size)
    for t in range(len(returns)):
        if t > 0:
            for k in range(size):
                total = 0.0
                for j in range(weights.shape[1]):
                    total += weights[k, j] * p[min(first[k] + j, size - 1)]
                q[k] = total
            p[:] = q / q.sum()
        if counts[t] > 0 and not math.isnan(returns[t]):
            for k in range(size):
                q[k] = log_density(returns[t], counts[t], mu + grid[k], freedom, half_tick)
            top = q.max()
            p *= np.exp(q - top)
            found[t, 0] = top + math.log(p.sum())
            p /= p.sum()
        h = mu + grid
        volatility = np.exp(0.5 * h)
        found[t, 1] = (p * h).sum()
        found[t, 2] = math.sqrt((p * (h - found[t, 1]) ** 2).sum())
        found[t, 3] = (p * volatility).sum()
        found[t, 4] = math.sqrt((p * (volatility - found[t, 3]) ** 2).sum())
        found[t, 5] = math.exp(0.5 * (mu + quantile(grid, p, 0.05)))
        found[t, 6] = math.exp(0.5 * (mu + quantile(grid, p, 0.95)))


@kernel
def quantile(grid, p, level):
    """Where the density's integral reaches a level: Euler-Maclaurin at the cells' ends, a parabola within."""
    step = grid[1] - grid[0]
    below = 0.0
    for k in range(1, len(grid) - 1):
        slope = 0.5 * (p[k + 1] - p[k - 1])
        bend = p[k + 1] - 2.0 * p[k] + p[k - 1]
        mass = p[k] + bend / 24.0
        if below + mass >= level:
            u = 0.0
            for _ in range(30):
                value = p[k] * (u + 0.5) + slope * (u * u - 0.25) / 2.0 + bend * (u**3 + 0.125) / 6.0
                u -= (below + value - level) / (p[k] + slope * u + 0.5 * bend * u * u)
            return grid[k] + u * step
        below += mass
    return grid[-1]


def simulate(
    parameters: tuple[float, float, float], length: int, seed: int, *, degrees_of_freedom: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Returns and h of the model."""
    mu, phi, sigma = parameters
    rng = np.random.default_rng(seed)
    eta = rng.standard_normal(length)
    noise = rng.standard_t(degrees_of_freedom, length) if degrees_of_freedom else rng.standard_normal(length)
    h = np.empty(length)
    h[0] = mu + sigma / math.sqrt(1 - phi * phi) * eta[0]
    for t in range(1, length):
        h[t] = mu + phi * (h[t - 1] - mu) + sigma * eta[t]
    return noise * np.exp(0.5 * h), h
