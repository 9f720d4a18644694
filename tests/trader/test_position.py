"""Position: the sum of unique fills, exact money, and a set that forgets only its oldest."""

import random
from fractions import Fraction

from shm.kernel import new_record
from trader import position
from trader.position import (
    FILL_SET,
    FILLS_REMEMBERED,
    POSITION,
    adopt_position,
    book_fill,
    fill_seen,
    mark_position,
    market_of,
    remember_fill,
)

TICK_VALUE_E8 = 10_000


def test_position_and_pnl_are_the_exact_sum_of_the_fills():
    rng = random.Random(1)
    record = new_record(POSITION)
    lots, cash, fees = 0, Fraction(0), 0
    for _ in range(2_000):
        side, ticks, size, fee = rng.choice((1, -1)), rng.randint(1, 10**6), rng.randint(1, 1_000), rng.randint(-9, 99)
        book_fill(record[0], side, ticks, size, TICK_VALUE_E8, fee)
        lots += side * size
        cash -= side * ticks * size * TICK_VALUE_E8
        fees += fee
        bid = rng.randint(1, 10**6)
        ask = bid + rng.randint(1, 9)
        expected = cash + lots * Fraction(bid + ask, 2) * TICK_VALUE_E8 - fees
        actual = mark_position(record[0], bid, ask, TICK_VALUE_E8)

        assert expected.__floor__() == actual
    assert (lots, fees, 2_000) == (record["lots"][0], record["fees_e8"][0], record["fill_count"][0])
    assert record["bought_lots"][0] - record["sold_lots"][0] == lots


def test_an_adopted_position_costs_the_first_mid():
    record = new_record(POSITION)
    adopt_position(record[0], -7)

    assert mark_position(record[0], 100, 101, TICK_VALUE_E8) == 0
    assert mark_position(record[0], 102, 103, TICK_VALUE_E8) == -7 * 2 * TICK_VALUE_E8
    assert record["lots"][0] == -7


def test_fill_set_drops_duplicates_and_forgets_only_the_oldest():
    rng = random.Random(2)
    fills = new_record(FILL_SET)
    order: list[tuple[int, int, int]] = []
    known: set[tuple[int, int, int]] = set()
    for step in range(FILLS_REMEMBERED * 2):
        if order and rng.random() < 0.3:
            key = rng.choice(order[-FILLS_REMEMBERED:])
        else:
            key = (market_of(rng.randint(0, 2), rng.randint(0, 3)), rng.randint(0, 2**40), rng.randint(1, 50))
        fresh = remember_fill(fills[0], *key)

        assert fresh == (key not in known)
        if fresh:
            order.append(key)
            known.add(key)
            if len(order) > FILLS_REMEMBERED:
                known.discard(order[-FILLS_REMEMBERED - 1])
        if step % 1_000 == 0:
            assert all(fill_seen(fills[0], *one) for one in order[-FILLS_REMEMBERED:][:50])
    assert len(order) > FILLS_REMEMBERED
    assert fills["count"][0] == FILLS_REMEMBERED
    assert not any(fill_seen(fills[0], *one) for one in order[: len(order) - FILLS_REMEMBERED])


def test_every_part_of_the_key_tells_fills_apart():
    fills = new_record(FILL_SET)
    keys = [(market_of(1, 2), 5, 6), (market_of(2, 1), 5, 6), (market_of(1, 2), 6, 6), (market_of(1, 2), 5, 7)]

    assert [1] * 4 == [remember_fill(fills[0], *key) for key in keys]
    assert [0] * 4 == [remember_fill(fills[0], *key) for key in keys]


def test_colliding_keys_are_kept_apart_when_one_is_forgotten():
    rng = random.Random(3)
    fills = new_record(FILL_SET)
    same_cell: list[tuple[int, int, int]] = []
    cell = None
    while len(same_cell) < 6:
        key = (0, rng.randint(0, 2**50), 1)
        place = position._cell_of(*key)
        cell = place if cell is None else cell
        if place == cell:
            same_cell.append(key)
    for key in same_cell:
        remember_fill(fills[0], *key)
    for gone, key in enumerate(same_cell):
        position._forget_oldest(fills[0])

        assert not fill_seen(fills[0], *key)
        assert all(fill_seen(fills[0], *other) for other in same_cell[gone + 1 :])
