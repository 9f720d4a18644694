"""The loop that runs recorded lines through feed session and book, for `verify`."""

import numpy as np

from shm.codec import record_dtype
from shm.kernel import inlined, kernel, load_u8
from trader.book.state import BOOK, RESYNC, on_clear, on_delta, on_quote
from trader.compile_hints import never_inlined
from trader.feed.outcome import fill_delta, fill_quote
from trader.feed.session import STREAM, on_resync
from trader.feed.state import FEED, Action
from trader.messages import BestQuote, BookDelta
from trader.venues.binance.session import on_text

VERIFIER = np.dtype(
    [
        ("feed", FEED),
        ("book", BOOK),
        ("delta", record_dtype(BookDelta)),
        ("quote", record_dtype(BestQuote)),
        ("bad_lines", "i8"),
    ],
    align=True,
)
"""A feed session and the book that it feeds."""

_DELTA, _QUOTE, _CLEAR = int(Action.DELTA), int(Action.QUOTE), int(Action.CLEAR)
_NEWLINE, _SPACE, _ZERO, _NINE = (ord(sign) for sign in "\n 09")


@kernel
def replay_lines(own, address, length):
    """Every line of a text: its receive time, then its frame. Actions that were left before the first are done too."""
    _carry_out(own, 0)
    p, end = address, address + length
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
            on_text(own.feed, STREAM, 0, start, p - start, now_ns)
            _carry_out(own, now_ns)
        p += 1


@inlined
def _carry_out(own, now_ns):
    """Hand the session's actions to the book. A book that asks for a resync gets it after them."""
    asked = False
    for i in range(own.feed.action_count):
        asked = _carry_out_one(own, own.feed.actions[i]) or asked
    own.feed.action_count = 0
    if asked:
        on_resync(own.feed, 0, now_ns)
        for i in range(own.feed.action_count):
            _carry_out_one(own, own.feed.actions[i])
        own.feed.action_count = 0


@kernel
def _carry_out_one(own, action):
    never_inlined()
    flags = 0
    if action.kind == _QUOTE:
        fill_quote(own.feed, action, own.quote)
        flags = on_quote(own.book, own.quote)
    elif action.kind == _DELTA:
        fill_delta(own.feed, action, own.delta)
        flags = on_delta(own.book, own.delta)
    elif action.kind == _CLEAR:
        flags = on_clear(own.book, action.state, action.cause)
    return (flags & RESYNC) != 0
