"""Cancel sets: every request taken at least once, never one that nobody made, however they interleave."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from shm.atomics import load_acquire, store_release
from shm.cancels import (
    ALL_SLOTS,
    CANCEL_READER,
    CANCELS_BYTES,
    IDS,
    SLOTS,
    SUMMARY,
    cancels_waiting,
    open_cancel_reader,
    request_cancel,
    take_cancel,
)
from shm.kernel import address_of_array, kernel, load_i64, new_record, store_i64
from tests.shm.areas import aligned, shared, shared_record
from tests.shm.processes import Child, crash_images, stop_here


@kernel
def ask(base, order_slot, client_order_id):
    """`request_cancel`, from Python."""
    return request_cancel(base, order_slot, client_order_id)


@kernel
def waiting(reader):
    """`cancels_waiting`, from Python."""
    return cancels_waiting(reader)


@kernel
def ask_many(base, count, last_ids, stop):
    """Ask `count` times, ids growing, slots in a fixed walk; `last_ids`: the newest id of each slot."""
    slot = 1
    for number in range(1, count + 1):
        slot = (slot * 1103515245 + 12345) & (SLOTS - 1)
        store_i64(last_ids + 8 * slot, number << 12 | slot)
        request_cancel(base, slot, number << 12 | slot)
    store_release(stop, 1)


@kernel
def take_many(reader, last_taken, stop):
    """Take until the word at `stop` is set and nothing is left; (taken, wrong: another slot's id, or an older one)."""
    taken = wrong = 0
    while True:
        stopping = load_acquire(stop)
        found, slot, client_order_id = take_cancel(reader)
        if found:
            taken += 1
            wrong += client_order_id & (SLOTS - 1) != slot or client_order_id < load_i64(last_taken + 8 * slot)
            store_i64(last_taken + 8 * slot, client_order_id)
        elif stopping:
            return taken, wrong


@kernel
def ask_stepped(base, order_slot, client_order_id):
    """One request between two stops (see processes.crash_images)."""
    stop_here()
    request_cancel(base, order_slot, client_order_id)
    stop_here()


@kernel
def take_stepped(reader):
    """One `take_cancel` between two stops."""
    stop_here()
    take_cancel(reader)
    stop_here()


def opened(content: np.ndarray) -> np.ndarray:
    """A taker's side."""
    reader = new_record(CANCEL_READER)
    open_cancel_reader(reader[0], address_of_array(content), 0)
    return reader


def everything(reader: np.ndarray) -> list[tuple[int, int]]:
    """(slot, id) of all that waits."""
    found = []
    while True:
        some, slot, client_order_id = take_cancel(reader[0])
        if not some:
            return found
        found.append((slot, client_order_id))


slots = st.one_of(st.sampled_from([0, 1, 62, 63, 64, 127, 4032, SLOTS - 1]), st.integers(0, SLOTS - 1))


@given(st.lists(st.one_of(st.tuples(slots, st.integers(1, 2**62)), st.just("take"), st.just("all"))))
def test_a_set_hands_over_what_a_dict_holds(actions: list[object]) -> None:
    content = aligned(CANCELS_BYTES)
    reader = opened(content)
    asked: dict[int, int] = {}
    for action in [*actions, "take"]:
        if action == "take":
            assert bool(waiting(reader[0])) == bool(asked)
            found = everything(reader)
            assert len(found) == len(asked)
            assert dict(found) == asked
            asked.clear()
        elif action == "all":
            assert ask(address_of_array(content), ALL_SLOTS, 99) == 1
            asked[ALL_SLOTS] = 0
        else:
            order_slot, client_order_id = action
            assert ask(address_of_array(content), order_slot, client_order_id) == 1
            asked[order_slot] = client_order_id
    assert not waiting(reader[0])


@pytest.mark.parametrize(("order_slot", "client_order_id"), [(-2, 1), (SLOTS, 1), (1 << 40, 1), (0, 0), (0, -1)])
def test_a_slot_out_of_range_and_no_id_are_refused_and_touch_nothing(order_slot: int, client_order_id: int) -> None:
    content = aligned(CANCELS_BYTES)
    assert ask(address_of_array(content), order_slot, client_order_id) == 0
    assert not content.any()


def test_all_is_handed_over_before_any_single_one() -> None:
    content = aligned(CANCELS_BYTES)
    reader = opened(content)
    ask(address_of_array(content), 5, 50)
    ask(address_of_array(content), ALL_SLOTS, 0)

    assert everything(reader) == [(ALL_SLOTS, 0), (5, 50)]


def test_requests_made_before_the_taker_came_are_taken() -> None:
    content = aligned(CANCELS_BYTES)
    ask(address_of_array(content), ALL_SLOTS, 0)
    ask(address_of_array(content), 4095, 7)

    assert everything(opened(content)) == [(ALL_SLOTS, 0), (4095, 7)]


def test_a_full_set_has_every_slot_once() -> None:
    content = aligned(CANCELS_BYTES)
    reader = opened(content)
    for round_ in range(2):
        for slot in range(SLOTS):
            ask(address_of_array(content), slot, (round_ + 1) << 12 | slot)

    assert everything(reader) == [(slot, 2 << 12 | slot) for slot in range(SLOTS)]


def test_a_newer_request_for_the_slot_of_the_one_in_hand_is_handed_over_too() -> None:
    content = aligned(CANCELS_BYTES)
    reader = opened(content)
    ask(address_of_array(content), 70, 5)
    first = take_cancel(reader[0])
    ask(address_of_array(content), 70, 6)

    assert (first, everything(reader)) == ((1, 70, 5), [(70, 6)])
    assert not content[IDS:].any()


def test_a_taker_killed_at_any_instruction_leaves_its_successor_what_it_had_not_done() -> None:
    content, hands = shared(CANCELS_BYTES), shared_record(CANCEL_READER)
    base = address_of_array(content)
    for slot, client_order_id in ((3, 1), (70, 2), (71, 3), (4095, 4)):
        ask(base, slot, client_order_id)
    open_cancel_reader(hands[0], base, 0)
    take_cancel(hands[0])
    images = crash_images(lambda: take_stepped(hands[0]), content)

    found = []
    for image in images:
        crashed = aligned(CANCELS_BYTES)
        crashed[:] = np.frombuffer(image, np.uint8)
        found.append(everything(opened(crashed)))
        assert not crashed[SUMMARY:].any()
    assert (found[0][0], found[-1]) == ((3, 1), [(70, 2), (71, 3), (4095, 4)])
    assert all(each in (found[0], found[-1]) for each in found)


@pytest.mark.parametrize("requests", [200_000, pytest.param(100_000_000, marks=pytest.mark.slow)])
def test_nothing_is_lost_between_a_process_that_asks_and_one_that_takes(requests: int) -> None:
    content, stop = shared(CANCELS_BYTES), shared(8)
    last_ids, last_taken = shared(SLOTS * 8).view(np.int64), np.zeros(SLOTS, np.int64)
    asking = Child(
        lambda: ask_many(address_of_array(content), requests, address_of_array(last_ids), address_of_array(stop))
    )
    taken, wrong = take_many(opened(content)[0], address_of_array(last_taken), address_of_array(stop))

    assert asking.wait(300) == 0
    assert wrong == 0
    assert 0 < taken <= requests
    assert np.array_equal(last_ids, last_taken)


def test_an_asker_killed_at_any_instruction_leaves_a_set_that_works() -> None:
    content = shared(CANCELS_BYTES)
    ask(address_of_array(content), 70, 1)
    images = crash_images(lambda: ask_stepped(address_of_array(content), 71, 2), content)

    found = []
    for image in images:
        crashed = aligned(CANCELS_BYTES)
        crashed[:] = np.frombuffer(image, np.uint8)
        reader = opened(crashed)
        found.append(everything(reader))
        # Asking again is what a successor does; the request is there once.
        ask(address_of_array(crashed), 71, 2)
        again = everything(reader)
        assert again == [(71, 2)]
    assert found[0] == [(70, 1)] and found[-1] == [(70, 1), (71, 2)]
    assert all(each in (found[0], found[-1]) for each in found)
