"""The book of a recorded market, from its depth updates, its best quotes and its inline snapshot.

The snapshot belongs to the first symbol and is kept as it came, for whoever asks. Depth updates that stand
before it in the recording, but reach beyond it, are applied after it. Prices outside the ladder are ignored.
What our orders do never changes this book.
"""

import numpy as np

from shm.kernel import address_of, copy, kernel, load_i64, load_u8
from trader.compile_hints import never_inlined
from trader.decoded import HEAD_BYTES, PAIR_BYTES
from trader.exchange.market_data import ASKS, BIDS
from trader.exchange.recording import PENDING_MAX, SNAPSHOT_BYTES, SNAPSHOT_OFFSET
from trader.exchange.requests import skip_space, skip_text
from trader.exchange.text import decimal_at

LEVELS = 131_072
"""Prices of a recorded book's ladder, around its snapshot: 1,310.72 at a tick of 0.01."""

RECORDED = np.dtype(
    [
        ("base_ticks", "i8"),  # 0: no snapshot yet
        ("snapshot_id", "i8"),
        ("depth_id", "i8"),  # last depth update applied
        ("quote_id", "i8"),  # last best quote
        ("untimed_id", "i8"),  # last best quote without a time, 0: all had one
        ("matched_ms", "i8"),  # when the newest of all this was matched
        ("bid_ticks", "i8"),  # the touch, by whichever of the two is newer; 0: unknown
        ("bid_lots", "i8"),
        ("ask_ticks", "i8"),
        ("ask_lots", "i8"),
        ("best_bid", "i8"),  # touch of the levels below
        ("best_ask", "i8"),
        ("bids", "i8", (LEVELS,)),
        ("asks", "i8", (LEVELS,)),
    ],
    align=True,
)
"""The recorded book of one symbol."""


@kernel
def ticks_at(instrument, text, length):
    """A price's ticks, rounded down, or a negative number."""
    value = decimal_at(text, length, instrument.price_decimals)
    return value // instrument.tick_multiple if value >= 0 else value


@kernel
def lots_at(instrument, text, length):
    """A quantity's lots, rounded down, or a negative number."""
    value = decimal_at(text, length, instrument.size_decimals)
    return value // instrument.lot_multiple if value >= 0 else value


@kernel
def apply_depth(replay, recorded, instrument):
    """Apply a scanned depth update; before the snapshot it is kept for later."""
    if recorded.base_ticks != 0 and replay.last_id < recorded.depth_id:
        return
    _read_levels(replay, recorded, instrument, replay.bids, replay.bids_end, BIDS)
    _read_levels(replay, recorded, instrument, replay.asks, replay.asks_end, ASKS)
    _end_depth(replay, recorded)


@kernel
def apply_decoded_depth(replay, recorded, row):
    """The same for a depth update that is DECODED: its levels stand behind `row`."""
    never_inlined()
    if recorded.base_ticks != 0 and row.last_id < recorded.depth_id:
        return
    at = address_of(row) + HEAD_BYTES
    end = at + PAIR_BYTES * row.bid_count
    while at < end:
        note_level(replay, recorded, BIDS, load_i64(at), load_i64(at + 8))
        at += PAIR_BYTES
    end += PAIR_BYTES * row.ask_count
    while at < end:
        note_level(replay, recorded, ASKS, load_i64(at), load_i64(at + 8))
        at += PAIR_BYTES
    _end_depth(replay, recorded)


@kernel
def _end_depth(replay, recorded):
    """All levels of a depth update are in the book, if there is one yet."""
    if recorded.base_ticks != 0:
        recorded.depth_id = replay.last_id
        _refresh_touch(recorded)


