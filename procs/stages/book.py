"""The book stage: deltas, best quotes, trades and clears in; top of book, market events and resync requests out.

    feed_book -> trader.book kernels -> book_top     when the state or a level of the top changed
                                     -> book_market  MID when the touch or the state changed, TRADE for each trade,
                                                     MID ten times a second (venue time) while only the rest changes
                                     -> book_feed    when the book has disproved itself

One book per symbol. A top is published with its state, LIVE or not: readers gate on it.
"""

from typing import Any

import numpy as np

from procs.hot_log_events import Event
from procs.ports import acknowledge, log_event, receive, send
from shm.codec import record_dtype
from shm.kernel import kernel, view
from shm.kernel import step as compiled_step
from trader.book.state import BOOK, CHANGED, QUOTED, RESYNC, TOUCHED, on_clear, on_delta, on_quote, prepare_book
from trader.book.top import write_newer, write_top
from trader.compile_hints import never_inlined
from trader.enums import BookState, Command, MarketEventKind
from trader.instrument import SYMBOLS_MAX
from trader.messages import (
    BEST_QUOTE,
    BOOK_CLEAR,
    BOOK_DELTA,
    CONTROL,
    TRADE,
    BestQuote,
    BookClear,
    BookDelta,
    BookResync,
    BookTop,
    Control,
    MarketEvent,
    Trade,
)

OUTBOXES = ("book_top", "book_market", "book_feed")
OUT_TOP, OUT_MARKET, OUT_FEED = range(3)

BAD_FRAME = -1

QUIET_NS = 100_000_000
"""A touch that stands still is told this often, so that calm is an observation and the estimate of it does not age."""

_MID, _TRADE = int(MarketEventKind.MID), int(MarketEventKind.TRADE)
_START = int(Command.START)
_LIVE, _STALE = int(BookState.LIVE), int(BookState.STALE)

STATE = np.dtype(
    [
        ("symbol_count", "i8"),
        ("messages", "i8"),
        ("trades", "i8"),
        ("tops", "i8"),
        ("market_events", "i8"),
        ("market_dropped", "i8"),
        ("resyncs_asked", "i8"),
        ("foreign", "i8"),
        ("told_ns", "i8", (SYMBOLS_MAX,)),
        ("delta", record_dtype(BookDelta)),
        ("quote", record_dtype(BestQuote)),
        ("trade", record_dtype(Trade)),
        ("clear", record_dtype(BookClear)),
        ("control", record_dtype(Control)),
        ("event", record_dtype(MarketEvent)),
        ("resync", record_dtype(BookResync)),
        ("top", record_dtype(BookTop), (SYMBOLS_MAX,)),
        ("books", BOOK, (SYMBOLS_MAX,)),
    ],
    align=True,
)
"""`top`: what was published last, per symbol; `books[i].check` counts the checks. `told_ns`: venue
time of the last market event. `foreign`: messages of no symbol."""


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a fresh, zeroed state: one empty book per symbol."""
    own = state[0]
    if len(instruments) > SYMBOLS_MAX:
        raise ValueError(f"symbols: found {len(instruments)}, allowed up to {SYMBOLS_MAX}")
    own["symbol_count"] = len(instruments)
    for index, instrument in enumerate(instruments):
        prepare_book(own["books"][index], quote_check=config.book.quote_check)
        own["top"][index]["symbol_id"] = index
        own["top"][index]["venue_id"] = instrument["venue_id"]


@compiled_step
def step(state, ports, type_, frame, now_ns):
    """One message of the feed, or a command."""
    own = view(state, STATE)
    flags = 0
    symbol = -1
    if type_ == BEST_QUOTE:
        if receive(frame, own.quote) != 0:
            return BAD_FRAME
        symbol = _known(own, own.quote.symbol_id)
        if symbol >= 0:
            flags = on_quote(own.books[symbol], own.quote)
    elif type_ == BOOK_DELTA:
        if receive(frame, own.delta) != 0 or not _fits(own.delta):
            return BAD_FRAME
        symbol = _known(own, own.delta.symbol_id)
        if symbol >= 0:
            flags = on_delta(own.books[symbol], own.delta)
    elif type_ == TRADE:
        if receive(frame, own.trade) != 0:
            return BAD_FRAME
        symbol = _known(own, own.trade.symbol_id)
        if symbol >= 0:
            _publish_trade(own, ports, symbol)
    elif type_ == BOOK_CLEAR:
        if receive(frame, own.clear) != 0:
            return BAD_FRAME
        symbol = _known(own, own.clear.symbol_id)
        if symbol >= 0:
            flags = on_clear(own.books[symbol], own.clear.state, own.clear.cause)
    elif type_ == CONTROL:
        if receive(frame, own.control) != 0:
            return BAD_FRAME
        _on_control(own, ports)
    if flags != 0:
        before = own.top[symbol].state
        _publish(own, ports, symbol, flags)
        if own.top[symbol].state != before:
            _tell_state(own, ports, symbol)
    return 0


@kernel
def _tell_state(own, ports, symbol):
    """What readers may now think of a book, and why."""
    never_inlined()
    book, epoch = own.books[symbol], own.top[symbol].epoch
    if book.state == _LIVE:
        log_event(ports, Event.BOOK_LIVE, symbol, epoch, book.bid_ticks, book.ask_ticks)
    elif book.state == _STALE:
        log_event(ports, Event.BOOK_STALE, symbol, epoch, book.cause)
    else:
        log_event(ports, Event.BOOK_SYNCING, symbol, epoch, book.cause)


@kernel
def _known(own, symbol_id):
    """The symbol if it is one of ours, else -1."""
    own.messages += 1
    if 0 <= symbol_id < own.symbol_count:
        return symbol_id
    own.foreign += 1
    return -1


@kernel
def _fits(delta):
    """Whether a delta's counts agree with its bytes: the one thing that a decoder cannot know."""
    count = delta.bid_count + delta.ask_count
    return delta.bid_count >= 0 and delta.ask_count >= 0 and 16 * count == delta.levels_length


