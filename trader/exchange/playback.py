"""A recorded market is played: each frame goes on to its listeners as it came, then meets our orders.

The inline snapshot goes to whoever listens to the first symbol's depth. A frame that cannot be read is
counted and goes to nobody. Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

from shm.kernel import copy, kernel, load_i64, load_u8, view
from trader.compile_hints import never_inlined
from trader.decoded import DECODED, DECODED_FRAME, DEPTH, QUOTE
from trader.enums import WireKind
from trader.exchange import queue, recording
from trader.exchange.connections import TICKER, TRADES, depth_listeners
from trader.exchange.outbox import NO_STATUS, begin, commit
from trader.exchange.recorded_book import (
    apply_decoded_depth,
    apply_depth,
    apply_quote,
    apply_snapshot,
    lots_at,
    take_quote,
    ticks_at,
)
from trader.exchange.watched import WATCHED, on_watched


@kernel
def on_recorded(exchange, status, text, length):
    """One frame of the recording: its text, or with the status DECODED_FRAME where its numbers are (trader.decoded).

    Of a market that is only watched the status is the connection that it is for, 0 for all."""
    never_inlined()
    if exchange.market >= WATCHED:
        on_watched(exchange, status, text, length)
        return
    exchange.replay.frames += 1
    if status == DECODED_FRAME:
        _on_decoded(exchange, view(load_i64(text), DECODED))
    else:
        _on_text(exchange, text, length)


@kernel
def _on_text(exchange, text, length):
    """One frame as it was recorded."""
    never_inlined()
    replay = exchange.replay
    kind = recording.scan_frame(replay, text, length)
    symbol_id = 0 if kind == recording.SNAPSHOT else _symbol_of(exchange, replay)
    if kind == recording.BAD or symbol_id < 0 or replay.last_id < 0:
        replay.bad_frames += 1
        return
    _forward(exchange, _listeners_of(exchange, kind, symbol_id), text, length)
    recorded = _begin(exchange, symbol_id)
    instrument = exchange.instruments[symbol_id]
    if kind == recording.DEPTH:
        apply_depth(replay, recorded, instrument)
        queue.on_depth(exchange, symbol_id, replay.matched_ms)
    elif kind == recording.QUOTE:
        if apply_quote(replay, recorded, instrument):
            queue.on_quote(exchange, symbol_id, replay.matched_ms)
    elif kind == recording.SNAPSHOT:
        if apply_snapshot(replay, recorded, instrument, text, length) == 0:
            replay.bad_frames += 1
    else:
        ticks = ticks_at(instrument, replay.price, replay.price_length)
        lots = lots_at(instrument, replay.ask_size, replay.ask_size_length)
        if ticks > 0 and lots > 0:
            queue.on_trade(exchange, symbol_id, -1 if replay.buyer_is_maker else 1, ticks, lots, replay.matched_ms)


@kernel
def _on_decoded(exchange, row):
    """One frame whose numbers have been read before; its listeners have it from elsewhere."""
    never_inlined()
    replay = exchange.replay
    replay.event_ms = row.event_ms
    replay.matched_ms = row.matched_ms
    replay.last_id = row.last_id
    symbol_id = row.symbol_id
    recorded = _begin(exchange, symbol_id)
    if row.kind == DEPTH:
        apply_decoded_depth(replay, recorded, row)
        queue.on_depth(exchange, symbol_id, row.matched_ms)
    elif row.kind == QUOTE:
        ids = row.last_id, row.matched_ms
        if take_quote(recorded, *ids, row.bid_ticks, row.bid_lots, row.ask_ticks, row.ask_lots):
            queue.on_quote(exchange, symbol_id, row.matched_ms)
    else:
        aggressor = -1 if row.buyer_is_maker else 1
        if row.price_ticks > 0 and row.size_lots > 0:
            queue.on_trade(exchange, symbol_id, aggressor, row.price_ticks, row.size_lots, row.matched_ms)


@kernel
def _begin(exchange, symbol_id):
    """Time goes on to the frame's; the symbol's recorded book."""
    replay = exchange.replay
    if replay.event_ms > 0:
        exchange.event_ms = max(exchange.event_ms, replay.event_ms) if replay.is_timed else replay.event_ms
        replay.is_timed = 1
    recorded = exchange.markets[symbol_id].recorded
    recorded.matched_ms = max(recorded.matched_ms, replay.matched_ms)
    return recorded


@kernel
def _listeners_of(exchange, kind, symbol_id):
    """The connections that get such a frame."""
    if kind == recording.QUOTE:
        return exchange.connections.streams[symbol_id, TICKER]
    if kind == recording.TRADE:
        return exchange.connections.streams[symbol_id, TRADES]
    return depth_listeners(exchange.connections, symbol_id)


@kernel
def _forward(exchange, listeners, text, length):
    cursor = begin(exchange.outbox, length, listeners) if listeners != 0 else 0
    if cursor != 0:
        copy(cursor, text, length)
        commit(exchange.outbox, listeners, WireKind.FRAME, NO_STATUS, cursor + length)


@kernel
def _symbol_of(exchange, replay):
    """The symbol that a frame names, or -1."""
    for symbol_id in range(exchange.symbol_count):
        instrument = exchange.instruments[symbol_id]
        length = instrument.symbol_length
        index = 0
        while index < length and replay.symbol_length == length:
            if load_u8(replay.symbol + index) != instrument.symbol[index]:
                break
            index += 1
        if index == length:
            return symbol_id
    return -1
