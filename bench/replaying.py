"""Rows of the pipeline suite: a backtest, as fast as it goes, beside other engines' backtests of the same rule.

    decoded frames -> exchange with its queue positions -> feed -> book -> volatility, strategy -> risk -> router
                   <- orders as texts, both ways -------------------------------------------------------'

Everything is on: the seven stages with their rings, stamps, histograms, journals and digests, all risk checks, the
session's order texts and the exchange's answers. What a live run has besides: sockets, and texts of the market.
A row of data is a changed level or a trade; the recording's best quotes are left out where rivals cannot take them.
"""

import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.backtest_file import (
    CHANGE,
    COLUMNS,
    DISTANCE_TICKS,
    KIND,
    MESSAGE,
    MOVE_TICKS,
    PRICE_TICKS,
    SIDE,
    SIZE_LOTS,
    SNAPSHOT,
    TIME_NS,
    TRADE,
    answer_of,
)
from bench.harness import Bench
from bench.results import RATE, TIME, Absent, Contestant, Result, rate, times
from bench.rivals import FOLDER, ROOT, rival
from procs.backtest import Backtest, batches
from procs.config import RunConfig
from procs.decoded_market import decoded_market
from procs.exchange_market import exchange_instruments
from procs.recorded_market import with_recorded_market
from procs.recording import Recording
from procs.settings import load_config
from shm.kernel import address_of_array
from trader import decoded
from trader.decoded import DECODED, HEAD_BYTES, PAIR_BYTES
from trader.units import parse_units
from trader.volatility import VolatilityConfig

STRATEGY = Path(__file__).resolve().parent / "reacting_strategy.py"
PLAYED = "played to the end, books agree"
TOLD = "a result was told"
FAR = 1_000_000
"""Of limits that a rule which knows none must not meet."""


def rows(bench: Bench, recording: Path) -> None:
    """Decoded rows a second beside rivals, all rows, raw lines; and from the start of Python to the result."""
    frames = bench.size(1 << 40, 2_000)
    market = functools.cache(lambda: _Market(recording, frames))
    bench.row(
        "replay_throughput",
        unit=RATE,
        target=12e6,
        ours=lambda: replay(market(), quotes=False),
        rivals={name: _rival(name, market) for name in _PROGRAMS},
        at_least={"hftbacktest ROI": 1.5, "FastMM": 2, "nautilus": 15},
        repeats=3,
    )
    bench.row("replay_all_rows", unit=RATE, ours=lambda: replay(market(), quotes=True), repeats=3)
    lines = bench.size(90_000, 3_000)
    bench.row("replay_raw", unit=RATE, ours=lambda: replay_lines(recording, lines), answer=PLAYED, repeats=3)
    bench.row(
        "start_to_result",
        unit=TIME,
        target=1e9,
        ours=lambda: ours_from_start(recording),
        rivals={name: _rival(name, market, from_start=True) for name in _PROGRAMS},
        at_least={"hftbacktest ROI": 1, "nautilus": 1},
        answer=TOLD,
        repeats=3,
    )


class _Market:
    """The decoded recording, or its first frames: as ours plays it, and as a file of rows for the rivals."""

    def __init__(self, recording: Path, frames: int) -> None:
        self.config = configuration(recording)
        market = decoded_market(self.config)
        self.first_ns = market.contents.first_ns
        words = market.words
        starts = list(frame_starts(words, frames))
        kinds = words[starts]
        ends = [*starts[1:], starts[-1] + _words_of(words, starts[-1])]
        spans = list(zip(starts, ends, strict=True))
        self.with_quotes = np.concatenate([words[start:end] for start, end in spans])
        kept = [span for span, kind in zip(spans, kinds, strict=True) if kind != decoded.QUOTE]
        self.without_quotes = np.concatenate([words[start:end] for start, end in kept])
        rows_of_rivals = _rows(words, [start for start, _ in kept], exchange_instruments(self.config)[0])
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name) / "rows"
        rows_of_rivals.tofile(self.file)
        changes = int((rows_of_rivals[:, KIND] != SNAPSHOT).sum())
        self.rows = {False: changes, True: changes + int((kinds == decoded.QUOTE).sum())}