@kernel
def _on_control(own, ports):
    """START publishes every book as it is, so that no reader ever sees nothing; who follows one that died asks anew."""
    if own.control.command == _START:
        for symbol in range(own.symbol_count):
            own.tops += send(ports, OUT_TOP, own.top[symbol])
            if own.control.argument > 1:
                _ask_resync(own, ports, symbol)
    acknowledge(ports, own.control.command)


@kernel
def _publish(own, ports, symbol, flags):
    """Send what the flags of a book kernel ask for."""
    never_inlined()
    book = own.books[symbol]
    top = own.top[symbol]
    if (flags & CHANGED and write_top(book, top)) or (flags & QUOTED and write_newer(book, top)):
        top.epoch += 1
        own.tops += send(ports, OUT_TOP, top)
    if flags & (TOUCHED | RESYNC) or book.event_ns - own.told_ns[symbol] >= QUIET_NS:
        event = own.event
        event.kind = _MID
        event.side = 0
        event.price_ticks = 0
        event.size_lots = 0
        event.event_ns = book.event_ns
        _send_event(own, ports, symbol)
    if flags & RESYNC:
        _ask_resync(own, ports, symbol)


@kernel
def _ask_resync(own, ports, symbol):
    """Have the feed begin this book anew."""
    never_inlined()
    resync = own.resync
    resync.symbol_id = symbol
    resync.venue_id = own.top[symbol].venue_id
    resync.event_ns = own.books[symbol].event_ns
    resync.epoch = own.top[symbol].epoch
    resync.cause = own.books[symbol].cause
    own.resyncs_asked += send(ports, OUT_FEED, resync)


@kernel
def _publish_trade(own, ports, symbol):
    """A trade beside the touch that it met."""
    own.trades += 1
    event = own.event
    event.kind = _TRADE
    event.side = own.trade.side
    event.price_ticks = own.trade.price_ticks
    event.size_lots = own.trade.size_lots
    event.event_ns = own.trade.event_ns
    _send_event(own, ports, symbol)


@kernel
def _send_event(own, ports, symbol):
    never_inlined()
    book = own.books[symbol]
    event = own.event
    event.symbol_id = symbol
    event.venue_id = own.top[symbol].venue_id
    event.state = book.state
    own.told_ns[symbol] = event.event_ns
    event.bid_ticks = book.bid_ticks
    event.ask_ticks = book.ask_ticks
    if send(ports, OUT_MARKET, event):
        own.market_events += 1
    else:
        own.market_dropped += 1
