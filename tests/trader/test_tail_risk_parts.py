"""Tail risk's parts: moments, tail index, amplitudes and antifragility against definitions and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trader.indicator_truth import SERIES, hard_series
from trader.tail_risk import AmplitudePool, BlackSwanDetector, antifragility_of
from trader.tail_risk.amplitudes import CELLS, POOL_STATES, cell_of
from trader.tail_risk.antifragility import ANTIFRAGILE, EXPOSURE, FRAGILE, GRID, NODES, ROBUST, antifragility


def moments_truth(values: np.ndarray, decay: float = 1.0) -> tuple[float, float, float, float]:
    """Two passes in long double over what is finite: mean, variance, skewness, kurtosis."""
    x = values[np.isfinite(values)].astype(np.longdouble)
    weights = np.longdouble(decay) ** np.arange(len(x) - 1, -1, -1)
    shifted = x - x[0]
    mean = (weights @ shifted) / weights.sum()
    second, third, fourth = ((weights @ (shifted - mean) ** power) / weights.sum() for power in (2, 3, 4))
    if second == 0:
        return float(mean + x[0]), 0.0, 0.0, 0.0
    return float(mean + x[0]), float(second), float(third / second**1.5), float(fourth / second**2)


@pytest.mark.parametrize("decay", [1.0, 0.999])
@pytest.mark.parametrize("kind", [*SERIES, "one value"])
def test_moments_are_those_of_two_passes_over_a_million_hard_points(kind: str, decay: float) -> None:
    series = np.full(1_000_000, 1e8 + 0.1) if kind == "one value" else hard_series(kind)
    if decay < 1:
        series = series[:200_000]
    detector = BlackSwanDetector(decay=decay)
    detector.batch(series)
    found, expected = detector.swan, moments_truth(series, decay)

    assert found.mean == pytest.approx(expected[0], rel=1e-9)
    assert found.variance == pytest.approx(expected[1], rel=1e-9)
    assert found.skewness == pytest.approx(expected[2], rel=1e-9, abs=1e-9)
    assert found.kurtosis == pytest.approx(expected[3], rel=1e-9)


def test_moments_of_known_distributions() -> None:
    detector = BlackSwanDetector()
    detector.batch(np.random.default_rng(1).exponential(2.0, 1_000_000) + 1e6)

    assert detector.swan.mean == pytest.approx(1e6 + 2, rel=1e-8)
    assert detector.swan.variance == pytest.approx(4, rel=0.01)
    assert detector.swan.skewness == pytest.approx(2, rel=0.02)
    assert detector.swan.kurtosis == pytest.approx(9, rel=0.05)


def pareto(alpha: float, count: int, seed: int) -> np.ndarray:
    """Pareto samples above 1, with random signs."""
    rng = np.random.default_rng(seed)
    return (1 - rng.random(count)) ** (-1 / alpha) * rng.choice([-1, 1], count)


@pytest.mark.parametrize("alpha", [1.5, 3.0, 6.0])
@pytest.mark.parametrize("memory", [math.inf, 10_000])
def test_tail_index_of_pareto_samples_is_within_its_standard_error(alpha: float, memory: float) -> None:
    distances = []
    for seed in range(60):
        detector = BlackSwanDetector(share=0.05, memory=memory)
        detector.batch(pareto(alpha, 40_000, seed))
        distances.append((detector.swan.tail_alpha - alpha) / detector.swan.tail_alpha_error)

    # Of a normal estimate with this standard error 68 % are within one, and their mean is about nothing.
    within = np.mean(np.abs(distances) < 1)
    assert 0.5 < within < 0.86
    assert np.max(np.abs(distances)) < 4.5
    assert abs(np.mean(distances)) < 0.5


def test_probability_and_expected_size_of_an_extreme_are_the_pareto_ones() -> None:
    detector = BlackSwanDetector(share=0.05)
    detector.batch(pareto(3.0, 1_000_000, 1))

    assert detector.swan.threshold == pytest.approx(0.05 ** (-1 / 3), rel=0.03)
    for size in (5, 20, 100):
        assert detector.probability(size) == pytest.approx(size**-3.0, rel=0.15)
        assert detector.expected(size) == pytest.approx(1.5 * size, rel=0.02)
    assert detector.probability(1e-9) == pytest.approx(0.05, rel=0.1)


def test_values_that_stand_still_thin_the_tail_out_and_missing_ones_do_nothing() -> None:
    whole, thinned = BlackSwanDetector(), BlackSwanDetector()
    values = pareto(3.0, 200_000, 2)
    whole.batch(values)
    thinned.batch(np.c_[values, np.zeros((len(values), 3)), np.full(len(values), np.nan)].ravel())

    assert thinned.swan.tail_alpha == whole.swan.tail_alpha
    assert thinned.probability(30) == pytest.approx(whole.probability(30) / 4, rel=1e-3)
    nothing = BlackSwanDetector()
    nothing.batch(np.zeros(100))
    assert nothing.probability(1.0) == 0 and math.isinf(nothing.swan.tail_alpha_error)


def test_a_tail_without_a_mean_says_so() -> None:
    detector = BlackSwanDetector()
    detector.batch(pareto(0.8, 100_000, 3))

    assert math.isinf(detector.expected(100.0))


def test_black_swan_settings_out_of_range_are_refused() -> None:
    for settings_ in ({"decay": 0.0}, {"share": 0.6}, {"memory": 3.0}):
        with pytest.raises(ValueError, match="black swan: found"):
            BlackSwanDetector(**settings_)


def filled(pool: AmplitudePool, values: np.ndarray, decay: float = 1.0) -> int:
    """A state of given returns."""
    index = pool.take(scale=1.0, decay=decay)
    pool.observe(index, values)
    return index


def test_fidelity_is_the_squared_overlap_of_the_histograms() -> None:
    pool, rng = AmplitudePool(), np.random.default_rng(5)
    a, b = rng.normal(0, 1, 3_000), rng.normal(0.5, 2, 2_000)
    histograms = [np.bincount([cell_of(v) for v in each], minlength=CELLS) / len(each) for each in (a, b)]

    found = pool.fidelity(filled(pool, a), filled(pool, b))
    assert found == pytest.approx(np.sqrt(histograms[0] * histograms[1]).sum() ** 2, rel=1e-12)


def test_fidelity_of_normals_is_the_closed_form() -> None:
    pool, rng = AmplitudePool(), np.random.default_rng(6)
    base = filled(pool, rng.normal(0, 1, 100_000))
    for ratio in (1.0, 1.5, 3.0):
        expected = 2 * ratio / (1 + ratio**2)  # squared Bhattacharyya coefficient of two normals of one mean
        assert pool.fidelity(base, filled(pool, rng.normal(0, ratio, 100_000))) == pytest.approx(expected, abs=0.01)


def test_fidelity_is_one_only_for_equals_and_nothing_without_a_common_cell() -> None:
    pool, values = AmplitudePool(), np.random.default_rng(7).standard_normal(500)
    one, same, other = filled(pool, values), filled(pool, np.r_[values, np.nan]), filled(pool, values + 1e6)

    assert pool.fidelity(one, same) == pytest.approx(1) and pool.fidelity(one, other) < 0.01
    assert pool.fidelity(one, pool.take(scale=1.0)) == 0 and pool.regime_change(one, pool.take(scale=1.0)) == 0


def test_samples_of_one_distribution_are_no_regime_change_on_average() -> None:
    rng, found = np.random.default_rng(8), []
    for _ in range(30):
        pool = AmplitudePool()
        base, current = filled(pool, rng.normal(size=5_000)), filled(pool, rng.normal(size=2_000), decay=0.99)
        found.append(pool.regime_change(base, current))

    assert np.mean(found) < 0.03 and max(found) < 0.1
    pool = AmplitudePool()
    assert pool.regime_change(filled(pool, rng.normal(size=5_000)), filled(pool, rng.normal(0, 4, 400), 0.99)) > 0.3


def test_what_is_old_is_forgotten_and_no_weight_overflows() -> None:
    pool, rng = AmplitudePool(), np.random.default_rng(9)
    state = filled(pool, np.r_[np.full(3_000, -50.0), rng.normal(size=9_000)], decay=0.9)
    fresh = filled(pool, np.full(40, -50.0))
    own = pool.pool["states"][0, state]

    assert pool.fidelity(state, fresh) < 1e-9
    assert np.isfinite(own["weight"]).all() and own["count"] == 12_000
    weight, squares = own["total"], own["total_squares"]
    assert weight * weight / squares == pytest.approx(19, rel=1e-6)  # (1 + decay) / (1 - decay)


@given(z=st.floats(allow_nan=False))
def test_every_return_has_a_cell_and_larger_ones_no_lower(z: float) -> None:
    assert 0 <= cell_of(z) < CELLS
    assert cell_of(z) <= cell_of(z + abs(z)) if z > 0 else cell_of(z) <= CELLS // 2
    assert cell_of(math.nan) == -1


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.integers(-1, POOL_STATES), max_size=60))
def test_pool_hands_out_every_state_once_and_takes_back_only_what_is_out(steps: list[int]) -> None:
    pool, out, refused = AmplitudePool(), set(), 0
    for step in steps:
        if step % 2 == 0:
            index = pool.take(scale=1.0)
            assert index not in out
            out.add(index)
        else:
            index = step if step % 3 else next(iter(out), -1)
            refused += index not in out
            out.discard(index)
            pool.give_back(index)

    assert pool.pool["free_count"][0] == POOL_STATES - len(out) and pool.pool["refused"][0] == refused


def test_an_exhausted_pool_says_so() -> None:
    pool = AmplitudePool()
    taken = {pool.take(scale=1.0) for _ in range(POOL_STATES)}

    assert len(taken) == POOL_STATES
    with pytest.raises(MemoryError, match="all 1000 states are taken"):
        pool.take(scale=1.0)
    pool.give_back(7)
    assert pool.take(scale=2.0) == 7
    with pytest.raises(ValueError, match="found scale 0"):
        pool.take(scale=0)


def test_antifragility_has_the_sign_of_convexity() -> None:
    for strike in (-1.0, 0.0, 2.0):
        long = antifragility_of(lambda m, k=strike: np.maximum(m - k, 0.0), 1.5)
        short = antifragility_of(lambda m, k=strike: -np.maximum(m - k, 0.0), 1.5)
        assert long.score > 0 > short.score and long.kind == ANTIFRAGILE and short.kind == FRAGILE
        assert short.score == pytest.approx(-long.score)
    linear = antifragility_of(lambda m: 3 * m, 1.5)
    assert linear.score == pytest.approx(0, abs=1e-12) and linear.kind == ROBUST
    assert linear.tail_sensitivity > 0, "linear harm still grows with volatility"


def test_antifragility_of_closed_forms() -> None:
    square = antifragility_of(np.square, 2.0, stress=0.25)
    straddle = antifragility_of(lambda m: -np.abs(m), 2.0)
    halves = antifragility_of(lambda m: 5 * m, 2.0)

    assert square.gap == pytest.approx(4, rel=1e-6) and square.score == pytest.approx(1)
    assert square.second_difference == pytest.approx(2 * 4 * 0.25**2, rel=1e-6)
    assert straddle.gap == pytest.approx(-2 * math.sqrt(2 / math.pi), rel=5e-3) and straddle.score == pytest.approx(-1)
    assert straddle.second_difference == pytest.approx(0, abs=1e-9)
    assert halves.tail_sensitivity == pytest.approx(5 / math.sqrt(2 * math.pi), rel=5e-3)


def test_antifragility_of_a_position_with_orders_is_that_of_its_payoff() -> None:
    rng = np.random.default_rng(10)
    exposure = np.zeros(1, EXPOSURE)[0]
    exposure["stress"], exposure["robust"], exposure["volatility_ticks"] = 0.5, 0.1, 7.0
    orders = [(-3.0, 4.0), (-9.0, 2.0), (2.0, -5.0), (40.0, -1.0)]
    for position in (-30.0, 0.0, *rng.normal(0, 50, 5)):
        exposure["position_lots"], exposure["order_count"] = position, len(orders)
        for index, (ticks, lots) in enumerate(orders):
            exposure["order_ticks"][index], exposure["order_lots"][index] = ticks, lots

        def payoff(m: np.ndarray, held: float = position) -> np.ndarray:
            filled_bids = sum(lots * np.minimum(m - ticks, 0) for ticks, lots in orders if lots > 0)
            filled_asks = sum(-lots * np.minimum(ticks - m, 0) for ticks, lots in orders if lots < 0)
            return held * m + filled_bids + filled_asks

        expected = antifragility_of(payoff, 7.0)
        assert antifragility(exposure) == pytest.approx(expected.score, rel=1e-9)
        assert exposure["tail_sensitivity"] == pytest.approx(expected.tail_sensitivity, rel=1e-9)
        assert expected.score < 0, "resting orders are short convexity"
    assert len(NODES) == GRID


@pytest.mark.parametrize("volatility", [0.0, -1.0, math.nan, math.inf])
def test_without_a_volatility_there_is_nothing_to_judge(volatility: float) -> None:
    exposure = np.zeros(1, EXPOSURE)[0]
    exposure["stress"], exposure["position_lots"], exposure["volatility_ticks"] = 0.5, 5.0, volatility

    assert antifragility(exposure) == 0
    with pytest.raises(ValueError, match="found volatility"):
        antifragility_of(np.square, volatility)
