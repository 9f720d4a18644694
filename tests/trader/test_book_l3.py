"""The order-by-order book against lists: any events in any order, queues, what must not change."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import trader.book
from tests.trader.order_queues import Queues
from trader.book import L3Book

ORDERS_MAX = 24


IDS = st.integers(0, 40) | st.integers(41, 80) | st.integers(-(1 << 63), (1 << 63) - 1)
TICKS = st.integers(1000, 1001) | st.integers(1000, 1001) | st.sampled_from([-(10**18), 40_000, 10**18, 10**18 + 1])
LOTS = st.integers(1, 3) | st.integers(1, 9) | st.integers(1, 9) | st.sampled_from([-1, 0, 10**12, 10**12 + 1])
SIDES = st.sampled_from(["bid", "ask"])


class Orders(RuleBasedStateMachine):
    """Events of every kind, most of them possible ones."""

    def __init__(self):
        super().__init__()
        self.book = BOOK_UNDER_TEST
        self.book.clear()
        self.model = Queues()
        self.refused = self.book.events.refused

    def expect(self, error, event):
        if error is None:
            event()
            return True
        with pytest.raises(error):
            event()
        self.refused += 1
        return False

    @staticmethod
    def wrong(ticks, lots):
        return ValueError if not 1 <= lots <= 10**12 or abs(ticks) > 10**18 else None

    def known(self, pick):
        ids = sorted(self.model.where)
        return ids[pick % len(ids)] if ids and pick >= 0 else 10**17

    @initialize()
    def start(self):
        assert self.book.order_count == 0

    @rule(side=SIDES, order_id=IDS, ticks=TICKS, lots=LOTS)
    def add(self, side, order_id, ticks, lots):
        error = ValueError if order_id in self.model.where else self.wrong(ticks, lots)
        if error is None and len(self.model.where) == ORDERS_MAX:
            error = OverflowError
        if self.expect(error, lambda: self.book.add(side, order_id, ticks=ticks, lots=lots)):
            self.model.add(side, order_id, ticks, lots)

    @rule(pick=st.integers(-1, 60), lots=LOTS, execute=st.booleans())
    def take(self, pick, lots, execute):
        order_id = self.known(pick)
        error = None
        if order_id not in self.model.where:
            error = KeyError
        elif not 1 <= lots <= self.model.order(order_id)[1]:
            error = ValueError
        event = self.book.execute if execute else self.book.reduce
        if self.expect(error, lambda: event(order_id, lots=lots)):
            self.model.take(order_id, lots)

    @rule(pick=st.integers(-1, 60))
    def remove(self, pick):
        order_id = self.known(pick)
        error = None if order_id in self.model.where else KeyError
        if self.expect(error, lambda: self.book.remove(order_id)):
            self.model.remove(order_id)

    @rule(pick=st.integers(-1, 60), lots=LOTS)
    def amend(self, pick, lots):
        order_id = self.known(pick)
        error = self.wrong(0, lots) if order_id in self.model.where else KeyError
        if not self.expect(error, lambda: self.book.amend(order_id, lots=lots)):
            return
        self.model.amend(order_id, lots)

    @rule(pick=st.integers(-1, 60), new_id=IDS, same=st.booleans(), ticks=TICKS, lots=LOTS)
    def replace(self, pick, new_id, same, ticks, lots):
        order_id = self.known(pick)
        new_id = order_id if same else new_id
        error = None
        if order_id not in self.model.where:
            error = KeyError
        elif new_id != order_id and new_id in self.model.where:
            error = ValueError
        else:
            error = self.wrong(ticks, lots)
        event = lambda: self.book.replace(order_id, new_id=new_id, ticks=ticks, lots=lots)  # noqa: E731
        if self.expect(error, event):
            side, _ = self.model.where[order_id]
            self.model.remove(order_id)
            self.model.add(side, new_id, ticks, lots)

    @invariant()
    def books_are_equal(self):
        assert self.book.order_count == len(self.model.where)
        assert self.book.events.refused == self.refused
        for side in ("bid", "ask"):
            assert self.book.levels(side) == self.model.levels(side)
        for (side, ticks), queue in self.model.queues.items():
            assert self.book.orders(side, ticks) == [tuple(order) for order in queue]
        for order_id in self.model.where:
            assert self.book.position(order_id) == self.model.position(order_id)


BOOK_UNDER_TEST = L3Book(orders_max=ORDERS_MAX)
TestOrders = Orders.TestCase
TestOrders.settings = settings(max_examples=50, stateful_step_count=30)


class TestOrdersForLong(Orders.TestCase):
    """The same for minutes."""

    pytestmark = pytest.mark.slow
    settings = settings(max_examples=3_000, stateful_step_count=80)


def test_order_that_shrinks_keeps_its_place_and_one_that_grows_loses_it():
    book = L3Book(orders_max=ORDERS_MAX)
    for order_id in (1, 2, 3):
        book.add("ask", order_id, ticks=50, lots=10)
    book.amend(1, lots=4)
    book.reduce(1, lots=1)
    assert book.orders("ask", 50) == [(1, 3), (2, 10), (3, 10)]

    book.amend(1, lots=5)

    assert book.orders("ask", 50) == [(2, 10), (3, 10), (1, 5)]
    assert book.position(1) == ("ask", 50, 5, 2, 20, 0, 0)


def test_positions_in_a_long_queue_are_found_from_either_end():
    random = np.random.default_rng(3)
    book, model = L3Book(orders_max=ORDERS_MAX), Queues()
    for order_id in range(ORDERS_MAX):
        lots = int(random.integers(1, 100))
        book.add("ask", order_id, ticks=-7, lots=lots)
        model.add("ask", order_id, -7, lots)
    while model.where:
        for order_id in model.where:
            assert book.position(order_id) == model.position(order_id)
        gone = int(random.choice(list(model.where)))
        book.remove(gone)
        model.remove(gone)


def test_execution_of_an_order_behind_another_is_counted_as_out_of_turn():
    book = L3Book(orders_max=ORDERS_MAX)
    book.add("bid", 1, ticks=50, lots=10)
    book.add("bid", 2, ticks=50, lots=10)

    book.execute(1, lots=3)
    assert book.events.out_of_turn == 0
    book.execute(2, lots=10)

    assert book.events == (2, 0, 0, 2, 13, 0, 1, 0)


def test_measures_of_price_levels_work_on_orders():
    book = L3Book(orders_max=ORDERS_MAX)
    book.add("bid", 1, ticks=99, lots=6)
    book.add("bid", 2, ticks=99, lots=4)
    book.add("bid", 3, ticks=97, lots=20)
    book.add("ask", 4, ticks=101, lots=4)
    assert (book.best_bid, book.best_ask, book.spread_ticks, book.mid_ticks) == ((99, 10), (101, 4), 2, 100.0)
    assert book.walk("bid", 12) == (12, 0, 97, 2, (10 * 99 + 2 * 97) / 12)
    assert book.depth_lots("bid", 2) == 30
    assert book.imbalance(1) == (10 - 4) / 14
    assert book.microprice_ticks() == (99 * 4 + 101 * 10) / 14

    book.clear()

    assert (book.best_bid, book.spread_ticks, book.order_count) == (None, None, 0)
    assert math.isnan(book.mid_ticks)


def test_documented_examples_are_true():
    assert doctest.testmod(trader.book).failed == 0
