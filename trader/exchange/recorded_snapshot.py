"""The depth snapshot of a recorded market: as recorded while it is fresh, afterwards from the recorded book."""

from shm.kernel import address_of, copy, kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.market_data import (
    ASKS,
    BETWEEN_SIDES,
    BIDS,
    FRAME_BYTES,
    LEVEL_BYTES,
    SNAPSHOT_END,
    SNAPSHOT_LEVELS_MAX,
    aim,
    put_level,
)
from trader.exchange.outbox import OK, begin, commit, put_template
from trader.exchange.recorded_book import LEVELS
from trader.exchange.recording import SNAPSHOT_OFFSET
from trader.exchange.templates import SNAPSHOT_HEAD
from trader.exchange.text import write


@kernel
def send_recorded_snapshot(exchange, connection_id, symbol_id, levels_max):
    """Answer with the recorded text if no depth update was applied since, else with the book of this moment."""
    never_inlined()
    recorded = exchange.markets[symbol_id].recorded
    connections = 1 << connection_id
    levels_max = min(max(levels_max, 5), SNAPSHOT_LEVELS_MAX)
    is_fresh = symbol_id == 0 and recorded.depth_id == recorded.snapshot_id
    length = exchange.replay.snapshot_length if is_fresh else FRAME_BYTES + 2 * LEVEL_BYTES * levels_max
    cursor = begin(exchange.outbox, length, connections)
    if cursor == 0:
        return
    if is_fresh:
        copy(cursor, address_of(exchange.replay) + SNAPSHOT_OFFSET, length)
        cursor += length
    else:
        writer = aim(exchange, symbol_id, recorded.matched_ms)
        writer.values[0] = exchange.event_ms
        writer.values[2] = recorded.depth_id
        cursor = put_template(cursor, exchange.outbox, SNAPSHOT_HEAD, writer)
        cursor = _put_side(cursor, recorded.bids, recorded.base_ticks, recorded.best_bid, ASKS, levels_max, writer)
        cursor = write(cursor, BETWEEN_SIDES, writer)
        cursor = _put_side(cursor, recorded.asks, recorded.base_ticks, recorded.best_ask, BIDS, levels_max, writer)
        cursor = write(cursor, SNAPSHOT_END, writer)
    commit(exchange.outbox, connections, WireKind.RESPONSE, OK, cursor)


@kernel
def _put_side(cursor, lots, base_ticks, level, direction, levels_max, writer):
    """Write a side's levels from the touch outwards."""
    never_inlined()
    written = 0
    while 0 <= level < LEVELS and written < levels_max:
        if lots[level] > 0:
            cursor = put_level(cursor, writer, written, base_ticks + level, lots[level])
            written += 1
        level += direction
    return cursor
