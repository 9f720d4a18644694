"""The duty cycle's doorbells and slices: who is woken by what, how an idle process sleeps, what it waits for."""

import os
import select

import numpy as np
import pytest
from numba import from_dtype

from procs import bells
from procs.duty import HEARTBEAT_NS
from procs.duty_cycle import HELD_LOOK_NS, next_timer_ns, run_slice
from procs.ports import PORTS
from shm.clock import SYSTEM
from shm.control import store_word
from shm.doorbell import AWAKE, IN_EPOLL, IN_FUTEX, wake
from shm.kernel import address_of_array
from shm.layout import DOORBELL_DESCRIPTOR
from tests.procs.one_duty import OneDuty, relay_table, trade
from tests.procs.relay_stage import ANSWERED, OUT_CANCELS, OUT_DENY, OUT_HALT, OUT_LATEST, OUT_WAIT
from tests.shm.areas import aligned, shared
from tests.shm.processes import Child
from tests.shm.test_memory_orders import events
from trader.messages import TRADE

pytestmark = pytest.mark.usefixtures(relay_table.__name__)


@pytest.mark.parametrize("outbox", [OUT_WAIT, OUT_HALT, OUT_DENY, OUT_LATEST, OUT_CANCELS])
def test_a_message_wakes_the_sleepers_behind_its_own_outbox_and_no_others(outbox: int) -> None:
    bells = aligned(2 * 128)
    words = bells.view(np.int64)
    of = {"other": address_of_array(bells), "third": address_of_array(bells) + 128}
    duty = OneDuty(doorbell_of=lambda stage: of.get(stage, 0))
    words[0] = words[16] = IN_FUTEX
    duty.run()
    assert words[0] == words[16] == IN_FUTEX
    duty.give("in_wait", trade(1, outbox, 1))
    duty.run()

    assert words[0] == AWAKE
    assert words[16] == (AWAKE if outbox == OUT_HALT else IN_FUTEX)


def test_a_consumer_in_epoll_is_woken_through_its_eventfd() -> None:
    bell = aligned(128)
    descriptor = os.eventfd(0, os.EFD_NONBLOCK)
    store_word(address_of_array(bell) + DOORBELL_DESCRIPTOR, descriptor)
    duty = OneDuty(doorbell_of=lambda stage: address_of_array(bell) if stage == "other" else 0)
    bell.view(np.int64)[0] = IN_EPOLL
    duty.give("in_wait", trade(1, OUT_DENY, 3))
    duty.run()
    ready = select.select([descriptor], [], [], 0)[0]
    count = os.eventfd_read(descriptor)
    os.close(descriptor)

    assert ready == [descriptor] and count == 1


def test_doorbells_are_looked_at_behind_one_full_fence() -> None:
    found = events(bells._ring_doorbells, from_dtype(PORTS))
    assert found[0] == "fence seq_cst" and found.count("fence seq_cst") == 1
    assert found[1] == "load monotonic"


def test_an_idle_slice_sleeps_until_it_is_rung_and_says_what_it_took() -> None:
    bell = shared(128)
    duty = OneDuty(in_shared=True)
    duty.clock[0]["kind"] = SYSTEM
    address = address_of_array(bell)

    def stage() -> int:
        scratch = np.zeros(4, np.int64)
        for _ in range(200):
            taken = run_slice(address_of_array(duty.group), 1, address, 1, 1, address_of_array(scratch))
            if duty.notes():
                return taken != 1
        return 2

    child = Child(stage)
    while bell.view(np.int64)[0] != IN_FUTEX:
        os.sched_yield()
    duty.give("in_wait", trade(1))
    wake(address, address_of_array(np.zeros(2, np.int64)))
    assert child.wait() == 0
    assert bell.view(np.int64)[0] == AWAKE


def test_a_slice_ends_after_about_a_millisecond_however_much_there_is_to_do() -> None:
    """Python serves signals between slices: the most that one takes is 16 rounds behind the millisecond."""
    duty = OneDuty(batch_max=1)
    for number in range(300):
        duty.give("in_wait", trade(number))
    scratch = np.zeros(4, np.int64)
    duty.clock[0]["kind"] = SYSTEM
    taken = []
    while sum(taken) < 300:
        taken.append(run_slice(address_of_array(duty.group), 1, 0, 1, 1, address_of_array(scratch)))

    assert duty.notes() == [(TRADE, number) for number in range(300)]


def test_more_cancels_than_a_link_has_room_for_are_all_obeyed_and_none_overflows() -> None:
    duty = OneDuty()
    for slot in range(4096):
        duty.cancel(slot, ANSWERED)
    answered: list[int] = []
    while duty.run() or len(answered) < 4096:
        answered += [trade.price_ticks for trade in duty.taken("out_wait")]

    assert sorted(answered) == list(range(4096))
    assert duty.ports["outboxes"]["refused"].sum() == 0
    assert not duty.cell.halted


def test_what_lacks_room_is_looked_for_again_within_a_millisecond() -> None:
    duty = OneDuty()
    duty.run()
    group = address_of_array(duty.group)
    assert next_timer_ns(group, 1, 1000) == HEARTBEAT_NS
    for number in range(200):
        duty.give("in_wait", trade(number, OUT_WAIT, 2))
    duty.run()
    assert next_timer_ns(group, 1, 1000) == HELD_LOOK_NS < 1_000_000
    while duty.taken("out_wait"):
        duty.run()

    assert next_timer_ns(group, 1, 1000) == HEARTBEAT_NS


def test_a_timer_comes_before_its_pace_when_the_stage_wants_it_and_once_only() -> None:
    duty = OneDuty()
    duty.row["timer_ns"] = 50
    duty.run(now_ns=2000)
    duty.ports["wake_ns"] = 2020
    group = address_of_array(duty.group)
    assert next_timer_ns(group, 1, 2005) == 15
    for now_ns in (2019, 2020, 2069, 2070):
        duty.run(now_ns=now_ns)

    assert duty.state[0]["times"][:3].tolist() == [2000, 2020, 2070]
    assert duty.ports["wake_ns"] == 0
