"""One process of a run, from fork to exit: pin, attach, boot, serve, drain, leave.

    BOOT    attach the segments, wait for the instruments
    RUNNING start() done, START delivered: serve
    DONE    after DRAIN: inboxes empty, journals closed
    FAILED  a step's negative code, or an exception; the exit code is not 0

A process whose parent dies is told by SIGTERM. If it holds the router, it cancels all orders before it leaves.
"""

import asyncio
import logging
import os
import signal
import time
from types import FrameType

import numpy as np
import setproctitle
import uvloop

from procs.affinity import owns_core, pin
from procs.boot import Booted, boot
from procs.build import build_hash
from procs.duty_cycle import run_group, run_slice
from procs.event_loop import EventLoop, Wire
from procs.exchange_market import MarketWatch, logons, serve_recording, served_books
from procs.placement import Group, Waiting, waiting
from procs.plan import LaunchPlan
from procs.rewiring import Rewiring
from procs.run_segments import PORT, RunSegments
from procs.transport.authentication import Credentials
from procs.transport.client import ClientTransport
from procs.transport.server import ServerTransport
from procs.wiring import doorbell_address
from shm.clock import now_ns
from shm.control import BOOT, BUILD, DONE, FAILED, HALTED, PID, RUNNING, STATE, store_word
from trader.enums import Command

EXIT_FAILED_STEP = 70
_CANCEL_S = 1.5
_REST_S = 0.01
"""How long a stage that drains must have found nothing before it leaves."""

_LINGER_S = 0.4
"""How much longer than the router the exchange stays after SIGTERM, so that cancels reach it."""

log = logging.getLogger("trader")


def run_process(plan: LaunchPlan, name: str, generation: int) -> int:
    """The body of a forked stage process; returns its exit code."""
    group = plan.group(name)
    setproctitle.setproctitle(f"trader: {name}")
    if "router" not in group.stages:
        os.close(plan.key_descriptor)
    pin(plan.cores[group.stages[0]])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return StageProcess(plan, group, generation).run()