def configuration(recording: Path, *, distance_ticks: int = DISTANCE_TICKS) -> RunConfig:
    """A backtest of the rule on a recording, with the incremental estimator and limits that the rule never meets."""
    flags = {
        "replay": str(recording),
        "placement": "fused",
        "speed": 0.0,
        "volatility": {"method": "ewma"},
        "strategy": {
            "file": str(STRATEGY),
            "parameters": {"move_ticks": MOVE_TICKS, "distance_ticks": distance_ticks},
            "requote_ticks": 1,
            "position_lots_max": FAR,
        },
        "risk": {"orders_per_s_max": FAR, "orders_burst_max": FAR, "position_lots_max": FAR},
    }
    config = with_recorded_market(load_config(None, flags, profile="replay"))
    exchange = msgspec.structs.replace(config.exchange, recorded=True)
    return msgspec.structs.replace(config, exchange=exchange, epoch=1)


def _words_of(words: np.ndarray, start: int) -> int:
    """How many words a frame takes; its second one says how many bytes."""
    return int(words[start + 1] + 7) // 8


def frame_starts(words: np.ndarray, frames: int) -> Iterator[int]:
    """Where the first `frames` frames begin, in words."""
    at = 0
    while at < len(words) and frames > 0:
        yield at
        at += _words_of(words, at)
        frames -= 1


