"""A recorded market is played: each frame goes on to its listeners as it came, then meets our orders.

The inline snapshot goes to whoever listens to the first symbol's depth. A frame that cannot be read is
counted and goes to nobody. Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

from shm.kernel import copy, kernel, load_u8
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange import queue, recording
from trader.exchange.connections import TICKER, TRADES, depth_listeners
from trader.exchange.outbox import NO_STATUS, begin, commit
from trader.exchange.recorded_book import apply_depth, apply_quote, apply_snapshot, lots_at, ticks_at
from trader.exchange.watched import WATCHED, on_watched


@kernel
def on_recorded(exchange, text, length):
    """One frame of the recording."""
    never_inlined()
    if exchange.market >= WATCHED:
        on_watched(exchange, text, length)
        return
    replay = exchange.replay
    replay.frames += 1
    kind = recording.scan_frame(replay, text, length)
    symbol_id = 0 if kind == recording.SNAPSHOT else _symbol_of(exchange, replay)
    if kind == recording.BAD or symbol_id < 0 or replay.last_id < 0:
        replay.bad_frames += 1
        return
    if replay.event_ms > 0:
        exchange.event_ms = max(exchange.event_ms, replay.event_ms) if replay.is_timed else replay.event_ms
        replay.is_timed = 1
    _forward(exchange, _listeners_of(exchange, kind, symbol_id), text, length)
    recorded = exchange.markets[symbol_id].recorded
    instrument = exchange.instruments[symbol_id]
    recorded.matched_ms = max(recorded.matched_ms, replay.matched_ms)
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
