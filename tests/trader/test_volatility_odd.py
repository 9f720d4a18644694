"""Odd series and settings, held to the exact grid filter, or refused by name."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

from tests.trader.volatility_oracle import exact_filter, simulate
from trader.volatility import ParticleFilter, Prior

A = (-1.0, 0.97, 0.2)


def rms(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found / exact - 1) ** 2)))


def assert_exact(
    returns: np.ndarray, parameters: tuple[float, float, float], degrees: float = 0, **series: Any
) -> None:
    """Log-likelihood within 0.01 (or a ten-millionth), mean volatility within 0.1 %, quantiles within 0.2 %."""
    noise = {"noise": "student", "degrees_of_freedom": degrees} if degrees else {}
    counts = series.get("counts")
    # What a thousand returns know is narrower than half of sigma_eta.
    fine = 0.5 if counts is None else min(0.5, 2 / math.sqrt(counts.max()))
    exact = exact_filter(returns, parameters, degrees_of_freedom=degrees, counts=counts, spacing=fine)
    found = ParticleFilter(parameters=parameters, **noise).filter(**(series or {"returns": returns}))

    assert found.log_likelihood == pytest.approx(exact.log_likelihoods.sum(), abs=0.01, rel=1e-7)
    assert rms(found.volatility, exact.volatility) < 1e-3
    assert rms(found.quantiles[:, 0], exact.q05) < 2e-3
    assert rms(found.quantiles[:, 1], exact.q95) < 2e-3


@pytest.mark.parametrize("degrees", [2.5, 3.0, 4.0, 8.0, 15.0, 30.0])
def test_tails_from_heavy_to_nearly_gaussian(degrees: float) -> None:
    returns, _ = simulate(A, 700, int(degrees), degrees_of_freedom=degrees)
    assert_exact(returns, A, degrees)


@pytest.mark.parametrize("parameters", [(0.0, 0.6, 0.05), (0.0, 0.9, 0.4), (-9.0, 0.995, 0.05), (3.0, -0.5, 0.3)])
def test_other_parameters(parameters: tuple[float, float, float]) -> None:
    returns, _ = simulate(parameters, 700, 3)
    assert_exact(returns, parameters)
    assert_exact(returns, parameters, 5.0)


@pytest.mark.parametrize("count", [1, 5, 20, 50, 100, 200, 1_000])
def test_realised_variances_of_any_number_of_returns(count: int) -> None:
    """Many returns know volatility far better than the prior does: the mode is not where the prior would have it."""
    rng = np.random.default_rng(count)
    _, h = simulate(A, 400, count)
    squared = np.exp(h) * rng.chisquare(count, 400)
    counts = np.full(400, count)
    counts[100:120] = 0
    roots = np.where(counts > 0, np.sqrt(squared), 0.0)
    assert_exact(roots, A, squared=np.where(counts > 0, squared, np.nan), counts=counts)


@pytest.mark.parametrize("size", [12.0, 60.0, 1e4, 1e12])
def test_jumps_of_any_size_hardly_move_a_student_filter(size: float) -> None:
    returns, _ = simulate(A, 400, 9)
    returns[200], returns[201], returns[300] = size, -size, 0.0
    assert_exact(returns, A, 5.0)


def test_jumps_of_twenty_deviations_are_followed_by_a_gaussian_filter() -> None:
    returns, _ = simulate(A, 400, 9)
    returns[200] = 20 * math.exp(-0.5)
    exact, found = exact_filter(returns, A), ParticleFilter(parameters=A).filter(returns)

    assert np.abs(found.volatility / exact.volatility - 1).max() < 0.07
    assert abs(found.log_likelihood - exact.log_likelihoods.sum()) < 0.5


@pytest.mark.parametrize("returns", [[0.3], [0.0], [math.nan], [math.nan, 0.2], [0.1, math.nan, math.nan]])
def test_shortest_series(returns: list[float]) -> None:
    assert_exact(np.array(returns), A)


def test_of_nothing_comes_nothing() -> None:
    found = ParticleFilter().filter([])

    assert len(found) == 0 and found.log_likelihood == 0


def test_kinds_of_arrays_are_one_series() -> None:
    returns = simulate(A, 60, 2)[0].astype(np.float32)
    missing = returns.astype(np.float64)
    missing[[5, 9]] = np.nan
    masked = np.ma.array(returns, mask=np.isnan(missing))
    told = [
        ParticleFilter(parameters=A).filter(series).log_likelihood
        for series in (returns, returns.astype(float), returns.tolist(), returns[::-1][::-1])
    ]

    assert len(set(told)) == 1
    assert ParticleFilter(parameters=A).filter(masked).log_likelihood == (
        ParticleFilter(parameters=A).filter(missing).log_likelihood
    )


def test_settings_may_be_numpys() -> None:
    one = ParticleFilter(parameters=np.array(A), degrees_of_freedom=np.float32(5), seed=np.int64(3))
    other = ParticleFilter(parameters=A, degrees_of_freedom=5.0, seed=3)

    assert one.settings == other.settings


@pytest.mark.parametrize("noise", ["gaussian", "student"])
@pytest.mark.parametrize("method", ["particle", "joint"])
@pytest.mark.parametrize("forgetting", [0.9, 0.99, 0.999, 1.0])
def test_any_memory_stays_finite_and_sure_of_no_more_than_it_saw(noise: str, method: str, forgetting: float) -> None:
    returns, _ = simulate((0.5, 0.98, 0.15), 2_000, 4)
    settings = {"particle_count": 1_024, "prior": Prior(), "degrees_of_freedom": 30.0}
    found = ParticleFilter(noise=noise, method=method, forgetting=forgetting, **settings).filter(returns)

    for values in (found.volatility, found.quantiles, found.parameters, found.parameters_sd, found.log_likelihoods):
        assert np.isfinite(values).all()
    assert (found.parameters_sd > 0).all()
    if forgetting <= 0.99:
        assert found.parameters_sd[500:, 0].min() > 0.25


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"noise": "cauchy"}, "noise: found 'cauchy', allowed gaussian, student"),
    ({"method": 3}, "method: found 3, allowed particle, joint"),
    ({"particle_count": 7.5}, "particle_count: found 7.5, allowed a whole number"),
    ({"parameters": (0.0, 0.9)}, "parameters: found (0.0, 0.9), allowed None, or three numbers"),
    ({"prior": None}, "prior: found None, allowed a Prior"),
    ({"tick": "0.1"}, "tick: found '0.1', allowed a number"),
    ({"quantiles": (0.5, 1.0)}, "quantiles: found 1.0, allowed above 0 to below 1"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG, ids=[next(iter(row[0])) for row in WRONG])
def test_settings_of_another_kind_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        ParticleFilter(**settings)

    assert str(caught.value).startswith(message)


NONE: list[tuple[dict[str, Any], str]] = [
    ({"returns": "abc"}, "returns: found <U3 such as abc, allowed numbers"),
    ({"returns": [1, "x"]}, "returns: found <U21"),
    ({"returns": [1 + 2j]}, "returns: found complex128"),
    ({"returns": 3.0}, "returns: found shape (), allowed one dimension"),
    ({"returns": [[1.0], [2.0]]}, "returns: found shape (2, 1), allowed one dimension"),
    ({"returns": [0.0, 1e200]}, "returns[1]: found 1e+200, allowed NaN, or sizes up to 1e+15"),
    ({"returns": [None, {}]}, "returns: found something else than numbers, allowed numbers"),
    ({"squared": [1.0], "counts": [0.5]}, "counts[0]: found 0.5, allowed whole numbers"),
    ({"squared": [math.nan], "counts": [1]}, "squared[0]: found nan, allowed 0 to 1e+30"),
    ({"squared": [1.0], "counts": [math.nan]}, "counts[0]: found nan, allowed whole numbers"),
]


@pytest.mark.parametrize(("series", "message"), NONE)
def test_series_of_another_kind_are_named(series: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        ParticleFilter(parameters=A).filter(**series)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("wrong", [None, "a", [0.1, 0.2], np.zeros(3), 1 + 2j])
def test_single_windows_of_another_kind_are_named(wrong: Any) -> None:
    made = ParticleFilter(parameters=A)
    with pytest.raises(ValueError, match=r"return: found .*, allowed a number"):
        made.update(wrong)
    with pytest.raises(ValueError, match=r"squared: found .*, allowed a number"):
        made.update_window(wrong, 1)


@pytest.mark.parametrize("count", [0.5, -1, math.nan, math.inf, 1 << 25])
def test_counts_that_are_none_are_named(count: float) -> None:
    with pytest.raises(ValueError, match=r"count: found .*, allowed whole numbers from 0 to"):
        ParticleFilter(parameters=A).update_window(1.0, count)  # type: ignore[arg-type]


def test_single_windows_are_the_series_whatever_kind_of_number_they_are() -> None:
    whole = ParticleFilter(parameters=A).filter(squared=[0.5, np.nan, 2.0], counts=[2, 0, 3])
    one = ParticleFilter(parameters=A)
    beliefs = [one.update_window(np.float32(0.5), np.int8(2)), one.update_window(math.nan, 0)]
    beliefs.append(one.update_window(np.array(2.0), 3.0))  # type: ignore[arg-type]

    assert [belief.volatility for belief in beliefs] == whole.volatility.tolist()
    assert np.isnan(one.update(np.ma.masked).pit)  # type: ignore[arg-type]


def test_copies_go_on_bit_for_bit() -> None:
    returns, _ = simulate(A, 300, 5)
    one = ParticleFilter(prior=Prior(), particle_count=512)
    one.filter(returns[:200])
    copies = copy.deepcopy(one), pickle.loads(pickle.dumps(one))
    expected = one.filter(returns[200:]).records.tobytes()

    assert all(other.filter(returns[200:]).records.tobytes() == expected for other in copies)


@pytest.mark.parametrize("level", [-50.0, -23.0, 30.0])
def test_without_a_prior_any_unit_will_do(level: float) -> None:
    """Returns of windows of milliseconds are a hundred-thousandth where they are fractions of the price."""
    returns, _ = simulate((level, 0.97, 0.2), 600, 2)
    found = ParticleFilter(particle_count=1_024).filter(returns)

    assert found.parameters[-1, 0] == pytest.approx(level, abs=0.8)


def test_damage_to_a_saved_filter_is_noticed() -> None:
    saved = ParticleFilter(parameters=A).save()
    for at in range(0, len(saved), 97):
        with pytest.raises(ValueError, match="saved filter"):
            ParticleFilter.restore(saved[:at] + bytes([saved[at] ^ 1]) + saved[at + 1 :])