@kernel
def apply_snapshot(replay, recorded, instrument, text, length):
    """Begin anew from a scanned snapshot, keep its text, and apply what was waiting for it: 1, or 0 if too long."""
    if length > SNAPSHOT_BYTES or replay.bids == 0 or replay.asks == 0:
        return 0
    copy(address_of(replay) + SNAPSHOT_OFFSET, text, length)
    replay.snapshot_length = length
    for level in range(LEVELS):
        recorded.bids[level] = 0
        recorded.asks[level] = 0
    recorded.best_bid = -1
    recorded.best_ask = LEVELS
    recorded.snapshot_id = replay.last_id
    recorded.depth_id = replay.last_id
    best = skip_space(replay.bids + 1, replay.bids_end)
    price_end = skip_text(best + 1, replay.bids_end) if best < replay.bids_end else 0
    middle = ticks_at(instrument, best + 2, price_end - best - 3) if price_end != 0 else -1
    if middle < 0:
        return 0
    recorded.base_ticks = max(1, middle - LEVELS // 2)
    _read_levels(replay, recorded, instrument, replay.bids, replay.bids_end, BIDS)
    _read_levels(replay, recorded, instrument, replay.asks, replay.asks_end, ASKS)
    for place in range(max(0, replay.pending_count - PENDING_MAX), replay.pending_count):
        change = replay.pending[place % PENDING_MAX]
        if change.last_id >= recorded.snapshot_id:
            set_level(recorded, change.side, change.price_ticks, change.lots)
            recorded.depth_id = max(recorded.depth_id, change.last_id)
    replay.pending_count = 0
    _refresh_touch(recorded)
    return 1


@kernel
def apply_quote(replay, recorded, instrument):
    """Take the touch from a scanned best quote: 1 if it is newer than the levels."""
    bid_ticks = ticks_at(instrument, replay.bids, replay.bids_end - replay.bids)
    ask_ticks = ticks_at(instrument, replay.asks, replay.asks_end - replay.asks)
    if bid_ticks < 0 or ask_ticks < 0:
        return 0
    bid_lots = lots_at(instrument, replay.bid_size, replay.bid_size_length)
    ask_lots = lots_at(instrument, replay.ask_size, replay.ask_size_length)
    return take_quote(recorded, replay.last_id, replay.matched_ms, bid_ticks, bid_lots, ask_ticks, ask_lots)


@kernel
def take_quote(recorded, quote_id, matched_ms, bid_ticks, bid_lots, ask_ticks, ask_lots):
    """Take the touch from a best quote: 1 if it is newer than the levels."""
    if quote_id < recorded.quote_id:
        return 0
    recorded.quote_id = quote_id
    recorded.untimed_id = quote_id if matched_ms == 0 else 0
    if quote_id < recorded.depth_id:
        return 0
    recorded.bid_ticks = bid_ticks
    recorded.bid_lots = bid_lots
    recorded.ask_ticks = ask_ticks
    recorded.ask_lots = ask_lots
    return 1


@kernel
def set_level(recorded, side, price_ticks, lots):
    """Set one level's quantity and follow the touch of that side."""
    never_inlined()
    level = price_ticks - recorded.base_ticks
    if level < 0 or level >= LEVELS or lots < 0:
        return
    if side > 0:
        recorded.bids[level] = lots
        if lots > 0:
            recorded.best_bid = max(recorded.best_bid, level)
        while recorded.best_bid >= 0 and recorded.bids[recorded.best_bid] == 0:
            recorded.best_bid -= 1
        return
    recorded.asks[level] = lots
    if lots > 0:
        recorded.best_ask = min(recorded.best_ask, level)
    while recorded.best_ask < LEVELS and recorded.asks[recorded.best_ask] == 0:
        recorded.best_ask += 1


@kernel
def _refresh_touch(recorded):
    """Take the touch from the levels, unless a best quote is newer."""
    if recorded.quote_id > recorded.depth_id:
        return
    has_bid = recorded.best_bid >= 0
    has_ask = recorded.best_ask < LEVELS
    recorded.bid_ticks = recorded.base_ticks + recorded.best_bid if has_bid else 0
    recorded.bid_lots = recorded.bids[recorded.best_bid] if has_bid else 0
    recorded.ask_ticks = recorded.base_ticks + recorded.best_ask if has_ask else 0
    recorded.ask_lots = recorded.asks[recorded.best_ask] if has_ask else 0


@kernel
def _read_levels(replay, recorded, instrument, at, end, side):
    """Read `[["price","size"],..]` into the book, or into the pending changes before there is one."""
    never_inlined()
    if at == 0:
        return
    while at < end:
        if load_u8(at) != 34:
            at += 1
            continue
        price = at + 1
        price_end = skip_text(at, end)
        size = skip_space(price_end, end) + 1 if price_end != 0 else end
        size_end = skip_text(size, end) if size < end else 0
        if size_end == 0:
            return
        at = size_end
        ticks = ticks_at(instrument, price, price_end - price - 1)
        lots = lots_at(instrument, size + 1, size_end - size - 2)
        if ticks < 0 or lots < 0:
            continue
        note_level(replay, recorded, side, ticks, lots)


@kernel
def note_level(replay, recorded, side, price_ticks, lots):
    """Set a level, or keep the change until there is a book."""
    if recorded.base_ticks != 0:
        set_level(recorded, side, price_ticks, lots)
        return
    change = replay.pending[replay.pending_count % PENDING_MAX]
    replay.pending_count += 1
    change.last_id = replay.last_id
    change.side = side
    change.price_ticks = price_ticks
    change.lots = lots
