"""The warm loop of a process that owns sockets: bytes move here, everything else is the compiled duty cycle.

    socket callback ---> push ---> run_group       while more of the same read follows
    socket callback ---> push ---> turn
    eventfd readable ------------> turn      turn:  awake; run_group until nothing moves; say "asleep in epoll"; look
    timer -----------------------> turn             once more; then what waits in the wire outboxes is handed over

A process that polls never sleeps: it asks its sockets and takes a turn, again and again. Frames that were read together
are taken one by one, and the last of them ends the turn. A stage's inbox that is full holds back its socket: the
callback waits, TCP does the rest.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from procs.duty import HEARTBEAT_NS
from procs.socket_turn import (
    ARM_NS_MIN,
    HELD,
    LOOP,
    MOVED,
    NO_ROOM,
    TO_ARM,
    TO_SEND,
    arm,
    push_and_run,
    push_and_turn,
    take_turn,
)
from procs.transport import Transport, WireSink
from procs.wire_rings import WireInbox, WireOutbox
from procs.wiring import Station
from shm.kernel import address_of_array, new_record

HOUSEKEEPING_S = 0.9 * HEARTBEAT_NS / 1e9
"""Between two looks: less than a heartbeat, so that one timer wakes for both."""
_FULL_WAIT_S = 0.0005


@dataclass
class Wire:
    """One stage's sockets: its transport and both its rings."""

    stage: str
    inbox: WireInbox
    outbox: WireOutbox
    transport: Transport | None = None


class EventLoop:
    """Runs the stations of one process, some of which own sockets."""

    def __init__(
        self,
        stations: list[Station],
        wires: list[Wire],
        *,
        doorbell: int,
        eventfd: int,
        clock: int,
        shares_core: bool = False,
        polls: bool = False,
    ) -> None:
        """`shares_core`: let others go first after each turn; `polls`: never sleep, whoever else wants the core."""
        self.stations = stations
        self.wires = wires
        self._group = np.array([station.address for station in stations], dtype=np.int64)
        self._loop = new_record(LOOP)
        row = self._loop[0]
        row["group"], row["count"] = self._group.ctypes.data, len(stations)
        row["doorbell"], row["clock"], row["polls"] = doorbell, clock, polls
        row["shares_core"] = shares_core
        row["outbox_count"] = len(wires)
        row["outboxes"][: len(wires)] = [wire.outbox.address for wire in wires]
        self.address = address_of_array(self._loop)
        self._eventfd = eventfd
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._turning = False
        self._owes_turn = False
        self._polls = polls
        self._shares_core = shares_core and not polls
        self._failure: BaseException | None = None
        self._look_s = 0.0
        self.stop = asyncio.Event()

    def turn(self) -> int:
        """Everything that can be done now; what the turn said."""
        if self._turning:
            return 0
        return self.finish(take_turn(self.address))

    def finish(self, said: int) -> int:
        """After a turn: hand over what waits for the sockets, and arm the timer anew where it would come too late."""
        if self._turning:
            return said
        self._turning, self._owes_turn = True, False
        try:
            while said & TO_SEND:
                for wire in self.wires:
                    assert wire.transport is not None
                    wire.outbox.drain(wire.transport)
                if not said & HELD:
                    break
                # Room in the outboxes may let something move that was held back.
                said = take_turn(self.address) | said & MOVED
        finally:
            self._turning = False
        if said & TO_ARM:
            self._arm()
        if said & MOVED and self._shares_core:
            # Whom this turn has woken waits on this core: it goes first, the rest of the callback can wait.
            os.sched_yield()
        return said

    def owe_turn(self) -> None:
        """Something entered an inbox and more of the same read follows; should nothing follow, the turn comes soon."""
        if not self._owes_turn:
            self._owes_turn = True
            asyncio.get_running_loop().call_soon(self._pay_turn)

    def _pay_turn(self) -> None:
        if self._owes_turn:
            self._guarded_turn()

    def sink(self, wire: Wire) -> WireSink:
        """Where a wire's transport delivers."""
        return _Sink(self, wire)

    async def run(self, housekeeping: Callable[[], bool]) -> None:
        """Serve until `housekeeping`, called at least ten times a second or when `stop` is set, says False."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        loop.add_reader(self._eventfd, self._rung)
        for wire in self.wires:
            assert wire.transport is not None
            await wire.transport.open()
        (self._poll if self._polls else self._tick)()
        try:
            while housekeeping() and self._failure is None:
                try:
                    await asyncio.wait_for(self.stop.wait(), (1 if self._polls else 2) * HEARTBEAT_NS / 1e9)
                    self.stop.clear()
                except TimeoutError:
                    continue
        finally:
            self._polls = False
            loop.remove_reader(self._eventfd)
            if self._timer is not None:
                self._timer.cancel()
            for wire in self.wires:
                assert wire.transport is not None
                await wire.transport.close()
        if self._failure is not None:
            raise self._failure

    def _rung(self) -> None:
        os.eventfd_read(self._eventfd)
        self._guarded_turn()

    def _tick(self) -> None:
        self._guarded_turn()
        if (now_s := asyncio.get_running_loop().time()) >= self._look_s:
            self._look_s = now_s + HOUSEKEEPING_S
            self.stop.set()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait_s = max(arm(self.address), ARM_NS_MIN) / 1e9
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)

    def _poll(self) -> None:
        self._guarded_turn()
        if self._polls:
            asyncio.get_running_loop().call_soon(self._poll)

    def _guarded_turn(self) -> None:
        try:
            self.turn()
        except Exception as error:
            self._fail(error)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._fail(error if isinstance(error, BaseException) else RuntimeError(str(context.get("message"))))

    def heed(self, task: "asyncio.Task[None]") -> None:
        """A background task has ended: its exception, if any, is this process's."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self.stop.set()


class _Sink:
    """Takes a transport's events into the stage's inbox and runs the duty cycle at once."""

    def __init__(self, loop: EventLoop, wire: Wire) -> None:
        self._loop = loop
        self._inbox = wire.inbox.address
        self._bytes_max = wire.inbox.payload_bytes_max

    def frame(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One WireIn, and a turn. A payload beyond the inbox's frame size arrives empty with status -1."""
        if len(payload) > self._bytes_max:
            payload, status = b"", -1
        loop, event = self._loop, (connection_id, kind, status, payload, len(payload))
        while (said := push_and_turn(loop.address, self._inbox, *event)) == NO_ROOM:
            self._make_room()
        if said:
            loop.finish(said)

    def queue(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One WireIn, with another one close behind it that ends the turn: what this one causes is sent with that."""
        if len(payload) > self._bytes_max:
            payload, status = b"", -1
        loop, event = self._loop, (connection_id, kind, status, payload, len(payload))
        while push_and_run(loop.address, self._inbox, *event) == NO_ROOM:
            self._make_room()
        loop.owe_turn()

    def _make_room(self) -> None:
        if not self._loop.turn() & MOVED:
            time.sleep(_FULL_WAIT_S)
