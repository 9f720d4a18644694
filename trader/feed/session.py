"""The market session: what arrives on its connections, and the passing of time, to actions.

Every function takes (feed, .., now_ns), leaves its actions in `feed.actions` and their number in
`feed.action_count`. `now_ns` is monotonic; `event_ns` is the venue's clock.

    connection 0   REST: depth snapshots, one request at a time
    connection 1   the combined market stream
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.book.state import ClearCause
from trader.compile_hints import never_inlined
from trader.enums import BookState
from trader.feed.state import BAD_FRAMES_MAX, Action, Phase, add_action
from trader.feed.sync import (  # fmt: skip
    ATTEMPT_MAX,
    ask_snapshots,
    backoff_ns,
    begin_sync,
    clear_book,
    on_depth,
    on_snapshot,
    want_snapshot,
)
from trader.venues.binance.fields import BAD, DEPTH, SNAPSHOT, TICKER, TRADE, Slot
from trader.venues.binance.market import scan

REST, STREAM = 0, 1
HTTP_OK = 200

_QUOTE, _TRADE, _CONNECT = np.int64(Action.QUOTE), np.int64(Action.TRADE), np.int64(Action.CONNECT)
_IDLE, _WAITING, _JOINING = np.int64(Phase.IDLE), np.int64(Phase.SNAPSHOT), np.int64(Phase.JOINING)
_START, _SILENCE, _DISCONNECT, _BAD_FRAMES, _REQUESTED = (
    np.int64(cause)
    for cause in (
        ClearCause.START,
        ClearCause.SILENCE,
        ClearCause.DISCONNECT,
        ClearCause.BAD_FRAMES,
        ClearCause.REQUESTED,
    )
)
_STALE = np.int64(BookState.STALE)


@kernel
def on_run(feed, now_ns):
    """The supervisor says RUN: connect."""
    feed.action_count = 0
    if feed.running == 0:
        feed.running = 1
        _connect(feed, now_ns)


@inlined
def _connect(feed, now_ns):
    """Connect, later each time until a frame arrives. A connection that is still there is replaced."""
    action = add_action(feed, _CONNECT, 0, 0)
    action.delay_ns = backoff_ns(feed, feed.connect_attempt)
    feed.connect_attempt = min(feed.connect_attempt + 1, ATTEMPT_MAX)
    feed.last_frame_ns = now_ns + action.delay_ns


@kernel
def on_connected(feed, now_ns):
    """The market stream is open: every symbol begins its sync."""
    feed.action_count = 0
    feed.connected = 1
    feed.last_frame_ns = now_ns
    for symbol in range(feed.symbol_count):
        begin_sync(feed, symbol, _START, now_ns)


@kernel
def on_lost(feed, now_ns):
    """The market stream is gone (or never came): books are STALE, connect again."""
    feed.action_count = 0
    if feed.running == 0:
        return
    feed.connected = 0
    feed.reconnects += 1
    for symbol in range(feed.symbol_count):
        own = feed.symbols[symbol]
        if own.phase != _IDLE:
            clear_book(feed, symbol, _STALE, _DISCONNECT)
        own.phase = _IDLE
        own.wants_snapshot = 0
        own.live_since_ns = 0
    _connect(feed, now_ns)


@kernel
def on_text(feed, connection, status, address, length, now_ns):
    """One frame of the market stream, or the reply to the snapshot request that is under way.

    Recordings carry the snapshot in the stream. It names no symbol: it is for the first one that waits.
    """
    feed.action_count = 0
    scanner = feed.scanner
    if connection == REST:
        scanner.snapshot_symbol = feed.snapshot_asked - 1
        feed.snapshot_asked = 0
        if scanner.snapshot_symbol < 0:
            return
    else:
        feed.messages += 1
        feed.last_frame_ns = now_ns
        feed.connect_attempt = 0
        scanner.snapshot_symbol = _first_waiting(feed)
    kind = scan(scanner, address, length) if connection != REST or status == HTTP_OK else BAD
    symbol = scanner.symbol
    event_ns = scanner.values[Slot.EVENT_MS] * 1_000_000
    if connection == REST:
        _on_reply(feed, kind, now_ns)
    elif kind == TICKER:
        feed.quotes += 1
        own = feed.symbols[symbol]
        own.event_ns = max(own.event_ns, event_ns)
        add_action(feed, _QUOTE, symbol, own.event_ns)
    elif kind == DEPTH:
        feed.depth_updates += 1
        feed.levels += scanner.bid_count + scanner.ask_count
        feed.symbols[symbol].event_ns = event_ns
        on_depth(feed, symbol, event_ns, now_ns)
    elif kind == TRADE:
        feed.trades += 1
        add_action(feed, _TRADE, symbol, event_ns)
    elif kind == BAD:
        _on_bad(feed, now_ns)
    elif kind == SNAPSHOT and feed.symbols[symbol].phase == _WAITING:
        feed.snapshots += on_snapshot(feed, symbol, now_ns)
    else:
        feed.others += 1


@inlined
def _first_waiting(feed):
    """The first symbol that waits for a snapshot, else symbol 0."""
    for symbol in range(feed.symbol_count):
        if feed.symbols[symbol].phase == _WAITING:
            return symbol
    return 0


@kernel
def _on_reply(feed, kind, now_ns):
    """The snapshot that was asked for, or something else in its place; then the next request may go."""
    never_inlined()
    symbol = feed.scanner.snapshot_symbol
    if feed.symbols[symbol].phase == _WAITING:
        if kind == SNAPSHOT:
            feed.snapshots += on_snapshot(feed, symbol, now_ns)
        else:
            want_snapshot(feed, symbol, now_ns)
    ask_snapshots(feed, now_ns)


@kernel
def on_resync(feed, symbol, now_ns):
    """The book disproved itself. While a sync is under way already, that sync is the answer."""
    feed.action_count = 0
    if 0 <= symbol < feed.symbol_count and feed.symbols[symbol].phase >= _JOINING:
        begin_sync(feed, symbol, _REQUESTED, now_ns)


@kernel
def on_timer(feed, now_ns):
    """Silence and waits that are over."""
    feed.action_count = 0
    if feed.running == 0:
        return
    if now_ns - feed.last_frame_ns > feed.reconnect_silence_ns_max:
        on_lost(feed, now_ns)
        return
    if feed.connected == 0:
        return
    for symbol in range(feed.symbol_count):
        own = feed.symbols[symbol]
        if own.phase >= _JOINING and now_ns - own.last_depth_ns > feed.silence_ns_max:
            begin_sync(feed, symbol, _SILENCE, now_ns)
    ask_snapshots(feed, now_ns)


@kernel
def _on_bad(feed, now_ns):
    """A refused frame: counted by its fault; too many in a short time and nothing is trusted any longer."""
    never_inlined()
    fault = feed.scanner.fault.code
    feed.bad_frames += 1
    feed.faults[fault] += 1
    feed.last_fault = fault
    feed.last_fault_offset = feed.scanner.fault_offset
    feed.bad_ns[feed.bad_count % BAD_FRAMES_MAX] = now_ns
    feed.bad_count += 1
    if feed.bad_count < feed.bad_frames_max:
        return
    oldest = feed.bad_ns[(feed.bad_count - feed.bad_frames_max) % BAD_FRAMES_MAX]
    if now_ns - oldest <= feed.bad_frames_window_ns:
        feed.bad_count = 0
        for symbol in range(feed.symbol_count):
            if feed.symbols[symbol].phase != _IDLE:
                begin_sync(feed, symbol, _BAD_FRAMES, now_ns)
