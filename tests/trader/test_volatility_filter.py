"""The particle filters with known parameters: against the exact grid filter, and relations that must hold."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trader.volatility_oracle import Exact, exact_filter, simulate
from trader.volatility import Filtered, ParticleFilter, Prior

A = (-1.0, 0.97, 0.2)
B = (0.5, 0.995, 0.08)
C = (0.0, 0.98, 0.15)

RECORDED = [
    ("gbpusd_9798", "grid_gbpusd_9798", (-1.02, 0.9702, 0.178), 0),
    ("sim_A", "grid_sim_A", A, 0),
    ("sim_A", "grid_sim_A_t8", A, 8),
    ("sim_C_t5", "grid_sim_C_t5", C, 5),
    ("sim_B_hf", "grid_sim_B_first2000", B, 0),
    ("stress", "grid_stress", C, 0),
]


def rms(found: np.ndarray, expected: np.ndarray) -> float:
    """Root mean square of the relative error."""
    return float(np.sqrt(np.square(found / expected - 1).mean()))


def worst(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest relative error."""
    return float(np.abs(found / expected - 1).max())


def errors(found: Filtered, exact: Exact) -> tuple[float, float, float, float]:
    """Of the log-likelihood, absolute; of volatility and its 5th and 95th percentile, relative and rms."""
    low, high = found.quantiles.T
    paths = (found.volatility, exact.volatility), (low, exact.q05), (high, exact.q95)
    return (found.log_likelihood - exact.log_likelihoods.sum(), *(rms(*path) for path in paths))  # type: ignore[return-value]


def stressed(seed: int) -> np.ndarray:
    """Jumps of ten deviations, zeros, missing windows."""
    returns = np.random.default_rng(seed).standard_normal(300)
    returns[100], returns[150:160], returns[200:202], returns[250] = 8, 0, math.nan, -12
    return returns


@pytest.mark.parametrize("parameters", [A, B, C, (-9.0, 0.9, 0.4), (0.0, 0.6, 0.8)])
@pytest.mark.parametrize("degrees", [0, 5])
def test_filter_agrees_with_the_exact_one(parameters: tuple[float, float, float], degrees: int) -> None:
    returns, _ = simulate(parameters, 800, 11, degrees_of_freedom=degrees)
    exact = exact_filter(returns, parameters, degrees_of_freedom=degrees)
    found = ParticleFilter(parameters=parameters, **noise_of(degrees)).filter(returns)
    likelihood, volatility, low, high = errors(found, exact)

    assert abs(likelihood) < 0.03
    assert volatility < 3e-4 and low < 1e-3 and high < 1e-3
    assert rms(found.volatility_sd, exact.volatility_sd) < 2e-3
    assert np.abs(found.log_variance - exact.log_variance).max() < 0.01
    assert rms(found.log_variance_sd, exact.log_variance_sd) < 2e-3


def noise_of(degrees: float) -> dict[str, Any]:
    """Settings of a noise: Student-t, or for 0 degrees Gaussian."""
    return {"noise": "student", "degrees_of_freedom": degrees} if degrees else {}


def test_jumps_zeros_and_missing_windows_are_survived_in_good_order() -> None:
    for seed in range(3):
        returns = stressed(seed)
        exact = exact_filter(returns, C)
        found = ParticleFilter(parameters=C).filter(returns)

        assert abs(found.log_likelihood - exact.log_likelihoods.sum()) < 0.05
        assert worst(found.volatility, exact.volatility) < 0.015
        assert worst(found.quantiles[:, 0], exact.q05) < 0.01
        assert worst(found.quantiles[:, 1], exact.q95) < 0.035
        assert np.isnan(found.pit[200]) and found.log_likelihoods[200] == 0


@pytest.mark.parametrize("size", [30.0, 300.0, 1e6])
def test_absurd_returns_leave_a_finite_belief(size: float) -> None:
    for settings in ({"parameters": C}, {"prior": Prior(), "particle_count": 512}):
        for extra in ({}, {"noise": "student"}, {"method": "joint", "particle_count": 512}):
            returns = np.random.default_rng(1).standard_normal(300)
            returns[100] = size
            found = ParticleFilter(**{**settings, **extra}).filter(returns)
            for name in ("log_likelihoods", "volatility", "volatility_sd", "quantiles", "parameters", "pit"):
                assert np.isfinite(getattr(found, name)).all(), (name, extra)
            assert found.volatility[100] > found.volatility[99]


