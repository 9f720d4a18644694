"""Orders: every event order ends alike, and ids pack exactly."""

import itertools
import random

import numpy as np
import pytest

from shm.kernel import new_record
from trader import orders
from trader.enums import OrderState
from trader.orders import (
    CONTRADICTION,
    COUNTER_MAX,
    EPOCH_MAX,
    LIVE,
    NEXT_STATE,
    ORDER,
    TERMINAL,
    OrderEvent,
    apply_ack,
    apply_end,
    apply_fill,
    is_live,
)

SIZE = 5


def sent_order(size_lots: int = SIZE) -> np.ndarray:
    order = new_record(ORDER)
    order["state"] = OrderState.SENT
    order["size_lots"] = size_lots
    return order


def apply(order: np.ndarray, fact: tuple[str, int, int]) -> None:
    kind, lots, cumulative = fact
    if kind == "ack":
        apply_ack(order[0], 77, cumulative)
    elif kind == "fill":
        apply_fill(order[0], 77, lots, cumulative)
    elif kind == "cancel":
        apply_end(order[0], int(OrderEvent.CANCEL), 77, cumulative)
    else:
        apply_end(order[0], int(OrderEvent.EXPIRE), 77, cumulative)


def test_table_names_every_state_and_every_event():
    expected = (len(OrderState), len(OrderEvent))
    actual = NEXT_STATE.shape

    assert expected == actual
    assert set(orders.TRANSITIONS) == set(OrderState)


def test_live_and_terminal_divide_the_states():
    assert set(LIVE) | set(TERMINAL) | {OrderState.FREE} == set(OrderState)
    assert [is_live(int(state)) for state in OrderState] == [int(state in LIVE) for state in OrderState]


def test_no_event_leads_from_a_terminal_state_to_a_live_one():
    for state in TERMINAL:
        for event in OrderEvent:
            after = NEXT_STATE[state, event]

            assert after == CONTRADICTION or after in TERMINAL


def test_silence_never_ends_an_order():
    for state in LIVE:
        assert NEXT_STATE[state, OrderEvent.SILENCE] in LIVE


@pytest.mark.parametrize("from_state", [OrderState.SENT, OrderState.UNKNOWN])
@pytest.mark.parametrize(
    ("facts", "state", "filled"),
    [
        ([("ack", 0, 0), ("fill", 1, 1), ("fill", 2, 3), ("cancel", 0, 3)], OrderState.CANCELED, 3),
        ([("ack", 0, 0), ("fill", 2, 2), ("fill", 3, 5), ("ack", 0, 0)], OrderState.FILLED, 5),
        ([("ack", 0, 0), ("fill", 2, 2), ("fill", 3, 5), ("cancel", 0, 5)], OrderState.FILLED, 5),
        ([("ack", 0, 0), ("fill", 4, 4), ("expire", 0, 4)], OrderState.EXPIRED, 4),
        ([("cancel", 0, 0), ("ack", 0, 0)], OrderState.CANCELED, 0),
    ],
)
def test_every_permutation_of_the_facts_ends_alike(from_state, facts, state, filled):
    for permutation in itertools.permutations(facts):
        order = sent_order()
        order["state"] = from_state
        for fact in permutation:
            apply(order, fact)

        assert (state, filled, 77) == (order["state"][0], order["filled_lots"][0], order["venue_order_id"][0])


def test_cancel_waits_for_the_fills_that_the_venue_has_counted():
    order = sent_order()
    apply(order, ("ack", 0, 0))
    apply(order, ("cancel", 0, 2))

    assert order["state"][0] == OrderState.OPEN
    apply(order, ("fill", 1, 1))
    assert order["state"][0] == OrderState.PARTIAL
    apply(order, ("fill", 1, 2))
    assert order["state"][0] == OrderState.CANCELED


def test_late_fill_after_the_end_is_booked():
    order = sent_order()
    apply(order, ("cancel", 0, 0))
    apply(order, ("fill", 2, 2))

    assert (OrderState.CANCELED, 2) == (order["state"][0], order["filled_lots"][0])
    apply(order, ("fill", 3, 5))
    assert (OrderState.FILLED, 5) == (order["state"][0], order["filled_lots"][0])


def test_ids_pack_and_unpack_exactly():
    rng = random.Random(5)
    for _ in range(300):
        parts = rng.randint(0, EPOCH_MAX), rng.randint(0, 15), rng.randint(0, COUNTER_MAX), rng.randint(0, 4095)
        packed = orders.pack_client_order_id(*parts)
        unpacked = (
            orders.epoch_of(packed),
            orders.stage_of(packed),
            orders.counter_of(packed),
            orders.order_slot_of(packed),
        )

        assert parts == unpacked
        assert 0 <= packed < 2**63


def test_the_generations_of_an_epoch_are_the_upper_bits_of_all_its_ids_and_grow_from_epoch_to_epoch():
    before, last = orders.generations(7, 1)

    assert orders.pack_client_order_id(7, 1, 1, 4095) >> orders.SLOT_BITS == before + 1
    assert orders.pack_client_order_id(7, 1, COUNTER_MAX, 0) >> orders.SLOT_BITS == last
    assert last < orders.generations(8, 1)[0]
