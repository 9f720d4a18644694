"""What a frame of Binance's market stream, or a reply to a snapshot request, means for the session.

The documented procedure is `trader.feed.sync`: buffer, snapshot, join, continuity; futures go by `pu`, spot by `U`.
"""

import numpy as np

from shm.kernel import inlined, kernel, step, view
from trader.compile_hints import never_inlined
from trader.decoded import DECODED_FRAME
from trader.enums import Side
from trader.feed.recovery import ask_snapshots, want_snapshot
from trader.feed.session import (
    REST,
    count_book,
    heed_status,
    on_other_frame,
    on_stream_frame,
    tell_quote,
    tell_trade,
)
from trader.feed.state import FEED, Phase, symbol_of
from trader.feed.sync import on_depth, on_snapshot
from trader.venues.binance.market import scan
from trader.venues.decoded import read_decoded
from trader.venues.scanner import BAD, DEPTH, SNAPSHOT, TICKER, TRADE, Slot

_WAITING = np.int64(Phase.SNAPSHOT)
_BUY, _SELL = np.int64(Side.BUY), np.int64(Side.SELL)


@kernel
def on_text(feed, connection, status, address, length, now_ns):
    """One frame of the market stream, as text or DECODED, or the reply to the snapshot request that is under way.

    Recordings carry the snapshot in the stream. It names no symbol: it is for the first one that waits.
    """
    scanner = feed.scanner
    if on_stream_frame(feed, connection, now_ns):
        scanner.snapshot_symbol = _first_waiting(feed)
    else:
        scanner.snapshot_symbol = feed.snapshot_asked - 1
        feed.snapshot_asked = 0
        if scanner.snapshot_symbol < 0:
            return
    if connection != REST and status == DECODED_FRAME:
        kind = read_decoded(scanner, address, length)
    else:
        kind = scan(scanner, address, length) if connection != REST or heed_status(feed, status, now_ns) else BAD
    symbol = scanner.symbol
    values = scanner.values
    event_ns = values[Slot.EVENT_MS] * 1_000_000
    if connection == REST:
        _on_reply(feed, kind, now_ns)
    elif kind == TICKER:
        own = symbol_of(feed, symbol)
        own.event_ns = max(own.event_ns, event_ns)
        tell_quote(
            feed, symbol, own.event_ns, values[Slot.LAST_ID],
            values[Slot.BID], values[Slot.BID_SIZE], values[Slot.ASK], values[Slot.ASK_SIZE], now_ns,
        )  # fmt: skip
    elif kind == DEPTH:
        count_book(feed)
        symbol_of(feed, symbol).event_ns = event_ns
        on_depth(feed, symbol, event_ns, now_ns)
    elif kind == TRADE:
        # Where the buyer is the maker, the seller is the aggressor.
        side = _SELL if values[Slot.MAKER] != 0 else _BUY
        tell_trade(feed, symbol, event_ns, values[Slot.TRADE_ID], side, values[Slot.PRICE], values[Slot.SIZE])
    elif kind == SNAPSHOT and symbol_of(feed, symbol).phase == _WAITING:
        _take_snapshot(feed, symbol, now_ns)
    else:
        on_other_frame(feed, kind, now_ns)


@inlined
def _first_waiting(feed):
    """The first symbol that waits for a snapshot, else symbol 0."""
    for symbol in range(feed.symbol_count):
        if symbol_of(feed, symbol).phase == _WAITING:
            return symbol
    return 0


@inlined
def _take_snapshot(feed, symbol, now_ns):
    if on_snapshot(feed, symbol, now_ns):
        feed.levels += feed.scanner.bid_count + feed.scanner.ask_count


@kernel
def _on_reply(feed, kind, now_ns):
    """The snapshot that was asked for, or something else in its place; then the next request may go."""
    never_inlined()
    symbol = feed.scanner.snapshot_symbol
    if symbol_of(feed, symbol).phase == _WAITING:
        if kind == SNAPSHOT:
            _take_snapshot(feed, symbol, now_ns)
        else:
            want_snapshot(feed, symbol, now_ns)
    ask_snapshots(feed, now_ns)


@step
def text_entry(feed, connection_and_status, address, length, now_ns):
    """`on_text` for callers that know the session by its address: connection_and_status = connection << 32 | status."""
    on_text(view(feed, FEED), connection_and_status >> 32, connection_and_status & 0xFFFFFFFF, address, length, now_ns)
    return 0
