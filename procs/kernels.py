"""Every compiled entry point that a run needs, by name: loaded from the cache, or compiled, before processes start.

Loading compiles what the cache lacks, so the list is also what the progress bar counts.
"""

import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from procs import duty_cycle, socket_turn, wire_rings
from procs.duty import DUTY
from procs.hot_log import drain_ring, sleep_until_logged, waiting_rings
from procs.idle_poll import IdlePoll
from procs.journal import append_record
from procs.run_segments import layout_hash
from procs.stages.feed import session_entry
from procs.topology import STAGES, link_named
from procs.transport.rest import preload
from procs.wiring import has_frame, memory_links, stage_module
from shm import clock, control, doorbell
from shm.cancels import CANCEL_READER, open_cancel_reader
from shm.journal import JOURNAL
from shm.kernel import address_of_array, cache_root, new_record
from shm.log_ring import LOG_READER, log_ring_bytes, open_log_reader
from shm.ring import READER, WRITER, open_reader, open_writer
from shm.slot import SLOT_READER, SLOT_WRITER, open_slot_reader, open_slot_writer
from trader.instrument import INSTRUMENT
from trader.venues.markets import MARKETS, USDM, market_named
from trader.volatility import VolatilityConfig


def kernel_loads(market: str = MARKETS[USDM].name) -> list[tuple[str, Callable[[], object]]]:
    """(name, load) of everything: the steps of all stages, then the loops, each called once so that it is bound.

    `market`: whose session the feed shall run; a name of trader.venues.markets.
    """
    loads: list[tuple[str, Callable[[], object]]] = [("volatility filter", _load_filter)]
    loads += [(f"stage {name}", partial(_load_stage, name)) for name in _HEAVY_AT_BOTH_ENDS[:4]]
    loads += [
        ("clock and control", _load_cells),
        ("links", _load_links),
        ("log", _load_log),
        ("duty cycle", _load_cycle),
    ]
    loads += [("session", partial(session_entry, market_named(market).number))]
    loads += [("wire", _load_wire), ("journal", _load_journal), ("transports", preload)]
    loads += [(f"stage {name}", partial(_load_stage, name)) for name in _HEAVY_AT_BOTH_ENDS[4:]]
    return loads


_HEAVY_AT_BOTH_ENDS = ("router", "strategy", "risk", "volatility", "tail_risk", "signals", "book", "feed", "exchange")
"""Two processes compile from both ends of the list, so the small pieces in the middle even out who is done first."""

assert set(_HEAVY_AT_BOTH_ENDS) == {stage.name for stage in STAGES}


def load_kernels(market: str = MARKETS[USDM].name) -> Iterator[tuple[str, int, int]]:
    """Load everything for a market; yields (name, done, total) before each piece and once at the end.

    Where the cache has not seen these sources, a second process compiles too, from the other end of the list:
    each claims a piece before it begins, and what the other has compiled is loaded in the end.
    """
    loads = kernel_loads(market)
    cold = not is_compiled()
    if cold:
        yield from _compile_in_pairs(loads)
        _complete().touch()
    for index, (name, load) in enumerate(loads):
        if not cold:
            yield name, index, len(loads)
        load()
    yield "", len(loads), len(loads)


def is_compiled() -> bool:
    """Whether the cache has seen these sources: nothing but a user's own files would be compiled."""
    return _complete().exists()


def _complete() -> Path:
    return cache_root() / f"complete-{layout_hash():x}"


def _compile_in_pairs(loads: list[tuple[str, Callable[[], object]]]) -> Iterator[tuple[str, int, int]]:
    """Compile every piece once, in this process or in a forked one; yields as `load_kernels` does."""
    gc.disable()  # the compiler makes millions of objects and throws few away: a tenth of its time
    with tempfile.TemporaryDirectory() as claims:
        partner = _compile_backwards(loads, claims)
        for name, load in loads:
            if _claim(claims, name):
                yield name, len(os.listdir(claims)) - 1, len(loads)
                load()
        yield "the other half", len(loads) - 1, len(loads)
        os.waitpid(partner, 0)
    gc.enable()


