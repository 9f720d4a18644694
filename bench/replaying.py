"""Rows of the pipeline suite: a backtest, as fast as it goes, beside other engines' backtests of the same rule.

    decoded frames -> exchange with its queue positions -> feed -> book -> volatility, strategy -> risk -> router
                   <- orders as texts, both ways -------------------------------------------------------'

Everything is on: the seven stages with their rings, stamps, histograms, journals and digests, all risk checks, the
session's order texts and the exchange's answers. What a live run has besides: sockets, and texts of the market.
A row of data is a changed level or a trade; the recording's best quotes are left out where rivals cannot take them.
"""

import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from bench.backtest_file import (
    DISTANCE_TICKS,
    MOVE_TICKS,
    answer_of,
)
from bench.decoded_rows import Market
from bench.harness import Bench
from bench.results import RATE, TIME, Absent, Contestant, Result, rate, times
from bench.rivals import absent, command, rival_with
from procs.backtest import Backtest, batches
from procs.config import RunConfig
from procs.recorded_market import with_recorded_market
from procs.recording import Recording
from procs.settings import load_config
from shm.kernel import address_of_array
from trader.volatility import VolatilityConfig

STRATEGY = Path(__file__).resolve().parent / "reacting_strategy.py"
PLAYED = "played to the end, books agree"
TOLD = "a result was told"
FAR = 1_000_000
"""Of limits that a rule which knows none must not meet."""


def rows(bench: Bench, recording: Path) -> None:
    """Decoded rows a second beside rivals, all rows, raw lines; and from the start of Python to the result."""
    with tempfile.TemporaryDirectory() as folder:
        _rows(bench, recording, Path(folder))


def _rows(bench: Bench, recording: Path, folder: Path) -> None:
    frames = bench.size(1 << 40, 2_000)
    market = functools.cache(lambda: Market(configuration(recording), frames, folder))
    # At small sizes only what starts at once: the others compile or import for seconds each time.
    programs = ("FastMM",) if bench.smoke else tuple(_PROGRAMS)
    bench.row(
        "replay_throughput",
        unit=RATE,
        target=12e6,
        ours=lambda: replay(market(), quotes=False),
        rivals={name: _rival(name, market) for name in programs},
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
        rivals={name: _rival(name, market, from_start=True) for name in programs if name != "hftbacktest hash"},
        at_least={"hftbacktest ROI": 1, "nautilus": 1},
        answer=TOLD,
        repeats=2,
    )


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


def replay(market: Market, *, quotes: bool) -> Result:
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
    """Nanoseconds from a program's start until it has printed a line that begins like this.

    Everybody's bytecode is in its cache, as it is wherever nobody forbids it.
    """
    start_ns = time.perf_counter_ns()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment) as program:
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


def _rival(name: str, market: Callable[[], Market], *, from_start: bool = False) -> Contestant | Absent:
    """A rival's backtest: its rate, or the time from its start to its result."""
    environment, *arguments = _PROGRAMS[name]
    program = f"bench/backtest_{environment}.py"
    if not from_start:
        return rival_with(environment, program, lambda: (str(market().file), *arguments))
    return absent(environment) or (
        lambda: _until_told(command(environment, program, str(market().file), *arguments), "{")
    )
