"""Indicators: each equals its two-pass definition over a million hard points, one by one or as a batch."""

import math

import numpy as np
import pytest

from tests.trader import indicator_truth as truth
from trader.book.api import Book
from trader.book.measures import imbalance, microprice_ticks
from trader.signals import (
    Ema,
    Indicator,
    OrderFlowImbalance,
    RealisedVolatility,
    Rsi,
    SignAutocorrelation,
    Vwap,
    ZScore,
    book_imbalance,
    microprice,
)
from trader.signals.indicators import WINDOW_MAX


def agree(found: np.ndarray, expected: np.ndarray, *, least: float = 0.0) -> None:
    """Equal to 1e-9 of the expected value, or of `least` where that is larger; NaN only where NaN is expected."""
    unknown = np.isnan(expected.astype(float))

    assert (np.isnan(found) == unknown).all()
    error = np.abs(found - expected)[~unknown] / np.maximum(np.abs(expected[~unknown]), max(least, 1e-300))
    assert error.max() <= truth.RELATIVE


@pytest.mark.parametrize("kind", truth.SERIES)
class TestMillionHardPoints:
    def test_ema_is_its_weights(self, kind: str) -> None:
        series = truth.hard_series(kind)
        points = truth.checked_points(series)

        agree(Ema(0.1).batch(series)[points], truth.ema_truth(series, points, 0.1))

    def test_rsi_is_wilders(self, kind: str) -> None:
        series = truth.hard_series(kind)
        points = truth.checked_points(series)

        agree(Rsi(14).batch(series)[points], truth.rsi_truth(series, points, 14), least=1.0)

    @pytest.mark.parametrize("length", [2, 100, WINDOW_MAX])
    def test_zscore_is_of_its_window(self, kind: str, length: int) -> None:
        series = truth.hard_series(kind)
        points = truth.checked_points(series)

        agree(ZScore(length).batch(series)[points], truth.zscore_truth(series, points, length), least=1.0)

    def test_realised_volatility_is_of_its_window(self, kind: str) -> None:
        series = truth.hard_series(kind)
        points = truth.checked_points(series)

        agree(RealisedVolatility(100).batch(series)[points], truth.realised_truth(series, points, 100), least=1e-9)

    def test_vwap_is_of_its_window(self, kind: str) -> None:
        series = truth.hard_series(kind)
        points = truth.checked_points(series)
        sizes = np.random.default_rng(3).integers(0, 50, len(series)).astype(float)

        agree(Vwap(50).batch(series, sizes)[points], truth.vwap_truth(series, sizes, points, 50))


@pytest.mark.parametrize(("length", "lag"), [(100, 1), (37, 5), (2, 1), (WINDOW_MAX, 60)])
def test_sign_autocorrelation_is_the_samples(length: int, lag: int) -> None:
    rng = np.random.default_rng(5)
    signs = np.where(rng.random(truth.POINTS) < 0.55 + 0.4 * np.sin(np.arange(truth.POINTS) / 900), 1, -1)
    signs[2_000:5_000] = 1
    found = SignAutocorrelation(length, lag).batch(signs)

    for point in [*range(300), *range(1_990, 2_200), *rng.choice(truth.POINTS, 500).tolist()]:
        expected = truth.autocorrelation(signs[max(point + 1 - length, 0) : point + 1].astype(float), lag)
        assert found[point] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_order_flow_imbalance_is_the_sum_of_its_contributions() -> None:
    rng = np.random.default_rng(6)
    bid = 1_000 + rng.integers(-1, 2, truth.POINTS).cumsum()
    touch = np.stack([bid, rng.integers(1, 90, truth.POINTS), bid + rng.integers(1, 4, truth.POINTS)], axis=1)
    touch = np.c_[touch, rng.integers(1, 90, truth.POINTS)]
    found = OrderFlowImbalance(64).batch(*touch.T)
    totals = np.r_[0, np.cumsum(truth.touch_changes(touch))]
    expected = totals - np.r_[np.zeros(64, int), totals[:-64]]

    assert (found == expected).all()


