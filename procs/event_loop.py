"""The warm loop of a process that owns sockets: bytes move here, everything else is the compiled duty cycle.

    socket callback ---> push ---> turn
    eventfd readable ------------> turn      turn:  awake; run_group until nothing moves; drain the wire outboxes;
    timer -----------------------> turn             say "asleep in epoll"; look once more

A stage's inbox that is full holds back its socket: the callback waits, TCP does the rest.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from procs.duty import HEARTBEAT_NS
from procs.duty_cycle import next_timer_ns, run_group
from procs.transport import Transport
from procs.wire_rings import WireInbox, WireOutbox
from procs.wiring import Station
from shm.atomics import fence, store_relaxed, store_release
from shm.clock import now_ns
from shm.doorbell import AWAKE, IN_EPOLL
from shm.kernel import kernel

ROUNDS_MAX = 256
ORDER_STATUS = 2
"""`status` of a WireOut FRAME that carries a new order: its handing over is the end of tick to order."""

_FULL_WAIT_S = 0.0005


@kernel
def turn_group(group, count, doorbell):
    """Work until nothing moves, then declare sleep; returns messages taken."""
    store_relaxed(doorbell, AWAKE)
    taken = run_group(group, count, ROUNDS_MAX)
    store_release(doorbell, IN_EPOLL)
    fence()
    return taken + run_group(group, count, ROUNDS_MAX)


@dataclass
class Wire:
    """One stage's sockets: its transport and both its rings."""

    stage: str
    inbox: WireInbox
    outbox: WireOutbox
    transport: Transport | None = None
    order_histogram: int = 0


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
    ) -> None:
        self.stations = stations
        self.wires = wires
        self._group = np.array([station.address for station in stations], dtype=np.int64)
        self._group_address = int(self._group.ctypes.data)
        self._count = len(stations)
        self._doorbell = doorbell
        self._eventfd = eventfd
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._turning = False
        self._shares_core = shares_core
        self._failure: BaseException | None = None
        self.stop = asyncio.Event()

    def turn(self) -> int:
        """Everything that can be done now."""
        if self._turning:
            return 0
        self._turning = True
        total = 0
        try:
            while True:
                total += turn_group(self._group_address, self._count, self._doorbell)
                drained = 0
                for wire in self.wires:
                    assert wire.transport is not None
                    drained += wire.outbox.drain(wire.transport.act, wire.order_histogram, ORDER_STATUS)
                # Room in the outboxes may let something move that was held back.
                if drained == 0 or any(station.row["failure"] for station in self.stations):
                    break
                total += drained
        finally:
            self._turning = False
        if total and self._shares_core:
            # Whom this turn has woken waits on this core: it goes first, the rest of the callback can wait.
            os.sched_yield()
        return total

    def sink(self, wire: Wire) -> "_Sink":
        """Where a wire's transport delivers."""
        return _Sink(self, wire)

    async def run(self, housekeeping: Callable[[], bool]) -> None:
        """Serve until `housekeeping`, called at least ten times a second, says False."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        loop.add_reader(self._eventfd, self._rung)
        for wire in self.wires:
            assert wire.transport is not None
            await wire.transport.open()
        self._tick()
        try:
            while housekeeping() and self._failure is None:
                try:
                    await asyncio.wait_for(self.stop.wait(), HEARTBEAT_NS / 1e9)
                    self.stop.clear()
                except TimeoutError:
                    continue
        finally:
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
        wait_ns = next_timer_ns(self._group_address, self._count, now_ns(self._clock))
        self._timer = asyncio.get_running_loop().call_later(max(wait_ns, 500_000) / 1e9, self._tick)

    def _guarded_turn(self) -> None:
        try:
            self.turn()
        except Exception as error:
            self._fail(error)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
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
        self._turn = loop.turn
        self._push = wire.inbox.push
        self._bytes_max = wire.inbox.payload_bytes_max

    def frame(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One WireIn. A payload beyond the inbox's frame size arrives empty with status -1."""
        if len(payload) > self._bytes_max:
            payload, status = b"", -1
        while not self._push(connection_id, kind, status, payload):
            if self._turn() == 0:
                time.sleep(_FULL_WAIT_S)
        self._turn()
