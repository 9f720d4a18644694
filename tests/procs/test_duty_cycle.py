"""The duty cycle: order of service, credit, losses, commands, timers, stamps, doorbells, failures."""

import numpy as np
import pytest

from procs import duty_cycle
from procs.duty import HEARTBEAT_NS
from shm.control import store_word
from shm.kernel import address_of_array
from tests.procs.one_duty import INBOXES, OneDuty, relay_table, trade
from tests.procs.relay_stage import FAIL, OUT_DENY, OUT_HALT, OUT_WAIT
from trader.enums import Command
from trader.messages import (
    BOOK_RESYNC,
    CANCEL_REQUEST,
    CONTROL,
    GAP,
    TIMER,
    TRADE,
    WIRE_IN,
    BookResync,
    WireIn,
)

pytestmark = pytest.mark.usefixtures(relay_table.__name__)


def ids(messages: list[object]) -> list[int]:
    """Trade ids."""
    return [message.trade_id for message in messages]


def test_inboxes_are_served_cancels_first_then_what_must_not_be_lost_then_the_newest_then_the_queues() -> None:
    duty = OneDuty()
    duty.give("in_wire", WireIn(1, 2, 3, b"12345"))
    duty.give("in_wait", trade(31))
    duty.give("in_latest", BookResync(2, 0, 0, 21, 0))
    duty.give("in_halt", trade(11))
    duty.cancel(7, 70)
    duty.cell.issue(Command.START, 5)
    assert duty.run(1) == 6

    assert duty.notes() == [
        (CONTROL, Command.START * 1000 + 5), (CANCEL_REQUEST, 7), (TRADE, 11), (BOOK_RESYNC, 21), (TRADE, 31),
        (WIRE_IN, 5),
    ]  # fmt: skip
    assert INBOXES == ("in_cancels", "in_halt", "in_latest", "in_wait", "in_drop", "in_wire")


def test_a_batch_is_at_most_as_long_as_it_may_be() -> None:
    duty = OneDuty(batch_max=4)
    for number in range(10):
        duty.give("in_wait", trade(number))

    assert [duty.run(1) for _ in range(4)] == [4, 4, 2, 0]
    assert duty.notes() == [(TRADE, number) for number in range(10)]


def test_a_full_wait_outbox_holds_the_input_back_and_loses_nothing() -> None:
    duty = OneDuty()
    for number in range(200):
        assert duty.give("in_wait", trade(number, OUT_WAIT, 2))
    first = duty.run()
    assert 0 < first < 100
    assert duty.run() == 0

    passed: list[int] = []
    while some := duty.taken("out_wait", 5):
        passed += ids(some)
        duty.run()
    assert passed == [number for number in range(200) for _ in range(2)]
    assert duty.ports["outboxes"]["refused"].sum() == 0
    assert not duty.cell.halted


def test_a_stage_that_waits_for_room_takes_commands_and_cancels_when_there_is_some_and_loses_none() -> None:
    duty = OneDuty()
    for number in range(200):
        duty.give("in_wait", trade(number, OUT_WAIT, 2))
    taken = duty.run()
    duty.cell.issue(Command.CANCEL_ALL)
    duty.cancel(3, 33)
    assert duty.run() == 0
    assert not duty.cell.acknowledged(Command.CANCEL_ALL)
    duty.taken("out_wait")
    duty.run()

    assert duty.notes()[taken : taken + 2] == [(CONTROL, Command.CANCEL_ALL * 1000), (CANCEL_REQUEST, 3)]
    assert duty.cell.acknowledged(Command.CANCEL_ALL)
    assert not duty.cell.halted


def test_a_stage_that_must_not_lose_still_takes_commands_and_cancels() -> None:
    duty = OneDuty()
    for number in range(200):
        duty.give("in_wait", trade(number, OUT_HALT, 1))
    taken = duty.run()
    duty.cell.issue(Command.CANCEL_ALL)
    duty.cancel(3, 33)
    assert duty.run() == 2

    assert duty.notes()[taken:] == [(CONTROL, Command.CANCEL_ALL * 1000), (CANCEL_REQUEST, 3)]


