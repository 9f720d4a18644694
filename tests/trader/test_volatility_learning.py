"""Learned parameters: calibration, exact posteriors, forgetting, no collapse, relations that must hold."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trader.volatility_oracle import simulate
from trader.volatility import ParticleFilter, Prior
from trader.volatility.kernel_moves import ATANH_PHI_MAX, ATANH_PHI_MIN, LOG_SIGMA_MAX, LOG_SIGMA_MIN

PRIOR = Prior(mu=(0.0, 1.0), atanh_phi=(2.0923, 0.5), log_sigma=(-1.897, 0.5))
PRIOR_A = Prior(mu=(-0.5, 1.0), atanh_phi=(2.0923, 0.5), log_sigma=(-1.609, 0.5))
PRIOR_B = Prior(mu=(0.0, 1.0), atanh_phi=(2.6467, 0.5), log_sigma=(-2.303, 0.5))


def calibrate(runs: int, length: int, **settings: Any) -> tuple[np.ndarray, float]:
    """Ranks of the true mu, phi, sigma_eta and last h in their posteriors, (runs, 4); share of extreme transforms."""
    ranks, extreme = [], 0
    for run in range(runs):
        rng = np.random.default_rng(1_000 + run)
        mu = rng.normal(*PRIOR.mu)
        atanh_phi = np.clip(rng.normal(*PRIOR.atanh_phi), ATANH_PHI_MIN, ATANH_PHI_MAX)
        log_sigma = np.clip(rng.normal(*PRIOR.log_sigma), LOG_SIGMA_MIN, LOG_SIGMA_MAX)
        returns, h = simulate((mu, math.tanh(atanh_phi), math.exp(log_sigma)), length, 5_000 + run)
        made = ParticleFilter(prior=PRIOR, seed=run + 1, quantiles=(0.05, 0.95), **settings)
        pit = made.filter(returns).pit
        blocks = made.particles
        weights = blocks["weight"] / blocks["weight"].sum(dtype=float)
        row = [float(weights[blocks[name] < true].sum()) for name, true in
               (("mu", mu), ("atanh_phi", atanh_phi), ("log_sigma", log_sigma))]  # fmt: skip
        z = (h[-1] - blocks["mean"]) / np.sqrt(np.maximum(blocks["variance"], 1e-12))
        below = np.vectorize(math.erf)(z.reshape(-1)[:: max(z.size // 500, 1)] / math.sqrt(2))
        thinned = weights.reshape(-1)[:: max(z.size // 500, 1)]
        ranks.append([*row, float((thinned * (1 + below) / 2).sum() / thinned.sum())])
        extreme += int(((pit < 0.005) | (pit > 0.995)).sum())
    return np.array(ranks), extreme / (runs * length)


def distance(ranks: np.ndarray) -> float:
    """The Kolmogorov-Smirnov statistic of uniformity, times the root of the number: 1.95 is its 99.9th percentile."""
    return float(np.abs(np.sort(ranks) - (np.arange(len(ranks)) + 0.5) / len(ranks)).max() * math.sqrt(len(ranks)))


def test_posteriors_are_calibrated_in_short() -> None:
    ranks, extreme = calibrate(100, 250, particle_count=2048)
    cover = ((ranks > 0.05) & (ranks < 0.95)).mean(0)

    assert max(distance(column) for column in ranks.T) < 1.95
    assert (cover >= 0.8).all() and (cover <= 0.98).all()
    assert extreme <= 0.03


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "length", "low", "high"), [(400, 500, 0.855, 0.945), (200, 3_000, 0.82, 0.95)])
def test_posteriors_are_calibrated(runs: int, length: int, low: float, high: float) -> None:
    ranks, extreme = calibrate(runs, length)
    cover = ((ranks > 0.05) & (ranks < 0.95)).mean(0)[:3]

    assert max(distance(column) for column in ranks.T) < 1.95
    assert (cover >= low).all() and (cover <= high).all()
    assert extreme <= 0.03


@pytest.mark.slow
def test_calibration_tells_a_poor_filter() -> None:
    ranks, _ = calibrate(400, 500, method="joint", particle_count=1024)

    assert ((ranks > 0.05) & (ranks < 0.95)).mean(0)[:3].min() < 0.855


POSTERIORS = [
    ("sim_A", 1_000, "posterior_simA_T1000", PRIOR_A, "gaussian"),
    ("sim_B_hf", 4_000, "posterior_simB_T4000_disc1.000000", PRIOR_B, "gaussian"),
    ("sim_C_t5", 2_000, "posterior_simC_t5", PRIOR, "student"),
    pytest.param("sim_B_hf", 20_000, "posterior_simB_T20000_disc1.000000", PRIOR_B, "gaussian", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("series", "length", "reference", "prior", "noise"), POSTERIORS)
def test_posterior_agrees_with_quadrature(
    trader_data: Path, series: str, length: int, reference: str, prior: Prior, noise: str
) -> None:
    folder = trader_data / "volatility"
    returns = np.genfromtxt(folder / f"{series}.csv", delimiter=",", skip_header=1, usecols=0)[:length]
    exact = json.loads((folder / f"{reference}.json").read_text())
    mean, sd = (np.array([exact[name][what] for name in ("mu", "phi", "sigma")]) for what in ("mean", "sd"))
    for seed in range(1, 3 if length < 20_000 else 6):
        found = ParticleFilter(prior=prior, noise=noise, seed=seed).filter(returns)
        ratio = found.parameters_sd[-1] / sd

        assert (np.abs(found.parameters[-1] - mean) <= 0.35 * sd).all()
        assert (ratio >= 0.8).all() and (ratio <= 1.25).all()
        assert found.log_likelihood == pytest.approx(exact["log_evidence"], abs=0.6)


# Likelihoods of 729 fixed parameters each, on a grid along the posterior's axes.
INDEX = [
    (700, [0.4248, 0.9497, 0.1666], [0.1576, 0.0242, 0.0385], 0.35, 1.25),
    (3_000, [0.1018, 0.9905, 0.1290], [0.2581, 0.0029, 0.0130], 0.35, 1.25),
    # No series of the model: what follows carries sigma_eta off by four deviations of what was known before.
    (5_030, [-0.1873, 0.9842, 0.1824], [0.1682, 0.0033, 0.0139], 1.2, 1.6),
]


@pytest.mark.parametrize(("length", "mean", "sd", "away", "factor"), INDEX)
def test_posterior_of_the_index_agrees_with_quadrature(
    trader_data: Path, length: int, mean: list[float], sd: list[float], away: float, factor: float
) -> None:
    path = trader_data / "returns/reference_gridfilter_sp500_1999_2018.csv"
    returns = np.genfromtxt(path, delimiter=",", skip_header=2)[:length, 1]
    for seed in (1, 2):
        found = ParticleFilter(prior=PRIOR, seed=seed).filter(returns)

        assert (np.abs(found.parameters[-1] - mean) <= away * np.array(sd)).all()
        assert (np.abs(np.log(found.parameters_sd[-1] / sd)) <= math.log(factor)).all()


def test_discounted_posterior_agrees_with_quadrature(trader_data: Path) -> None:
    # Likelihoods of 6,859 fixed parameters on a grid, discounted by 0.9998 a window, over the whole of sim_B_hf.
    mean, sd = np.array([0.6507, 0.9954, 0.0838]), np.array([0.2949, 0.0016, 0.0076])
    returns = np.genfromtxt(trader_data / "volatility/sim_B_hf.csv", delimiter=",", skip_header=1, usecols=0)
    found = ParticleFilter(prior=PRIOR_B, forgetting=0.9998).filter(returns)
    ratio = found.parameters_sd[-1] / sd

    assert (np.abs(found.parameters[-1] - mean) <= 0.6 * sd).all()
    assert (ratio >= 0.75).all() and (ratio <= 1.3).all()


def shifted(length: int, seed: int) -> np.ndarray:
    """Returns whose mu goes from 0 to 1.4 half-way."""
    rng = np.random.default_rng(seed)
    eta, noise = rng.standard_normal((2, length))
    h = np.zeros(length)
    for t in range(1, length):
        mu = 0.0 if t < length // 2 else 1.4
        h[t] = mu + 0.99 * (h[t - 1] - mu) + 0.1 * eta[t]
    return np.exp(h / 2) * noise


@pytest.mark.parametrize("half", [10_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_shift_of_the_regime_is_followed_and_nothing_collapses(half: int) -> None:
    found = ParticleFilter(prior=PRIOR_B, forgetting=1 - 1 / 5_000).filter(shifted(2 * half, 4))
    after = half + 10_000 - 1

    assert abs(found.parameters[after, 0] - 1.4) <= 2 * found.parameters_sd[after, 0]
    assert found.parameters_sd[5_000:, 0].min() > 0.1
    assert np.isfinite(found.parameters).all() and np.isfinite(found.volatility).all()


def test_without_forgetting_the_shift_is_missed() -> None:
    found = ParticleFilter(prior=PRIOR_B, particle_count=2048).filter(shifted(20_000, 4))

    assert abs(found.parameters[-1, 0] - 1.4) > 2 * found.parameters_sd[-1, 0]


def test_floors_hold_the_deviations_up() -> None:
    returns, _ = simulate((0.0, 0.9, 0.3), 6_000, 3)
    floors = (0.3, 0.4, 0.35)
    found = ParticleFilter(prior=PRIOR, forgetting=1 - 1 / 4_000, sd_floors=floors, particle_count=2048)
    last = found.filter(returns)
    header = found.header
    plain = ParticleFilter(prior=PRIOR, forgetting=1 - 1 / 4_000, particle_count=2048).filter(returns)

    assert header["moves"] > 10
    assert (last.parameters_sd[-1] > 1.3 * plain.parameters_sd[-1]).all()


def test_scaled_returns_scale_the_volatility() -> None:
    returns, _ = simulate((0.0, 0.97, 0.2), 1_000, 2)
    scaled = Prior(
        mu=(PRIOR.mu[0] + 2 * math.log(64), PRIOR.mu[1]), atanh_phi=PRIOR.atanh_phi, log_sigma=PRIOR.log_sigma
    )
    one = ParticleFilter(prior=PRIOR).filter(returns)
    other = ParticleFilter(prior=scaled).filter(64 * returns)
    known = ParticleFilter(parameters=(0.0, 0.97, 0.2)).filter(returns)
    known_scaled = ParticleFilter(parameters=(2 * math.log(64), 0.97, 0.2)).filter(64 * returns)

    assert np.allclose(known_scaled.volatility, 64 * known.volatility, rtol=1e-5)
    # Rounding decides whom resampling draws, so learned parameters agree up to the noise of so many particles.
    assert np.allclose(other.volatility, 64 * one.volatility, rtol=0.03)
    assert np.allclose(other.parameters[-1, 1:], one.parameters[-1, 1:], atol=0.3 * one.parameters_sd[-1, 1:].max())


def test_empty_windows_only_move_h_on() -> None:
    returns, _ = simulate((0.0, 0.97, 0.2), 300, 2)
    made = ParticleFilter(prior=PRIOR)
    before = made.filter(returns)
    after = made.filter(np.full(3, math.nan))
    blocks = made.particles
    weights = blocks["weight"] / blocks["weight"].sum()
    ahead = ParticleFilter(parameters=(0.0, 0.97, 0.2))
    ahead.filter(returns)
    fixed = ahead.filter(np.full(3, math.nan))

    assert (after.parameters == before.parameters[-1]).all() and (after.log_likelihoods == 0).all()
    assert after.log_variance[-1] == pytest.approx(float((weights * blocks["mean"]).sum()), abs=1e-4)
    assert np.diff(fixed.log_variance) == pytest.approx((0.97 - 1) * fixed.log_variance[:-1], abs=1e-5)


def test_empty_windows_after_each_move_keep_the_weights_together() -> None:
    returns, _ = simulate((0.0, 0.97, 0.2), 400, 2)
    spaced = np.full(800, math.nan)
    spaced[::2] = returns
    found = ParticleFilter(prior=PRIOR).filter(spaced)

    assert found.moves[-1] > 3
    assert np.abs(np.log(found.volatility[1::2] / found.volatility[::2])).max() < 0.2


@pytest.mark.parametrize("settings", [{}, {"method": "joint"}, {"zeros": "interval", "tick": 0.2, "noise": "student"}])
def test_streamed_is_bit_for_bit_what_one_call_gives(settings: dict[str, Any]) -> None:
    returns, _ = simulate((0.0, 0.97, 0.2), 200, 2)
    whole = ParticleFilter(prior=PRIOR, particle_count=1000, **settings).filter(returns)
    stream = ParticleFilter(prior=PRIOR, particle_count=1000, **settings)
    beliefs = [stream.update(value) for value in returns[:100]]
    saved = ParticleFilter.restore(stream.save())
    beliefs += [saved.update(value) for value in returns[100:]]

    assert [belief.volatility for belief in beliefs] == whole.volatility.tolist()
    assert beliefs[-1].parameters == tuple(whole.parameters[-1])
    assert beliefs[-1].quantiles == tuple(whole.quantiles[-1])
    assert beliefs[-1].moves == whole.moves[-1] > 0


def test_seed_decides_everything() -> None:
    returns, _ = simulate((0.0, 0.97, 0.2), 300, 2)
    first, again, other = (ParticleFilter(prior=PRIOR, seed=seed).filter(returns) for seed in (3, 3, 4))

    assert (first.records.tobytes()) == again.records.tobytes()
    assert (first.volatility != other.volatility).any()


def test_without_a_prior_the_first_returns_place_mu() -> None:
    returns, _ = simulate((-18.0, 0.97, 0.2), 600, 2)
    found = ParticleFilter().filter(returns)

    assert found.parameters[-1, 0] == pytest.approx(-18, abs=0.8)
    assert ParticleFilter().update(1e-4).volatility == pytest.approx(1e-4, rel=2)
    assert ParticleFilter().update(math.nan).log_likelihood == 0


def test_settings_out_of_range_are_named() -> None:
    wrong: list[dict[str, Any]] = [
        {"particle_count": 0},
        {"parameters": (0.0, 1.0, 0.1)},
        {"parameters": (0.0, 0.9, -0.1)},
        {"zeros": "interval"},
        {"forgetting": 1.5},
        {"quantiles": (0.0,)},
        {"quantiles": ()},
        {"prior": Prior(mu=(0.0, -1.0))},
        {"degrees_of_freedom": math.nan, "noise": "student"},
    ]
    for settings in wrong:
        with pytest.raises(ValueError, match=r"found .*, allowed "):
            ParticleFilter(**settings)
    with pytest.raises(TypeError):
        ParticleFilter(particles=7)


def test_series_that_are_none_are_refused() -> None:
    made = ParticleFilter(parameters=(0.0, 0.9, 0.2))
    wrong: list[dict[str, Any]] = [
        {},
        {"returns": np.zeros((2, 2))},
        {"returns": [1.0, math.inf]},
        {"squared": [1.0, -1.0], "counts": [1, 1]},
        {"squared": [1.0, 1.0], "counts": [1]},
        {"squared": [1.0], "counts": [-1]},
        {"returns": [1.0], "squared": [1.0], "counts": [1]},
    ]
    for series in wrong:
        with pytest.raises(ValueError, match="found"):
            made.filter(**series)
    for window in ((math.inf, 1), (-1.0, 1), (1.0, -1)):
        with pytest.raises(ValueError, match="found"):
            made.update_window(*window)
    with pytest.raises(ValueError, match="saved filter"):
        ParticleFilter.restore(b"something else")
    with pytest.raises(ValueError, match="saved filter"):
        ParticleFilter.restore(made.save()[:-1])
