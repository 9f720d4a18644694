"""Price-time matching: held against sorted lists over thousands of random orders and cancels."""

import random
from dataclasses import dataclass

import numpy as np
import pytest

from shm.kernel import new_record
from trader.exchange.matching import BACKGROUND, BOOK, LEVELS, MATCHES_MAX, cancel, match, open_book, rest

MIDDLE = 600_000


@dataclass
class Resting:
    side: int
    ticks: int
    lots: int
    owner: int
    order_id: int
    slot: int


class ListBook:
    """Orders in one list, in order of arrival; the best is searched for."""

    def __init__(self) -> None:
        self.orders: list[Resting] = []

    def match(self, side: int, ticks: int, lots: int, owner: int) -> tuple[list[tuple[int, int, int, int]], int]:
        met = []
        while lots > 0:
            others = [order for order in self.orders if order.side == -side and (ticks - order.ticks) * side >= 0]
            if not others:
                break
            best = min(others, key=lambda order: order.ticks * side)
            traded = 0 if owner != -1 and best.owner != -1 else min(lots, best.lots)
            lots -= traded
            best.lots -= traded
            met.append((best.order_id, best.owner, best.ticks, traded))
            if traded == 0 or best.lots == 0:
                self.orders.remove(best)
        return met, lots


def levels_of(book: np.void) -> dict[int, int]:
    lots = book["levels"]["lots"]
    return {int(level) + int(book["base_ticks"]): int(lots[level]) for level in np.flatnonzero(lots)}


def open_empty() -> np.void:
    book = new_record(BOOK)[0]
    open_book(book, MIDDLE)
    return book


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_orders_meet_the_same_orders_as_a_sorted_list(seed: int) -> None:
    dice = random.Random(seed)
    book, model = open_empty(), ListBook()
    for order_id in range(1, 2_001):
        if model.orders and dice.random() < 0.35:
            gone = dice.choice(model.orders)
            model.orders.remove(gone)
            assert cancel(book, gone.slot) == gone.lots
        else:
            side, owner = dice.choice((1, -1)), dice.choice((-1, -1, -1, order_id % 7))
            ticks, lots = MIDDLE + int(dice.gauss(-3 * side, 6)), dice.randint(1, 50)
            left = match(book, side, ticks, lots, np.int64(owner))
            found = [tuple(int(value) for value in row) for row in book["matches"][: int(book["match_count"])]]
            assert (found, left) == model.match(side, ticks, lots, owner)
            if left > 0 and dice.random() < 0.9:
                slot = rest(book, side, ticks, left, np.int64(owner), order_id)
                model.orders.append(Resting(side, ticks, left, owner, order_id, slot))
        bids = [order.ticks for order in model.orders if order.side > 0]
        asks = [order.ticks for order in model.orders if order.side < 0]
        base = int(book["base_ticks"])
        touch = (int(book["best_bid"]) + base if bids else None, int(book["best_ask"]) + base if asks else None)
        assert touch == (max(bids, default=None), min(asks, default=None))

    totals: dict[int, int] = {}
    for order in model.orders:
        totals[order.ticks] = totals.get(order.ticks, 0) + order.side * order.lots
    assert levels_of(book) == totals
    assert int(book["order_count"]) == len(model.orders)
    assert int(book["alive_count"]) == sum(order.owner == -1 for order in model.orders)


def test_all_slots_come_back_after_everything_is_canceled() -> None:
    book = open_empty()
    slots = [rest(book, 1, MIDDLE - count % 100, 5, BACKGROUND, count) for count in range(8_192)]
    full = rest(book, 1, MIDDLE, 5, BACKGROUND, 9_999)
    for slot in slots:
        cancel(book, slot)

    assert sorted(slots) == list(range(8_192))
    assert full == -1
    assert (int(book["order_count"]), int(book["best_bid"]), levels_of(book)) == (0, -1, {})
    assert rest(book, -1, MIDDLE, 5, BACKGROUND, 1) >= 0


def test_prices_outside_the_ladder_match_but_never_rest() -> None:
    book = open_empty()
    base = int(book["base_ticks"])
    outside = [rest(book, side, ticks, 1, BACKGROUND, 1) for side in (1, -1) for ticks in (base - 1, base + LEVELS)]
    rest(book, -1, MIDDLE, 4, BACKGROUND, 2)

    assert outside == [-1] * 4
    assert match(book, 1, base + 10 * LEVELS, 10, BACKGROUND) == 6


def test_one_order_meets_a_bounded_number_of_orders() -> None:
    book = open_empty()
    for count in range(MATCHES_MAX + 10):
        rest(book, -1, MIDDLE + count, 1, BACKGROUND, count)

    assert match(book, 1, MIDDLE + 10_000, 10_000, BACKGROUND) == 10_000 - MATCHES_MAX
    assert int(book["match_count"]) == MATCHES_MAX
