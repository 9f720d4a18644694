"""A DECODED frame into the scanner's record: what a venue's `scan` would have left there."""

import numpy as np

from shm.kernel import copy, kernel, view
from trader.compile_hints import never_inlined
from trader.decoded import DECODED, DEPTH, HEAD_BYTES, PAIR_BYTES, QUOTE, TRADE
from trader.venues import scanner as scanned
from trader.venues.json_bytes import Fault
from trader.venues.scanner import LEVELS_MAX, Slot

_TRUNCATED = np.int64(Fault.TRUNCATED)


@kernel
def read_decoded(scanner, address, length):
    """What a DECODED of `length` bytes is (MarketKind); BAD where its counts do not fit its length."""
    never_inlined()
    row = view(address, DECODED)
    levels = -1
    if length >= HEAD_BYTES and row.bid_count >= 0 and row.ask_count >= 0:
        levels = row.bid_count + row.ask_count
    scanner.trade_count = 0
    scanner.fault.code = 0
    if levels < 0 or levels > LEVELS_MAX or length != HEAD_BYTES + PAIR_BYTES * levels:
        scanner.fault.code = _TRUNCATED
        scanner.fault_offset = 0
        scanner.kind = scanned.BAD
        return scanned.BAD
    values = scanner.values
    scanner.symbol = row.symbol_id
    scanner.bid_count = row.bid_count
    scanner.ask_count = row.ask_count
    values[Slot.EVENT_MS] = row.event_ms
    values[Slot.LAST_ID] = row.last_id
    if row.kind == DEPTH:
        values[Slot.FIRST_ID] = row.first_id
        values[Slot.PREVIOUS_ID] = row.previous_id
        copy(scanner.levels.ctypes.data, address + HEAD_BYTES, PAIR_BYTES * levels)
        scanner.kind = scanned.DEPTH
    elif row.kind == QUOTE:
        values[Slot.BID] = row.bid_ticks
        values[Slot.BID_SIZE] = row.bid_lots
        values[Slot.ASK] = row.ask_ticks
        values[Slot.ASK_SIZE] = row.ask_lots
        scanner.kind = scanned.TICKER
    elif row.kind == TRADE:
        values[Slot.TRADE_ID] = row.last_id
        values[Slot.PRICE] = row.price_ticks
        values[Slot.SIZE] = row.size_lots
        values[Slot.MAKER] = row.buyer_is_maker
        scanner.kind = scanned.TRADE
    else:
        scanner.kind = scanned.OTHER
    return scanner.kind
