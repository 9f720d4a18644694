"""Series of returns from files of any kind, told apart by content.

    recording (ours, cryptofeed's)   the venue's book -> mid at each window's end -> log returns in bps
    table of numbers                 a column of returns as they are, or of prices -> log returns in percent

A table's lines are numbers separated by commas, semicolons, tabs or blanks; what comes before the first such line is a
title or the columns' names. Cells that are no number (also nan, NA, an empty one) are missing. gzip and zstd are
unpacked.
"""

import gzip
import io
import math
import re
import zlib
from pathlib import Path

import msgspec
import numpy as np
import zstandard

from procs import volatility_state
from procs.config import RunConfig
from procs.recorded_frames import RecordedFrames
from procs.recording import RecordingError
from procs.verify import Session, replayed
from procs.verify_survey import Survey
from procs.volatility_kernels import SAMPLER, sample_rows
from shm.kernel import address_of_array, new_record
from trader.instrument import INSTRUMENT
from trader.volatility.particles import OBSERVATION

HEAD_BYTES = 1 << 16
ROOM_WINDOWS = 1 << 22
"""Windows of a recording at most: a week of 150 ms."""

_RECORDING = re.compile(rb'\s*(\d{10,19} \s*[\{\[]|\{\s*"t"\s*:\s*"header")')
_RETURNS = ("y", "r", "ret", "rets", "return", "returns", "log_return", "logreturn", "log_returns")
_PRICES = ("adj close", "close", "price", "mid", "last", "rate")


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """`returns`: one a window, NaN where nothing was seen; `unit` theirs; `window`: what one is, in words.

    `squared`, `counts`: realised variances on the returns' scale and of how many movements, of a recording where
    [volatility] observes them; empty otherwise.
    """

    name: str
    returns: np.ndarray
    unit: str
    window: str
    source: str
    """What was taken: a venue's symbol, or a column."""
    squared: np.ndarray = np.zeros(0)
    counts: np.ndarray = np.zeros(0, np.int64)

    @property
    def zero_share(self) -> float:
        """Share of exact zeros among what was seen."""
        seen = self.returns[np.isfinite(self.returns)]
        return float((seen == 0).mean()) if len(seen) else 0.0


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """A recording's series and the volatility stage's state after it."""

    series: Series
    state: np.ndarray


def read_series(path: Path, config: RunConfig, *, symbol: str = "", column: str = "", kind: str = "") -> Learned:
    """The returns in a file, and for a recording a stage that has learned from them (of a table: an empty state).

    `symbol`: of a recording's, the first by default. `column`: a table's, by name or number from 1. `kind`: "returns"
    or "prices" where the content would be taken for the other. Raises OSError, or RecordingError for what is neither.
    """
    head = _unpacked(path, HEAD_BYTES)
    if _RECORDING.match(head):
        if column or kind:
            raise RecordingError(f"{path}: found a recording, allowed --column, --returns and --prices with a table")
        return _of_recording(path, config, symbol)
    if symbol:
        raise RecordingError(f"{path}: found a table, allowed --symbol with a recording")
    return Learned(series=_of_table(path, _unpacked(path, -1), column, kind), state=np.zeros(0))


