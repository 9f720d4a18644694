"""One process of a run, from fork to exit: pin, attach, bind, start, serve, drain, leave.

    BOOT    attach the segments, wait for the instruments
    RUNNING start() each stage, deliver START, serve
    DONE    after DRAIN: inboxes empty, journals closed
    FAILED  a step's negative code, or an exception; the exit code is not 0

A process whose parent dies is told by SIGTERM. If it holds the router, it cancels all orders before it leaves.
"""

import asyncio
import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import setproctitle
import uvloop

from procs.affinity import owns_core, pin
from procs.config import RunConfig
from procs.duty_cycle import run_slice
from procs.event_loop import EventLoop, Wire
from procs.exchange_market import exchange_instruments, serve_recording
from procs.journal import FORMAT, JournalHeader, JournalWriter, hash_text, target
from procs.placement import Group, groups, waiting
from procs.run_segments import PORT, READY, RunSegments, layout_hash
from procs.topology import WIRE, inboxes, link_named, outboxes
from procs.transport import WireSink
from procs.transport.authentication import Credentials, Verifier
from procs.transport.client import ClientTransport
from procs.transport.server import ServerTransport
from procs.wire_rings import WireInbox, WireOutbox
from procs.wiring import Station, bind, doorbell_address, latency_bytes, memory_links, stage_module
from shm.clock import now_ns
from shm.control import BOOT, DONE, FAILED, PID, RUNNING, STATE, store_word
from shm.doorbell import DOORBELL_DESCRIPTOR
from trader.enums import Command, WireKind

EXIT_FAILED_STEP = 70
SUCCESSOR = "successor"
"""The process that replaces a dead router, with nothing but a router in it: it cancels everything."""

_BOOT_S = 60.0
_CANCEL_S = 1.5
ORDER_CONNECTION = 1
log = logging.getLogger("trader")


@dataclass(frozen=True)
class LaunchPlan:
    """What every process of a run knows from before it was forked."""

    run: str
    config: RunConfig
    cores: dict[str, int]
    out_dir: Path
    eventfds: dict[str, int]
    key_descriptor: int
    verifier: Verifier | None

    def group(self, name: str) -> Group:
        """A process of this plan's placement by its name, or the successor router."""
        if name == SUCCESSOR:
            return Group(SUCCESSOR, ("router",))
        return {group.name: group for group in groups(self.config.placement)}[name]

    def home_of(self, stage: str) -> Group:
        """The process that a stage lives in."""
        return next(group for group in groups(self.config.placement) if stage in group.stages)


