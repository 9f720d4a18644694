"""Proves a recording's book: the real scanner, feed session and book kernels, checked against the recorded quotes.

    line = <receive time ns> <raw json>

The instrument is taken from the recording itself: symbol, continuity rule and units. `verify_recording` is what
`trader book FILE --verify` prints; exit status and progress bar are the caller's.
"""

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from procs.verify_kernels import VERIFIER, replay_lines
from procs.verify_units import SAMPLE_LINES, find_instrument
from shm.kernel import address_of_array, new_record
from trader.book.state import ClearCause, prepare_book
from trader.enums import BookState
from trader.feed import FeedConfig, prepare_feed
from trader.feed.session import on_connected
from trader.feed.state import IdRule
from trader.instrument import symbol_names
from trader.venues.binance.requests import Market, session_plan
from trader.venues.json_bytes import Fault

CHUNK_BYTES = 1 << 22
BROKEN = (ClearCause.GAP, ClearCause.CROSSED, ClearCause.NO_ROOM)
"""Failures of the book that mean something was missing, beside the gaps that the session itself finds."""


class RecordingError(ValueError):
    """A file that is no recording of a venue known here; says what was found."""


class VerifyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording proves.

    `checked`: depth updates whose touch was compared with the venue's own best quote; `mismatched`: those that
    differ. `gaps`: updates missing; `resyncs`: times that the book was given up after it had begun (also because
    the touch left the depth that a cut snapshot told of). `ns_per_message`: raw line to updated and checked
    book, one core.
    """

    symbol: str
    market: str
    messages: int
    levels: int
    checked: int
    mismatched: int
    skipped: int
    gaps: int
    resyncs: int
    bad_frames: int
    last_fault: str
    book_state: str
    bid_levels: int
    ask_levels: int
    ns_per_message: float

    @property
    def proven(self) -> bool:
        """True if there was something to check and nothing was wrong."""
        return self.checked > 0 and self.mismatched == 0 and self.bad_frames == 0 and self.gaps == 0


def verify_recording(*paths: str | Path, progress: Callable[[int, int], None] | None = None) -> VerifyResult:
    """Build and check the book of one recording, or of several parts of one, in order.

    `progress(done_bytes, total_bytes)` is called now and then (compressed bytes). Raises OSError, or
    RecordingError for a file that holds no market data.
    """
    files = [Path(path) for path in paths]
    result = _verify(files, exact_prices=False, progress=progress)
    if result.last_fault.startswith(Fault.OFF_GRID.name):
        result = _verify(files, exact_prices=True, progress=progress)
    return result


def _verify(files: list[Path], *, exact_prices: bool, progress: Callable[[int, int], None] | None) -> VerifyResult:
    total = sum(path.stat().st_size for path in files)
    verifier = new_record(VERIFIER)
    symbol = ""
    rule = IdRule.PREVIOUS
    done, elapsed_ns = 0, 0
    for path in files:
        for text, position in _chunks(path):
            if not symbol:
                instrument, rule = find_instrument(text, exact_prices=exact_prices)
                if instrument is None:
                    raise RecordingError(f"{path}: found no depth update in its first {SAMPLE_LINES} lines")
                symbol = bytes(instrument[0]["symbol"][: instrument[0]["symbol_length"]]).decode()
                _prepare(verifier[0], instrument, rule)
            raw = np.frombuffer(text, dtype=np.uint8)
            started_ns = time.perf_counter_ns()
            replay_lines(verifier[0], address_of_array(raw), len(raw))
            elapsed_ns += time.perf_counter_ns() - started_ns
            if progress:
                progress(done + position, total)
        done += path.stat().st_size
    return _result(verifier[0], symbol, rule, elapsed_ns)


def _prepare(verifier: np.ndarray, instrument: np.ndarray, rule: IdRule) -> None:
    """A connected session and an empty book; the kernels are compiled here, outside the measured time."""
    config = FeedConfig()
    market: Market = "usdm" if rule is IdRule.PREVIOUS else "spot"
    prepare_feed(verifier["feed"], config, instrument, session_plan(config, symbol_names(instrument), market=market))
    prepare_book(verifier["book"])
    on_connected(verifier["feed"], 0)
    replay_lines(verifier, address_of_array(np.zeros(1, dtype=np.uint8)), 0)


def _chunks(path: Path) -> Iterator[tuple[bytes, int]]:
    """Whole lines of a recording, some megabytes at a time, with the place reached in the file."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        reader = gzip.GzipFile(fileobj=file) if compressed else file
        rest = b""
        try:
            while block := reader.read(CHUNK_BYTES):
                whole, newline, tail = (rest + block).rpartition(b"\n")
                rest = tail if newline else whole + tail
                if newline:
                    yield whole + newline, file.tell()
        except (EOFError, gzip.BadGzipFile) as problem:
            raise RecordingError(f"{path}: damaged after {file.tell()} bytes: {problem}") from None
        if rest:
            yield rest + b"\n", file.tell()


def _result(verifier: np.ndarray, symbol: str, rule: IdRule, elapsed_ns: int) -> VerifyResult:
    feed, book = verifier["feed"], verifier["book"]
    check = book["check"]
    messages = int(feed["messages"])
    bad = int(feed["bad_frames"])
    fault = f"{Fault(int(feed['last_fault'])).name} at byte {int(feed['last_fault_offset'])}" if bad else ""
    return VerifyResult(
        symbol=symbol,
        market="futures" if rule is IdRule.PREVIOUS else "spot",
        messages=messages,
        levels=int(book["levels"]),
        checked=int(check["checked"]),
        mismatched=int(check["mismatched"]),
        skipped=int(check["skipped"]),
        gaps=int(feed["gaps"]) + sum(int(book["failures"][cause]) for cause in BROKEN),
        resyncs=int(feed["resyncs"]),
        bad_frames=bad,
        last_fault=fault,
        book_state=BookState(int(book["state"])).name,
        bid_levels=int(book["bids"]["count"]),
        ask_levels=int(book["asks"]["count"]),
        ns_per_message=elapsed_ns / messages if messages else 0.0,
    )


def render(result: VerifyResult) -> str:
    """The result for people: one fact a line, and a verdict."""
    rows = (
        ("symbol", f"{result.symbol} ({result.market})"),
        ("messages", f"{result.messages:,}"),
        ("levels", f"{result.levels:,}"),
        ("checked", f"{result.checked:,}"),
        ("mismatched", f"{result.mismatched:,}"),
        ("gaps", f"{result.gaps:,}"),
        ("resyncs", f"{result.resyncs:,}"),
        ("bad frames", f"{result.bad_frames:,}" + (f" (last: {result.last_fault})" if result.last_fault else "")),
        ("book", f"{result.book_state}, {result.bid_levels:,} bid and {result.ask_levels:,} ask levels"),
        ("speed", f"{result.ns_per_message:,.0f} ns per message"),
    )
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    verdict = "proven: every check agrees" if result.proven else "NOT PROVEN"
    return "\n".join([*lines, verdict])
