"""The whole system in one process on the virtual clock, over a recording: the backtest.

    recorded line -> clock := its time -> exchange -> feed -> book -> ... -> router -> exchange -> until quiet

The same table, steps and rings as in a live run; only the wire and the clock differ (loopback, VIRTUAL). Nothing
waits for real time, so the result is the same at every run. Orders reach the exchange in no time; what that
flatters is said with the result.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from procs.backtest_kernels import pass_time, play, play_decoded, settle, view_kind
from procs.config import RunConfig
from procs.duty import DUTY
from procs.exchange_market import exchange_instruments, first_command, logons, told_instruments
from procs.journal import BufferedJournalWriter, JournalWriter, open_journal
from procs.loopback import CLIENTS, LOOPBACK
from procs.ports import OUTBOX, PORTS
from procs.stages.risk import BUILD_ALONE
from procs.topology import LINKS, STAGES, TRADING, WIRE, Link, link_named
from procs.wiring import Station, bind, latency_bytes, memory_links, stage_module
from shm.clock import VIRTUAL, now_ns, virtual_clock
from shm.control import CONTROL_BYTES, ControlCell
from shm.histogram import HISTOGRAM, HISTOGRAM_BYTES
from shm.kernel import address_of_array, new_record
from shm.memory import field_offset
from shm.ring import open_reader, open_writer
from trader.enums import Command

LINES_A_SLICE = 512
"""Recorded lines between two looks at the journals' room."""

SLICE_BYTES = 1 << 20
"""Of decoded frames, the same: what no stage journals twice as much for, so that there is room for it (see journal)."""

SETTLE_NS = 2_000_000_000
"""Virtual time that a command, such as cancelling everything, is given."""

ORDER = ("exchange", *TRADING)
_OUTBOXES_OFFSET = field_offset(PORTS, "outboxes")


