"""Public market data of a generated market: depth updates, best quotes, trades, and the depth snapshot.

Update ids: each event of the book takes the next id. A best quote carries the id of the event that changed
the touch; a depth update covers every id since the one before it (`U` = previous `u` + 1, `pu` = previous
`u`) and tells the levels as they are at `u`. So the book after `u` has the touch of the last best quote with
an id <= u, exactly. A snapshot takes an id of its own, so that the next depth update spans it even on a
market that stands still.

Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

import numpy as np

from shm.kernel import address_of, kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.connections import DEPTH_SPEEDS, TICKER, TRADES
from trader.exchange.matching import LEVELS
from trader.exchange.outbox import NO_STATUS, OK, begin, commit, put_template, say
from trader.exchange.templates import DEPTH_HEAD, SNAPSHOT_HEAD, TOUCH, TRADE
from trader.exchange.text import WORD_EMPTY, WORD_SPEED, write

LEVEL_BYTES = 64
"""Room for one level's text: two numbers of at most 19 digits with quotes and brackets."""

FRAME_BYTES = 512
SNAPSHOT_LEVELS_MAX = 1_000
BIDS = 1
ASKS = -1
IN_SNAPSHOT = 2
"""`is_dirty` of a level that a snapshot has shown since the last depth update: the next one says it on both sides."""

STREAM = np.dtype(
    [
        ("update_id", "i8"),
        ("depth_id", "i8"),  # last id that a depth update covered
        ("depth_ns", "i8"),  # when it was published
        ("trade_id", "i8"),
        ("bid_level", "i8"),  # the touch as last published
        ("bid_lots", "i8"),
        ("ask_level", "i8"),
        ("ask_lots", "i8"),
        ("depth_updates", "i8"),
        ("tickers", "i8"),
        ("trades", "i8"),
    ],
    align=True,
)
"""One symbol's public streams. The last three count what was published, whoever listened."""

BETWEEN_CHANGES = b'],"a":['
BETWEEN_SIDES = b'],"asks":['
DEPTH_END = b"]}}"
SNAPSHOT_END = b"]}"
FIRST_LEVEL = b'["#pY","#qZ"]'
NEXT_LEVEL = b',["#pY","#qZ"]'


@kernel
def aim(exchange, symbol_id, event_ms):
    """What is written next is of this symbol and has this time: the writer, slots A and B filled."""
    writer = exchange.writer
    writer.instrument = address_of(exchange.instruments[symbol_id])
    writer.values[0] = exchange.now_ms
    writer.values[1] = event_ms
    return writer


@kernel
def publish_trade(exchange, symbol_id, match, side, event_ms):
    """One trade against a resting order; `side` is the aggressor's."""
    never_inlined()
    stream = exchange.markets[symbol_id].stream
    stream.trades += 1
    writer = aim(exchange, symbol_id, event_ms)
    writer.values[2] = stream.trade_id
    writer.values[3] = match.price_ticks
    writer.values[4] = match.lots
    writer.values[5] = 1 if side < 0 else 0
    say(exchange.outbox, exchange.connections.streams[symbol_id, TRADES], TRADE, writer)


@kernel
def publish_touch(exchange, symbol_id, event_ms):
    """An event has changed the book: it gets an id, and a best quote if the touch differs from the last one."""
    stream = exchange.markets[symbol_id].stream
    book = exchange.markets[symbol_id].book
    stream.update_id += 1
    bid_lots = book.levels[book.best_bid].lots if book.best_bid >= 0 else 0
    ask_lots = -book.levels[book.best_ask].lots if book.best_ask < LEVELS else 0
    same_bid = stream.bid_level == book.best_bid and stream.bid_lots == bid_lots
    same_ask = stream.ask_level == book.best_ask and stream.ask_lots == ask_lots
    if same_bid and same_ask:
        return
    stream.bid_level = book.best_bid
    stream.bid_lots = bid_lots
    stream.ask_level = book.best_ask
    stream.ask_lots = ask_lots
    stream.tickers += 1
    send_touch(exchange, symbol_id, exchange.connections.streams[symbol_id, TICKER], event_ms)


@kernel
def send_touch(exchange, symbol_id, listeners, event_ms):
    """Send the best quote as last published to a set of connections; an empty side is 0 at 0."""
    never_inlined()
    stream = exchange.markets[symbol_id].stream
    base_ticks = exchange.markets[symbol_id].book.base_ticks
    writer = aim(exchange, symbol_id, event_ms)
    writer.values[2] = stream.update_id
    writer.values[3] = base_ticks + stream.bid_level if stream.bid_lots > 0 else 0
    writer.values[4] = stream.bid_lots
    writer.values[5] = base_ticks + stream.ask_level if stream.ask_lots > 0 else 0
    writer.values[6] = stream.ask_lots
    say(exchange.outbox, listeners, TOUCH, writer)


