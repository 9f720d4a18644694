"""The market session: its connection, its timers and its refused frames, the same for every venue.

Every function takes (feed, .., now_ns), leaves its actions in `feed.actions` and their number in
`feed.action_count`. `now_ns` is monotonic; `event_ns` is the venue's clock. What a frame means is the venue's own
affair: `on_text` of its `session` module.

    connection 0   REST: depth snapshots, one request at a time
    connection 1   the market stream
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.book.state import ClearCause
from trader.compile_hints import never_inlined
from trader.enums import BookState
from trader.feed.plan import SilenceRule
from trader.feed.recovery import ATTEMPT_MAX, ask_snapshots, backoff_ns, begin_sync, clear_book, send_frames
from trader.feed.state import BAD_FRAMES_MAX, Action, Phase, add_action, symbol_of
from trader.pacing import RETRY_AFTER_UNIT, SECOND_NS, Endpoint, await_token, hold
from trader.venues.scanner import BAD, FOREIGN, REPLY, TRADE

REST, STREAM = 0, 1
HTTP_OK = 200
STATUS_END = 1 << 31
"""Behind all that a reply has; a reply too large to be handed over has a negative one, which looks greater here."""

QUOTES_OLDER_MAX = 2
"""Best quotes in a row that are older than one before them."""

_QUOTE, _TRADE, _CONNECT = np.int64(Action.QUOTE), np.int64(Action.TRADE), np.int64(Action.CONNECT)
_IDLE, _JOINING = np.int64(Phase.IDLE), np.int64(Phase.JOINING)
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
_SYMBOL = np.int64(SilenceRule.SYMBOL)


@kernel
def on_run(feed, now_ns):
    """The supervisor says RUN: connect."""
    feed.action_count = 0
    if feed.running == 0:
        feed.running = 1
        _connect(feed, now_ns)


@kernel
def on_succeed(feed):
    """This feed follows one that died in mid-stream: no book is to be trusted until it has been told anew."""
    feed.action_count = 0
    for symbol in range(feed.symbol_count):
        clear_book(feed, symbol, _STALE, _DISCONNECT)


@inlined
def _connect(feed, now_ns):
    """Connect, later each time until a frame arrives. A connection that is still there is replaced."""
    action = add_action(feed, _CONNECT, 0, 0)
    token_ns = await_token(feed.pacer, Endpoint.MARKET_DATA, now_ns)
    action.delay_ns = max(backoff_ns(feed, feed.connect_attempt), token_ns)
    feed.connect_attempt = min(feed.connect_attempt + 1, ATTEMPT_MAX)
    feed.last_frame_ns = now_ns + action.delay_ns


@kernel
def on_connected(feed, now_ns):
    """The market stream is open: every symbol subscribes and begins its sync."""
    feed.action_count = 0
    feed.connected = 1
    feed.last_frame_ns = now_ns
    feed.last_ping_ns = now_ns
    for symbol in range(feed.symbol_count):
        own = symbol_of(feed, symbol)
        own.asked = 0
        own.first_event_ns = 0
        own.quote_id = 0
        own.quotes_older = 0
        send_frames(feed, symbol, own.greeting.ctypes.data, own.greeting_length)
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
        own = symbol_of(feed, symbol)
        if own.phase != _IDLE:
            clear_book(feed, symbol, _STALE, _DISCONNECT)
        own.phase = _IDLE
        own.wants_snapshot = 0
        own.live_since_ns = 0
    _connect(feed, now_ns)


@inlined
def on_stream_frame(feed, connection, now_ns):
    """A frame has come, before it is looked at: whether it is the market stream's."""
    feed.action_count = 0
    if connection == REST:
        return False
    feed.messages += 1
    feed.last_frame_ns = now_ns
    feed.connect_attempt = 0
    return True


@inlined
def heed_status(feed, status, now_ns):
    """A REST reply's status: whether it brought what was asked for. A Retry-After stops every request until then."""
    if RETRY_AFTER_UNIT <= status < STATUS_END:
        hold(feed.pacer, now_ns + status // RETRY_AFTER_UNIT * SECOND_NS)
    return status == HTTP_OK


@inlined
def count_book(feed):
    """The scanner holds a book or changes of one."""
    feed.depth_updates += 1
    feed.levels += feed.scanner.bid_count + feed.scanner.ask_count


@kernel
def on_other_frame(feed, kind, now_ns):
    """The scanner holds neither a book nor a quote: several trades, a refused frame, or nothing of ours."""
    never_inlined()
    if kind == TRADE:
        tell_trades(feed)
    elif kind == BAD:
        on_bad(feed, now_ns)
    else:
        feed.others += 1
        feed.foreign += 1 if feed.scanner.symbol == FOREIGN and kind != REPLY else 0


@kernel
def tell_quote(feed, symbol, event_ns, update_id, bid_ticks, bid_lots, ask_ticks, ask_lots, now_ns):
    """A QUOTE action. One that is older than the last is left out; two in a row say that the last one's id was wrong.

    Its id would then stand before all that follow, and every check be decided against it: the book starts over, with
    the cause that makes it forget its quotes.
    """
    never_inlined()
    feed.quotes += 1
    own = symbol_of(feed, symbol)
    if update_id <= own.quote_id:
        own.quotes_older += update_id < own.quote_id
        if own.quotes_older < QUOTES_OLDER_MAX:
            return
        begin_sync(feed, symbol, _SILENCE, now_ns)
    own.quotes_older = 0
    own.quote_id = update_id
    action = add_action(feed, _QUOTE, symbol, event_ns)
    action.last_id = update_id
    action.bid_ticks = bid_ticks
    action.bid_lots = bid_lots
    action.ask_ticks = ask_ticks
    action.ask_lots = ask_lots


@inlined
def tell_trade(feed, symbol, event_ns, trade_id, side, price_ticks, size_lots):
    """A TRADE action."""
    feed.trades += 1
    action = add_action(feed, _TRADE, symbol, event_ns)
    action.last_id = trade_id
    action.side = side
    action.price_ticks = price_ticks
    action.size_lots = size_lots


@kernel
def tell_trades(feed):
    """TRADE actions of the several trades that the scanner holds."""
    never_inlined()
    for i in range(feed.scanner.trade_count):
        trade = feed.scanner.trades[i]
        tell_trade(feed, trade.symbol, trade.event_ns, trade.trade_id, trade.side, trade.price_ticks, trade.size_lots)


@kernel
def on_resync(feed, symbol, now_ns):
    """The book disproved itself. While a sync is under way already, that sync is the answer."""
    feed.action_count = 0
    if 0 <= symbol < feed.symbol_count and symbol_of(feed, symbol).phase >= _JOINING:
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
        own = symbol_of(feed, symbol)
        heard_ns = own.last_depth_ns if feed.silence_rule == _SYMBOL else feed.last_frame_ns
        if own.phase >= _JOINING and now_ns - heard_ns > feed.silence_ns_max:
            begin_sync(feed, symbol, _SILENCE, now_ns)
    ask_snapshots(feed, now_ns)
    if feed.ping_ns > 0 and now_ns - feed.last_ping_ns >= feed.ping_ns:
        feed.last_ping_ns = now_ns
        send_frames(feed, 0, feed.ping.ctypes.data, feed.ping_length)


@kernel
def on_bad(feed, now_ns):
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
            if symbol_of(feed, symbol).phase != _IDLE:
                begin_sync(feed, symbol, _BAD_FRAMES, now_ns)
