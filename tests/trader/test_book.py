"""The book against a dict: random and adversarial updates, far prices, re-centring, measures, states."""

import math

import numpy as np
import pytest

from shm.kernel import kernel
from trader.book import Book
from trader.book.ladder import WINDOW, set_level


class Model:
    """What the book must equal: a dict for each side."""

    def __init__(self):
        self.sides = {"bid": {}, "ask": {}}

    def set(self, side, ticks, lots):
        if lots:
            self.sides[side][ticks] = lots
        else:
            self.sides[side].pop(ticks, None)

    def levels(self, side):
        return sorted(self.sides[side].items(), reverse=side == "bid")


def both(book, model, side, levels):
    book.update(**{f"{side}s": levels})
    for ticks, lots in levels:
        model.set(side, ticks, lots)


def assert_equal(book, model):
    for side in ("bid", "ask"):
        assert book.levels(side) == model.levels(side)
        assert book.level_count(side) == len(model.sides[side])


@pytest.mark.parametrize(
    ("seed", "centre", "spread"),
    [
        (1, 618_002, 30),
        (2, 618_002, WINDOW),
        (3, 618_002, 5 * WINDOW),
        (4, 20, 15),
        (5, 10**12, 10**9),
        (6, 0, 200_000),
    ],
)
def test_book_equals_a_dict_under_random_updates(seed, centre, spread):
    random = np.random.default_rng(seed)
    book, model = Book(), Model()
    for turn in range(60):
        centre += int(random.integers(-spread // 8 - 1, spread // 8 + 2))
        for side in ("bid", "ask"):
            count = int(random.integers(0, 60))
            prices = centre + random.normal(0, spread, count).astype(np.int64)
            known = list(model.sides[side])
            for i in range(0, count, 2):
                if known:
                    prices[i] = known[int(random.integers(len(known)))]
            sizes = random.integers(0, 9, count) * (random.random(count) < 0.6)
            both(book, model, side, list(zip(prices.tolist(), sizes.tolist(), strict=True)))
        assert book.best_bid == next(iter(model.levels("bid")), None)
        assert book.best_ask == next(iter(model.levels("ask")), None)
        if turn % 6 == 0:
            assert_equal(book, model)
    assert_equal(book, model)


def test_thousands_of_far_levels_come_and_go_without_loss():
    random = np.random.default_rng(7)
    book, model = Book(), Model()
    both(book, model, "bid", [(10_000_000, 5)])
    for _ in range(40):
        prices = random.integers(1, 9_000_000, 100)
        both(book, model, "bid", [(int(price), int(price) % 7) for price in prices])
    assert_equal(book, model)
    known = list(model.sides["bid"])
    random.shuffle(known)
    for start in range(0, len(known), 50):
        both(book, model, "bid", [(price, 0) for price in known[start : start + 50]])
    assert_equal(book, model)
    assert book.best_bid is None


def test_best_sinks_through_the_window_and_far_levels_come_back():
    book, model = Book(), Model()
    levels = [(1_000_000 - 997 * i, i + 1) for i in range(200)]
    both(book, model, "bid", levels)
    both(book, model, "ask", [(2_000_000 + 997 * i, i + 1) for i in range(200)])
    for i in range(200):
        assert book.best_bid == levels[i]
        both(book, model, "bid", [(levels[i][0], 0)])
        both(book, model, "ask", [(2_000_000 + 997 * i, 0)])
        assert_equal(book, model)


def test_a_price_far_better_than_the_best_is_kept_and_deleted_again():
    book, model = Book(), Model()
    both(book, model, "ask", [(1_000_000 + i, 1) for i in range(100)])
    both(book, model, "ask", [(17, 3)])
    assert book.best_ask == (17, 3)
    assert_equal(book, model)
    both(book, model, "ask", [(17, 0)])
    assert_equal(book, model)


def test_snapshot_replaces_everything():
    book = Book()
    book.update(bids=[(5, 1), (10**9, 2)], asks=[(10**10, 3)])
    book.snapshot(bids=[(100, 4)], asks=[(101, 5)])
    assert book.levels("bid") == [(100, 4)]
    assert book.levels("ask") == [(101, 5)]


def test_more_far_levels_than_fit_are_reported_not_dropped():
    book = Book()
    with pytest.raises(OverflowError, match="no room"):
        book.update(bids=[(10**9, 1)] + [(20_000 * i, 1) for i in range(1, 40_000)])


def test_walk_depth_imbalance_and_microprice():
    book = Book()
    book.snapshot(bids=[(99, 10), (97, 20), (50, 1)], asks=[(101, 4), (102, 6), (200_000, 90)])

    assert book.walk("ask", 8) == (8, 0, 102, 2, (4 * 101 + 4 * 102) / 8)
    filled, unfilled, worst, levels, average = book.walk("ask", 200)
    assert (filled, unfilled, worst, levels) == (100, 100, 200_000, 3)
    assert average == (4 * 101 + 6 * 102 + 90 * 200_000) / 100
    assert book.depth_lots("bid", 2) == 30
    assert book.depth_lots("bid", 1) == 10
    assert book.imbalance(1) == (10 - 4) / 14
    assert book.imbalance(3) == (31 - 100) / 131
    assert book.microprice_ticks() == (99 * 4 + 101 * 10) / 14
    assert book.lots_at("ask", 200_000) == 90
    assert math.isnan(Book().walk("bid", 3).average_ticks)
    assert math.isnan(Book().microprice_ticks())


@kernel
def churn(book, keys, lots):
    for i in range(len(keys)):
        set_level(book.bids, keys[i], lots[i])
    return book.bids.best


def test_recentring_keeps_counts_and_bitmaps_true():
    random = np.random.default_rng(3)
    book = Book()
    keys = np.cumsum(random.integers(-6000, 6001, 20_000)) + 5_000_000
    sizes = random.integers(0, 3, 20_000)
    churn(book.state[0], keys, sizes)
    model = {}
    for key, size in zip(keys.tolist(), sizes.tolist(), strict=True):
        model[key] = size
    expected = sorted(((key, size) for key, size in model.items() if size), reverse=True)

    assert book.levels("bid") == expected
    assert book.state[0]["bids"]["recentrings"] > 2