def test_a_touch_without_a_side_is_a_gap_and_counts_nothing() -> None:
    flow = OrderFlowImbalance(10)
    for touch in ((100, 5, 101, 5), (100, 8, 101, 5)):
        flow.update(*touch)

    assert flow.update(100, 0, 101, 5) == 3
    assert flow.update(90, 50, 91, 1) == 3
    assert flow.update(91, 7, 92, 1) == 3 + 7 + 1


SMALL: list[tuple[type[Indicator], tuple[float, ...], int]] = [
    (Ema, (0.05,), 1),
    (Rsi, (9,), 1),
    (ZScore, (20,), 1),
    (RealisedVolatility, (20,), 1),
    (Vwap, (20,), 2),
]


@pytest.mark.parametrize(("kind", "settings", "inputs"), SMALL, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("series", truth.SERIES)
def test_a_batch_says_what_updates_say_however_they_are_mixed(
    kind: type[Indicator], settings: tuple[float, ...], inputs: int, series: str
) -> None:
    values = [truth.hard_series(series, 20_000)[:3_000]] * inputs
    single, mixed = kind(*settings), kind(*settings)
    one_by_one = np.array([single.update(*row) for row in zip(*values, strict=True)])
    parts = []
    for begin, end in ((0, 1), (1, 4), (4, 11), (11, 27), (27, 27), (27, 1_000), (1_000, 3_000)):
        parts.append(mixed.batch(*(each[begin:end] for each in values)))

    np.testing.assert_allclose(np.concatenate(parts), one_by_one, rtol=1e-12, atol=1e-12)


def test_before_anything_is_known_indicators_say_so() -> None:
    assert math.isnan(Ema(0.5).update(math.nan)) and math.isnan(Vwap().update(100, 0))
    assert Rsi().update(100) == 50 and ZScore().update(100) == 0 and RealisedVolatility().update(100) == 0


def test_what_is_missing_changes_nothing_and_breaks_the_chain_of_changes() -> None:
    ema, rsi, realised = Ema(0.5), Rsi(1), RealisedVolatility(10)
    for price in (100.0, 101.0):
        ema.update(price), rsi.update(price), realised.update(price)
    before = realised.update(math.nan)

    assert ema.update(math.nan) == ema.update(math.inf) == 100.5
    assert rsi.update(math.nan) == 100 and rsi.update(50.0) == 100 and rsi.update(49.0) == 0
    assert realised.update(50.0) == before and realised.update(0.0) == before and realised.update(-3.0) == before


def test_rsi_of_a_market_that_stood_still_for_ever_is_in_the_middle() -> None:
    rsi = Rsi(3)
    rsi.batch([1.0, 2.0, 3.0, 4.0])

    assert rsi.batch(np.full(5_000, 4.0))[-1] == 50
    assert rsi.update(5.0) == pytest.approx(100)


def test_book_measures_agree_with_the_books_own() -> None:
    book = Book()
    book.snapshot(bids=[(100, 7), (99, 2), (98, 1)], asks=[(103, 1), (104, 4)])
    bids, asks = np.array([7, 2, 1]), np.array([1, 4, 0])

    assert book_imbalance(bids, asks, 2) == imbalance(book.state[0], 2) == pytest.approx(4 / 14)
    assert book_imbalance(bids * 0, asks * 0, 3) == 0
    assert microprice(100, 7, 103, 1) == microprice_ticks(book.state[0]) == pytest.approx(100 + 3 * 7 / 8)
    assert math.isnan(microprice(100, 0, 103, 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ema(0), "gain: found 0, allowed above 0 and at most 1"),
        (lambda: Ema(math.nan), "gain: found nan"),
        (lambda: ZScore(WINDOW_MAX + 1), "length: found 1025, allowed 2 to 1024"),
        (lambda: SignAutocorrelation(10, 10), "lag: found 10, allowed 1 to 9"),
        (lambda: Vwap(0), "length: found 0, allowed 1 to 1024"),
        (lambda: Vwap().batch([1.0], [1.0, 2.0]), "found arrays of shapes"),
    ],
)
def test_settings_out_of_range_are_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
