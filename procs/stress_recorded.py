"""The detectors of `trader stress` on a recording: what they cry there is for nothing, as far as anybody knows."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from procs.config import RunConfig
from procs.recorded_frames import FRAME_ROW, RecordedFrames
from procs.recording import RecordingError
from procs.stress_kernels import WATCH, watch_book, watch_trade
from procs.verify import Session, replayed
from procs.verify_kernels import replay_rows
from procs.verify_survey import Survey
from shm.codec import record_dtype
from shm.kernel import kernel, new_record, view
from trader.book.state import BOOK
from trader.book.top import write_top
from trader.enums import BookState, Side
from trader.messages import BookTop
from trader.signals.config import DEPTH_LEVELS_MAX
from trader.signals.forecasts import MARKET_SIGNALS, configure_signals
from trader.tail_risk.assessment import TAIL_RISK, configure_tail_risk, new_pool

HOURS_MIN = 0.01

SEEN = np.dtype([("first_ns", "i8"), ("last_ns", "i8"), ("live", "i8"), ("top", record_dtype(BookTop))], align=True)
"""Venue time of the first and the newest book; `live`: how many of them were LIVE."""

_ROW_BYTES = FRAME_ROW.itemsize
_BUY, _LIVE = int(Side.BUY), int(BookState.LIVE)


@kernel
def watch_rows(own, entry, text, rows, count, signals, tail, pool, watch, seen):
    """Give `count` rows to the session; what they tell of the first symbol goes to the detectors."""
    book, top = view(own.books_address, BOOK), seen.top
    for index in range(count):
        replay_rows(own, entry, text, rows + index * _ROW_BYTES, 1)
        for number in range(own.trade_count):
            trade = own.trades[number]
            if trade.symbol_id == 0 and trade.size_lots > 0:
                sign = 1 if trade.side == _BUY else -1
                watch_trade(sign, trade.size_lots, trade.event_ns, signals, tail, watch)
        if book.event_ns < seen.last_ns or write_top(book, top) == 0:
            continue
        seen.last_ns = book.event_ns
        seen.first_ns = seen.first_ns if seen.first_ns > 0 else book.event_ns
        for level in range(DEPTH_LEVELS_MAX):
            watch.bid_ticks[level], watch.bid_lots[level] = top.bid_ticks[level], top.bid_lots[level]
            watch.ask_ticks[level], watch.ask_lots[level] = top.ask_ticks[level], top.ask_lots[level]
        if book.state == _LIVE:
            seen.live += 1
        else:
            watch.bid_lots[0] = 0
        watch_book(book.event_ns, signals, tail, pool, watch)


class NoBook(RecordingError):
    """Nothing in the file makes a book of its updates."""


class _Watching(Session):
    """A session whose first symbol's books and trades go to the detectors."""

    def __init__(self, found: Survey, config: RunConfig) -> None:
        self.signals, self.tail, self.pool = new_record(MARKET_SIGNALS), new_record(TAIL_RISK), new_pool()
        self.watch, self.seen = new_record(WATCH), new_record(SEEN)
        self.watch["size_permille_min"] = 1_000
        configure_signals(self.signals[0], config.signals)
        configure_tail_risk(self.tail[0], self.pool[0], config.tail_risk)
        super().__init__(found)

    def run_rows(self, text: int, rows: int, count: int) -> None:
        """The rows one by one, with their trades and a look at the book after each."""
        detectors = self.signals[0], self.tail[0], self.pool[0]
        watch_rows(self.own[0], self.entry, text, rows, count, *detectors, self.watch[0], self.seen[0])


def watched_recording(*parts: Path, config: RunConfig) -> tuple[str, float, np.ndarray]:
    """(what it is of, hours, WATCH of shape (1,)) of a recording, or of several parts of one, in order.

    Raises OSError, or RecordingError where no book comes to life or it is too short.
    """
    session = replayed(RecordedFrames(list(parts)), lambda found: _Watching(found, config))
    seen = session.seen[0]
    if int(seen["live"]) == 0:
        raise NoBook(
            f"{parts[-1]}: found no book of {session.found.symbols[0]} that can be trusted (updates, but no snapshot),"
            " allowed a recording with one, or a part behind the one that it goes on from"
        )
    hours = float(seen["last_ns"] - seen["first_ns"]) / 3.6e12
    if hours < HOURS_MIN:
        raise RecordingError(f"{parts[0]}: found {hours:.4f} hours of books, allowed {HOURS_MIN:g} and more")
    return f"{session.found.venue.name} {session.found.symbols[0]}", hours, session.watch


def watched_recordings(
    paths: Sequence[Path], config: RunConfig, progress: Callable[[str, int], None]
) -> Iterator[tuple[str, float, np.ndarray]]:
    """Each recording by itself, with its files' names; a part without a snapshot goes on from the file before it.

    Raises as `watched_recording`.
    """
    parts: list[Path] = []
    found: tuple[str, float, np.ndarray] | None = None
    for number, path in enumerate(paths):
        progress(path.name, number)
        try:
            own = watched_recording(path, config=config)
        except NoBook:
            if found is None:
                raise
            parts.append(path)
            own = watched_recording(*parts, config=config)
        else:
            if found is not None:
                yield found
            parts = [path]
        found = f"{own[0]}, {' + '.join(part.name for part in parts)}", *own[1:]
    if found is not None:
        yield found
