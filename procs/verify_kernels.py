"""The loops that run recorded frames through a venue's session and the books behind it, for `verify`.

    text --split_lines--> rows --replay_rows--> entry (the venue's `text_entry`) --> actions --> books

Feed and books are known by address, so that one compilation serves every venue and any number of symbols.
"""

import numpy as np

from procs.recorded_frames import FRAME_ROW, REST
from shm.codec import record_dtype
from shm.kernel import inlined, kernel, load_u8, view
from shm.memory import call_entry
from trader.book.state import BOOK, RESYNC, on_clear, on_delta, on_quote
from trader.compile_hints import never_inlined
from trader.feed.outcome import fill_delta, fill_quote, fill_trade
from trader.feed.session import HTTP_OK, on_resync
from trader.feed.state import FEED, Action
from trader.messages import BestQuote, BookDelta, Trade
from trader.venues.scanner import TRADES_MAX

VERIFIER = np.dtype(
    [
        ("feed_address", "i8"),
        ("books_address", "i8"),
        ("delta", record_dtype(BookDelta)),
        ("quote", record_dtype(BestQuote)),
        ("trade_count", "i8"),
        ("trades", record_dtype(Trade), (TRADES_MAX,)),
    ],
    align=True,
)
"""A feed session and the books that it feeds, one a symbol. `trades`: of the rows replayed last, the first ones."""

_DELTA, _QUOTE, _TRADE, _CLEAR = (int(kind) for kind in (Action.DELTA, Action.QUOTE, Action.TRADE, Action.CLEAR))
_NEWLINE, _SPACE, _ZERO, _NINE = (ord(sign) for sign in "\n 09")
_ROW_BYTES = FRAME_ROW.itemsize
_BOOK_BYTES = BOOK.itemsize


@kernel
def split_lines(address, length, rows):
    """Rows (at the address `rows`, room for one a line) of the lines `<receive ns> <raw json>`; how many."""
    p, end = address, address + length
    count = 0
    while p < end:
        now_ns = 0
        while p < end and _ZERO <= load_u8(p) <= _NINE:
            now_ns = now_ns * 10 + load_u8(p) - _ZERO
            p += 1
        if p < end and load_u8(p) == _SPACE:
            p += 1
        start = p
        while p < end and load_u8(p) != _NEWLINE:
            p += 1
        if p > start:
            row = view(rows + count * _ROW_BYTES, FRAME_ROW)
            row.now_ns = now_ns
            row.connection = 1
            row.symbol = 0
            row.offset = start - address
            row.length = p - start
            count += 1
        p += 1
    return count


@kernel
def replay_rows(own, entry, text, rows, count):
    """Give `count` rows to the session whose text entry point is `entry`; what it asked before comes first."""
    feed = view(own.feed_address, FEED)
    own.trade_count = 0
    _carry_out(own, feed, 0)
    for i in range(count):
        row = view(rows + i * _ROW_BYTES, FRAME_ROW)
        if row.connection == REST:
            feed.snapshot_asked = row.symbol
        call_entry(entry, own.feed_address, row.connection << 32 | HTTP_OK, text + row.offset, row.length, row.now_ns)
        _carry_out(own, feed, row.now_ns)


@inlined
def _carry_out(own, feed, now_ns):
    """Hand the session's actions to the books. A book that asks for a resync gets it after them: a frame is of one."""
    asked = -1
    for i in range(feed.action_count):
        if _carry_out_one(own, feed, feed.actions[i]):
            asked = feed.actions[i].symbol
    feed.action_count = 0
    if asked >= 0:
        on_resync(feed, asked, now_ns)
        for i in range(feed.action_count):
            _carry_out_one(own, feed, feed.actions[i])
        feed.action_count = 0


@kernel
def _carry_out_one(own, feed, action):
    never_inlined()
    book = view(own.books_address + action.symbol * _BOOK_BYTES, BOOK)
    flags = 0
    if action.kind == _QUOTE:
        fill_quote(feed, action, own.quote)
        flags = on_quote(book, own.quote)
    elif action.kind == _DELTA:
        fill_delta(feed, action, own.delta)
        flags = on_delta(book, own.delta)
    elif action.kind == _CLEAR:
        flags = on_clear(book, action.state, action.cause)
    elif action.kind == _TRADE and own.trade_count < TRADES_MAX:
        fill_trade(feed, action, own.trades[own.trade_count])
        own.trade_count += 1
    return (flags & RESYNC) != 0
