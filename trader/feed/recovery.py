"""Giving a book up and getting it back: STALE, SYNCING, the request for a snapshot, and the waits between tries.

Whatever made a book untrustworthy, `begin_sync` is the answer. It tells the book first, then asks: a REST snapshot
once an update has been seen, or the subscription anew where snapshots come on the stream.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_u8
from trader.book.state import ClearCause
from trader.compile_hints import never_inlined
from trader.enums import BookState
from trader.feed.pending import drop_updates
from trader.feed.plan import SnapshotRule
from trader.feed.state import Action, Phase, add_action, symbol_of
from trader.pacing import Endpoint, may_ask

SETTLED_NS = 10_000_000_000
"""A book that was LIVE for this long begins its next back-off from the least wait."""

ATTEMPT_MAX = 20

ANSWER_NS_MAX = 5_000_000_000
"""A subscription without a snapshot for this long is repeated; a snapshot that nothing joins for as long, given up."""

_FIRST, _SNAPSHOT = np.int64(Phase.FIRST), np.int64(Phase.SNAPSHOT)
_STALE, _SYNCING = np.int64(BookState.STALE), np.int64(BookState.SYNCING)
_CLEAR, _REQUEST, _SEND = np.int64(Action.CLEAR), np.int64(Action.REQUEST), np.int64(Action.SEND)
_START, _GAP = np.int64(ClearCause.START), np.int64(ClearCause.GAP)
_STREAMED = np.int64(SnapshotRule.STREAMED)
_NEWLINE = 10


@kernel
def backoff_ns(feed, attempt):
    """Wait before try number `attempt`: 0 for the first, then doubling, half of it random (xorshift, seeded)."""
    never_inlined()
    if attempt <= 0:
        return 0
    wait = min(feed.backoff_ns_min << min(attempt - 1, ATTEMPT_MAX), feed.backoff_ns_max)
    word = feed.random
    word ^= word << 13
    word ^= (word >> 7) & 0x01FFFFFFFFFFFFFF
    word ^= word << 17
    feed.random = word
    return wait // 2 + (word & 0x7FFFFFFFFFFFFFFF) % (wait // 2 + 1)


@kernel
def clear_book(feed, symbol, state, cause):
    """Tell the book that it is not to be trusted."""
    action = add_action(feed, _CLEAR, symbol, symbol_of(feed, symbol).event_ns)
    action.state = state
    action.cause = cause


@kernel
def begin_sync(feed, symbol, cause, now_ns):
    """Start over: the book is STALE, then SYNCING; the first depth update asks for a snapshot, or the stream is."""
    never_inlined()
    own = symbol_of(feed, symbol)
    if own.live_since_ns != 0 and now_ns - own.live_since_ns > SETTLED_NS:
        own.attempt = 0
    if cause != _START:
        clear_book(feed, symbol, _STALE, cause)
        own.resyncs += 1
        feed.resyncs += 1
    clear_book(feed, symbol, _SYNCING, cause)
    own.live_since_ns = 0
    own.recent_count = 0
    own.retry_ns = now_ns + backoff_ns(feed, own.attempt)
    own.attempt = min(own.attempt + 1, ATTEMPT_MAX)
    drop_updates(own)
    if feed.snapshot_rule == _STREAMED:
        own.phase = _SNAPSHOT
        own.wants_snapshot = 1
        ask_snapshots(feed, now_ns)
    else:
        own.phase = _FIRST
        own.wants_snapshot = 0


@kernel
def lose(feed, symbol, now_ns):
    """Something is missing: STALE, and start over."""
    never_inlined()
    symbol_of(feed, symbol).gaps += 1
    feed.gaps += 1
    begin_sync(feed, symbol, _GAP, now_ns)


@kernel
def ask_snapshots(feed, now_ns):
    """Send the snapshot requests that are due: to REST one at a time for all, so that a reply needs no name, and as
    far as tokens last; the timer asks again.
    """
    never_inlined()
    if feed.connected == 0:
        return
    for symbol in range(feed.symbol_count):
        own = symbol_of(feed, symbol)
        if not (own.wants_snapshot and now_ns >= own.retry_ns):
            continue
        if feed.snapshot_rule == _STREAMED:
            if own.asked:
                send_frames(feed, symbol, own.cancel.ctypes.data, own.cancel_length)
            send_frames(feed, symbol, own.request.ctypes.data, own.request_length)
            own.asked = 1
            own.retry_ns = now_ns + max(ANSWER_NS_MAX, backoff_ns(feed, own.attempt))
        elif feed.snapshot_asked == 0 and may_ask(feed.pacer, Endpoint.MARKET_DATA, now_ns):
            own.wants_snapshot = 0
            feed.snapshot_asked = 1 + symbol
            action = add_action(feed, _REQUEST, symbol, 0)
            action.text_address = own.request.ctypes.data
            action.text_length = own.request_length


@kernel
def want_snapshot(feed, symbol, now_ns):
    """The last snapshot was of no use: ask again, later each time."""
    own = symbol_of(feed, symbol)
    own.snapshots_refused += 1
    own.retry_ns = now_ns + backoff_ns(feed, own.attempt)
    own.attempt = min(own.attempt + 1, ATTEMPT_MAX)
    own.wants_snapshot = 1
    ask_snapshots(feed, now_ns)


@kernel
def send_frames(feed, symbol, address, length):
    """Send texts that are joined by line feeds, each as a frame of its own."""
    never_inlined()
    end = address + length
    start = address
    for p in range(address, end):
        if load_u8(p) == _NEWLINE:
            _send(feed, symbol, start, p)
            start = p + 1
    if start < end:
        _send(feed, symbol, start, end)


@inlined
def _send(feed, symbol, start, end):
    action = add_action(feed, _SEND, symbol, 0)
    action.text_address = start
    action.text_length = end - start