@pytest.mark.parametrize("degrees", [0, 5])
def test_realised_variances_of_many_returns_agree_with_the_exact_filter(degrees: int) -> None:
    rng = np.random.default_rng(2)
    _, h = simulate(A, 500, 3)
    counts = rng.integers(0, 30, 500)
    squared = np.where(counts > 0, np.exp(h) * rng.chisquare(np.maximum(counts, 1)), 0)
    exact = exact_filter(np.sqrt(squared), A, counts=counts, degrees_of_freedom=degrees)
    found = ParticleFilter(parameters=A, **noise_of(degrees)).filter(squared=squared, counts=counts)
    likelihood, volatility, low, high = errors(found, exact)

    assert abs(likelihood) < 0.01 and volatility < 1e-4 and low < 1e-3 and high < 1e-3


@pytest.mark.parametrize("ticks_per_volatility", [0.1, 0.5, 1.5, 4.0])
def test_returns_in_ticks_agree_with_the_exact_filter_of_intervals(ticks_per_volatility: float) -> None:
    tick = ticks_per_volatility * math.exp(A[0] / 2)
    returns = np.round(simulate(A, 500, 4)[0] / tick) * tick
    exact = exact_filter(returns, A, half_tick=tick / 2)
    found = ParticleFilter(parameters=A, zeros="interval", tick=tick).filter(returns)
    likelihood, volatility, low, high = errors(found, exact)

    assert abs(likelihood) < 0.02 and volatility < 5e-4 and low < 2e-3 and high < 2e-3
    assert np.abs(np.histogram(found.pit, 5, (0, 1))[0] / 500 - 0.2).max() < 0.06


def test_tiny_ticks_change_nothing() -> None:
    returns, _ = simulate(A, 200, 4)
    plain = ParticleFilter(parameters=A).filter(returns)
    ticks = ParticleFilter(parameters=A, zeros="interval", tick=1e-6).filter(returns)

    assert (plain.volatility == ticks.volatility).all()


def test_interval_probability_of_student_noise_agrees_with_the_other_filter() -> None:
    returns = np.round(simulate(C, 400, 5, degrees_of_freedom=5)[0])
    settings: dict[str, Any] = {"parameters": C, "noise": "student", "zeros": "interval", "tick": 1.0}
    found = ParticleFilter(**settings).filter(returns)
    drawn = ParticleFilter(method="joint", particle_count=20_000, **settings).filter(returns)

    assert found.log_likelihood == pytest.approx(drawn.log_likelihood, abs=0.4)
    assert rms(found.volatility, drawn.volatility) < 0.01


def test_zeros_drag_volatility_down_unless_they_are_told_apart() -> None:
    returns, _ = simulate(C, 400, 6)
    returns[300:330] = 0

    def ratio(**settings: Any) -> float:
        found = ParticleFilter(parameters=C, **settings).filter(returns)
        return float(np.exp(0.5 * (found.log_variance[329] - found.log_variance[299])))

    assert ratio() < 0.45
    assert ratio() < ratio(zeros="interval", tick=1.0) - 0.1
    assert 0.7 < ratio(zeros="inactive") < 1.4


def test_inactive_windows_lower_volatility_by_their_share_alone() -> None:
    rng = np.random.default_rng(7)
    active = rng.random(3_000) < 0.3
    returns = np.where(active, simulate(C, 3_000, 8)[0], 0)
    found = ParticleFilter(parameters=C, zeros="inactive", zero_half_life=1e6).filter(returns)
    known = ParticleFilter(parameters=C).filter(np.where(active, returns, math.nan))
    zeros, windows = np.cumsum(~active), np.arange(1, 3_001)
    before = (zeros - ~active + 0.5) / windows
    after = (zeros + 0.5) / (windows + 1)

    assert np.allclose(found.zero_share, after, atol=1e-3)
    assert np.allclose(found.volatility, known.volatility * np.sqrt(1 - found.zero_share), rtol=1e-12)
    expected = known.log_likelihood + np.log(np.where(active, 1 - before, before)).sum()
    assert found.log_likelihood == pytest.approx(expected, abs=0.5)
    assert np.isnan(found.pit[~active]).all() and np.isfinite(found.pit[active]).all()


