"""Rows of the pipeline suite: latency against load and against the number of symbols.

Market events (the recording's best quotes, trades and depth updates, decoded) fall due at a fixed pace and go through
feed, book, strategy, risk, router and volatility, fused on one core, with every ring, stamp, histogram and journal on
and the reaction rule of bench/reacting_strategy.py quoting. A pipeline has four symbols at most (trader.instrument);
more symbols are more pipelines, here all on the one core. The rows' times are from falling due to coming to rest.
"""

import functools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np

from bench.decoded_rows import frame_starts
from bench.harness import Bench
from bench.load_kernels import PIPELINE, PIPELINE_SYMBOLS, play_load
from bench.replaying import configuration, running_backtest
from bench.results import TIME, Result, times
from bench.shared import new_clock
from procs.backtest import Backtest
from procs.backtest_kernels import settle
from procs.config import RunConfig
from procs.decoded_market import decoded_market
from procs.loopback import frame_to_feed
from shm.histogram import COUNTS, HISTOGRAM, percentile_value
from shm.kernel import address_of_array
from trader import decoded
from trader.decoded import HEAD_BYTES
from trader.exchange.recorded_book import LEVELS

LOADS_PER_S = (1_000, 10_000, 100_000, 300_000, 500_000, 1_000_000)
SYMBOLS = (1, 2, 4, 16, 64)
SYMBOLS_LOAD_PER_S = 100_000
FAR_TICKS = 2_000
"""Distance of the quotes: the exchange stands still meanwhile, and must not be crossed."""

BASE_TICKS = 616_000 - LEVELS // 2
"""Of the exchanges' empty books: the recording's price is in their middle."""

SPAN_S = 0.4
WARM_FRAMES = 2_000
CAME_THROUGH = "every event came through, quotes were placed"


def rows(bench: Bench, recording: Path) -> None:
    """One row a load, with four symbols; one row a number of symbols, at one load."""
    market = _Frames(recording, bench.size(1 << 40, WARM_FRAMES + 500))
    span_s = SPAN_S if not bench.smoke else 0.005
    for load in LOADS_PER_S if not bench.smoke else LOADS_PER_S[-1:]:
        bench.row(f"load_{load}", unit=TIME, ours=functools.partial(under_load, market, 4, load, span_s),
                  answer=CAME_THROUGH, repeats=2)  # fmt: skip
    for symbols in SYMBOLS if not bench.smoke else SYMBOLS[1:2]:
        bench.row(f"symbols_{symbols}", unit=TIME,
                  ours=functools.partial(under_load, market, symbols, SYMBOLS_LOAD_PER_S, span_s),
                  answer=CAME_THROUGH, repeats=2)  # fmt: skip


class _Frames:
    """The decoded recording in a copy of its own: `text`, its snapshot; `starts`, where the frames before and after
    the snapshot begin, in words."""

    def __init__(self, recording: Path, frames: int) -> None:
        self.config = configuration(recording, distance_ticks=FAR_TICKS)
        self.words = decoded_market(self.config).words.copy()
        starts = list(frame_starts(self.words, frames))
        kinds = self.words[starts]
        self.snapshot = int(np.flatnonzero(kinds == decoded.TEXT)[0])
        self.starts = starts

    def address(self, frame: int) -> int:
        """Address of a frame by its number; the last one's stands for the end."""
        return address_of_array(self.words) + 8 * self.starts[min(frame, len(self.starts) - 1)]


def under_load(market: _Frames, symbols: int, load_per_s: int, span_s: float) -> Result:
    """Latencies of the events that fall due in a span, by one histogram."""
    frames = max(2, min(len(market.starts) - WARM_FRAMES - 1, round(load_per_s * span_s / symbols)))
    clock, histogram = new_clock(), np.zeros(1, dtype=HISTOGRAM)
    with ExitStack() as stack:
        pipelines = list(_pipelines(market.config, symbols, clock, stack))
        table = np.zeros(len(pipelines), dtype=PIPELINE)
        for row, backtest in zip(table, pipelines, strict=True):
            row["loop"], row["group"], row["count"] = address_of_array(backtest.loop), backtest.group, backtest.count
        places = address_of_array(table), symbols
        spare = np.zeros(1, dtype=HISTOGRAM)
        clock_at, warm = address_of_array(clock), market.snapshot
        play_load(*places, market.address(0), market.address(warm), 0, clock_at, address_of_array(spare))
        _tell_snapshots(market, pipelines, symbols)
        begin, end = market.address(WARM_FRAMES), market.address(WARM_FRAMES + frames)
        play_load(*places, market.address(warm + 1), begin, 0, clock_at, address_of_array(spare))
        for backtest in pipelines:
            backtest.keep_journals()
        play_load(*places, begin, end, 1_000_000_000 // load_per_s, clock_at, address_of_array(histogram))
        answer = _answer(pipelines, int(histogram[0]["count"]), frames * symbols)
    values = np.array([percentile_value(index) for index in range(COUNTS)], dtype=np.float64)
    return times(np.repeat(values, histogram[0]["counts"]), answer)


def _pipelines(config: RunConfig, symbols: int, clock: np.ndarray, stack: ExitStack) -> Iterator[Backtest]:
    """Backtests on a real clock, started, so many that each symbol has its place. Their exchanges know a market that
    shows nothing: orders rest, and nothing meets them."""
    (units,) = set(config.units.values())
    for first in range(0, symbols, PIPELINE_SYMBOLS):
        count = min(PIPELINE_SYMBOLS, symbols - first)
        names = (*config.symbols, *(f"S{number}USDT" for number in range(1, count)))
        own = msgspec.structs.replace(config, symbols=names, units=dict.fromkeys(names, units))
        backtest = stack.enter_context(running_backtest(own, 0, clock=address_of_array(clock)))
        backtest.state("exchange")[0]["venue"]["markets"]["recorded"]["base_ticks"] = BASE_TICKS
        yield backtest


def _tell_snapshots(market: _Frames, pipelines: list[Backtest], symbols: int) -> None:
    """The recording's snapshot to every feed, once a symbol: it names none, so the first that waits takes it."""
    at = market.address(market.snapshot)
    length = int(market.words[market.starts[market.snapshot] + 1]) - HEAD_BYTES
    for symbol in range(symbols):
        backtest = pipelines[symbol // PIPELINE_SYMBOLS]
        frame_to_feed(backtest.loop[0], 0, at + HEAD_BYTES, length)
        settle(backtest.loop[0], backtest.group, backtest.count, 64)


def _answer(pipelines: list[Backtest], came: int, events: int) -> str:
    """CAME_THROUGH, or what is wrong."""
    for backtest in pipelines:
        placed = backtest.state("exchange")[0]["venue"]["account"]["ledger"]["placed"][: len(backtest.config.symbols)]
        if backtest.failure or not placed.all():
            return backtest.failure or f"orders by symbol: {placed.tolist()}"
    return CAME_THROUGH if came == events else f"{came} of {events} events"
