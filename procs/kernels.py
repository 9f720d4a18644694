"""Every compiled entry point that a run needs, by name: loaded from the cache, or compiled, before processes start.

Loading compiles what the cache lacks, so the list is also what the progress bar counts.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from procs import duty_cycle, event_loop, wire_rings
from procs.journal import append_record
from procs.run_segments import layout_hash
from procs.topology import LINKS, STAGES
from procs.transport.rest import preload
from procs.wiring import bind, memory_links, stage_module
from shm import clock, control, doorbell
from shm.histogram import HISTOGRAM_BYTES
from shm.journal import JOURNAL
from shm.kernel import cache_root, new_record


def kernel_loads() -> list[tuple[str, Callable[[], object]]]:
    """(name, load) of everything: the steps of all stages, then the loops, each called once so that it is bound."""
    loads: list[tuple[str, Callable[[], object]]] = [
        (f"stage {stage.name}", partial(_load_stage, stage.name)) for stage in STAGES
    ]
    bench = _Bench()
    loads += [("clock and control", bench.load_cells), ("links", bench.load_links), ("duty cycle", bench.load_cycle)]
    loads += [("wire", bench.load_wire), ("journal", bench.load_journal), ("transports", preload)]
    return loads


def load_kernels() -> Iterator[tuple[str, int, int]]:
    """Load everything; yields (name, done, total) before each piece and once at the end.

    Where the cache has not seen these sources, a second process compiles from the other end of the list until
    both meet: what one has compiled the other loads.
    """
    loads = kernel_loads()
    seen = cache_root() / f"complete-{layout_hash():x}"
    partner = 0 if seen.exists() else _compile_backwards(loads)
    for index, (name, load) in enumerate(loads):
        yield name, index, len(loads)
        load()
    if partner:
        os.waitpid(partner, 0)
        seen.touch()
    yield "", len(loads), len(loads)


def _compile_backwards(loads: list[tuple[str, Callable[[], object]]]) -> int:
    """Fork a process that loads the list from its end; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        for _, load in reversed(loads):
            load()
    finally:
        os._exit(0)


def _load_stage(name: str) -> None:
    """A stage's step, and whatever else its file says that it needs."""
    module = stage_module(name)
    _ = module.step.address
    if hasattr(module, "load"):
        module.load()


class _Bench:
    """Memory on which each loop can be called once without doing anything."""

    def __init__(self) -> None:
        self.clock = clock.virtual_clock(1)
        self.words = np.zeros(512, dtype=np.int64)
        self.address = (int(self.words.ctypes.data) + 127) & ~127
        self.clock_address = int(self.clock.ctypes.data)

    def load_cells(self) -> None:
        """The words that Python reads and writes."""
        clock.now_ns(self.clock_address)
        cell = control.ControlCell(self.address)
        cell.issue(0)
        cell.acknowledged(1)
        doorbell.wake(self.address + 1024, self.address + 2048)

    def load_links(self) -> None:
        """Opening every kind of link, through the stage that has the most kinds."""
        names = {link.name: link for link in LINKS}
        self.links, self.keep = memory_links(names, symbols=1)
        self.stations = []
        for stage in ("router", "book", "strategy"):
            state = new_record(stage_module(stage).STATE)
            station = bind(stage, self.links, symbols=1, state=state, clock=self.clock_address)
            station.row["timer_ns"] = 0
            self.stations.append(station)

    def load_cycle(self) -> None:
        """The one loop; nothing waits in these links, so no step is called."""
        table = np.array([station.address for station in self.stations], dtype=np.int64)
        duty_cycle.run_group(table.ctypes.data, len(table), 1)
        duty_cycle.next_timer_ns(table.ctypes.data, len(table), 1)
        system = new_record(clock.CLOCK)
        for station in self.stations:
            station.row["clock"] = system.ctypes.data
        duty_cycle.run_slice(table.ctypes.data, len(table), 0, 0, 0, self.address)
        event_loop.turn_group(table.ctypes.data, len(table), self.address)

    def load_wire(self) -> None:
        """Both ends of a wire, with every payload type that transports deliver."""
        link = next(link for link in LINKS if link.name == "feed_wire_in")
        links, keep = memory_links({link.name: link}, symbols=1)
        inbox = wire_rings.WireInbox(link, links[link.name], self.clock_address)
        for payload in (b"{}", memoryview(b"{}"), memoryview(bytearray(b"{}"))):
            inbox.push(1, 1, 0, payload)
        outbox = wire_rings.WireOutbox(self.links["feed_wire_out"], self.keep[0], self.clock_address)
        histogram = np.zeros(HISTOGRAM_BYTES // 8, dtype=np.int64)
        outbox.drain(None)
        wire_rings.stamp(histogram.ctypes.data, self.clock_address, 1)
        del keep

    def load_journal(self) -> None:
        """Appending from Python, for snapshots."""
        journal = new_record(JOURNAL)
        append_record(journal[0], 1, 4, 0, 0, 0, 0, 0)