def test_transform_is_uniform_if_the_model_is_right() -> None:
    for degrees in (0, 5):
        returns, _ = simulate(C, 3_000, 9, degrees_of_freedom=degrees)
        pit = ParticleFilter(parameters=C, **noise_of(degrees)).filter(returns).pit
        counts, _ = np.histogram(pit, 20, (0, 1))

        assert np.square(counts - 150).sum() / 150 < 43.8  # chi-squared with 19 degrees, 99.9 %


def test_transform_of_realised_variances_is_uniform_if_the_model_is_right() -> None:
    rng = np.random.default_rng(3)
    _, h = simulate(C, 2_000, 10)
    squared = np.exp(h) * rng.chisquare(6, 2_000)
    for degrees in (0, 5):
        scaled = squared / (rng.chisquare(degrees, 2_000) / degrees) if degrees else squared
        found = ParticleFilter(parameters=C, **noise_of(degrees)).filter(squared=scaled, counts=np.full(2_000, 6))
        counts, _ = np.histogram(found.pit, 20, (0, 1))

        assert np.square(counts - 100).sum() / 100 < 43.8


def test_joint_filter_is_unbiased_and_as_close_as_its_particles_allow() -> None:
    returns, _ = simulate(A, 500, 12)
    exact = exact_filter(returns, A)
    runs = [ParticleFilter(parameters=A, method="joint", seed=seed).filter(returns) for seed in range(32)]
    gaps = np.array([run.log_likelihood for run in runs]) - exact.log_likelihoods.sum()
    ratios = np.exp(gaps)

    assert abs(ratios.mean() - 1) <= 4 * ratios.std() / math.sqrt(32)
    assert gaps.std() <= 0.3
    assert np.mean([rms(run.volatility, exact.volatility) for run in runs]) < 0.006
    assert np.mean([rms(run.quantiles[:, 0], exact.q05) for run in runs]) < 0.011
    assert np.mean([rms(run.quantiles[:, 1], exact.q95) for run in runs]) < 0.011


@pytest.mark.parametrize(("series", "reference", "parameters", "degrees"), RECORDED, ids=[row[1] for row in RECORDED])
def test_filter_agrees_with_recorded_references(
    trader_data: Path, series: str, reference: str, parameters: tuple[float, float, float], degrees: int
) -> None:
    folder = trader_data / "volatility"
    path = np.genfromtxt(folder / f"{reference}_path.csv", delimiter=",", names=True)
    returns = np.genfromtxt(folder / f"{series}.csv", delimiter=",", skip_header=1, usecols=0)[: len(path)]
    expected = json.loads((folder / f"{reference}.json").read_text())["loglik"]
    found = ParticleFilter(parameters=parameters, **noise_of(degrees)).filter(returns)
    calm = series != "stress"

    assert abs(found.log_likelihood - expected) < (0.01 if calm else 0.05)
    assert rms(found.volatility, path["mean_vol"]) < (2e-4 if calm else 2e-3)
    assert rms(found.quantiles[:, 0], path["qv005"]) < (2e-4 if calm else 1e-3)
    assert rms(found.quantiles[:, 1], path["qv095"]) < (5e-4 if calm else 4e-3)


def test_filter_agrees_with_the_grid_on_twenty_years_of_the_index(trader_data: Path) -> None:
    rows = np.genfromtxt(trader_data / "returns/reference_gridfilter_sp500_1999_2018.csv", delimiter=",", skip_header=2)
    found = ParticleFilter(parameters=(-0.2, 0.98, 0.2)).filter(rows[:, 1])

    assert found.log_likelihood == pytest.approx(-6862.851418173, abs=0.05)
    assert np.abs(found.log_variance - rows[:, 3]).max() < 0.01
    assert rms(found.log_variance_sd, rows[:, 4]) < 1e-3