class Backtest:
    """One run over a recording. Offers its memory as `RunSegments` does, so that results are read alike."""

    def __init__(self, config: RunConfig, start_ns: int) -> None:
        self.config = config
        self.first_ns = start_ns
        symbols = len(config.symbols)
        names = {link.name: link for link in LINKS}
        self.links, self.keep = memory_links(names, symbols=symbols)
        self.clock = virtual_clock(start_ns)
        self._cells = np.zeros(len(STAGES) * CONTROL_BYTES // 8 + 16, dtype=np.int64)
        self._cells_at = (self._cells.ctypes.data + 127) & ~127
        self._latency = {name: np.zeros(latency_bytes(name) + HISTOGRAM_BYTES, dtype=np.uint8) for name in ORDER}
        self._states = {name: new_record(stage_module(name).STATE) for name in ORDER}
        self._exchange_instruments = exchange_instruments(config)
        self._instruments = told_instruments(self._exchange_instruments)
        self.stations = [self._station(name) for name in ORDER]
        self.loop = self._wires()
        self.journals: list[JournalWriter] = []
        self._group = np.array([station.address for station in self.stations], dtype=np.int64)
        self._count = len(self._group)
        self._backward = np.array(list(self._counters_backward()), dtype=np.int64)

    def _station(self, name: str) -> Station:
        instruments = self._exchange_instruments if name == "exchange" else self._instruments
        stage_module(name).start(self._states[name], self.config, instruments)
        return bind(
            name,
            self.links,
            symbols=len(self.config.symbols),
            state=self._states[name],
            clock=self.clock.ctypes.data,
            control=self.cell(name).address,
            latency=self._latency[name].ctypes.data,
        )

    def _counters_backward(self) -> Iterator[int]:
        """Addresses of the counters of links that a message takes against the flow of ORDER, or onto a wire.

        The exchange's own wire is not among them: it is emptied between the exchange and all others.
        """
        for station in self.stations[1:]:
            for index, name in enumerate(station.module.OUTBOXES):
                consumers = link_named(name).consumers
                if any(name == WIRE or ORDER.index(name) <= ORDER.index(station.name) for name in consumers):
                    outboxes = address_of_array(station.duty) + field_offset(DUTY, "ports") + _OUTBOXES_OFFSET
                    yield outboxes + index * OUTBOX.itemsize + field_offset(OUTBOX, "sent")

    def _wires(self) -> np.ndarray:
        loop = new_record(LOOPBACK)
        row = loop[0]
        row["clock"] = self.clock.ctypes.data
        row["logs_on"] = sum(1 << connection for connection in logons(self.config))
        open_writer(row["to_exchange"], self.links["exchange_wire_in"])
        open_reader(row["from_exchange"], self.links["exchange_wire_out"], 0, 0)
        for client, name in enumerate(("feed", "router")):
            assert client < CLIENTS
            open_writer(row["to_client"][client], self.links[f"{name}_wire_in"])
            open_reader(row["from_client"][client], self.links[f"{name}_wire_out"], 0, 0)
        return loop

    def cell(self, stage: str) -> ControlCell:
        """A stage's control cell."""
        return ControlCell(self._cells_at + [row.name for row in STAGES].index(stage) * CONTROL_BYTES)

    def state(self, stage: str) -> np.ndarray:
        """A stage's state record, an array of one."""
        return self._states[stage]

    def histogram(self, stage: str, offset: int) -> Any:
        """One of a stage's histograms."""
        return self._latency[stage][offset : offset + HISTOGRAM_BYTES].view(HISTOGRAM)[0]

    def instruments(self) -> np.ndarray:
        """The instruments, by symbol_id."""
        return self._instruments

    def links_of(self, links: tuple[Link, ...] = LINKS) -> dict[str, int]:
        """Addresses of links by name."""
        return {link.name: self.links[link.name] for link in links}

    def open_journals(self, folder: Path, run: str, *, kind: type[JournalWriter] = BufferedJournalWriter) -> None:
        """Have every stage but the exchange journal into `folder`; `kind`: JournalWriter as in a live run."""
        for station in self.stations:
            if station.name != "exchange":
                self.journals.append(open_journal(self.config, folder, run, station, self.now_ns, kind=kind))

    def keep_journals(self) -> None:
        """Write what was journaled, rotate what is nearly full. Raises OSError where the next file cannot be had."""
        for journal in self.journals:
            if not journal.keep_room(self.now_ns):
                raise OSError(journal.failure)

    def close(self) -> None:
        """Mark the journals' orderly end."""
        for journal in self.journals:
            journal.close(self.now_ns)

    @property
    def group(self) -> int:
        """Address of the table of DUTY addresses, in the order of ORDER."""
        return address_of_array(self._group)

    @property
    def count(self) -> int:
        """How many stages."""
        return self._count

    def use_clock(self, clock: int) -> None:
        """Stamp and run by another clock, such as the real one; then `play` is not to be used."""
        self.loop[0]["clock"] = clock
        for station in self.stations:
            station.row["clock"] = station.row["ports"]["clock"] = clock

    @property
    def now_ns(self) -> int:
        """The time of the clock that the stages see."""
        return int(now_ns(int(self.loop[0]["clock"])))

    @property
    def failure(self) -> str:
        """The step that failed, in words; empty when none did."""
        codes = [(station.name, int(station.row["failure"])) for station in self.stations]
        return "; ".join(f"the step of {name} returned {code}" for name, code in codes if code)

    def command(self, stage: str, command: Command) -> bool:
        """Give a command and let virtual time pass until it is acknowledged; False when it was not."""
        cell = self.cell(stage)
        cell.issue(command)
        end_ns = self.now_ns + SETTLE_NS
        settle(self.loop[0], self.group, self.count, 1 << 20)
        while not cell.acknowledged(command) and self.now_ns < end_ns and not self.failure:
            self.pass_time(1_000_000)
        return cell.acknowledged(command)

    def pass_time(self, span_ns: int) -> None:
        """Let virtual time go on; on a real clock, do what can be done now."""
        if view_kind(self.loop[0]) == VIRTUAL:
            pass_time(self.loop[0], self.group, self.count, self.now_ns + span_ns)
        else:
            settle(self.loop[0], self.group, self.count, 1 << 20)

    def play(self, times_ns: np.ndarray, offsets: np.ndarray, text: np.ndarray) -> int:
        """Play a batch of recorded lines; returns how many were played before a failure."""
        address = address_of_array(text)
        return int(play(self.loop[0], self.group, self.count, len(times_ns), times_ns, offsets, address))

    def play_decoded(self, at: int, end: int) -> int:
        """Play SLICE_BYTES of DECODED frames from an address on, or those before `end`: the address of the next."""
        backward = address_of_array(self._backward), len(self._backward)
        return int(play_decoded(self.loop[0], self.group, self.count, *backward, at, min(end, at + SLICE_BYTES)))

    def start(self) -> bool:
        """START all, consumers first, then RUN; False when a stage did not get ready."""
        ready = all(self.command(name, Command.START) for name in ("exchange", *reversed(TRADING)))
        for name in ("exchange", *reversed(TRADING)):
            self.cell(name).issue(first_command(self.config, name), self.config.build or BUILD_ALONE)
        settle(self.loop[0], self.group, self.count, 1 << 20)
        self._align_timers()
        return ready

    def _align_timers(self) -> None:
        """Have all timers fall due at the same moments from now on: fewer stops on the way of the virtual clock."""
        if view_kind(self.loop[0]) != VIRTUAL:
            return
        for row in (station.row for station in self.stations if station.row["timer_ns"]):
            period_ns = int(row["timer_ns"])
            row["timer_next_ns"] = -(-self.now_ns // period_ns) * period_ns

    def stop(self) -> bool:
        """Quotes off, everything cancelled and confirmed."""
        quotes_off = self.command("strategy", Command.QUOTES_OFF)
        return self.command("router", Command.CANCEL_ALL) and quotes_off


def batches(recording: Iterable[tuple[int, bytes]]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(times_ns, offsets, text) of LINES_A_SLICE recorded lines at a time."""
    times: list[int] = []
    lines: list[bytes] = []
    for receive_ns, payload in recording:
        times.append(receive_ns)
        lines.append(payload)
        if len(lines) == LINES_A_SLICE:
            yield _batch(times, lines)
            times, lines = [], []
    if lines:
        yield _batch(times, lines)


def _batch(times: list[int], lines: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    offsets = np.zeros(len(lines) + 1, dtype=np.int64)
    np.cumsum([len(line) for line in lines], out=offsets[1:])
    # Sixteen spare bytes: a scanner may load eight at a time.
    text = np.frombuffer(b"".join(lines) + bytes(16), dtype=np.uint8)
    return np.array(times, dtype=np.int64), offsets, text
