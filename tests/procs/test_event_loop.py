"""The loop of a process with sockets: what enters together, what leaves together, its timer, polling."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import uvloop

from procs.event_loop import EventLoop, Wire
from procs.topology import link_named
from procs.wire_rings import GATHERED_BYTES, WireInbox, WireOutbox
from procs.wiring import memory_links
from shm.clock import SYSTEM, now_ns
from shm.doorbell import AWAKE, IN_FUTEX, wake
from shm.histogram import HISTOGRAM
from shm.kernel import address_of_array, new_record
from shm.ring import WRITER, open_writer
from tests.procs.one_duty import LINKS, OneDuty, push, record_of, relay_table, trade
from tests.procs.relay_stage import OUT_DENY
from tests.procs.test_framing import read_back
from tests.shm.areas import aligned
from trader.enums import WireKind
from trader.messages import TIMER, TRADE, WIRE_IN, WireOut
from trader.router.state import ORDER_STATUS

pytestmark = pytest.mark.usefixtures(relay_table.__name__)

FRAME, REQUEST = int(WireKind.FRAME), int(WireKind.REQUEST)
OUT = "router_wire_out"


class Calls:
    """A transport that remembers what it is given."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    def act(self, connection_id: int, kind: int, status: int, delay_ns: int, payload: memoryview) -> None:
        """One action."""
        self.seen.append(("act", connection_id, kind, status, delay_ns, bytes(payload)))

    def send(self, connection_id: int, frames: memoryview, count: int) -> None:
        """Frames."""
        payloads = [payload for _, _, payload in read_back(bytes(frames))]
        assert len(payloads) == count
        self.seen.append(("send", connection_id, payloads))


class Process:
    """The relay stage with sockets that are played by hand: `sink` for what comes, `calls` for what leaves."""

    def __init__(self, *, polls: bool = False, shares_core: bool = False) -> None:
        self.sleeper = aligned(128)
        sleeper = address_of_array(self.sleeper)
        self.duty = OneDuty(doorbell_of=lambda stage: sleeper if stage == "other" else 0)
        self.duty.clock[0]["kind"] = SYSTEM
        self.clock = address_of_array(self.duty.clock)
        addresses, self.keep = memory_links({OUT: link_named(OUT)}, symbols=1)
        self.orders = np.zeros(1, HISTOGRAM)
        self.writer = new_record(WRITER)
        open_writer(self.writer[0], addresses[OUT])
        (link,) = [link for link in LINKS if link.name == "in_wire"]
        inbox = WireInbox(link, self.duty.links["in_wire"], self.clock)
        histogram = address_of_array(self.orders)
        outbox = WireOutbox(addresses[OUT], self.keep[0], self.clock, is_client=True, order_histogram=histogram)
        self.calls = Calls()
        self.wire = Wire("relay", inbox, outbox, self.calls)
        self.bell = aligned(128)
        self.eventfd = os.eventfd(0, os.EFD_NONBLOCK)
        self.bell.view(np.int64)[1] = self.eventfd
        self.loop = EventLoop(
            [self.duty.station], [self.wire], doorbell=address_of_array(self.bell), eventfd=self.eventfd,
            clock=self.clock, polls=polls, shares_core=shares_core,
        )  # fmt: skip
        self.sink = self.loop.sink(self.wire)

    def leave(self, connection_id: int, payload: bytes, *, kind: int = FRAME, status: int = 0, delay: int = 0) -> None:
        """The stage sends a WireOut."""
        record = record_of(WireOut(connection_id, kind, status, delay, payload), self.duty.keep)
        assert push(self.writer[0], record[0], now_ns(self.clock), 0)

    def lets_sleep(self, deliver: Callable[..., None], *event: Any) -> bool:
        """Deliver a frame together with a trade that the stage passes on: whether the reader behind it is not woken."""
        self.sleeper.view(np.int64)[0] = IN_FUTEX
        self.duty.give("in_wait", trade(1, OUT_DENY, 1))
        deliver(*event)
        return bool(self.sleeper.view(np.int64)[0] == IN_FUTEX)

    def sizes(self) -> list[int]:
        """Lengths of the payloads that the stage was given."""
        return [value for kind, value in self.duty.notes() if kind == WIRE_IN]


Make = Callable[..., Process]


@pytest.fixture
def make_process() -> Iterator[Make]:
    """Makes processes, and closes what they have open."""
    made: list[Process] = []

    def make(**options: bool) -> Process:
        made.append(Process(**options))
        return made[-1]

    yield make
    for process in made:
        os.close(process.eventfd)


