"""What a recording makes of a run: its market, its symbols and their units, found by content and put into RunConfig.

recording --survey--> market, symbols, ticks and lots --> configuration --> exchange serves it, feed follows it
"""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from procs.config import DEFAULT_SYMBOLS, RunConfig, SymbolUnits
from procs.errors import OperatorError
from procs.kept_recordings import recording_file, write_kept
from procs.recorded_frames import STREAM, Batch, RecordedFrames
from procs.recording import Recording, RecordingError
from procs.verify_survey import Survey, survey
from trader.exchange.config import SYMBOLS_MAX
from trader.venues.markets import MARKETS, SPOT, Market, market_named

PACKED = b"\x1f\x8b"
SAMPLE_FRAMES = 10_000
"""Of a market that is traded: thousands of frames say in which units. What is only watched is looked at whole."""


class RecordedMarket:
    """The frames of a recording in the order of their receive times, in any format that `trader book` takes."""

    def __init__(self, path: str | Path) -> None:
        """Raises RecordingError where the file is missing, damaged, or in no format known here."""
        self._frames = RecordedFrames([Path(path)])
        self._lines: Recording | None = None
        if _is_lines(path):
            self._lines = Recording(path)
        self._share = 0.0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (receive_ns, payload)."""
        if self._lines is not None:
            yield from self._lines
            return
        for batch in self._frames:
            yield from _frames_of(batch)
        self._share = 1.0

    @property
    def fraction_read(self) -> float:
        """Share of the file that the newest iteration has read, 0 to 1."""
        return self._lines.fraction_read if self._lines is not None else self._share


def _is_lines(path: str | Path) -> bool:
    """Whether a file is read line by line as it is stored, plain or gzip."""
    with Path(path).open("rb") as file:
        if file.read(2) != PACKED:
            file.seek(0)
            return file.read(1).isdigit()
    try:
        with gzip.open(path) as unpacked:
            return unpacked.read(1).isdigit()
    except (OSError, EOFError, zlib.error):
        return True  # reading says where it is damaged


def _frames_of(batch: Batch) -> Iterator[tuple[int, bytes]]:
    """The stream's frames of a batch with rows; of one without, its lines."""
    if batch.rows is None:
        for line in batch.text.split(b"\n"):
            stamp, _, payload = line.partition(b" ")
            if payload:
                yield int(stamp), payload
        return
    for row in batch.rows[batch.rows["connection"] == STREAM]:
        yield int(row["now_ns"]), batch.text[int(row["offset"]) : int(row["offset"] + row["length"])]


def with_recorded_market(config: RunConfig) -> RunConfig:
    """The configuration with what its recording says; as it is without one. Raises OperatorError."""
    if not config.replay or config.units:
        return config
    path = Path(config.replay)
    try:
        found = _look(path)
    except (RecordingError, OSError) as problem:
        raise OperatorError(f"replay: {problem}") from None
    names = _symbols(config, found.symbols)
    return msgspec.structs.replace(
        config, market=found.market, symbols=names, units={name: found.units[name] for name in names}
    )


class Look(msgspec.Struct, frozen=True):
    """What a recording is of: a name of trader.venues.markets, its symbols as they appear, their units."""

    market: str
    symbols: list[str]
    units: dict[str, SymbolUnits]


def _look(path: Path) -> Look:
    """What a recording is of, from the cache if it has been looked at since it, and what looks, have changed."""
    kept = recording_file(path, "procs.verify_survey", ".look")
    try:
        return msgspec.json.decode(kept.read_bytes(), type=Look)
    except (OSError, msgspec.DecodeError):
        pass
    found, market = _survey(path)
    units = {
        name: SymbolUnits(
            price_decimals=own.price_decimals,
            size_decimals=own.size_decimals_used if market.is_traded else own.size_decimals,
        )
        for name, own in found.units.items()
    }
    look = Look(market.name, list(found.symbols), units)
    write_kept(kept, msgspec.json.encode(look))
    return look


def _survey(path: Path) -> tuple[Survey, Market]:
    """Look at a recording, and find the row of its market."""
    frames = RecordedFrames([path])
    found = survey(frames, sample_frames=SAMPLE_FRAMES)
    if found is None or not found.symbols:
        raise OperatorError(f"replay: {path} holds no order book of a known venue (Binance, Hyperliquid, Kraken, OKX)")
    for market in MARKETS:
        if (market.venue_name, market.kind) == (found.venue.name, found.market if market.kind else ""):
            return (found if market.is_traded else survey(frames, whole=True) or found), market
    allowed = ", ".join(market.name for market in MARKETS)
    raise OperatorError(f"replay: {path} is of {found.venue.name}.{found.market}, allowed {allowed}")


def _symbols(config: RunConfig, found: list[str]) -> tuple[str, ...]:
    """The configured symbols where the recording has them; where they are only the default, the recording's own."""
    if all(symbol in found for symbol in config.symbols):
        return config.symbols
    if config.symbols == DEFAULT_SYMBOLS:
        return tuple(found[:SYMBOLS_MAX])
    missing = next(symbol for symbol in config.symbols if symbol not in found)
    raise OperatorError(f"symbols: found '{missing}', allowed those of the recording: {', '.join(found)}")


def default_profile(replay: Path | None) -> str:
    """The profile to begin from where none is named. Raises OperatorError."""
    if replay is None:
        return "paper"
    if not replay.is_file():
        return "replay"
    return "replay_spot" if market_of(replay).number == SPOT else "replay"


def market_of(path: Path) -> Market:
    """The market that a recording is of. Raises OperatorError."""
    try:
        return market_named(_look(path).market)
    except (RecordingError, OSError) as problem:
        raise OperatorError(f"replay: {problem}") from None
