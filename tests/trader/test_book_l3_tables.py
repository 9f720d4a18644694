"""The tables of the order-by-order book: full sides, long churn, keys that meet in the same places."""

import numpy as np
import pytest

from shm.kernel import kernel
from trader.book import L3Book
from trader.book.index import CELL, cells_for, index_add, index_find, index_remove
from trader.book.l3 import add_order, execute_order, remove_order
from trader.book.l3_state import Answer
from trader.enums import Side


def test_side_without_room_for_a_price_answers_and_takes_no_order():
    random = np.random.default_rng(2)
    book = L3Book()
    taken = fill(book.state[0], 10**12 - 40_000 * random.permutation(60_000))
    assert 4_000 < taken < 60_000
    assert book.order_count == book.events.added == taken
    assert book.events.refused == 1
    assert book.level_count("bid") == taken
    with pytest.raises(KeyError):
        book.position(taken)
    with pytest.raises(OverflowError, match="no room"):
        book.add("bid", 70_000, ticks=7, lots=1)

    book.clear()
    book.add("bid", 1, ticks=5, lots=5)

    assert book.levels("bid") == [(5, 5)]


@kernel
def fill(book, prices):
    """Bids at all prices until one is refused; how many were taken."""
    for i in range(len(prices)):
        if add_order(book, Side.BUY, i, prices[i], 1) != Answer.DONE:
            return i
    return len(prices)


@kernel
def churn(book, ids, picks):
    """Add each id, then execute a lot of an older order or remove it."""
    for i in range(len(ids)):
        side = 1 if ids[i] & 1 else -1
        add_order(book, side, ids[i], 1_000_000 + side * (ids[i] & 255), 1 + (ids[i] & 7))
        if i & 3 == 0:
            execute_order(book, ids[picks[i]], 1)
        else:
            remove_order(book, ids[picks[i]])


def test_tables_stay_sound_under_a_long_churn():
    random = np.random.default_rng(17)
    book = L3Book()
    ids = random.permutation(1 << 20)[:60_000]
    picks = np.maximum(0, np.arange(60_000) - random.integers(0, 3_000, 60_000))

    churn(book.state[0], ids, picks)

    state = book.state[0]
    standing = {}
    for side in ("bid", "ask"):
        for ticks, lots in book.levels(side):
            queue = book.orders(side, ticks)
            assert sum(size for _, size in queue) == lots
            standing.update(queue)
    added = {int(order_id): 1 + (int(order_id) & 7) for order_id in ids}
    assert len(standing) == book.order_count > 1_000
    assert int((state["order_index"]["used"] > 0).sum()) == book.order_count
    assert int((state["queue_index"]["used"] > 0).sum()) == book.level_count("bid") + book.level_count("ask")
    assert int(state["orders_used"]) < 60_000
    assert all(0 < lots <= added[order_id] for order_id, lots in standing.items())


@kernel
def index_step(cells, key, slot, what):
    if what == 0:
        return index_find(cells, key)
    if what == 1:
        index_add(cells, key, slot)
        return slot
    return index_remove(cells, key)


def test_index_equals_a_dict_with_keys_that_meet_in_the_same_places():
    random = np.random.default_rng(5)
    cells = np.zeros(cells_for(30), dtype=CELL)
    model = {}
    for turn in range(6_000):
        key = int(random.integers(0, 60)) * (1 << int(random.integers(0, 3)) * 20)
        assert index_step(cells, key, 0, 0) == model.get(key, -1)
        if key in model:
            assert index_step(cells, key, 0, 2) == model.pop(key)
        elif len(model) < 30:
            model[key] = turn
            index_step(cells, key, turn, 1)
        else:
            assert index_step(cells, key, 0, 2) == -1
