"""What each model said of every window before it came: the particle filter beside EWMA and GARCH(1,1).

All score the same windows: those after the first third, from whose returns the baselines take their constants. Scores
are mean log densities (nats a window, in the returns' unit); a probability integral transform is uniform if the model
is right. Where more than a fifth of the returns are exact zeros, they have a probability of their own in every model.
The filter's noise, too, is chosen by the first third, unless it is given. Where [volatility] observes realised
variances, a filter that is told those stands beside the one that is told returns.
"""

import math

import msgspec
import numpy as np

from procs.volatility_realised import predict_returns
from procs.volatility_series import Series
from trader.volatility import Filtered, FilterSettings, ParticleFilter, Prior
from trader.volatility.baselines import Scored, ewma, garch

BINS = 10
ZERO_SHARE_MAX = 0.2
PARAMETERS = ("mu", "phi", "sigma_eta")
FREEDOMS = (4.0, 6.0, 10.0)
"""Degrees of freedom that are tried where the noise is not given."""


class ModelScore(msgspec.Struct, frozen=True, kw_only=True):
    """`log_score`: nats a window; `pit`: shares in ten equal bins from 0 to 1 of `pit_count` transforms; `parameters`:
    a filter's posterior means at the end with their deviations, a baseline's constants."""

    name: str
    log_score: float
    pit: list[float]
    pit_count: int
    parameters: dict[str, float]


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """A series' figures. `scored_from`: the first window that counts; `volatility`: at the end, in `unit` a window."""

    file: str
    source: str
    unit: str
    window: str
    windows: int
    missing: int
    zeros: int
    scored_from: int
    noise: str
    volatility: float
    volatility_p05: float
    volatility_p95: float
    models: list[ModelScore]


class Studied(msgspec.Struct, frozen=True, kw_only=True):
    """A study and the filter's beliefs that it is drawn from; `scale`: from a belief's volatility to a deviation."""

    study: Study
    filtered: Filtered
    scale: float


