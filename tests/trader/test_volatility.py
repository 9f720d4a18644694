"""The incremental volatility estimate: against a plain numpy model, its band, gaps, silence, warm-up."""

import math

import numpy as np
import pytest

from shm.codec import record_dtype
from shm.kernel import new_record
from trader.enums import BeliefState
from trader.messages import VolatilityEstimate
from trader.volatility.estimate import (
    ESTIMATOR,
    VolatilityConfig,
    configure,
    observe_mid,
    reset_window,
    write_estimate,
)

WINDOW_NS = 150_000_000
MID = 1_236_000
ESTIMATE = record_dtype(VolatilityEstimate)


def make_estimator(**knobs: float) -> np.ndarray:
    estimator = new_record(ESTIMATOR)
    configure(estimator[0], VolatilityConfig(**knobs))
    return estimator


def estimate_of(estimator: np.ndarray) -> np.void:
    estimate = new_record(ESTIMATE)
    write_estimate(estimator[0], estimate[0])
    return estimate[0].copy()


def feed_windows(estimator: np.ndarray, mids: np.ndarray, first_window: int = 1_000) -> int:
    """One mid in the middle of each window."""
    closed = 0
    for index, mid in enumerate(mids):
        closed += observe_mid(estimator[0], (first_window + index) * WINDOW_NS + WINDOW_NS // 2, int(mid))
    return closed


def walk(count: int, volatility_bps: float, seed: int = 3) -> np.ndarray:
    """Mids in half ticks of a million, fine enough that rounding does not matter."""
    steps = np.random.default_rng(seed).normal(0, volatility_bps * math.sqrt(0.15) / 1e4, count)
    return np.round(1e9 * np.exp(np.cumsum(steps))).astype(np.int64)


def test_estimate_equals_the_plain_weighted_mean_of_squared_returns() -> None:
    estimator = make_estimator(half_life_s=5.0)
    mids = walk(400, 2.0)
    closed = feed_windows(estimator, mids)
    returns = np.diff(np.log(mids))[:-1] * 1e4
    weights = 0.5 ** (0.15 / 5.0 * np.arange(len(returns) - 1, -1, -1))
    weights /= weights.sum()
    variance = (weights * returns**2).sum()

    found = estimate_of(estimator)

    assert closed == len(returns)
    assert found["window_count"] == len(returns)
    assert found["volatility_bps"] == pytest.approx(math.sqrt(variance / 0.15), rel=1e-9)
    assert found["effective_sample_size"] == pytest.approx(1 / (weights**2).sum(), rel=1e-9)
    assert found["state"] == BeliefState.LIVE


def test_estimate_finds_the_volatility_of_a_random_walk_and_follows_a_change() -> None:
    estimator = make_estimator()
    feed_windows(estimator, walk(4_000, 1.0))
    calm = estimate_of(estimator)
    feed_windows(estimator, walk(2_000, 5.0), first_window=5_000)
    wild = estimate_of(estimator)

    assert calm["volatility_bps"] == pytest.approx(1.0, rel=0.15)
    assert wild["volatility_bps"] == pytest.approx(5.0, rel=0.15)


def test_band_holds_the_truth_nine_times_in_ten() -> None:
    held = 0
    for seed in range(200):
        estimator = make_estimator(half_life_s=3.0)
        feed_windows(estimator, walk(150, 2.0, seed))
        found = estimate_of(estimator)
        held += found["volatility_bps_p05"] <= 2.0 <= found["volatility_bps_p95"]

    assert 165 <= held <= 195


def test_prior_is_published_as_warming_until_enough_windows_were_seen() -> None:
    estimator = make_estimator(warm_windows=10, prior_bps=2.0, prior_bps_p95=6.0)
    before = estimate_of(estimator)
    feed_windows(estimator, walk(11, 1.0))
    almost = estimate_of(estimator)
    feed_windows(estimator, walk(2, 1.0), first_window=1_011)
    warm = estimate_of(estimator)

    for found in (before, almost):
        assert found["state"] == BeliefState.WARMING
        assert found["volatility_bps"] == 2.0
        assert found["volatility_bps_p95"] == pytest.approx(6.0)
        assert found["volatility_bps_p05"] == pytest.approx(4.0 / 6.0)
    assert warm["state"] == BeliefState.LIVE
    assert warm["volatility_bps"] < 2.0


def test_windows_without_events_count_as_zero_returns() -> None:
    one_by_one, at_once = make_estimator(), make_estimator()
    mids = walk(100, 1.0)
    feed_windows(one_by_one, np.concatenate([mids, np.repeat(mids[-1], 6)]))
    feed_windows(at_once, mids)
    observe_mid(at_once[0], 1_105 * WINDOW_NS + 5, int(mids[-1]))

    for name in ("second", "fourth", "weight", "weight_squared"):
        assert at_once[0][name] == pytest.approx(one_by_one[0][name], rel=1e-12)
    assert at_once[0]["window_count"] == one_by_one[0]["window_count"]


def test_long_silence_is_missing_data_and_its_jump_is_not_a_return() -> None:
    estimator = make_estimator(silence_ms_max=1_000)
    mids = walk(100, 1.0)
    feed_windows(estimator, mids)
    before = estimate_of(estimator)
    feed_windows(estimator, mids + 50_000_000, first_window=5_000)
    after = estimate_of(estimator)

    assert after["volatility_bps"] == pytest.approx(before["volatility_bps"], rel=0.5)
    assert after["window_count"] == 98 + 98


def test_reset_drops_the_open_window_and_keeps_what_was_learned() -> None:
    estimator = make_estimator()
    feed_windows(estimator, walk(100, 1.0))
    before = estimate_of(estimator)
    reset_window(estimator[0])
    closed = observe_mid(estimator[0], 1_100 * WINDOW_NS + 7, 2_000_000_000)
    closed += observe_mid(estimator[0], 1_101 * WINDOW_NS + 7, 2_000_000_000)

    assert closed == 0
    assert estimate_of(estimator) == before
    assert observe_mid(estimator[0], 1_102 * WINDOW_NS + 7, 2_000_000_000) == 1


def test_late_event_counts_into_the_open_window() -> None:
    estimator = make_estimator()
    feed_windows(estimator, walk(10, 1.0))
    end_ns = int(estimator[0]["window_end_ns"])

    assert observe_mid(estimator[0], 5, MID) == 0
    assert estimator[0]["window_end_ns"] == end_ns


def test_market_that_stands_still_keeps_the_floor() -> None:
    estimator = make_estimator(volatility_bps_min=0.05)
    feed_windows(estimator, np.full(200, MID))

    assert estimate_of(estimator)["volatility_bps"] == 0.05


def test_jump_widens_the_band() -> None:
    calm, jumped = make_estimator(), make_estimator()
    mids = walk(300, 1.0)
    feed_windows(calm, mids)
    mids[150:] += 1_000_000
    feed_windows(jumped, mids)
    narrow, wide = estimate_of(calm), estimate_of(jumped)

    assert wide["volatility_bps"] > narrow["volatility_bps"]
    assert wide["volatility_bps_p95"] / wide["volatility_bps"] > narrow["volatility_bps_p95"] / narrow["volatility_bps"]


def test_pit_is_uniform_on_gaussian_returns() -> None:
    estimator = make_estimator()
    mids = walk(2_000, 1.0)
    pits = []
    for index, mid in enumerate(mids):
        if observe_mid(estimator[0], (1_000 + index) * WINDOW_NS + 1, int(mid)) and index > 100:
            pits.append(float(estimator[0]["pit"]))
    counts, _ = np.histogram(pits, bins=5, range=(0, 1))

    assert (np.abs(counts / len(pits) - 0.2) < 0.05).all()


def test_config_names_what_is_out_of_range() -> None:
    assert VolatilityConfig().problems() == []
    assert VolatilityConfig(window_ms=0, half_life_s=math.nan).problems() == [
        "volatility.window_ms: found 0, allowed 1 to 60000",
        "volatility.half_life_s: found nan, allowed 0.01 to 86400",
    ]
