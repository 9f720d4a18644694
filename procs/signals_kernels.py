"""The loop that takes a recording's books and trades to the signals, and keeps what they said at regular times."""

import numpy as np

from procs.recorded_frames import FRAME_ROW
from procs.verify_kernels import replay_rows
from shm.codec import record_dtype
from shm.kernel import kernel, view
from trader.book.state import BOOK
from trader.book.top import write_top
from trader.enums import BookState, Side
from trader.messages import BookTop
from trader.signals.forecasts import SIGNALS, forecast, on_book, on_trade

SAMPLE = np.dtype(
    [
        ("event_ns", "i8"),
        ("mid_halfticks", "f8"),
        ("signals", "f8", (len(SIGNALS),)),
        ("deviation_bps", "f8"),
        ("confidence", "f8"),
        ("panic", "i8"),
    ],
    align=True,
)
"""What the signals said at a venue time, after everything up to it."""

SAMPLER = np.dtype(
    [
        ("symbol", "i8"),
        ("every_ns", "i8"),
        ("seen_ns", "i8"),
        ("due_ns", "i8"),
        ("count", "i8"),
        ("books", "i8"),
        ("trades", "i8"),
        ("top", record_dtype(BookTop)),
    ],
    align=True,
)
"""`every_ns`: a sample is taken at the first book after each multiple of it; `count`: samples taken."""

_ROW_BYTES = FRAME_ROW.itemsize
_BOOK_BYTES = BOOK.itemsize
_BUY, _LIVE = int(Side.BUY), int(BookState.LIVE)


@kernel
def sample_signals(sampler, own, entry, text, rows, count, state, samples):
    """Give `count` rows to the session; what they tell of the symbol goes to the signals, their word to `samples`."""
    book = view(own.books_address + sampler.symbol * _BOOK_BYTES, BOOK)
    for index in range(count):
        replay_rows(own, entry, text, rows + index * _ROW_BYTES, 1)
        for number in range(own.trade_count):
            trade = own.trades[number]
            if trade.symbol_id == sampler.symbol and trade.size_lots > 0:
                on_trade(state, trade.event_ns, 1 if trade.side == _BUY else -1, trade.size_lots)
                sampler.trades += 1
        if book.event_ns < sampler.seen_ns or write_top(book, sampler.top) == 0:
            continue
        sampler.seen_ns = book.event_ns
        top = sampler.top
        if book.state != _LIVE:
            top.bid_lots[0] = 0
        on_book(state, book.event_ns, top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots)
        sampler.books += 1
        if state.horizons.linked and book.event_ns >= sampler.due_ns and sampler.count < len(samples):
            _take_sample(sampler, state, samples[sampler.count])


@kernel
def _take_sample(sampler, state, sample):
    forecast(state)
    sample.event_ns = sampler.seen_ns
    sample.mid_halfticks = float(sampler.top.bid_ticks[0] + sampler.top.ask_ticks[0])
    for index in range(len(sample.signals)):
        sample.signals[index] = state.signals[index]
    sample.deviation_bps = state.deviation_bps
    sample.confidence = state.detector.confidence
    sample.panic = state.detector.state
    sampler.count += 1
    sampler.due_ns = (sampler.seen_ns // sampler.every_ns + 1) * sampler.every_ns
