"""What a particle filter has to beat: a decaying mean of squares (EWMA) and GARCH(1,1), scored one window ahead.

    EWMA    v' = d v + (1 - d) r^2                   RiskMetrics (1996); the d of best likelihood
    GARCH   v' = w + a r^2 + b v                     Bollerslev, Journal of Econometrics 31 (1986)

Each predicts the next return as N(0, v) from those before it. Their constants are those of best likelihood over the
`fit` first windows, the variance begins as those windows' mean square (of what is modelled; of the whole series where
there is nothing yet). Scores are log densities in the returns' unit;
with a tick a zero scores the probability of less than half a tick, over the tick, as the filters' intervals do.
With `inactive` zeros have a probability of their own, discounted as the filters' is, and only the others are modelled.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from shm.kernel import kernel

LOG_2_PI = math.log(2 * math.pi)
PATTERN_STEPS = 60
VARIANCE_MIN = 1e-12


class Scored(NamedTuple):
    """Per window, shape (T,): log score, probability integral transform (NaN: none), predicted volatility.

    `constants`: (w, a, b); for EWMA (0, 1 - d, d).
    """

    log_scores: np.ndarray
    pit: np.ndarray
    volatility: np.ndarray
    constants: tuple[float, float, float]


@kernel
def predict_all(returns, w, a, b, first, tick, inactive, zero_decay, scores, pit, volatility):
    """Score every window by a variance recursion; returns the sum of the scores."""
    variance, zeros, windows, total = first, 0.0, 0.0, 0.0
    for t in range(len(returns)):
        r = returns[t]
        score = 0.0
        pit[t] = math.nan
        share = (zeros + 0.5) / (windows + 1.0)
        volatility[t] = math.sqrt(variance * ((1.0 - share) if inactive else 1.0))
        if inactive:
            zeros = zero_decay * zeros + (1.0 if r == 0.0 else 0.0)
            windows = zero_decay * windows + 1.0
            score = math.log(share / (tick if tick > 0.0 else 1.0)) if r == 0.0 else math.log(1.0 - share)
        if r != 0.0 or not inactive:
            if r == 0.0 and tick > 0.0:
                score = math.log(max(math.erf(0.5 * tick / math.sqrt(2.0 * variance)), 1e-300) / tick)
            else:
                score -= 0.5 * (LOG_2_PI + math.log(variance) + r * r / variance)
            pit[t] = 0.5 * math.erfc(-r / math.sqrt(2.0 * variance))
            variance = max(w + a * r * r + b * variance, VARIANCE_MIN)
        scores[t] = score
        total += score
    return total


def ewma(returns: np.ndarray, *, fit: int, **settings: Any) -> Scored:
    """A decaying mean of squares. `settings`: tick, inactive, zero_half_life as in FilterSettings."""

    def constants(x: np.ndarray) -> tuple[float, float, float]:
        decay = _share(float(x[0]))
        return 0.0, 1 - decay, decay

    return _fitted(returns, fit, np.array([2.5]), constants, **settings)


def garch(returns: np.ndarray, *, fit: int, **settings: Any) -> Scored:
    """GARCH(1,1), with a + b below 1."""
    returns = np.asarray(returns, dtype=np.float64)
    level = _mean_square(returns, fit, inactive=bool(settings.get("inactive")))

    def constants(x: np.ndarray) -> tuple[float, float, float]:
        persistence, share = _share(float(x[0])), _share(float(x[1]))
        return level * math.exp(float(x[2])) * (1 - persistence), persistence * share, persistence * (1 - share)

    return _fitted(returns, fit, np.array([3.0, -2.0, 0.0]), constants, **settings)


def _fitted(
    returns: np.ndarray,
    fit: int,
    start: np.ndarray,
    constants: Any,
    *,
    tick: float = 0.0,
    inactive: bool = False,
    zero_half_life: float = 500.0,
) -> Scored:
    """Fit by pattern search (Hooke and Jeeves, Journal of the ACM 8, 1961), then score the whole series."""
    returns = np.asarray(returns, dtype=np.float64)
    first, decay = _mean_square(returns, fit, inactive=inactive), 0.5 ** (1 / zero_half_life)

    def scored(x: np.ndarray, series: np.ndarray) -> tuple[float, Scored]:
        rows = np.zeros((3, len(series)))
        total = predict_all(series, *constants(x), first, tick, inactive, decay, *rows)
        return total, Scored(rows[0], rows[1], rows[2], constants(x))

    best, step = scored(start, returns[:fit])[0], 1.0
    for _ in range(PATTERN_STEPS):
        tries = [start + sign * step * unit for unit in np.eye(len(start)) for sign in (1, -1)]
        values = [scored(x, returns[:fit])[0] for x in tries]
        if max(values) > best:
            best, start = max(values), tries[int(np.argmax(values))]
        else:
            step /= 2
    return scored(start, returns)[1]


def _mean_square(returns: np.ndarray, fit: int, *, inactive: bool) -> float:
    for part in (returns[:fit], returns):
        modelled = part[part != 0] if inactive else part
        if modelled.any():
            return max(float(np.square(modelled).mean()), VARIANCE_MIN)
    return 1.0


def _share(x: float) -> float:
    return 1 / (1 + math.exp(-x))
