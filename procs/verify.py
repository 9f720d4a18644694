"""Proves a recording's books: the venue's real scanner, the feed session and the book kernels, checked as they go.

Format, venue, symbols and units are taken from the recording itself. `verify_recording` is what `trader book FILE
--verify` prints; exit status and progress bar are the caller's.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from procs.recorded_frames import FRAME_ROW, Batch, RecordedFrames
from procs.recording import RecordingError as RecordingError
from procs.verify_kernels import VERIFIER, replay_rows, split_lines
from procs.verify_survey import Survey, survey
from shm.kernel import address_of_array, new_record
from trader.book.state import BOOK, ClearCause, prepare_book
from trader.enums import BookState
from trader.feed import FeedConfig, prepare_feed
from trader.feed.session import on_connected
from trader.feed.state import feed_dtype
from trader.venues.json_bytes import Fault

BROKEN = (ClearCause.GAP, ClearCause.CROSSED, ClearCause.NO_ROOM)
"""Failures of the book that mean something was missing, beside the gaps that the session itself finds."""


class SymbolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording proves of one symbol's book."""

    symbol: str
    levels: int
    checked: int
    mismatched: int
    gaps: int
    resyncs: int
    book_state: str
    bid_levels: int
    ask_levels: int


class VerifyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording proves.

    `messages`: frames received; `levels`: price levels in those that tell of a book.
    `checked`: times that a book was compared with what the venue itself says of it (best quotes by update id,
    checksums, order); `mismatched`: those that differ; `undecided`: updates that no quote could decide, at the
    recording's ends for the most part. `gaps`: updates missing; `resyncs`: times that a book was given
    up after it had begun (also because the touch left the depth that a cut snapshot told of). `ns_per_message`: raw
    bytes to updated and checked book, one core.
    """

    venue: str
    market: str
    messages: int
    levels: int
    checked: int
    mismatched: int
    undecided: int
    gaps: int
    resyncs: int
    bad_frames: int
    last_fault: str
    symbols_left_out: int
    symbols: list[SymbolResult]
    ns_per_message: float

    @property
    def proven(self) -> bool:
        """True if there was something to check and nothing was wrong."""
        return self.checked > 0 and self.mismatched == 0 and self.bad_frames == 0 and self.gaps == 0


class Session:
    """A connected session and its empty books; the kernels are compiled here, outside the measured time.

    `replay` takes it through a recording, batch by batch; whoever wants more than the books overrides `run_rows`.
    """

    def __init__(self, found: Survey) -> None:
        count = len(found.symbols)
        self.found = found
        self.feed = new_record(feed_dtype(count))
        self.books = np.zeros(count, dtype=BOOK)
        self.own = new_record(VERIFIER)
        self.own["feed_address"] = address_of_array(self.feed)
        self.own["books_address"] = address_of_array(self.books)
        self.entry = found.venue.module("session").text_entry.address
        self.rows = np.zeros(0, dtype=FRAME_ROW)
        self.elapsed_ns = 0
        config = FeedConfig()
        plan = found.venue.module("requests").session_plan(config, found.symbols, market=found.market)
        prepare_feed(self.feed[0], config, found.instruments, plan)
        for index in range(count):
            prepare_book(self.books[index])
        on_connected(self.feed[0], 0)
        self.replay(Batch(b"\n", None, [], 0))
        self.elapsed_ns = 0

    def replay(self, batch: Batch) -> None:
        """One batch through session and books."""
        text = np.frombuffer(batch.text or b"\n", dtype=np.uint8)
        rows = batch.rows
        if rows is not None:
            rows = self._with_symbols(rows, batch.urls)
        elif len(self.rows) < (lines := batch.text.count(b"\n") + 1):
            self.rows = np.zeros(lines, dtype=FRAME_ROW)
        address = address_of_array(text)
        started_ns = time.perf_counter_ns()
        if rows is None:
            rows, count = self.rows, split_lines(address, len(text), address_of_array(self.rows))
        else:
            count = len(rows)
        self.run_rows(address, address_of_array(rows), count)
        self.elapsed_ns += time.perf_counter_ns() - started_ns

    def run_rows(self, text: int, rows: int, count: int) -> None:
        """So many FRAME_ROW records at an address, whose text begins at another."""
        replay_rows(self.own[0], self.entry, text, rows, count)

    def _with_symbols(self, rows: np.ndarray, urls: list[str]) -> np.ndarray:
        """Rows whose REST replies name their symbol by 1 + its index; replies of nothing that we know are left out."""
        snapshot_symbol = self.found.venue.module("facts").snapshot_symbol
        places = {symbol: 1 + index for index, symbol in enumerate(self.found.symbols)}
        symbols = np.array([0, *(places.get(snapshot_symbol(url), 0) for url in urls)])[rows["symbol"]]
        known = rows[(rows["symbol"] == 0) | (symbols > 0)].copy()
        known["symbol"] = symbols[(rows["symbol"] == 0) | (symbols > 0)]
        return known


Kind = TypeVar("Kind", bound=Session)


def verify_recording(*paths: str | Path, progress: Callable[[int, int], None] | None = None) -> VerifyResult:
    """Build and check the books of one recording, or of several parts of one, in order.

    `progress(done_bytes, total_bytes)` is called now and then (bytes as stored). Raises OSError, or RecordingError for
    a file that holds no market data.
    """
    return _result(replayed(RecordedFrames([Path(path) for path in paths]), Session, progress))


def _missed(feed: np.ndarray) -> bool:
    """A first look at the recording did not see a symbol, or a price finer than those before."""
    return int(feed["foreign"]) > 0 or int(feed["faults"][Fault.OFF_GRID]) > 0


def replayed(
    frames: RecordedFrames, make: Callable[[Survey], Kind], progress: Callable[[int, int], None] | None = None
) -> Kind:
    """A session that has gone through a whole recording; raises as `verify_recording` does."""
    session = _replay_all(frames, make, False, progress)
    return _replay_all(frames, make, True, progress) if _missed(session.feed[0]) else session


def _replay_all(
    frames: RecordedFrames, make: Callable[[Survey], Kind], whole: bool, progress: Callable[[int, int], None] | None
) -> Kind:
    found = survey(frames, whole=whole)
    if found is None or not found.symbols:
        names = ", ".join(str(path) for path in frames.paths)
        raise RecordingError(f"{names}: found no order book of a known venue (Binance, Hyperliquid, Kraken, OKX)")
    session = make(found)
    for batch in frames:
        session.replay(batch)
        if progress:
            progress(batch.done_bytes, frames.total_bytes)
    return session


def _result(session: Session) -> VerifyResult:
    feed, found = session.feed[0], session.found
    symbols = [
        _symbol_result(symbol, feed["symbols"][index], session.books[index])
        for index, symbol in enumerate(found.symbols)
    ]
    messages = int(feed["messages"])
    bad = int(feed["bad_frames"])
    return VerifyResult(
        venue=found.venue.name,
        market=found.market,
        messages=messages,
        levels=int(feed["levels"]),
        checked=sum(one.checked for one in symbols),
        mismatched=sum(one.mismatched for one in symbols),
        undecided=sum(
            int(book["check"]["skipped"] + book["check"]["pending_count"]) for book in session.books if book["quotes"]
        ),
        gaps=sum(one.gaps for one in symbols),
        resyncs=int(feed["resyncs"]),
        bad_frames=bad,
        last_fault=f"{Fault(int(feed['last_fault'])).name} at byte {int(feed['last_fault_offset'])}" if bad else "",
        symbols_left_out=found.left_out,
        symbols=symbols,
        ns_per_message=session.elapsed_ns / messages if messages else 0.0,
    )


def _symbol_result(symbol: str, own: np.ndarray, book: np.ndarray) -> SymbolResult:
    check = book["check"]
    return SymbolResult(
        symbol=symbol,
        levels=int(book["levels"]),
        checked=int(check["checked"]) + int(own["checked"]),
        mismatched=int(check["mismatched"]) + int(own["mismatched"]),
        gaps=int(own["gaps"]) + sum(int(book["failures"][cause]) for cause in BROKEN),
        resyncs=int(own["resyncs"]),
        book_state=BookState(int(book["state"])).name,
        bid_levels=int(book["bids"]["count"]),
        ask_levels=int(book["asks"]["count"]),
    )