def _unpacked(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        try:
            if magic[:2] == b"\x1f\x8b":
                return gzip.GzipFile(fileobj=file).read(size)
            if magic == b"\x28\xb5\x2f\xfd":
                reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
                return io.BufferedReader(reader).read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as problem:
            raise RecordingError(f"{path}: damaged: {problem}") from None
        return file.read(size)


class _Sampling(Session):
    """A session whose chosen symbol's mids go to a volatility stage."""

    def __init__(self, found: Survey, config: RunConfig, symbol: str) -> None:
        if symbol and symbol not in found.symbols:
            raise RecordingError(f"--symbol: found '{symbol}', allowed {', '.join(found.symbols)}")
        self.symbol = symbol or found.symbols[0]
        self.state = new_record(volatility_state.STATE)
        volatility_state.start(self.state, config, np.zeros(1, INSTRUMENT))
        self.observed = np.zeros(ROOM_WINDOWS, OBSERVATION)
        self.sampler = new_record(SAMPLER)
        self.sampler["state_address"] = address_of_array(self.state)
        self.sampler["symbol"] = found.symbols.index(self.symbol)
        super().__init__(found)

    def run_rows(self, text: int, rows: int, count: int) -> None:
        """The rows one by one, with a look at the book after each."""
        sample_rows(self.sampler[0], self.own[0], self.entry, text, rows, count, self.observed)


def _of_recording(path: Path, config: RunConfig, symbol: str) -> Learned:
    session = replayed(RecordedFrames([path]), lambda found: _Sampling(found, config, symbol))
    count = int(session.sampler[0]["count"])
    if count < 2:
        raise RecordingError(f"{path}: found {count} windows of {config.volatility.window_ms} ms, allowed 2 or more")
    observed, realised = session.observed[:count], config.volatility.is_realised
    series = Series(
        name=path.name,
        returns=observed["value"].copy(),
        unit="bps",
        window=f"{config.volatility.window_ms} ms",
        source=f"{session.found.venue.name} {session.symbol}",
        squared=observed["squared"].copy() if realised else np.zeros(0),
        counts=observed["count"].copy() if realised else np.zeros(0, np.int64),
    )
    return Learned(series=series, state=session.state)


def _of_table(path: Path, content: bytes, column: str, kind: str) -> Series:
    lines = [line for line in content.decode("utf-8", "replace").splitlines() if line.strip()]
    first = next((at for at, line in enumerate(lines) if any(math.isfinite(cell) for cell in _cells(line))), None)
    if first is None:
        raise RecordingError(f"{path}: found no line with a number, allowed a recording or a table of numbers")
    rows = [_cells(line) for line in lines[first:]]
    width = len(rows[0])
    names = _split(lines[first - 1]) if first else []
    names = [name.strip(" \"'") for name in names] if len(names) == width else [str(at + 1) for at in range(width)]
    table = np.array([row if len(row) == width else [math.nan] * width for row in rows])
    at = _column(path, names, table, column)
    values = table[:, at]
    values[np.isinf(values)] = np.nan
    seen = values[np.isfinite(values)]
    priced = kind == "prices" or (not kind and names[at].lower() not in _RETURNS and len(seen) > 0 and seen.min() > 0)
    if priced and seen.min() <= 0:
        raise RecordingError(f"{path}: found a price of {seen.min():g}, allowed prices above 0")
    returns = 100 * np.diff(np.log(values)) if priced else values
    if np.isfinite(returns).sum() < 2:
        raise RecordingError(f"{path}: found {np.isfinite(returns).sum()} returns, allowed 2 or more")
    unit = "%" if priced else ""
    told = f"column {names[at]}, {'prices' if priced else 'returns'}"
    return Series(name=path.name, returns=returns, unit=unit, window="row", source=told)


def _column(path: Path, names: list[str], table: np.ndarray, wanted: str) -> int:
    """Which column: the one asked for, else returns by name, prices by name, the last with mostly numbers."""
    if wanted:
        lowered = [name.lower() for name in names]
        if wanted.lower() in lowered:
            return lowered.index(wanted.lower())
        if wanted.isdigit() and 1 <= int(wanted) <= len(names):
            return int(wanted) - 1
        raise RecordingError(f"{path}: found no column '{wanted}', allowed {', '.join(names)}, or a number from 1")
    for known in (*_RETURNS, *_PRICES):
        for at, name in enumerate(names):
            if name.lower() == known:
                return at
    numbers = [at for at in range(len(names)) if np.isfinite(table[:, at]).mean() >= 0.5]
    return numbers[-1] if numbers else len(names) - 1


def _split(line: str) -> list[str]:
    for separator in (",", ";", "\t"):
        if separator in line:
            return line.split(separator)
    return line.split()


def _cells(line: str) -> list[float]:
    return [_number(cell) for cell in _split(line)]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
