"""How a filter that is told realised variances (rv, n) predicts the windows' returns, for `trader volatility`.

The two kinds of filter observe different things, so that their likelihoods do not compare. What is compared is the
density that each had for the same thing, the next window's return: mixed over what was predicted of h.
"""

import math

import msgspec
import numpy as np

from procs.volatility_series import Series
from trader.volatility import FilterSettings, ParticleFilter
from trader.volatility.special import normal_cdf, student_cdf

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def predict_returns(series: Series, settings: FilterSettings) -> tuple[np.ndarray, np.ndarray, ParticleFilter]:
    """Log scores and transforms of the returns (NaN: missing, or no transform), shape (T,), and the filter at the end.

    Where zeros are inactive they have a probability of their own, as in the filter that is told the returns.
    """
    inactive = settings.zeros == "inactive"
    made = ParticleFilter(**msgspec.structs.asdict(msgspec.structs.replace(settings, zeros="density")))
    scores, pit = np.full((2, len(series.returns)), np.nan)
    zeros, windows, kept = 0.0, 0.0, 0.5 ** (1 / settings.zero_half_life)
    for at, (value, squared, count) in enumerate(zip(series.returns, series.squared, series.counts, strict=True)):
        if math.isnan(value):
            made.update_window(0.0, 0)
            continue
        share, is_zero = (zeros + 0.5) / (windows + 1.0), inactive and value == 0
        if is_zero:
            scores[at] = math.log(share)
        else:
            density, pit[at] = _predicted(made, settings, float(value))
            scores[at] = density + (math.log(1 - share) if inactive else 0.0)
        zeros, windows = kept * zeros + is_zero, kept * windows + 1.0
        made.update_window(float(squared), int(count))
    return scores, pit, made


def _predicted(made: ParticleFilter, settings: FilterSettings, value: float) -> tuple[float, float]:
    """Log density and transform of a return under what a filter predicts for it."""
    mean, variance = made.header["predicted"][:2]
    h = mean + math.sqrt(variance) * _NODES
    scaled = value * np.exp(-0.5 * h)
    if settings.noise == "gaussian":
        logs = -0.5 * (math.log(2 * math.pi) + h + scaled**2)
        below = [normal_cdf(float(x)) for x in scaled]
    else:
        freedom = settings.degrees_of_freedom
        constant = math.lgamma(0.5 * (freedom + 1)) - math.lgamma(0.5 * freedom) - 0.5 * math.log(freedom * math.pi)
        logs = constant - 0.5 * h - 0.5 * (freedom + 1) * np.log1p(scaled**2 / freedom)
        below = [student_cdf(float(x), freedom) for x in scaled]
    top = logs.max()
    return float(top + np.log(_WEIGHTS @ np.exp(logs - top))), float(_WEIGHTS @ below)