def _claim(folder: str, name: str) -> bool:
    """Whether this process is the first to take a piece."""
    try:
        os.close(os.open(f"{folder}/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def _compile_backwards(loads: list[tuple[str, Callable[[], object]]], claims: str) -> int:
    """Fork a process that compiles unclaimed pieces from the end of the list; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        for name, load in reversed(loads):
            if _claim(claims, name):
                load()
    finally:
        os._exit(0)


def _load_stage(name: str) -> None:
    """A stage's step, and whatever else its file says that it needs."""
    module = stage_module(name)
    _ = module.step.address
    if hasattr(module, "load"):
        module.load()


def _load_filter() -> None:
    """The particle filter that [volatility] asks for by default; others are compiled where they are asked for."""
    module = stage_module("volatility")
    module.start(new_record(module.STATE), SimpleNamespace(volatility=VolatilityConfig()), np.zeros(1, INSTRUMENT))


def main() -> None:
    """Compile what the cache lacks, with a progress bar: `python -m procs.kernels`."""
    from procs.cli.progress import Loading

    loading = Loading()
    for name, done, total in load_kernels():
        loading.update(name, done, total)


def _load_cells() -> None:
    """The words that Python reads and writes."""
    words = new_record(np.dtype([("words", "i8", (512,))]))
    address = address_of_array(words)
    clock.now_ns(address_of_array(clock.virtual_clock(1)))
    cell = control.ControlCell(address)
    cell.issue(0)
    cell.acknowledged(1)
    doorbell.wake(address + 1024, address + 2048)
    IdlePoll(0, address, address).load()


def _load_links() -> None:
    """Opening every kind of link, at both ends."""
    names = ("feed_book", "book_top", "strategy_cancels")
    links, keep = memory_links({name: link_named(name) for name in names}, symbols=1)
    open_writer(new_record(WRITER)[0], links["feed_book"])
    reader = new_record(READER)
    open_reader(reader[0], links["feed_book"], 0, 0)
    has_frame(reader[0])
    open_slot_writer(new_record(SLOT_WRITER)[0], links["book_top"], 1024, 1)
    open_slot_reader(new_record(SLOT_READER)[0], links["book_top"], 1024, 1, 0)
    open_cancel_reader(new_record(CANCEL_READER)[0], links["strategy_cancels"], 0)
    del keep


def _load_log() -> None:
    """What the log's collector takes events with, and sleeps with."""
    ring = np.zeros(log_ring_bytes(2), dtype=np.uint8)
    reader = new_record(LOG_READER)
    open_log_reader(reader[0], ring)
    drain_ring(reader.ctypes.data, ring.ctypes.data, 0)
    waiting_rings(0, 0)
    words = np.zeros(16, dtype=np.int64)
    sleep_until_logged(words.ctypes.data, words.ctypes.data, 0, words.ctypes.data, 0, 1, 0, 0, words.ctypes.data)


def _load_cycle() -> None:
    """The one loop, over a stage without links that has failed, so that nothing is called, and that lacks room, so that
    its slice sleeps half a millisecond and not until a heartbeat."""
    duty, system, scratch = new_record(DUTY), new_record(clock.CLOCK), np.zeros(16, dtype=np.int64)
    duty[0]["clock"] = address_of_array(system)
    duty[0]["failure"] = duty[0]["held"] = 1
    table = np.array([address_of_array(duty)], dtype=np.int64)
    group, spare = address_of_array(table), address_of_array(scratch)
    duty_cycle.run_group(group, 1, 1)
    duty_cycle.next_timer_ns(group, 1, 1)
    duty_cycle.run_slice(group, 1, spare + 64, 0, 0, spare)


def _load_wire() -> None:
    """Both ends of a wire, with every payload type that transports deliver."""
    names = {name: link_named(name) for name in ("feed_wire_in", "feed_wire_out")}
    links, keep = memory_links(names, symbols=1)
    now = clock.virtual_clock(1)
    inbox = wire_rings.WireInbox(names["feed_wire_in"], links["feed_wire_in"], address_of_array(now))
    for payload in (b"{}", memoryview(b"{}"), memoryview(bytearray(b"{}"))):
        inbox.push(1, 1, 0, payload)
    outbox = wire_rings.WireOutbox(links["feed_wire_out"], keep[1], address_of_array(now), is_client=True)
    wire_rings.gather(outbox.address)
    duty, loop = new_record(DUTY), new_record(socket_turn.LOOP)
    duty[0]["clock"] = loop[0]["clock"] = address_of_array(now)
    group = np.array([address_of_array(duty)], dtype=np.int64)
    loop[0]["group"], loop[0]["count"], loop[0]["polls"] = address_of_array(group), 1, 1
    socket_turn.take_turn(address_of_array(loop))
    socket_turn.arm(address_of_array(loop))
    for payload in (b"{}", memoryview(b"{}"), memoryview(bytearray(b"{}"))):
        socket_turn.push_and_turn(address_of_array(loop), inbox.address, 1, 1, 0, payload, 2)
        socket_turn.push_and_run(address_of_array(loop), inbox.address, 1, 1, 0, payload, 2)


def _load_journal() -> None:
    """Appending from Python, for snapshots."""
    append_record(new_record(JOURNAL)[0], 1, 4, 0, 0, 0, 0, 0)


if __name__ == "__main__":
    main()