class StageProcess:
    """The life of one process; `run` returns its exit code."""

    def __init__(self, plan: LaunchPlan, group: Group, generation: int) -> None:
        self.plan = plan
        self.group = group
        self.generation = generation
        self.segments = RunSegments.attach(plan.run)
        self.booted = Booted(self.segments, [self.segments.cell(stage) for stage in group.stages])
        self.rewiring = Rewiring(self.segments, plan.out_dir)
        self.parent = os.getppid()
        self.terminated = False
        self.leave_by_ns = 0
        self.taken = -1
        self.market_client = asyncio.Event()
        self.served = served_books(plan.config)

    def run(self) -> int:
        """Serve until drained, told to end, or failed."""
        signal.signal(signal.SIGTERM, self._terminate)
        self._tell(PID, os.getpid())
        self._tell(BUILD, build_hash(self.plan.config))
        self._tell(STATE, BOOT)
        code = 1
        try:
            self.booted = boot(self.plan, self.group, self.segments, self.generation)
            for cell in self.booted.cells:
                cell.issue(Command.START, self.generation)
            self._tell(STATE, RUNNING)
            if self.group.owns_sockets:
                uvloop.run(self.serve_sockets())
            else:
                self._serve()
            code = EXIT_FAILED_STEP if self._failed() else 0
        finally:
            for journal in self.booted.journals:
                journal.close(self._now_ns())
            if not code and self.booted.beliefs is not None:
                self.booted.beliefs.close()
            self._tell(STATE, FAILED if code else DONE)
        return code

    def _tell(self, word: int, value: int) -> None:
        for cell in self.booted.cells:
            store_word(cell.address + word, value)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self.terminated = True

    def _now_ns(self) -> int:
        return int(now_ns(self.segments.clock_address))

    def _failed(self) -> bool:
        return any(station.row["failure"] for station in self.booted.stations)

    def housekeeping(self) -> bool:
        """The warm lane, at least ten times a second: journals, failures, the end. False: leave."""
        if self._failed():
            return False
        if self.booted.beliefs is not None:
            self.booted.beliefs.look()
        self.rewiring.tend(self.booted.stations, self.booted.journals, self._now_ns())
        for journal, station in zip(self.booted.journals, self.booted.stations, strict=False):
            kept = journal.keep_room(self._now_ns()) and station.name not in self.rewiring.failed
            if not kept and not station.row["ports"]["halted"]:
                log.error("%s: %s; no new orders", station.name, journal.failure)
                station.row["ports"]["halted"] = 1
                store_word(self.segments.cell(station.name).address + HALTED, 1)
        if self.terminated or os.getppid() != self.parent:
            return self._still_cancelling()
        return not (self._is_draining() and (self.group.owns_sockets or self._has_rested()))

    def _is_draining(self) -> bool:
        return all(int(station.row["command_seen"]) & 0xFF == Command.DRAIN for station in self.booted.stations)

    def _has_rested(self) -> bool:
        """Whether nothing but timers has come since the last look: a timer in every slice is no reason to stay."""
        rows = [station.row for station in self.booted.stations]
        before, self.taken = self.taken, sum(int(row["taken"]) - int(row["timer_count"]) for row in rows)
        return self.taken == before

    def _still_cancelling(self) -> bool:
        """After SIGTERM: the router first cancels everything; the exchange lets it."""
        router = self.segments.cell("router")
        if not self.leave_by_ns:
            self.leave_by_ns = self._now_ns()
            if "exchange" in self.group.stages:
                self.leave_by_ns += int((_CANCEL_S + _LINGER_S) * 1e9)
            elif "router" in self.group.stages:
                self.leave_by_ns += int(_CANCEL_S * 1e9)
                router.issue(Command.CANCEL_ALL)
        if "router" in self.group.stages and router.acknowledged(Command.CANCEL_ALL):
            return False
        return self._now_ns() < self.leave_by_ns

    def ladder(self) -> Waiting:
        """How this process waits."""
        return waiting(self.plan.config.wait, owns_core=owns_core(self.plan.cores, self.group.stages[0]))

    def _serve(self) -> None:
        """A process without sockets: slices of the compiled loop."""
        table = np.array([station.address for station in self.booted.stations], dtype=np.int64)
        ladder = self.ladder()
        doorbell = doorbell_address(self.booted.cells[0].address) if ladder.sleeps else 0
        scratch = np.zeros(4, dtype=np.int64)
        while self.housekeeping():
            if self._is_draining():
                # Nobody upstream is left to ring: a slice would sleep until its timer to find that nothing came.
                time.sleep(_REST_S)
                run_group(table.ctypes.data, len(table), 16)
            else:
                run_slice(table.ctypes.data, len(table), doorbell, ladder.spins, ladder.yields, scratch.ctypes.data)

    async def serve_sockets(self) -> None:
        """A process with sockets: the event loop moves bytes, the duty cycle does the rest."""
        loop = EventLoop(
            self.booted.stations,
            self.booted.wires,
            doorbell=doorbell_address(self.booted.cells[0].address),
            eventfd=self.plan.eventfds[self.group.name],
            clock=self.segments.clock_address,
            shares_core=not owns_core(self.plan.cores, self.group.stages[0]),
            polls=not self.ladder().sleeps,
        )
        for wire in self.booted.wires:
            wire.transport = self.transport(loop, wire)
        task = None
        if "exchange" in self.group.stages:
            task = asyncio.get_running_loop().create_task(self.serve_exchange(loop, self.booted.wires[0]))
            task.add_done_callback(loop.heed)
        await loop.run(self.housekeeping)
        if task is not None:
            task.cancel()

    async def serve_exchange(self, loop: EventLoop, wire: Wire) -> None:
        """Tell the port once it is bound, then serve the recording, if there is one."""
        transport = wire.transport
        assert isinstance(transport, ServerTransport)
        while transport.port == 0:
            await asyncio.sleep(0.001)
        self.segments.set_word(PORT, transport.port)
        if self.plan.config.replay:
            sink = loop.sink(wire)
            config, client, served = self.plan.config, self.market_client, self.served
            await serve_recording(config, self.segments, sink, transport, client, served)

    def transport(self, loop: EventLoop, wire: Wire) -> ClientTransport | ServerTransport:
        """The sockets of one stage."""
        sink = loop.sink(wire)
        if wire.stage == "exchange":
            watch = MarketWatch(sink, self.market_client, self.plan.config, self.served)
            return ServerTransport(watch, "127.0.0.1", 0, self.plan.verifier)
        url = f"http://127.0.0.1:{self.segments.word(PORT)}"
        if wire.stage == "router":
            credentials = Credentials.from_descriptor(self.plan.key_descriptor)
            return ClientTransport(sink, url, credentials, authenticate=logons(self.plan.config))
        return ClientTransport(sink, url, None)
