"""The loop that turns recorded lines into DECODED frames: two scanners read each, and must agree."""

import numpy as np

from shm.kernel import address_of, copy, kernel, load_i64, store_i64, view
from trader.decoded import DECODED, DEPTH, HEAD_BYTES, PAIR_BYTES, QUOTE, TEXT, TRADE
from trader.exchange import recording
from trader.exchange.recorded_book import RECORDED, apply_depth, lots_at, ticks_at
from trader.exchange.recording import PENDING_MAX, REPLAY, scan_frame
from trader.instrument import INSTRUMENT, SYMBOLS_MAX
from trader.venues import scanner as scanned
from trader.venues.binance.market import scan
from trader.venues.scanner import MARKET_SCANNER, Slot

DECODER = np.dtype(
    [
        ("frames", "i8"),
        ("rows", "i8"),
        ("texts", "i8"),
        ("scanner", MARKET_SCANNER),
        ("replay", REPLAY),
        ("recorded", RECORDED),
        ("instruments", INSTRUMENT, (SYMBOLS_MAX,)),
    ],
    align=True,
)
"""`rows`: changed levels, quotes and trades; `texts`: frames that stay text. `recorded`: a book that never begins, so
that the levels which the exchange reads stay where they can be compared."""


@kernel
def decode_lines(decoder, lines, times_ns, offsets, text, out):
    """Append `lines` lines, `text[offsets[i]:offsets[i + 1]]` at `times_ns[i]`, at the address `out`; the one behind.

    Room for every line's text and HEAD_BYTES + 8 beside it must be there.
    """
    for index in range(lines):
        start = text + offsets[index]
        length = offsets[index + 1] - offsets[index]
        row = view(out, DECODED)
        row.kind = _read(decoder, row, start, length)
        row.receive_ns = times_ns[index]
        decoder.frames += 1
        if row.kind == TEXT:
            decoder.texts += 1
            row.size = HEAD_BYTES + length
            store_i64(out + ((row.size + 7) & ~7) - 8, 0)
            copy(out + HEAD_BYTES, start, length)
        else:
            decoder.rows += row.bid_count + row.ask_count if row.kind == DEPTH else 1
            row.size = HEAD_BYTES + PAIR_BYTES * (row.bid_count + row.ask_count)
        out += (row.size + 7) & ~7
    return out


@kernel
def _read(decoder, row, text, length):
    """Fill a row, but for its size and time, and the levels behind it: its kind, TEXT where the scanners disagree."""
    scanner, replay = decoder.scanner, decoder.replay
    kind = scan(scanner, text, length)
    seen = scan_frame(replay, text, length)
    values = scanner.values
    symbol = scanner.symbol
    if symbol < 0 or replay.event_ms != values[Slot.EVENT_MS]:
        return TEXT
    instrument = decoder.instruments[symbol]
    row.symbol_id = symbol
    row.event_ms = replay.event_ms
    row.matched_ms = replay.matched_ms
    row.first_id = 0
    row.previous_id = 0
    row.bid_count = 0
    row.ask_count = 0
    row.bid_ticks = 0
    row.bid_lots = 0
    row.ask_ticks = 0
    row.ask_lots = 0
    row.price_ticks = 0
    row.size_lots = 0
    row.buyer_is_maker = 0
    if kind == scanned.DEPTH and seen == recording.DEPTH:
        return _depth(decoder, row, instrument)
    if kind == scanned.TICKER and seen == recording.QUOTE:
        row.last_id = values[Slot.LAST_ID]
        row.bid_ticks = values[Slot.BID]
        row.bid_lots = values[Slot.BID_SIZE]
        row.ask_ticks = values[Slot.ASK]
        row.ask_lots = values[Slot.ASK_SIZE]
        agrees = row.last_id == replay.last_id
        agrees &= row.bid_ticks == ticks_at(instrument, replay.bids, replay.bids_end - replay.bids)
        agrees &= row.ask_ticks == ticks_at(instrument, replay.asks, replay.asks_end - replay.asks)
        agrees &= row.bid_lots == lots_at(instrument, replay.bid_size, replay.bid_size_length)
        agrees &= row.ask_lots == lots_at(instrument, replay.ask_size, replay.ask_size_length)
        return QUOTE if agrees else TEXT
    if kind == scanned.TRADE and seen == recording.TRADE:
        row.last_id = values[Slot.TRADE_ID]
        row.price_ticks = values[Slot.PRICE]
        row.size_lots = values[Slot.SIZE]
        row.buyer_is_maker = 1 if values[Slot.MAKER] != 0 else 0
        agrees = row.price_ticks == ticks_at(instrument, replay.price, replay.price_length)
        agrees &= row.size_lots == lots_at(instrument, replay.ask_size, replay.ask_size_length)
        agrees &= row.buyer_is_maker == replay.buyer_is_maker
        return TRADE if agrees else TEXT
    return TEXT


@kernel
def _depth(decoder, row, instrument):
    """A depth update's ids and levels."""
    scanner, replay = decoder.scanner, decoder.replay
    row.first_id = scanner.values[Slot.FIRST_ID]
    row.last_id = scanner.values[Slot.LAST_ID]
    row.previous_id = scanner.values[Slot.PREVIOUS_ID]
    row.bid_count = scanner.bid_count
    row.ask_count = scanner.ask_count
    count = scanner.bid_count + scanner.ask_count
    replay.pending_count = 0
    apply_depth(replay, decoder.recorded, instrument)
    if row.last_id != replay.last_id or replay.pending_count != count or count > PENDING_MAX:
        return TEXT
    levels = scanner.levels.ctypes.data
    for place in range(count):
        change = replay.pending[place]
        pair = levels + PAIR_BYTES * place
        side = 1 if place < row.bid_count else -1
        if change.price_ticks != load_i64(pair) or change.lots != load_i64(pair + 8) or change.side != side:
            return TEXT
    copy(address_of(row) + HEAD_BYTES, levels, PAIR_BYTES * count)
    return DEPTH