def test_a_full_halt_outbox_latches_no_new_orders_and_keeps_every_message() -> None:
    duty = OneDuty()
    for number in range(200):
        duty.give("in_wait", trade(number, OUT_HALT, 1))
    assert not duty.cell.halted
    held = duty.run()
    assert 0 < held < 200
    assert duty.cell.halted and duty.ports["halted"] == 1

    passed: list[int] = []
    third = duty._reader("out_halt")  # the other consumer gates as well
    assert ids(duty.taken("out_halt")) == list(range(held))
    assert duty.run() == 0
    duty.readers["third"] = third
    store_word(duty.links["out_halt"] + 384, int(duty.readers["out_halt"][0]["position"]))
    while duty.run():
        passed += ids(duty.taken("out_halt"))
        store_word(duty.links["out_halt"] + 384, int(duty.readers["out_halt"][0]["position"]))
    assert passed == list(range(held, 200))
    assert duty.cell.halted, "a latch stays"


def test_a_full_deny_outbox_refuses_at_once_and_tells_the_step() -> None:
    duty = OneDuty()
    for number in range(100):
        duty.give("in_wait", trade(number, OUT_DENY, 1))
    assert duty.run() == 100
    sent = ids(duty.taken("out_deny"))

    box = duty.ports["outboxes"][OUT_DENY]
    assert sent == list(range(len(sent))) and 0 < len(sent) < 100
    assert duty.state[0]["denied"] == box["refused"] == 100 - len(sent)
    assert box["sent"] == len(sent)
    assert not duty.cell.halted


def test_a_gap_is_told_before_the_message_behind_it_and_counts_exactly_what_was_missed() -> None:
    duty = OneDuty()
    duty.give("in_drop", trade(0))
    duty.run()
    for number in range(1, 101):
        duty.give("in_drop", trade(number))
    assert duty.run() == 0
    duty.give("in_drop", trade(101))
    duty.run()

    assert duty.notes() == [(TRADE, 0), (GAP, 100), (TRADE, 101)]
    assert duty.row["inboxes"][INBOXES.index("in_drop")]["missed"] == 100


def test_a_latest_inbox_gives_the_newest_of_each_symbol_once() -> None:
    duty = OneDuty()
    for symbol, epoch in [(0, 1), (3, 2), (0, 3), (3, 4), (1, 5)]:
        duty.give("in_latest", BookResync(symbol, 0, 0, epoch, 0))
    duty.run()
    duty.give("in_latest", BookResync(3, 0, 0, 6, 0))
    duty.run()

    assert duty.notes() == [(BOOK_RESYNC, each) for each in (3, 5, 4, 6)]


def test_a_cancel_carries_its_set_its_slot_and_its_order_and_all_is_slot_minus_one() -> None:
    duty = OneDuty()
    duty.cancel(4095, 1 << 50)
    duty.cancel(-1, 0)
    duty.run()

    source = INBOXES.index("in_cancels") * 10_000
    assert duty.notes() == [(CANCEL_REQUEST, source - 1), (CANCEL_REQUEST, source + 4095)]
    assert duty.state[0]["times"][:2].tolist() == [0, 1 << 50]


def test_a_command_is_delivered_once_and_again_when_it_is_given_again() -> None:
    duty = OneDuty()
    duty.cell.issue(Command.RUN, 1)
    assert [duty.run(), duty.run()] == [1, 0]
    assert duty.cell.acknowledged(Command.RUN)
    duty.cell.issue(Command.RUN, 2)
    duty.run()

    assert duty.notes() == [(CONTROL, Command.RUN * 1000 + 1), (CONTROL, Command.RUN * 1000 + 2)]


def test_a_timer_comes_each_period_of_the_clock_and_never_without_one() -> None:
    duty = OneDuty()
    duty.run(now_ns=10**12)
    assert duty.notes() == []
    duty.row["timer_ns"] = 50
    for now_ns in (2000, 2049, 2050, 2500, 2501, 2550):
        duty.run(now_ns=now_ns)

    assert duty.notes() == [(TIMER, 1), (TIMER, 2), (TIMER, 3), (TIMER, 4)]
    assert duty.state[0]["times"][:4].tolist() == [2000, 2050, 2500, 2550]


def test_every_hop_is_recorded_for_each_message_taken_from_a_link() -> None:
    duty = OneDuty()
    for number in range(5):
        duty.give("in_wait", trade(number), origin_ns=1000 - 100 * number, publish_ns=2000 - 10 * number)
    duty.give("in_halt", trade(9), origin_ns=2999, publish_ns=2999)
    duty.run(now_ns=3000)

    assert {hop: int(duty.histogram("in_wait", hop)["count"]) for hop in duty_hops()} == dict.fromkeys(duty_hops(), 5)
    assert duty.histogram("in_wait", "queueing")["sum"] == sum(1000 + 10 * number for number in range(5))
    assert duty.histogram("in_wait", "hop")["max"] == 1040
    assert duty.histogram("in_wait", "age")["sum"] == sum(2000 + 100 * number for number in range(5))
    assert duty.histogram("in_wait", "service")["sum"] == 0, "the clock stood"
    assert duty.histogram("in_halt", "age")["sum"] == 1
    assert duty.histogram("in_drop", "age")["count"] == 0
    assert duty.row["taken"] == 6