def _rows(words: np.ndarray, starts: Sequence[int], instrument: Any) -> np.ndarray:
    """Frames as rivals take them: the snapshot before all updates of its book, times that never step back."""
    blocks, early = [], []
    snapshot_id = 0
    for number, start in enumerate(starts):
        row = words[start : start + HEAD_BYTES // 8].view(DECODED)[0]
        if row["kind"] == decoded.TEXT:
            text = words[start + HEAD_BYTES // 8 : start + _words_of(words, start)].tobytes().rstrip(b"\0")
            snapshot_id, block = _snapshot(text, instrument)
        elif row["kind"] == decoded.TRADE:
            side = -1 if row["buyer_is_maker"] else 1
            block = np.array([[TRADE, 0, 0, side, row["price_ticks"], row["size_lots"]]], dtype=np.int64)
        else:
            count = int(row["bid_count"] + row["ask_count"])
            at = start + HEAD_BYTES // 8
            pairs = words[at : at + count * PAIR_BYTES // 8].reshape(-1, 2)
            block = _levels(CHANGE, pairs, int(row["bid_count"]))
        block[:, MESSAGE], block[:, TIME_NS] = number, row["receive_ns"]
        if row["kind"] == decoded.DEPTH and not snapshot_id:
            early.append((int(row["last_id"]), block))
            continue
        blocks.append(block)
        if row["kind"] == decoded.TEXT:
            blocks += [waiting for last_id, waiting in early if last_id >= snapshot_id]
    rows = np.concatenate(blocks)
    rows[:, TIME_NS] = np.maximum.accumulate(rows[:, TIME_NS])
    return rows


def _levels(kind: int, pairs: np.ndarray, bids: int) -> np.ndarray:
    block = np.zeros((len(pairs), COLUMNS), dtype=np.int64)
    block[:, KIND] = kind
    block[:bids, SIDE], block[bids:, SIDE] = 1, -1
    block[:, PRICE_TICKS : SIZE_LOTS + 1] = pairs
    return block


def _snapshot(text: bytes, instrument: Any) -> tuple[int, np.ndarray]:
    """Id and levels of an inline snapshot."""
    told = msgspec.json.decode(text)
    price = {"decimals": int(instrument["price_decimals"]), "multiple": int(instrument["tick_multiple"])}
    size = {"decimals": int(instrument["size_decimals"]), "multiple": int(instrument["lot_multiple"])}
    pairs = [(parse_units(ticks, **price), parse_units(lots, **size)) for ticks, lots in told["bids"] + told["asks"]]
    return int(told["lastUpdateId"]), _levels(SNAPSHOT, np.array(pairs, dtype=np.int64), len(told["bids"]))


def replay(market: _Market, *, quotes: bool) -> Result:
    """Play the decoded frames, with the best quotes or without, at full speed on the virtual clock: rows a second."""
    frames = market.with_quotes if quotes else market.without_quotes
    at = address_of_array(frames)
    end = at + frames.nbytes
    with running_backtest(market.config, market.first_ns) as backtest:
        start_ns = time.perf_counter_ns()
        while at < end and not backtest.failure:
            at = backtest.play_decoded(at, end)
            backtest.keep_journals()
        elapsed_ns = time.perf_counter_ns() - start_ns
        return rate(market.rows[quotes], elapsed_ns, _answer(backtest))


def replay_lines(recording: Path, lines: int) -> Result:
    """Play raw lines, with the particle filter: lines a second, reading them from the file not counted."""
    config = configuration(recording)
    config = msgspec.structs.replace(config, volatility=VolatilityConfig())
    played = elapsed_ns = 0
    source = batches(Recording(recording))
    times_ns, offsets, text = next(source)
    with running_backtest(config, int(times_ns[0])) as backtest:
        while played < lines and not backtest.failure:
            start_ns = time.perf_counter_ns()
            played += backtest.play(times_ns, offsets, text)
            elapsed_ns += time.perf_counter_ns() - start_ns
            backtest.keep_journals()
            times_ns, offsets, text = next(source)
        found = _answer(backtest)
    return rate(played, elapsed_ns, PLAYED if found.endswith(" moves") else found)


@contextmanager
def running_backtest(config: RunConfig, first_ns: int, *, clock: int = 0) -> Iterator[Backtest]:
    """One that is started and journals, stopped in the end; on the clock at an address, if any."""
    with tempfile.TemporaryDirectory() as folder:
        backtest = Backtest(config, first_ns)
        if clock:
            backtest.use_clock(clock)
        backtest.open_journals(Path(folder), "bench")
        backtest.start()
        yield backtest
        backtest.stop()
        backtest.close()


def _answer(backtest: Backtest) -> str:
    """What every engine must find, or what is wrong."""
    book = backtest.state("book")[0]["books"][0]
    moves = int(backtest.state("strategy")[0]["states"]["words"][0])
    placed = int(backtest.state("exchange")[0]["venue"]["account"]["ledger"][0]["placed"])
    if backtest.failure or book["check"]["mismatched"] or placed < 2 * moves:
        return backtest.failure or f"{book['check']['mismatched']} mismatches, {placed} orders for {moves} moves"
    return answer_of(moves)


def ours_from_start(recording: Path) -> Result:
    """`trader run` as a backtest of the same rule, kernels and decoded recording in their caches."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "rule.toml"
        settings.write_text(
            f"[volatility]\nmethod = 'ewma'\n[strategy]\nrequote_ticks = 1\nposition_lots_max = {FAR}\n"
            f"parameters = {{ move_ticks = {MOVE_TICKS}, distance_ticks = {DISTANCE_TICKS} }}\n"
            f"[risk]\norders_per_s_max = {FAR}\norders_burst_max = {FAR}\nposition_lots_max = {FAR}\n"
        )
        command = [sys.executable, "-m", "procs.cli", "run", "--replay", str(recording), "--config", str(settings)]
        command += ["--placement", "fused", "--speed", "max", "--strategy", str(STRATEGY), "--out", f"{folder}/run"]
        return _until_told(command, "result: ok")


def _until_told(command: Sequence[str], start: str) -> Result:
    """Nanoseconds from a program's start until it has printed a line that begins like this."""
    start_ns = time.perf_counter_ns()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout is not None
        found = any(line.startswith(start) for line in program.stdout)
        elapsed_ns = time.perf_counter_ns() - start_ns
        program.stdout.read()
    return times(np.array([elapsed_ns]), TOLD if found else f"nothing that begins with {start!r}")


_PROGRAMS = {
    "hftbacktest ROI": ("hftbacktest", "roi"),
    "hftbacktest hash": ("hftbacktest", "hash"),
    "FastMM": ("fastmm",),
    "nautilus": ("nautilus",),
}
"""Rivals: environment and program, arguments."""


def _rival(name: str, market: Callable[[], _Market], *, from_start: bool = False) -> Contestant | Absent:
    """A rival's backtest: its rate, or the time from its start to its result."""
    environment, *arguments = _PROGRAMS[name]
    program = f"bench/backtest_{environment}.py"
    found = rival(environment, program)
    if isinstance(found, Absent):
        return found

    def run() -> Result:
        told = rival(environment, program, str(market().file), *arguments)
        assert not isinstance(told, Absent)
        return told()

    def start() -> Result:
        python = str(FOLDER / environment / "bin" / "python")
        return _until_told([python, str(ROOT / program), str(market().file), *arguments], "{")

    return start if from_start else run
