"""Pipeline: the recorded futures market through every stage, rings, stamps, checks and journal on.

In one process:

    recorded line -> exchange -> feed | decoded: clock starts | book -> strategy -> risk -> router: order encoded

The strategy places an order at one change of the book and takes it back at the next (requoting_strategy).
Only events that cause an order count, each from the decoded market event. Lines are decoded in bursts, so that the
figure is the pipeline's own and not that of caches which the exchange's market has just filled; its answers to orders
come between the events and are not timed. The clock is the real one; nothing waits for sockets.
"""

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

import faster_fifo
import msgspec
import numpy as np

from bench import event_to_order, loads, replaying
from bench.backtest_file import ORDERED, TURN_DISTANCE_TICKS
from bench.harness import Bench
from bench.main_job import main_job
from bench.order_chain import CHAIN, react_again_and_again
from bench.plain_pipeline import PLACED, contestant
from bench.queues import multiprocessing_queue
from bench.results import TIME, Result, times
from bench.shared import new_clock
from procs.backtest import Backtest, batches
from procs.backtest_kernels import settle
from procs.duty import DUTY, HOPS
from procs.duty_cycle import run_group, run_group_at
from procs.journal import BufferedJournalWriter, JournalWriter
from procs.loopback import market_frame, pump_wires
from procs.recording import Recording
from procs.settings import load_config
from procs.topology import inboxes
from procs.wiring import stage_module
from shm.clock import now_ns, read_clock
from shm.histogram import COUNTS, HISTOGRAM, HISTOGRAM_BYTES, percentile_value
from shm.kernel import address_of_array, kernel, load_i64, new_record, store_i64, view
from shm.layout import FRAME_ORIGIN, LENGTH_MASK, PADDING_TYPE, TYPE_SHIFT
from trader.messages import BOOK_DELTA

ROOT = Path(__file__).resolve().parent.parent
RECORDING = "binance/usdm_btcusdt_20240808.gz"
STRATEGY = str(Path(__file__).resolve().parent / "requoting_strategy.py")
BOOK = 2
"""Number of the book's station in a backtest's order: exchange, feed, book, ..."""

ORDERS = [link.name for link in inboxes("router")].index("risk_router")
"""The router's inbox of new orders."""

BURST = 64
"""Lines that are decoded before book to router take them, one by one."""

RATES = {"orders_per_s_max": 1_000_000, "orders_burst_max": 1_000_000}
PACE = {"orders_per_s": 1_000_000.0, "orders_burst": 1_000_000}
"""Of risk and of the router, raised: hours are played in seconds, on the real clock."""

LINES_TO_LIVE = 512
"""After so many the book is LIVE and orders may be sent."""

CHAINED = ("book", "strategy", "risk", "router")
AGE = HOPS.index("age")
TIMED_BYTES = len(HOPS) * HISTOGRAM_BYTES


def recording_path() -> Path:
    """The futures recording, by TRADER_DATA."""
    return Path(os.environ.get("TRADER_DATA", ROOT / "../shared/data")) / RECORDING


def faster_fifo_of_objects() -> Any:
    """A faster-fifo queue as people use it: it pickles."""
    return faster_fifo.Queue(max_size_bytes=4 << 20)


QUEUES = {"multiprocessing.Queue": multiprocessing_queue, "faster-fifo": faster_fifo_of_objects}


def rows(bench: Bench) -> None:
    """Decoded event to encoded order, and how many rows a second go through everything."""
    if not recording_path().exists():
        print(f"pipeline: absent: {recording_path()} not found (TRADER_DATA names the folder)")
        return
    lines = bench.size(90_000, 3_000)
    events = bench.size(50_000, 500)
    bench.row(
        "tick_to_order_kernels",
        unit=TIME,
        target=60,
        ours=functools.partial(by_kernels, events),
        answer=f"{events} orders",
    )
    event_to_order.rows(bench, recording_path(), lines, functools.partial(decoded_to_encoded, lines))
    bench.row(
        "tick_to_order_process",
        unit=TIME,
        target=80_000,
        ours=functools.partial(over_processes, bench.size(12, 2)),
        rivals={
            name: contestant(queue, recording_path(), bench.size(2_500, 600), bench.cores)
            for name, queue in QUEUES.items()
        },
        at_least={"multiprocessing.Queue": 5},
        answer=PLACED,
        repeats=2,
        warms_up=False,
    )
    replaying.rows(bench, recording_path())
    loads.rows(bench, recording_path())


@kernel
def start_clock_here(duty, clock):
    """Give the next frame that waits for the book this moment as its origin: (its type, 0 when none waits; moment)."""
    reader = duty.inboxes[0].ring
    frame = reader.data + (reader.position & reader.mask)
    word = load_i64(frame)
    if word >> TYPE_SHIFT == PADDING_TYPE:
        frame = reader.data + ((reader.position + (word & LENGTH_MASK)) & reader.mask)
        word = load_i64(frame)
    now_ns = read_clock(clock)
    if word == 0:
        return 0, now_ns
    store_i64(frame + FRAME_ORIGIN, now_ns)
    return word >> TYPE_SHIFT, now_ns


