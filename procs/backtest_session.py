"""`trader run --replay F --placement fused --speed max`: a backtest from configuration to result."""

from pathlib import Path

import msgspec

from procs.backtest import Backtest, batches
from procs.config import RunConfig
from procs.errors import OperatorError
from procs.kernels import load_kernels
from procs.recorded_market import RecordedMarket, with_recorded_market
from procs.session import Watcher, make_out_dir
from procs.summary import Summary, collect
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
    recording = RecordedMarket(config.replay)
    backtest: Backtest | None = None
    failure = ""
    for times_ns, offsets, text in batches(recording):
        if backtest is None:
            backtest = Backtest(config, int(times_ns[0]))
            if config.journal.enabled:
                backtest.open_journals(out_dir / "journal", new_run())
            if not backtest.start():
                failure = backtest.failure or "a stage did not get ready"
                break
        backtest.play(times_ns, offsets, text)
        watcher.progress(recording.fraction_read)
        if backtest.failure:
            failure = backtest.failure
            break
        backtest.keep_journals()
    if backtest is None:
        raise OperatorError(f"--replay {config.replay}: found no line, allowed a recording")
    if not failure and not backtest.stop():
        failure = backtest.failure or "not everything was cancelled in the end"
    backtest.close()
    return backtest, failure
