"""Records what a feed receives: from a venue, over a connection of its own, or from the journal of a run.

    venue --socket--> tee --> feed stage --> book stage      both in this process: the feed's own session asks for
                       |                                     snapshots, notices gaps and silence, reconnects
                       `--> RecordingWriter                  frames and snapshots, stamped on receipt

    run --journal of its feed--> RecordingWriter             while it goes on or afterwards; the run does not notice

Nothing depends on a recorder, and it holds one piece of its file in memory.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import uvloop

from procs.config import RunConfig
from procs.errors import OperatorError
from procs.event_loop import EventLoop, Wire
from procs.journal_tail import JournalTail
from procs.kernels import kernel_loads
from procs.recording_writer import RecordingWriter
from procs.topology import LINKS
from procs.transport import WireSink
from procs.transport.client import ClientTransport
from procs.venue_facts import fetch_instruments
from procs.wire_rings import WireInbox, WireOutbox
from procs.wiring import Station, bind, memory_links, stage_module
from shm.clock import CLOCK, calibrate
from shm.control import CONTROL_BYTES, ControlCell
from shm.kernel import new_record
from trader.enums import BookState, Command, WireKind
from trader.messages import WireIn
from trader.venues.markets import MARKETS, USDM, market_named

STAGES = ("feed", "book")
FEED = ("feed", "feed_wire_in")
"""The stage whose journal is read, and its link from the sockets."""

HTTP_OK = 200
LOOK_EVERY_S = 0.05
SILENCE_S = 3.0
"""A feed's journal grows ten times a second, by its timer: a run that is silent for so long is over."""

LOADS = ("clock and control", "links", "duty cycle", "wire", "transports", "session", "stage feed", "stage book")
"""What of `procs.kernels` a recorder runs."""

_FRAME, _RESPONSE = int(WireKind.FRAME), int(WireKind.RESPONSE)


def is_market_data(kind: int, status: int) -> bool:
    """Whether an event of the feed's wire is a frame of the stream or a snapshot."""
    return kind == _FRAME or (kind == _RESPONSE and status == HTTP_OK)