def test_frames_of_one_connection_leave_in_one_write_and_order_is_kept(make_process: Make) -> None:
    process = make_process()
    process.leave(1, b"a")
    process.leave(1, b"b", status=ORDER_STATUS)
    process.leave(1, b"c" * 300, status=ORDER_STATUS)
    process.leave(2, b"d")
    process.leave(0, b"GET /", kind=REQUEST, status=1)
    process.leave(2, b"e", delay=5)
    process.leave(2, b"f", status=ORDER_STATUS)
    process.loop.turn()

    assert process.calls.seen == [
        ("send", 1, [b"a", b"b", b"c" * 300]),
        ("send", 2, [b"d"]),
        ("act", 0, REQUEST, 1, 0, b"GET /"),
        ("act", 2, FRAME, 0, 5, b"e"),
        ("send", 2, [b"f"]),
    ]
    assert process.orders[0]["count"] == 3


def test_what_is_too_much_for_one_write_leaves_in_several_and_what_is_too_large_alone(make_process: Make) -> None:
    process = make_process()
    large = [bytes([65 + number]) * 20_000 for number in range(5)]
    for payload in large:
        process.leave(1, payload)
    process.leave(1, b"z" * GATHERED_BYTES)
    process.leave(1, b"last")
    process.loop.turn()
    sent = [call[2] for call in process.calls.seen if call[0] == "send"]

    assert sent == [large[:3], large[3:], [b"last"]]
    assert process.calls.seen[2] == ("act", 1, FRAME, 0, 0, b"z" * GATHERED_BYTES)


def test_the_ring_gives_its_room_back_for_ever(make_process: Make) -> None:
    process = make_process()
    for number in range(3_000):
        process.leave(1, b"%d" % number * 200)
        process.loop.turn()
    assert b"".join(payload for call in process.calls.seen for payload in call[2]) == b"".join(
        b"%d" % number * 200 for number in range(3_000)
    )


def test_frames_of_one_read_are_taken_one_by_one_and_the_last_ends_the_turn(make_process: Make) -> None:
    async def scenario() -> None:
        process = make_process()
        process.leave(1, b"caused by what came before")
        process.sink.queue(1, FRAME, 0, b"1")
        process.sink.queue(1, FRAME, 0, b"22")
        assert process.sizes() == [1, 2] and process.calls.seen == []
        process.sink.frame(1, FRAME, 0, b"333")

        assert process.sizes() == [1, 2, 3] and len(process.calls.seen) == 1

    uvloop.run(scenario())


@pytest.mark.parametrize("shares_core", [False, True])
def test_on_a_shared_core_nobody_is_woken_before_a_read_is_over(make_process: Make, shares_core: bool) -> None:
    async def scenario() -> None:
        process = make_process(shares_core=shares_core)
        assert process.lets_sleep(process.sink.queue, 1, FRAME, 0, b"1") is shares_core
        assert len(process.duty.taken("out_deny")) == 1, "what it waits for is there all the same"
        assert not process.lets_sleep(process.sink.frame, 1, FRAME, 0, b"22")

    uvloop.run(scenario())


@pytest.mark.parametrize("shares_core", [False, True])
def test_a_read_whose_last_frame_is_none_of_the_stages_ends_its_turn_all_the_same(
    make_process: Make, shares_core: bool
) -> None:
    async def scenario() -> None:
        process = make_process(shares_core=shares_core)
        process.leave(1, b"caused by what came before")
        process.lets_sleep(process.sink.queue, 1, FRAME, 0, b"1")
        while not process.calls.seen:
            await asyncio.sleep(0)

        assert process.sleeper.view(np.int64)[0] == AWAKE

    uvloop.run(scenario())


def test_a_payload_beyond_the_inbox_arrives_empty(make_process: Make) -> None:
    process = make_process()
    process.sink.frame(1, FRAME, 0, b"x" * (64 << 10))

    assert process.sizes() == [0]


@pytest.mark.parametrize("polls", [False, True])
def test_the_timer_comes_when_the_stage_wants_it(make_process: Make, polls: bool) -> None:
    process = make_process(polls=polls)
    process.duty.row["timer_ns"] = 3_600 * 10**9
    process.duty.row["timer_next_ns"] = now_ns(process.clock) + 3_600 * 10**9

    def goes_on() -> bool:
        if process.duty.ports["wake_ns"] == 0 and not process.duty.notes():
            process.duty.ports["wake_ns"] = now_ns(process.clock) + 3_000_000
            process.loop.turn()
        return not process.duty.notes()

    uvloop.run(process.loop.run(goes_on))
    assert process.duty.notes() == [(TIMER, 1)]


def test_a_process_that_polls_hears_what_nobody_rings_for_and_one_that_sleeps_is_rung_for(make_process: Make) -> None:
    polling, sleeping = make_process(polls=True), make_process()
    for process in (polling, sleeping):
        done = False

        def goes_on(process: Process = process) -> bool:
            nonlocal done
            if not done:
                done = True
                process.duty.give("in_wait", trade(5))
                if process is sleeping:
                    wake(address_of_array(process.bell), address_of_array(np.zeros(2, np.int64)))
            if process.duty.notes():
                return False
            asyncio.get_running_loop().call_soon(process.loop.stop.set)
            return True

        uvloop.run(process.loop.run(goes_on))
        assert process.duty.notes() == [(TRADE, 5)]
    assert not polling.bell.view(np.int64)[0]