@kernel
def play_decoded(loop, group, count, book, lines, offsets, text, timed):
    """Play lines; orders that book to router send on a decoded event go into the histograms at `timed`, or, if it was
    a depth update, into those behind them.

    Line `index` lies in `text` between the int64 values `index` and `index + 1` at `offsets`, both addresses.
    What follows an event, the exchange's answers and what they cause, is not timed.
    """
    duty = view(load_i64(group + book * 8), DUTY)
    router = view(load_i64(group + (book + 3) * 8), DUTY)
    untimed, batch_max = router.inboxes[ORDERS].histograms, duty.batch_max
    for index in range(lines):
        start = load_i64(offsets + index * 8)
        market_frame(loop, text + start, load_i64(offsets + index * 8 + 8) - start)
        while run_group(group, book, 4) + pump_wires(loop):
            continue
        if (index + 1) % BURST != 0 and index + 1 != lines:
            continue
        while True:
            kind, now_ns = start_clock_here(duty, loop.clock)
            if kind == 0:
                break
            router.inboxes[ORDERS].histograms = timed + TIMED_BYTES * (kind == BOOK_DELTA)
            duty.batch_max = 1
            run_group_at(group + book * 8, 4, 1, now_ns)
            router.inboxes[ORDERS].histograms = untimed
            duty.batch_max = 0  # the book takes no other event, but rests as all do, and counts what it has noted
            while run_group(group, 1, 4) + pump_wires(loop) + run_group(group + book * 8, count - book, 4):
                continue
            duty.batch_max = batch_max
        settle(loop, group, count, 1 << 20)


class Session:
    """A backtest on the real clock."""

    def __init__(self, folder: Path, *, journals: type[JournalWriter] = BufferedJournalWriter) -> None:
        flags = {
            "replay": str(recording_path()),
            "placement": "fused",
            "speed": 0.0,
            "strategy": {"file": STRATEGY},
            "risk": RATES,
            "router": {"pacing": PACE},
        }
        config = load_config(None, flags, profile="replay")
        exchange = msgspec.structs.replace(config.exchange, recorded=True)
        self.backtest = Backtest(msgspec.structs.replace(config, exchange=exchange, epoch=1), 0)
        self.clock = new_clock()
        address = address_of_array(self.clock)
        self.backtest.use_clock(address)
        self.timed = np.zeros((2, len(HOPS)), dtype=HISTOGRAM)
        (folder / "journal").mkdir()
        self.backtest.open_journals(folder / "journal", "bench", kind=journals)
        self.backtest.start()

    def play(self, lines: int, *, stop: bool = True) -> int:
        """Play the first `lines` lines and stop; returns the nanoseconds that the stages took."""
        elapsed = played = 0
        for _, offsets, text in batches(Recording(recording_path())):
            count = min(len(offsets) - 1, lines - played)
            elapsed += self.play_batch(offsets[: count + 1], text)
            played += count
            if played >= lines:
                break
        if stop:
            self.stop()
        return elapsed

    def play_batch(self, offsets: np.ndarray, text: np.ndarray) -> int:
        """Play the lines `text[offsets[i]:offsets[i + 1]]`; returns the nanoseconds that the stages took."""
        backtest, clock = self.backtest, address_of_array(self.clock)
        start = int(now_ns(clock))
        addresses = (address_of_array(offsets), address_of_array(text), address_of_array(self.timed))
        play_decoded(backtest.loop[0], backtest.group, backtest.count, BOOK, len(offsets) - 1, *addresses)
        elapsed = int(now_ns(clock)) - start
        backtest.keep_journals()
        return elapsed

    def stop(self) -> None:
        """Cancel everything and end the journals."""
        self.backtest.stop()
        self.backtest.close()

    def answer(self) -> str:
        """ORDERED, or what is wrong."""
        backtest = self.backtest
        if backtest.failure:
            return backtest.failure
        placed = int(self.timed[:, AGE]["count"].min())
        return ORDERED if placed > 0 else f"{placed} orders"


def decoded_to_encoded(lines: int, kind: int) -> Result:
    """Age of every new order that an event of a kind (QUOTES, DEPTHS) caused, when the router has encoded it."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        session.play(lines)
        ages = session.timed[kind, AGE]
        values = np.array([percentile_value(index) for index in range(COUNTS)], dtype=np.float64)
        return times(np.repeat(values, ages["counts"]), session.answer())


def by_kernels(events: int) -> Result:
    """The kernels of book to router on so many changes of the touch, in one call each, from a market that is LIVE."""
    clock, samples = new_clock(), np.zeros(events)
    blank = {stage: new_record(stage_module(stage).STATE) for stage in CHAINED}
    react_again_and_again(chain_of(blank, clock)[0], samples)  # compiles: a market would be stale meanwhile
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        session.play(LINES_TO_LIVE, stop=False)
        chain = chain_of({stage: session.backtest.state(stage) for stage in CHAINED}, session.clock)
        orders = react_again_and_again(chain[0], samples)
        session.stop()
        return times(samples, f"{orders} orders")


def chain_of(states: dict[str, np.ndarray], clock: np.ndarray) -> np.ndarray:
    """A CHAIN of states by stage."""
    chain = new_record(CHAIN)
    for stage, state in states.items():
        chain[stage] = address_of_array(state)
    chain["clock"], chain["distance_ticks"] = address_of_array(clock), TURN_DISTANCE_TICKS
    return chain


def over_processes(seconds: int) -> Result:
    """The recorded market at its own pace through the real processes: frame received to order handed to the socket."""
    flags = ("--replay", str(recording_path()), "--speed", "1", "--placement", "process", "--duration", f"{seconds}s")
    hop = main_job(*flags)["latency_ns"]["tick_to_order"]
    percentiles = (float(hop["p50"]), float(hop["p99"]), float(hop["p999"]), float(hop["max"]))
    return Result(percentiles_ns=percentiles, answer=PLACED if hop["count"] else "no orders")
