"""Slippage: the formulas by another road, what grows with what, and what is missing gives no number."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shm.codec import record_dtype
from shm.kernel import new_record
from trader.book.cost import book_cost_bps
from trader.book.measures import WALK
from trader.book.state import BOOK, on_delta, prepare_book
from trader.enums import BookState, DeltaKind
from trader.messages import BookDelta, BookTop
from trader.slippage import HORIZON_S, RESTING, ladder_cost_bps, resting_cost_bps, volatility_multiplier

BID, ASK = 599_999, 600_000
LOTS = (40, 10, 25, 60, 5, 80, 30, 20, 90, 15)
NAN = float("nan")


def top(lots: tuple[int, ...] = LOTS, spread: int = 1) -> np.ndarray:
    record = new_record(record_dtype(BookTop))
    levels = np.arange(10)
    record["bid_ticks"][0], record["ask_ticks"][0] = BID - levels * 2, BID + spread + levels * 3
    record["bid_lots"][0], record["ask_lots"][0] = lots, lots[::-1]
    return record


def taking_by_hand(record: np.ndarray, side: int, size: int, volatility: float, volume: float, multiplier: float):
    """The definition in exact fractions, but for the root."""
    mid = Fraction(int(record["bid_ticks"][0, 0] + record["ask_ticks"][0, 0]), 2)
    prices, lots = (record["ask_ticks"][0], record["ask_lots"][0]) if side > 0 else (
        record["bid_ticks"][0], record["bid_lots"][0])  # fmt: skip
    impact = multiplier * volatility * math.sqrt(size / volume)
    left, behind, last = size, Fraction(0), Fraction(0)
    for price, there in zip(prices.tolist(), lots.tolist(), strict=True):
        if not left:
            break
        last = side * (price - mid)
        behind += min(there, left) * last
        left -= min(there, left)
    walked = float((behind + left * last) / size / mid * 10_000) + impact * left / size
    half = float(Fraction(int(record["ask_ticks"][0, 0] - record["bid_ticks"][0, 0]), 2) / mid * 10_000)
    return max(walked, half + impact)


@given(
    side=st.sampled_from((1, -1)),
    size=st.integers(1, 5_000),
    volatility=st.floats(0.01, 50),
    volume=st.floats(0.1, 1e5),
    multiplier=st.floats(1, 10),
    spread=st.integers(1, 200),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_what_takes_pays_the_worse_of_walk_and_impact(side, size, volatility, volume, multiplier, spread):
    record = top(spread=spread)
    found = ladder_cost_bps(record[0], side, size, volatility, volume, multiplier)
    more = ladder_cost_bps(record[0], side, size + 1, volatility, volume, multiplier)

    assert found == pytest.approx(taking_by_hand(record, side, size, volatility, volume, multiplier), rel=1e-9)
    assert 0 < found <= more
    assert found <= ladder_cost_bps(record[0], side, size, 1.1 * volatility, volume, multiplier)
    assert found >= ladder_cost_bps(record[0], side, size, volatility, 1.1 * volume, multiplier)


def test_typical_orders_pay_two_to_ten_basis_points_and_a_thousandfold_pays_more():
    # 2 bps a root second, 0.3 BTC traded a second, orders of 0.3 to 5 BTC
    costs = [ladder_cost_bps(top()[0], 1, size, 2.0, 300.0, 1.2) for size in (300, 1_000, 3_000, 5_000)]

    assert costs == sorted(costs)
    assert 2.0 < costs[0] and costs[-1] < 10.0
    assert ladder_cost_bps(top()[0], 1, 1, 2.0, 300.0, 1.0) > 0.0
    assert ladder_cost_bps(top()[0], 1, 300_000, 2.0, 300.0, 1.0) > 60.0


@pytest.mark.parametrize(
    ("size", "volatility", "volume"),
    [(0, 1.0, 1.0), (1, 0.0, 1.0), (1, -1.0, 1.0), (1, NAN, 1.0), (1, 1.0, 0.0), (1, 1.0, NAN), (1, 1.0, -5.0)],
)
def test_what_is_missing_gives_no_number(size, volatility, volume):
    out = new_record(RESTING)

    assert math.isnan(ladder_cost_bps(top()[0], 1, size, volatility, volume, 1.0))
    assert math.isnan(resting_cost_bps(1, BID, size, BID, ASK, 10, volatility, volume, out[0]))
    assert all(math.isnan(out[name][0]) for name in RESTING.names or ())


def test_a_book_without_a_side_gives_no_number():
    empty, crossed = top(), top()
    empty["ask_lots"][0] = 0
    crossed["bid_ticks"][0, 0] = int(crossed["ask_ticks"][0, 0])
    for record in (empty, crossed):
        assert math.isnan(ladder_cost_bps(record[0], 1, 5, 1.0, 1.0, 1.0))


def test_the_multiplier_is_the_bands_share_and_bounded():
    given_ = [(1.0, 1.5), (1.0, 0.5), (1.0, 99.0), (0.0, 1.0), (1.0, NAN), (NAN, 1.0)]

    assert [volatility_multiplier(*pair) for pair in given_] == [1.5, 1.0, 10.0, 10.0, 1.0, 1.0]


def test_a_whole_book_costs_what_its_top_costs_where_that_reaches():
    book, delta, walked = new_record(BOOK), new_record(record_dtype(BookDelta)), new_record(WALK)
    record = top()
    levels = [*zip(record["bid_ticks"][0], record["bid_lots"][0], strict=True)]
    levels += [*zip(record["ask_ticks"][0], record["ask_lots"][0], strict=True)]
    text = np.array(levels, dtype=np.int64).ravel()
    prepare_book(book[0])
    book[0]["state"] = BookState.SYNCING
    delta["kind"], delta["bid_count"], delta["ask_count"] = DeltaKind.SNAPSHOT, 10, 10
    delta["levels_address"], delta["levels_length"] = text.ctypes.data, text.nbytes
    on_delta(book[0], delta[0])
    for side in (1, -1):
        for size in (1, 30, 200, sum(LOTS), 1_000):
            expected = ladder_cost_bps(record[0], side, size, 1.0, 300.0, 1.0)
            assert book_cost_bps(book[0], side, size, 1.0, 300.0, 1.0, walked[0]) == pytest.approx(expected, rel=1e-9)


def test_what_rests_is_paid_by_the_spread_and_pays_for_being_chosen():
    out = new_record(RESTING)
    bid, ask, volume, volatility = 10_000, 10_010, 60.0, 0.5
    total = resting_cost_bps(1, bid, 10, bid, ask, 50, volatility, volume, out[0])
    row, bps = out[0], 20_000 / (bid + ask)
    filled = 1 - math.exp(-HORIZON_S / (60 / 30))
    half, impact = 5 * bps, volatility * math.sqrt(10 / 60)

    assert row["fill_probability"] == pytest.approx(filled)
    assert row["capture_bps"] == pytest.approx(filled * half)
    assert row["queue_bps"] == pytest.approx((1 - filled) * (half + impact))
    assert row["adverse_bps"] == pytest.approx(filled * volatility * math.sqrt(HORIZON_S) / math.sqrt(2 * math.pi))
    assert total == pytest.approx(row["adverse_bps"] + row["queue_bps"] - row["capture_bps"])
    deeper = resting_cost_bps(1, bid, 10, bid, ask, 5_000, volatility, volume, out[0])
    assert deeper > total, "a longer queue is a dearer order"
    assert resting_cost_bps(-1, ask, 10, bid, ask, 50, volatility, volume, out[0]) == pytest.approx(total)