class Tee:
    """Writes market data down before the stage sees them."""

    def __init__(self, writer: RecordingWriter, sink: WireSink) -> None:
        self._writer = writer
        self._sink = sink

    def frame(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One event of the transport."""
        if is_market_data(kind, status) and len(payload):
            self._writer.write(time.time_ns(), payload)
        self._sink.frame(connection_id, kind, status, payload)

    def queue(self, connection_id: int, kind: int, status: int, payload: bytes | memoryview) -> None:
        """One event with another close behind it: each is written with its own time, so each is taken at once."""
        self.frame(connection_id, kind, status, payload)


def load_recorder(progress: Callable[[str, int, int], None], market: str = MARKETS[USDM].name) -> None:
    """Compile, or load, all that runs while frames come. `progress` hears (name, done, total)."""
    loads = [(name, load) for name, load in kernel_loads(market) if name in LOADS]
    for index, (name, load) in enumerate(loads):
        progress(name, index, len(loads))
        load()
    progress("", len(loads), len(loads))


class Recorder:
    """Feed and book of one venue in this process, in ordinary memory. Raises OperatorError without its instruments."""

    def __init__(self, config: RunConfig, url: str, writer: RecordingWriter) -> None:
        self.symbols = config.symbols
        self.url = url
        self.writer = writer
        instruments = fetch_instruments(url, config.symbols, market_named(config.market))
        names = {link.name: link for link in LINKS if set(STAGES) & {link.producer, *link.consumers}}
        self.links, self.keep = memory_links(names, symbols=len(config.symbols))
        self.clock = new_record(CLOCK)
        calibrate(self.clock)
        clock = int(self.clock.ctypes.data)
        self.cells_memory = np.zeros(len(STAGES) * CONTROL_BYTES // 8 + 16, dtype=np.int64)
        first_cell = (self.cells_memory.ctypes.data + 127) & ~127
        self.cells = [ControlCell(first_cell + index * CONTROL_BYTES) for index in range(len(STAGES))]
        self.stations: list[Station] = []
        for stage, cell in zip(STAGES, self.cells, strict=True):
            state = new_record(stage_module(stage).STATE)
            stage_module(stage).start(state, config, instruments)
            self.stations.append(
                bind(stage, self.links, symbols=len(self.symbols), state=state, clock=clock, control=cell.address)
            )
        memory = dict(zip(names, self.keep, strict=True))
        inbox = WireInbox(names["feed_wire_in"], self.links["feed_wire_in"], clock)
        outbox = WireOutbox(self.links["feed_wire_out"], memory["feed_wire_out"], clock, is_client=True)
        self.wire = Wire("feed", inbox, outbox)
        self.doorbell = np.zeros(32, dtype=np.int64)

    async def record(self, keep_on: Callable[[], bool]) -> None:
        """Record until `keep_on`, asked ten times a second, says False. Raises OperatorError where a step fails."""
        eventfd = os.eventfd(0, os.EFD_NONBLOCK)
        doorbell = (int(self.doorbell.ctypes.data) + 127) & ~127
        loop = EventLoop(
            self.stations, [self.wire], doorbell=doorbell, eventfd=eventfd, clock=int(self.clock.ctypes.data)
        )
        self.wire.transport = ClientTransport(Tee(self.writer, loop.sink(self.wire)), self.url, None)
        for cell in self.cells:
            cell.issue(Command.START)
        running = False

        def housekeeping() -> bool:
            nonlocal running
            if not running and all(cell.acknowledged(Command.START) for cell in self.cells):
                running = True
                for cell in self.cells:
                    cell.issue(Command.RUN)
            self.writer.flush_when_due()
            return keep_on() and not any(station.row["failure"] for station in self.stations)

        try:
            await loop.run(housekeeping)
        finally:
            os.close(eventfd)
        for station in self.stations:
            if station.row["failure"]:
                raise OperatorError(f"the {station.name}'s step returned {int(station.row['failure'])}")

    def line(self) -> str:
        """What there is to say of the recording and its books, in one line."""
        books = self.stations[1].state[0]["books"][: len(self.symbols)]
        parts = [f"{self.writer.frames:,} frames", f"{self.writer.raw_bytes / 1e6:,.1f} MB"]
        for symbol, book in zip(self.symbols, books, strict=True):
            check = book["check"]
            parts.append(
                f"{symbol} {BookState(int(book['state'])).name} {int(check['checked']):,} checked"
                f" {int(check['mismatched']):,} mismatched"
            )
        return "  ".join(parts)


def record_venue(
    config: RunConfig, url: str, writer: RecordingWriter, *, duration_s: float, show: Callable[[str], None]
) -> None:
    """Record from a venue for so long, 0: until SIGINT or SIGTERM. Raises OperatorError."""
    recorder = Recorder(config, url, writer)
    keep_on = _until(duration_s, lambda: show(recorder.line()))

    async def main() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, keep_on.stop)
        await recorder.record(keep_on)

    uvloop.run(main())
    show(recorder.line())


def record_run(run_dir: Path, writer: RecordingWriter, *, duration_s: float, show: Callable[[str], None]) -> None:
    """Record what the feed of a run has received from its start, and follow it as it goes on. Raises OperatorError."""
    try:
        wall_offset_ns = int(json.loads((run_dir / "config.json").read_bytes())["wall_offset_ns"])
    except (OSError, ValueError, KeyError) as error:
        raise OperatorError(f"{run_dir}: found no run in it ({error}), allowed the folder of a run") from None
    tail = JournalTail(run_dir / "journal", *FEED)
    keep_on = _until(duration_s, lambda: show(f"{writer.frames:,} frames  {writer.raw_bytes / 1e6:,.1f} MB"))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: keep_on.stop())
    grown_s = time.monotonic()
    while not tail.closed and keep_on() and time.monotonic() - grown_s < SILENCE_S:
        before = tail.place
        for origin_ns, message in tail.read():
            _take(writer, origin_ns + wall_offset_ns, message)
            if not keep_on():
                break
        writer.flush_when_due()
        if tail.place != before:
            grown_s = time.monotonic()
        time.sleep(0 if tail.closed else LOOK_EVERY_S)


def _take(writer: RecordingWriter, receive_ns: int, message: WireIn) -> None:
    if is_market_data(message.kind, message.status) and message.payload:
        writer.write(receive_ns, message.payload)


class _until:  # noqa: N801 reads as what it says
    """True for so many seconds (0: for ever), or until `stop`; shows a line each second."""

    def __init__(self, duration_s: float, show: Callable[[], None]) -> None:
        self._end_s = time.monotonic() + duration_s if duration_s else float("inf")
        self._next_s = time.monotonic() + 1.0
        self._show = show
        self._stopped = False

    def stop(self) -> None:
        """Enough."""
        self._stopped = True

    def __call__(self) -> bool:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s += 1.0
            self._show()
        return not self._stopped and now_s < self._end_s