def duty_hops() -> tuple[str, ...]:
    """Names of the hops."""
    return ("queueing", "service", "hop", "age")


def test_what_goes_out_has_the_origin_of_what_came_in_and_the_time_of_its_publication() -> None:
    duty = OneDuty()
    duty.give("in_wait", trade(1, OUT_DENY, 1), origin_ns=77)
    duty.run(now_ns=5000)
    words = duty.memory["out_deny"][1024:1056].view(np.int64)

    assert words[1:].tolist() == [0, 77, 5000]


@pytest.mark.parametrize("code", [1, 7])
def test_a_negative_code_stops_the_stage_and_is_read_from_its_control_cell(code: int) -> None:
    duty = OneDuty()
    for message in (trade(1), trade(2, FAIL, code), trade(3)):
        duty.give("in_wait", message)
    duty.run()
    assert duty.cell.failure == duty.row["failure"] == -code
    duty.row["timer_ns"] = 1
    duty.cell.issue(Command.RUN)
    duty.cancel(1, 1)
    duty.run()
    assert duty.notes()[:2] == [(TRADE, 1), (TRADE, 2)] and len(duty.notes()) == 2


def test_the_heart_beats_at_its_period_whether_or_not_there_is_work() -> None:
    duty = OneDuty()
    beats = []
    for now_ns in (HEARTBEAT_NS, HEARTBEAT_NS + 1, 2 * HEARTBEAT_NS - 1, 2 * HEARTBEAT_NS, 5 * HEARTBEAT_NS):
        duty.run(now_ns=now_ns)
        beats.append(duty.cell.heartbeat_ns)

    assert beats == [HEARTBEAT_NS] * 3 + [2 * HEARTBEAT_NS, 5 * HEARTBEAT_NS]


def test_one_event_runs_through_a_group_before_the_next_is_taken() -> None:
    upstream, downstream = OneDuty(batch_max=1), OneDuty(batch_max=1)
    downstream.row["inboxes"][INBOXES.index("in_wait")]["ring"] = upstream._reader("out_wait")[0]
    for number in range(3):
        upstream.give("in_wait", trade(number, OUT_WAIT, 1))
    group = np.array([upstream.station.address, downstream.station.address], np.int64)
    taken = [duty_cycle.run_group(address_of_array(group), 2, 1) for _ in range(3)]

    assert taken == [2, 2, 2]
    assert [value for _, value in upstream.notes()] == [value for _, value in downstream.notes()] == [0, 1, 2]


def test_an_inbox_that_one_word_tells_of_is_watched_and_any_other_is_always_asked() -> None:
    duty = OneDuty()
    assert not duty.row["watches"]["address"].any()
    duty.run()
    watched = dict(zip(INBOXES, duty.row["watches"]["address"].tolist(), strict=False))
    assert [name for name in INBOXES if watched[name] == 0] == ["in_cancels", "in_drop"]

    duty.give("in_wait", trade(1))
    duty.give("in_latest", BookResync(2, 0, 0, 21, 0))
    assert duty.run() == 2
    again = dict(zip(INBOXES, duty.row["watches"]["address"].tolist(), strict=False))
    assert again["in_wait"] != watched["in_wait"]
    assert again["in_latest"] == watched["in_latest"]


def test_a_watched_ring_is_followed_round_its_end() -> None:
    duty = OneDuty()
    ring = duty.row["inboxes"][INBOXES.index("in_wait")]["ring"]
    for number in range(1200):
        assert duty.give("in_wait", trade(number))
        assert duty.run() == 1
    assert ring["position"] > 2 * ring["capacity"]


def test_a_step_ends_with_its_last_message_and_else_when_it_returns() -> None:
    duty = OneDuty()
    duty.give("in_wait", trade(1, OUT_DENY, 1), publish_ns=900)
    duty.run(now_ns=1000)
    assert duty.row["ports"]["sent_ns"] == 1000
    assert duty.row["stamp_ns"] == 1000
    duty.give("in_wait", trade(2), publish_ns=900)
    duty.run(now_ns=2000)
    assert duty.row["ports"]["sent_ns"] == 0
    assert duty.row["stamp_ns"] == 2000