class StageProcess:
    """The life of one process; `run` returns its exit code."""

    def __init__(self, plan: LaunchPlan, group: Group, generation: int) -> None:
        self.plan = plan
        self.group = group
        self.generation = generation
        self.segments = RunSegments.attach(plan.run)
        self.clock = self.segments.clock_address
        self.cells = [self.segments.cell(stage) for stage in group.stages]
        self.stations: list[Station] = []
        self.wires: list[Wire] = []
        self.journals: list[JournalWriter] = []
        self.keep: list[object] = []
        self.terminated = False
        self.leave_by_ns = 0
        self.idle = False
        self.parent = os.getppid()
        self.market_client = asyncio.Event()

    def run(self) -> int:
        """Serve until drained, told to end, or failed."""
        core = self.plan.cores[self.group.stages[0]]
        pin(core)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._terminate)
        for cell in self.cells:
            store_word(cell.address + PID, os.getpid())
            store_word(cell.address + STATE, BOOT)
        try:
            self._boot()
            for cell in self.cells:
                cell.issue(Command.START)
                store_word(cell.address + STATE, RUNNING)
            if self.group.owns_sockets:
                uvloop.run(self._serve_sockets())
            else:
                self._serve()
            code = self._failure()
        except BaseException:
            for cell in self.cells:
                store_word(cell.address + STATE, FAILED)
            raise
        finally:
            for journal in self.journals:
                journal.close(now_ns(self.clock))
        for cell in self.cells:
            store_word(cell.address + STATE, FAILED if code else DONE)
        return code

    def _terminate(self, number: int, frame: object) -> None:
        self.terminated = True

    def _failure(self) -> int:
        return EXIT_FAILED_STEP if any(station.row["failure"] for station in self.stations) else 0

    def _boot(self) -> None:
        """Bind every stage of this process to the run's memory and fill its state."""
        instruments = self._instruments()
        links = self.segments.links_of()
        links |= self._wire_links()
        for stage, cell in zip(self.group.stages, self.cells, strict=True):
            state = self.segments.state(stage)
            config = self.plan.config
            if self.group.name == SUCCESSOR:
                state.view(np.uint8)[:] = 0
                config = msgspec.structs.replace(config, router=msgspec.structs.replace(config.router, cancel_only=True))
            stage_module(stage).start(state, config, instruments)
            station = bind(
                stage,
                links,
                symbols=len(config.symbols),
                state=state,
                clock=self.clock,
                control=cell.address,
                latency=self.segments.address(f"latency.{stage}"),
                doorbell_of=self._doorbell_of,
            )
            self.stations.append(station)
            self._open_journal(station)
        doorbell = self._doorbell_of(self.group.stages[0])
        store_word(doorbell + DOORBELL_DESCRIPTOR, self.plan.eventfds.get(self.group.name, -1))

    def _instruments(self) -> np.ndarray:
        if "exchange" in self.group.stages:
            return exchange_instruments(self.plan.config)
        give_up = time.monotonic() + _BOOT_S
        while not self.segments.word(READY):
            if time.monotonic() > give_up or self.terminated or os.getppid() != self.parent:
                raise TimeoutError("the instruments did not arrive")
            time.sleep(0.001)
        return self.segments.instruments()[: len(self.plan.config.symbols)]

    def _doorbell_of(self, stage: str) -> int:
        if stage == WIRE:
            return 0
        if stage in self.group.stages:
            return doorbell_address(self.cells[0].address)
        return doorbell_address(self.segments.cell(self.plan.home_of(stage).stages[0]).address)

    def _wire_links(self) -> dict[str, int]:
        """Rings between this process's stages and its sockets, in its own memory."""
        names = {
            link.name: link
            for stage in self.group.stages
            for link in (*inboxes(stage), *outboxes(stage))
            if WIRE in (link.producer, *link.consumers)
        }
        addresses, keep = memory_links(names, symbols=1)
        self.keep += keep
        memory = dict(zip(names, keep, strict=True))
        for stage in self.group.stages:
            entrance, exit_ = f"{stage}_wire_in", f"{stage}_wire_out"
            if entrance in names:
                inbox = WireInbox(link_named(entrance), addresses[entrance], self.clock)
                outbox = WireOutbox(addresses[exit_], memory[exit_], self.clock)
                orders = self.segments.address("latency.router") + latency_bytes("router") if stage == "router" else 0
                self.wires.append(Wire(stage, inbox, outbox, order_histogram=orders))
        return addresses

    def _open_journal(self, station: Station) -> None:
        config = self.plan.config
        if not config.journal.enabled or station.name == "exchange":
            return
        header = JournalHeader(
            format=FORMAT,
            run=self.plan.run,
            stage=station.name,
            generation=self.generation,
            index=0,
            state_bytes=station.state.nbytes,
            schema=f"{layout_hash():x}",
            target=target(),
            symbols=len(config.symbols),
            batch_max=int(station.row["batch_max"]),
            inboxes=[link.name for link in inboxes(station.name)],
            outboxes=list(station.module.OUTBOXES),
            config=hash_text(msgspec.json.encode(config).decode()),
        )
        folder = self.plan.out_dir / "journal"
        writer = JournalWriter(
            folder, header, station.row["ports"]["journal"], station.state, bytes_max=config.journal.segment_bytes
        )
        if not writer.rotate(now_ns(self.clock)):
            raise OSError(writer.failure)
        self.journals.append(writer)

    def housekeeping(self) -> bool:
        """The warm lane, at least ten times a second: journals, failures, the end. False: leave."""
        if self._failure():
            return False
        for journal, station in zip(self.journals, self.stations, strict=False):
            if not journal.keep_room(now_ns(self.clock)) and not station.row["ports"]["halted"]:
                log.error("%s: %s; no new orders", station.name, journal.failure)
                station.row["ports"]["halted"] = 1
        if self.terminated or os.getppid() != self.parent:
            return self._still_cancelling()
        draining = all(int(station.row["command_seen"]) & 0xFF == Command.DRAIN for station in self.stations)
        return not (draining and self.idle)

    def _still_cancelling(self) -> bool:
        """After SIGTERM: the router first cancels everything; the exchange lets it."""
        now = now_ns(self.clock)
        if not self.leave_by_ns:
            self.leave_by_ns = now
            if "exchange" in self.group.stages:
                self.leave_by_ns = now + int((_CANCEL_S + 0.4) * 1e9)
            elif "router" in self.group.stages:
                self.leave_by_ns = now + int(_CANCEL_S * 1e9)
                self.segments.cell("router").issue(Command.CANCEL_ALL)
        if "router" in self.group.stages and self.segments.cell("router").acknowledged(Command.CANCEL_ALL):
            return False
        return now < self.leave_by_ns

    def _serve(self) -> None:
        """A process without sockets: slices of the compiled loop."""
        group = np.array([station.address for station in self.stations], dtype=np.int64)
        ladder = waiting(
            self.plan.config.wait, owns_core=owns_core(self.plan.cores, self.group.stages[0])
        )
        doorbell = self._doorbell_of(self.group.stages[0]) if ladder.sleeps else 0
        scratch = np.zeros(4, dtype=np.int64)
        address, count = group.ctypes.data, len(group)
        while self.housekeeping():
            taken = run_slice(address, count, doorbell, ladder.spins, ladder.yields, scratch.ctypes.data)
            self.idle = taken == 0

    async def _serve_sockets(self) -> None:
        """A process with sockets: the event loop moves bytes, the duty cycle does the rest."""
        eventfd = self.plan.eventfds[self.group.name]
        doorbell = self._doorbell_of(self.group.stages[0])
        loop = EventLoop(self.stations, self.wires, doorbell=doorbell, eventfd=eventfd, clock=self.clock)
        for wire in self.wires:
            wire.transport = self._transport(loop, wire)
        tasks = []
        if "exchange" in self.group.stages:
            tasks.append(asyncio.get_running_loop().create_task(self._serve_exchange(loop, self.wires[0])))
        self.idle = True
        await loop.run(self.housekeeping)
        for task in tasks:
            task.cancel()

    async def _serve_exchange(self, loop: EventLoop, wire: Wire) -> None:
        """Tell the port once it is bound, then serve the recording, if there is one."""
        transport = wire.transport
        assert isinstance(transport, ServerTransport)
        while transport.port == 0:
            await asyncio.sleep(0.001)
        self.segments.set_word(PORT, transport.port)
        if self.plan.config.replay:
            await serve_recording(self.plan.config, self.segments, loop.sink(wire), transport, self.market_client)

    def _transport(self, loop: EventLoop, wire: Wire) -> ClientTransport | ServerTransport:
        sink = loop.sink(wire)
        if wire.stage == "exchange":
            watched = _MarketWatch(sink, self.market_client)
            return ServerTransport(watched, "127.0.0.1", 0, self.plan.verifier)
        url = f"http://127.0.0.1:{self.segments.word(PORT)}"
        if wire.stage == "router":
            credentials = Credentials.from_descriptor(self.plan.key_descriptor)
            return ClientTransport(sink, url, credentials, authenticate={ORDER_CONNECTION})
        return ClientTransport(sink, url, None)


class _MarketWatch:
    """Passes a server's events on and notes the first market client: a recording begins with it."""

    def __init__(self, sink: WireSink, seen: asyncio.Event) -> None:
        self._deliver = sink.frame
        self._seen = seen

    def frame(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One WireIn."""
        self._deliver(connection_id, kind, status, payload)
        if kind == WireKind.CONNECTED and b"streams=" in bytes(payload):
            self._seen.set()


def run_process(plan: LaunchPlan, name: str, generation: int) -> int:
    """The body of a forked stage process; returns its exit code."""
    group = plan.group(name)
    setproctitle.setproctitle(f"trader: {name}")
    if "router" not in group.stages:
        os.close(plan.key_descriptor)
    return StageProcess(plan, group, generation).run()