def settings_for(series: Series, *, noise: str, degrees_of_freedom: float, particles: int) -> FilterSettings:
    """A filter for a series: zeros of their own where there are many, mu placed by the first returns.

    `noise`: gaussian, student with those degrees of freedom, or auto. Raises ValueError for what is out of range.
    """
    returns = series.returns[np.isfinite(series.returns)]
    inactive = series.zero_share > ZERO_SHARE_MAX
    first = returns[returns != 0][:40] if inactive else returns[:40]
    common = FilterSettings(
        particle_count=particles,
        prior=Prior.of_returns(first),
        zeros="inactive" if inactive else "density",
    )
    candidates = [
        msgspec.structs.replace(common, noise="student", degrees_of_freedom=freedom)
        for freedom in ((degrees_of_freedom,) if noise == "student" else FREEDOMS)
    ]
    gaussian = msgspec.structs.replace(common, noise="gaussian")
    if noise != "auto":
        return gaussian if noise == "gaussian" else candidates[0]
    part = series.returns[: len(series.returns) // 3]
    return max((gaussian, *candidates), key=lambda settings: _filter_of(settings).filter(part).log_likelihood)


def _filter_of(settings: FilterSettings) -> ParticleFilter:
    return ParticleFilter(**msgspec.structs.asdict(settings))


def study(series: Series, settings: FilterSettings) -> Studied:
    """Run and score the three models. Raises ValueError for settings out of range."""
    returns = series.returns
    seen = np.isfinite(returns)
    given = returns[seen]
    fit = max(len(given) // 3, 1)
    scored_from = int(np.flatnonzero(seen)[fit]) if fit < len(given) else len(returns)
    inactive = settings.zeros == "inactive"
    told = {"inactive": inactive, "zero_half_life": settings.zero_half_life}
    filtered = _filter_of(settings).filter(returns)
    models = [_of_filter(filtered, seen, fit)]
    if len(series.counts):
        models.append(_of_realised(series, settings, seen, fit))
    models += [
        _of_baseline("EWMA", ewma(given, fit=fit, **told), fit, ("decay",)),
        _of_baseline("GARCH(1,1)", garch(given, fit=fit, **told), fit, ("omega", "alpha", "beta")),
    ]
    scale = math.sqrt(1 / (1 - 2 / settings.degrees_of_freedom)) if settings.noise == "student" else 1.0
    found = Study(
        file=series.name,
        source=series.source,
        unit=series.unit,
        window=series.window,
        windows=len(returns),
        missing=int((~seen).sum()),
        zeros=int((given == 0).sum()),
        scored_from=scored_from,
        noise=f"student {settings.degrees_of_freedom:g}" if settings.noise == "student" else "gaussian",
        volatility=scale * float(filtered.volatility[-1]),
        volatility_p05=scale * float(filtered.quantiles[-1, 0]),
        volatility_p95=scale * float(filtered.quantiles[-1, 1]),
        models=models,
    )
    return Studied(study=found, filtered=filtered, scale=scale)


def _of_filter(filtered: Filtered, seen: np.ndarray, fit: int) -> ModelScore:
    last = _told(filtered.parameters[-1], filtered.parameters_sd[-1])
    return _score("particle", filtered.log_likelihoods[seen][fit:], filtered.pit[seen][fit:], last)


def _of_realised(series: Series, settings: FilterSettings, seen: np.ndarray, fit: int) -> ModelScore:
    scores, pit, made = predict_returns(series, settings)
    last = _told(made.header["parameters"], made.header["parameters_sd"])
    return _score("particle rv", scores[seen][fit:], pit[seen][fit:], last)


def _told(mean: np.ndarray, sd: np.ndarray) -> dict[str, float]:
    """A filter's parameters by name, with their deviations."""
    last = {name: float(mean[at]) for at, name in enumerate(PARAMETERS)}
    return last | {f"{name}_sd": float(sd[at]) for at, name in enumerate(PARAMETERS)}


def _of_baseline(name: str, scored: Scored, fit: int, names: tuple[str, ...]) -> ModelScore:
    constants = dict(zip(names, scored.constants[-len(names) :], strict=True))
    return _score(name, scored.log_scores[fit:], scored.pit[fit:], constants)


def _score(name: str, scores: np.ndarray, pit: np.ndarray, parameters: dict[str, float]) -> ModelScore:
    pit = pit[np.isfinite(pit)]
    counts = np.histogram(pit, BINS, (0, 1))[0]
    return ModelScore(
        name=name,
        log_score=float(scores.mean()) if len(scores) else 0.0,
        pit=[float(count) / max(len(pit), 1) for count in counts],
        pit_count=len(pit),
        parameters=parameters,
    )


def render(found: Study) -> str:
    """A study for people."""
    unit = f" {found.unit}" if found.unit else ""
    lines = [
        f"{found.file}: {found.source}; {found.windows:,} windows of {found.window}, "
        f"{found.missing:,} missing, {found.zeros:,} zeros",
        f"the filter's noise: {found.noise}; scored from window {found.scored_from:,} on; "
        f"a PIT is flat at {1 / BINS:.0%} if the model is right",
        "",
        f"{'':<12}{'log score':>11}   PIT, ten bins from 0 to 1{'':<22}parameters",
    ]
    for model in found.models:
        bins = " ".join(f"{round(100 * share):>3}%" for share in model.pit)
        lines.append(f"{model.name:<12}{model.log_score:>11.5f}  {bins}   {_parameters(model.parameters)}")
    filters = [model.log_score for model in found.models if model.name.startswith("particle")]
    best = max(model.log_score for model in found.models[len(filters) :])
    lines += ["", f"the filter's lead over the better baseline: {filters[0] - best:+.5f} nats a window"]
    if len(filters) > 1:
        lines.append(f"told realised variances instead of returns: {filters[1] - filters[0]:+.5f} nats a window")
    lines += [
        f"volatility at the end: {found.volatility:.4g}{unit} a window, "
        f"90 % between {found.volatility_p05:.4g} and {found.volatility_p95:.4g}",
    ]
    return "\n".join(lines)


def _parameters(values: dict[str, float]) -> str:
    names = [name for name in values if not name.endswith("_sd")]
    told = []
    for name in names:
        sd = f" +- {values[name + '_sd']:.2g}" if f"{name}_sd" in values else ""
        told.append(f"{name} {values[name]:.4g}{sd}")
    return ", ".join(told)
