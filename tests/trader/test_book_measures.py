"""What a book tells beyond its best prices, against sums over a sorted dict; and what its Python API refuses."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.book import Book, Events

BOOK = Book()

NEAR = st.integers(1, 40)
FAR = st.sampled_from([70_000, 70_001, 10**6, 10**9, 10**12])
SIZES = st.integers(1, 9) | st.sampled_from([1, 10**9])


def sides(first, sign):
    """One side: distances behind the first price, with sizes."""
    return st.dictionaries(NEAR | NEAR | FAR, SIZES, max_size=25).map(
        lambda levels: {first + sign * behind: lots for behind, lots in levels.items()}
    )


BIDS, ASKS = sides(1_000, -1), sides(1_000, 1)


def model_walk(levels, lots):
    """(filled, unfilled, worst, levels, exact average) of levels sorted best first."""
    left, paid, worst, count = lots, 0, 0, 0
    for ticks, size in levels:
        if left == 0:
            break
        taken = min(left, size)
        left, paid, worst, count = left - taken, paid + taken * ticks, ticks, count + 1
    filled = lots - left
    return filled, left, worst, count, Fraction(paid, filled) if filled else None


@settings(max_examples=150)
@given(bids=BIDS, asks=ASKS, lots=st.integers(0, 60) | st.just(10**12), band=st.integers(0, 60) | st.just(10**10))
def test_walk_and_depth_equal_sums_over_sorted_levels(bids, asks, lots, band):
    BOOK.snapshot(bids=bids.items(), asks=asks.items())
    for side, levels in (("bid", sorted(bids.items(), reverse=True)), ("ask", sorted(asks.items()))):
        *whole, average = BOOK.walk(side, lots)
        *expected, exact = model_walk(levels, lots)
        assert whole == expected
        mean = None if exact is None else pytest.approx(float(exact), rel=1e-12)
        assert math.isnan(average) if mean is None else average == mean
        in_band = [size for ticks, size in levels if abs(ticks - levels[0][0]) <= band]
        assert BOOK.depth_lots(side, band) == sum(in_band)
        assert BOOK.levels(side, 5) == levels[:5]


@settings(max_examples=150)
@given(bids=BIDS, asks=ASKS, count=st.integers(0, 30))
def test_imbalance_and_microprice_equal_their_definitions(bids, asks, count):
    BOOK.snapshot(bids=bids.items(), asks=asks.items())
    bid_levels, ask_levels = sorted(bids.items(), reverse=True), sorted(asks.items())
    bid_lots, ask_lots = (sum(size for _, size in levels[:count]) for levels in (bid_levels, ask_levels))
    total = bid_lots + ask_lots

    assert BOOK.imbalance(count) == ((bid_lots - ask_lots) / total if total else 0.0)
    if bids and asks:
        (bid, bid_size), (ask, ask_size) = bid_levels[0], ask_levels[0]
        exact = Fraction(bid * ask_size + ask * bid_size, bid_size + ask_size)
        assert BOOK.microprice_ticks() == pytest.approx(float(exact), abs=1e-12 * max(abs(bid), ask))
        assert bid <= BOOK.microprice_ticks() <= ask
        assert (BOOK.spread_ticks, BOOK.mid_ticks) == (ask - bid, (ask + bid) / 2)
    else:
        assert math.isnan(BOOK.microprice_ticks())
        assert BOOK.spread_ticks is None
        assert math.isnan(BOOK.mid_ticks)


def test_average_of_a_walk_is_exact_where_prices_are_large():
    book = Book()
    book.snapshot(bids=[], asks=[(10**15, 10**11), (10**15 + 2, 10**11)])

    assert book.walk("ask", 2 * 10**11).average_ticks == 10**15 + 1


def test_events_are_counted():
    book = Book()
    book.snapshot(bids=[(5, 1)], asks=[(6, 1), (7, 1)])
    book.update(bids=[(5, 0)])
    book.update(asks=[(6, 2)])
    book.clear()

    assert book.events == Events(snapshots=1, updates=2, levels=5)


@pytest.mark.parametrize("wrong", [(5, -1), (10**18 + 1, 1), (-(10**18) - 1, 1)])
def test_impossible_levels_are_refused_before_anything_changes(wrong):
    book = Book()
    book.update(bids=[(5, 1)], asks=[(9, 1)])
    for call in (book.update, book.snapshot):
        with pytest.raises(ValueError, match="allowed"):
            call(bids=[(4, 4)], asks=[(10, 10), wrong])

    assert (book.levels("bid"), book.levels("ask")) == ([(5, 1)], [(9, 1)])
    assert book.events.updates == 1


def test_unknown_sides_and_sizes_out_of_range_are_refused():
    book = Book()
    with pytest.raises(ValueError, match="allowed 'bid' and 'ask'"):
        book.walk("buy", 1)
    with pytest.raises(ValueError, match="lots"):
        book.walk("bid", -1)
    with pytest.raises(ValueError, match="band_ticks"):
        book.depth_lots("bid", -1)