@kernel
def publish_depth(exchange, symbol_id):
    """One depth update for all that changed since the last one; nothing if no id was used."""
    never_inlined()
    stream = exchange.markets[symbol_id].stream
    book = exchange.markets[symbol_id].book
    if stream.update_id == stream.depth_id:
        return
    room = FRAME_BYTES + 2 * LEVEL_BYTES * book.dirty_count
    for speed in range(DEPTH_SPEEDS):
        listeners = exchange.connections.streams[symbol_id, speed]
        cursor = begin(exchange.outbox, room, listeners) if listeners != 0 else 0
        if cursor == 0:
            continue
        writer = aim(exchange, symbol_id, exchange.now_ms)
        writer.values[2] = WORD_SPEED + speed - 1 if speed > 0 else WORD_EMPTY
        writer.values[3] = stream.depth_id + 1
        writer.values[4] = stream.update_id
        writer.values[5] = stream.depth_id
        cursor = put_template(cursor, exchange.outbox, DEPTH_HEAD, writer)
        cursor = _put_changes(cursor, book, writer, BIDS)
        cursor = _put_changes(write(cursor, BETWEEN_CHANGES, writer), book, writer, ASKS)
        commit(exchange.outbox, listeners, WireKind.FRAME, NO_STATUS, write(cursor, DEPTH_END, writer))
    mark_shown(book)
    stream.depth_id = stream.update_id
    stream.depth_ns = exchange.now_ns
    stream.depth_updates += 1


@kernel
def mark_shown(book):
    """All levels count as published as they are now."""
    for place in range(book.dirty_count):
        level = book.levels[book.dirty[place]]
        level.shown = level.lots
        level.is_dirty = 0
    book.dirty_count = 0


@kernel
def _put_changes(cursor, book, writer, side):
    """Write one side's levels that differ from what was last published, absolute; 0 where it has none now."""
    never_inlined()
    written = 0
    for place in range(book.dirty_count):
        level = book.levels[book.dirty[place]]
        now_lots = max(0, side * level.lots)
        if level.is_dirty == IN_SNAPSHOT or now_lots != max(0, side * level.shown):
            cursor = put_level(cursor, writer, written, book.base_ticks + book.dirty[place], now_lots)
            written += 1
    return cursor


@kernel
def put_level(cursor, writer, written, price_ticks, lots):
    """Write `["price","size"]`, after a comma unless it is the first."""
    writer.values[24] = price_ticks
    writer.values[25] = lots
    return write(cursor, NEXT_LEVEL if written > 0 else FIRST_LEVEL, writer)


@kernel
def send_snapshot(exchange, connection_id, symbol_id, levels_max):
    """Answer a request for the depth snapshot: `levels_max` levels a side at most (5 to 1,000)."""
    never_inlined()
    stream = exchange.markets[symbol_id].stream
    book = exchange.markets[symbol_id].book
    levels_max = min(max(levels_max, 5), SNAPSHOT_LEVELS_MAX)
    cursor = begin(exchange.outbox, FRAME_BYTES + 2 * LEVEL_BYTES * levels_max, 1 << connection_id)
    if cursor == 0:
        return
    stream.update_id += 1
    # A snapshot inside an interval shows levels that the next update, by its net change, may not mention.
    for place in range(book.dirty_count):
        book.levels[book.dirty[place]].is_dirty = IN_SNAPSHOT
    writer = aim(exchange, symbol_id, exchange.now_ms)
    writer.values[2] = stream.update_id
    cursor = put_template(cursor, exchange.outbox, SNAPSHOT_HEAD, writer)
    cursor = _put_side(cursor, book, writer, book.best_bid, ASKS, levels_max)
    cursor = _put_side(write(cursor, BETWEEN_SIDES, writer), book, writer, book.best_ask, BIDS, levels_max)
    cursor = write(cursor, SNAPSHOT_END, writer)
    commit(exchange.outbox, 1 << connection_id, WireKind.RESPONSE, OK, cursor)


@kernel
def _put_side(cursor, book, writer, level, direction, levels_max):
    """Write a side's levels from the touch outwards: levels downwards (-1) or upwards (1)."""
    never_inlined()
    written = 0
    while 0 <= level < LEVELS and written < levels_max:
        lots = abs(book.levels[level].lots)
        if lots > 0:
            cursor = put_level(cursor, writer, written, book.base_ticks + level, lots)
            written += 1
        level += direction
    return cursor
