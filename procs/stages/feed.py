"""The feed stage: venue frames in; book deltas, best quotes, trades and clears out. Owns the market sockets.

    WireIn CONNECTED, FRAME, LOST (connection 1), RESPONSE (connection 0); BookResync; the timer
        -> the venue's session -> actions -> feed_book, feed_wire_out

RUN connects; everything else follows from what arrives. The session knows no sockets: it leaves actions, this
file turns them into messages. What a frame means is the affair of the market's venue: its session is known by
the address of its entry, so that one step serves all of them.
"""

from typing import Any

import numpy as np

from procs.hot_log_events import Event
from procs.ports import acknowledge, log_event, receive, send
from shm.codec import record_dtype
from shm.kernel import address_of, kernel, view
from shm.kernel import step as compiled_step
from shm.memory import call_entry
from trader.enums import Command, DeltaKind, WireKind
from trader.feed.outcome import fill_clear, fill_delta, fill_quote, fill_trade
from trader.feed.session import REST, STREAM, on_connected, on_lost, on_resync, on_run, on_succeed, on_timer
from trader.feed.state import DELTA_BYTES_MAX, FEED, Action, prepare_feed
from trader.instrument import symbol_names
from trader.messages import (
    BOOK_RESYNC,
    CONTROL,
    TIMER,
    WIRE_IN,
    BestQuote,
    BookClear,
    BookDelta,
    BookResync,
    Control,
    Trade,
    WireIn,
    WireOut,
)
from trader.venues.markets import MARKETS

OUTBOXES = ("feed_book", "feed_wire_out")
OUT_BOOK, OUT_WIRE = range(2)

CREDIT = {"feed_book": DELTA_BYTES_MAX}

TIMER_NS = 100_000_000
"""Silence, and waits before a repeated snapshot."""

BAD_FRAME = -1

_FRAME, _CONNECTED, _LOST, _RESPONSE, _CONNECT_OUT, _REQUEST_OUT = (
    int(kind)
    for kind in (
        WireKind.FRAME,
        WireKind.CONNECTED,
        WireKind.LOST,
        WireKind.RESPONSE,
        WireKind.CONNECT,
        WireKind.REQUEST,
    )
)
_DELTA, _QUOTE, _TRADE, _CLEAR, _REQUEST, _CONNECT, _SEND = (
    int(action)
    for action in (
        Action.DELTA,
        Action.QUOTE,
        Action.TRADE,
        Action.CLEAR,
        Action.REQUEST,
        Action.CONNECT,
        Action.SEND,
    )
)
_SNAPSHOT = int(DeltaKind.SNAPSHOT)

STATE = np.dtype(
    [
        ("wire", record_dtype(WireIn)),
        ("control", record_dtype(Control)),
        ("resync", record_dtype(BookResync)),
        ("delta", record_dtype(BookDelta)),
        ("quote", record_dtype(BestQuote)),
        ("trade", record_dtype(Trade)),
        ("clear", record_dtype(BookClear)),
        ("wire_out", record_dtype(WireOut)),
        ("market", "i8"),
        ("entry", "i8"),
        ("feed", FEED),
    ],
    align=True,
)
"""Messages in hand, the market's number, the address of its session's entry, and the session with all its counters."""


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a fresh, zeroed state: what to connect to, and every symbol's units."""
    market = MARKETS[int(instruments[0]["market"])]
    plan = market.venue.module("requests").session_plan(config.feed, symbol_names(instruments), market=market.kind)
    prepare_feed(state[0]["feed"], config.feed, instruments, plan, config.router.pacing)
    state[0]["market"] = market.number
    relink(state)


def relink(state: np.ndarray) -> None:
    """Write this process's address of the session's entry into a state that came from elsewhere."""
    state[0]["entry"] = session_entry(int(state[0]["market"]))


def session_entry(market: int) -> int:
    """Address of a market's session, compiled where the cache lacks it."""
    return int(MARKETS[market].venue.module("session").text_entry.address)


@compiled_step
def step(state, ports, type_, frame, now_ns):
    """One message: something from the wire, a book that wants a resync, the timer, or a command."""
    own = view(state, STATE)
    feed = own.feed
    feed.action_count = 0
    if type_ == WIRE_IN:
        if receive(frame, own.wire) != 0:
            return BAD_FRAME
        wire = own.wire
        if wire.kind == (_FRAME if wire.connection_id == STREAM else _RESPONSE):
            place = wire.connection_id << 32 | wire.status & 0xFFFFFFFF
            call_entry(own.entry, address_of(feed), place, wire.payload_address, wire.payload_length, now_ns)
        elif wire.connection_id == STREAM and wire.kind == _CONNECTED:
            on_connected(feed, now_ns)
        elif wire.connection_id == STREAM and wire.kind == _LOST:
            on_lost(feed, now_ns)
    elif type_ == TIMER:
        on_timer(feed, now_ns)
    elif type_ == BOOK_RESYNC:
        if receive(frame, own.resync) != 0:
            return BAD_FRAME
        on_resync(feed, own.resync.symbol_id, now_ns)
    elif type_ == CONTROL:
        if receive(frame, own.control) != 0:
            return BAD_FRAME
        if own.control.command == Command.RUN:
            on_run(feed, now_ns)
        elif own.control.command == Command.START and own.control.argument > 1:
            on_succeed(feed)
        acknowledge(ports, own.control.command)
    for i in range(feed.action_count):
        _carry_out(own, ports, feed.actions[i])
    return 0


@kernel
def _carry_out(own, ports, action):
    """Turn one action into its message."""
    feed = own.feed
    if action.kind == _QUOTE:
        fill_quote(feed, action, own.quote)
        send(ports, OUT_BOOK, own.quote)
    elif action.kind == _DELTA:
        fill_delta(feed, action, own.delta)
        send(ports, OUT_BOOK, own.delta)
        if own.delta.kind == _SNAPSHOT:
            log_event(ports, Event.FEED_SNAPSHOT, action.symbol, action.last_id, action.bid_count, action.ask_count)
    elif action.kind == _TRADE:
        fill_trade(feed, action, own.trade)
        send(ports, OUT_BOOK, own.trade)
    elif action.kind == _CLEAR:
        fill_clear(feed, action, own.clear)
        send(ports, OUT_BOOK, own.clear)
        log_event(ports, Event.FEED_CLEARED, action.symbol, own.clear.state, own.clear.cause)
    else:
        out = own.wire_out
        out.status = 0
        out.delay_ns = 0
        if action.kind == _REQUEST:
            out.connection_id = REST
            out.kind = _REQUEST_OUT
            out.payload_address = action.text_address
            out.payload_length = action.text_length
        elif action.kind == _SEND:
            out.connection_id = STREAM
            out.kind = _FRAME
            out.payload_address = action.text_address
            out.payload_length = action.text_length
        else:
            out.connection_id = STREAM
            out.kind = _CONNECT_OUT
            out.delay_ns = action.delay_ns
            out.payload_address = feed.path.ctypes.data
            out.payload_length = feed.path_length
        send(ports, OUT_WIRE, out)
        if action.kind == _CONNECT:
            log_event(ports, Event.FEED_CONNECTING, feed.reconnects, action.delay_ns)
