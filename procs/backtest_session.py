"""`trader run --replay F --placement fused --speed max`: a backtest from configuration to result."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from procs.backtest import Backtest, batches
from procs.config import RunConfig
from procs.decoded_market import DecodedMarket, can_be_decoded, decoded_market
from procs.errors import OperatorError
from procs.kernels import is_compiled, load_kernels
from procs.recorded_market import RecordedMarket, with_recorded_market
from procs.summary import Summary, collect
from procs.watcher import Watcher, make_out_dir
from shm.segment import new_run

EPOCH = 1
"""Order ids of a backtest begin at one epoch, so that two backtests are the same to the byte."""


def is_backtest(config: RunConfig) -> bool:
    """Whether a configuration asks for the virtual clock."""
    return bool(config.replay) and config.placement == "fused" and config.speed == 0


def run_backtest_session(config: RunConfig, watcher: Watcher | None = None) -> Summary:
    """Play the recording once. Raises OperatorError for what must be mended first."""
    watcher = watcher or Watcher()
    config = with_recorded_market(config)
    out_dir = make_out_dir(config)
    exchange = msgspec.structs.replace(config.exchange, recorded=True)
    config = msgspec.structs.replace(config, out_dir=str(out_dir), epoch=EPOCH, wall_offset_ns=0, exchange=exchange)
    (out_dir / "config.json").write_bytes(msgspec.json.format(msgspec.json.encode(config)))
    if not is_compiled():  # else what this run needs, and only that, is loaded where it is first called
        for name, done, total in load_kernels(config.market):
            watcher.loading(name, done, total)
    backtest, failure = _play(config, out_dir, watcher)
    first_ns = backtest.first_ns
    summary = collect(
        backtest,
        backtest,
        duration_s=(backtest.now_ns - first_ns) / 1e9,
        cpu_percent={},
        began=first_ns / 1e9,
        failure=failure,
    )
    (out_dir / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary)))
    return summary


def _play(config: RunConfig, out_dir: Path, watcher: Watcher) -> tuple[Backtest, str]:
    """Play the recording, decoded or as text: the backtest, stopped, and what failed, in words."""
    if config.decode and can_be_decoded(config):
        market = decoded_market(config)
        first_ns, slices = market.contents.first_ns, _decoded_slices(market)
    else:
        recording = RecordedMarket(config.replay)
        first_ns, slices = next((time_ns for time_ns, _ in recording), 0), _text_slices(recording)
    if not first_ns:
        raise OperatorError(f"--replay {config.replay}: found no line, allowed a recording")
    backtest = Backtest(config, first_ns)
    if config.journal.enabled:
        backtest.open_journals(out_dir / "journal", new_run())
    failure = "" if backtest.start() else backtest.failure or "a stage did not get ready"
    for play_slice in () if failure else slices:
        watcher.progress(play_slice(backtest))
        if backtest.failure:
            failure = backtest.failure
            break
        backtest.keep_journals()
    if not failure and not backtest.stop():
        failure = backtest.failure or "not everything was cancelled in the end"
    backtest.close()
    return backtest, failure


Slice = Callable[[Backtest], float]
"""Plays a part of a recording on a backtest; returns the share of it, 0 to 1, that has been played."""


def _text_slices(recording: RecordedMarket) -> Iterator[Slice]:
    for batch in batches(recording):

        def play(backtest: Backtest, batch: tuple[np.ndarray, np.ndarray, np.ndarray] = batch) -> float:
            backtest.play(*batch)
            return recording.fraction_read

        yield play


def _decoded_slices(market: DecodedMarket) -> Iterator[Slice]:
    at = market.begin

    def play(backtest: Backtest) -> float:
        nonlocal at
        at = backtest.play_decoded(at, market.end)
        return (at - market.begin) / (market.end - market.begin)

    while at < market.end:
        yield play
