"""One frame of Kraken's stream, scanned from raw bytes into a MARKET_SCANNER.

    book -> SNAPSHOT or DEPTH; trade -> TRADE; the answer to a subscription -> REPLY, with its symbol and DEPTH_LIMIT

In the venue's order (channel, type, data; symbol before levels) a frame is read once; in any other, what comes too
early is skipped and read afterwards. No byte outside [address, address + length) is ever read.
"""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.decimals import natural
from trader.venues.json_bytes import OPEN_OBJECT, Fault, refuse, skip_value
from trader.venues.json_walk import (
    END,
    first_element,
    first_key,
    next_element,
    next_key,
    open_text,
    read_word,
)
from trader.venues.kraken.fields import (
    ASKS,
    BIDS,
    BOOK,
    CHANNEL,
    CHANNELS,
    CHECKSUM,
    DATA,
    KEYS,
    METHOD,
    RESULT,
    SNAPSHOT_TYPE,
    SYMBOL,
    TIMESTAMP,
    TRADES,
    TYPE,
    UPDATE_TYPE,
    WORDS,
)
from trader.venues.kraken.fields import DEPTH as DEPTH_KEY
from trader.venues.kraken.levels import scan_side
from trader.venues.kraken.trades import read_trade
from trader.venues.scanner import (
    ABSENT,
    DEPTH,
    FOREIGN,
    REPLY,
    SIDE_LEVELS_MAX,
    SNAPSHOT,
    TRADE,
    Slot,
    begin_frame,
    end_frame,
    join_sides,
    note_count,
    read_symbol,
)
from trader.venues.time_text import rfc3339_ns

_TOP_DEPTH, _RESULT_DEPTH, _DATA_DEPTH, _LEVEL_DEPTH = (np.int64(depth) for depth in (1, 2, 3, 5))
_BOOK_NEEDS = 1 << SYMBOL | 1 << BIDS | 1 << ASKS


@kernel
def scan(scanner, address, length):
    """What the `length` bytes at `address` are (MarketKind); see the module's docstring."""
    never_inlined()
    end = address + length
    p = begin_frame(scanner, address, end)
    scanner.values[Slot.DEPTH_LIMIT] = 0
    if p != 0:
        p = _read_frame(scanner, p, end, scanner.fault)
    return end_frame(scanner, address, p, end)


@kernel
def _read_frame(scanner, p, end, fault):
    """The outer object. The address after it, or 0."""
    seen = channel = type_ = deferred = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == CHANNEL:
            channel, p = read_word(p, end, CHANNELS, fault)
        elif code == TYPE:
            type_, p = read_word(p, end, WORDS, fault)
        elif code == DATA and seen & (1 << CHANNEL) and seen & (1 << TYPE):
            p = _read_data(scanner, p, end, channel, type_, fault)
        elif code == RESULT and load_u8(p) == OPEN_OBJECT:
            p = _read_result(scanner, p, end, fault)
        else:
            deferred = p if code == DATA else deferred
            p = skip_value(p, end, _TOP_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    if p != 0 and deferred != 0 and _read_data(scanner, deferred, end, channel, type_, fault) == 0:
        return 0
    if seen & (1 << METHOD):
        scanner.kind = REPLY
    return p


@kernel
def _read_result(scanner, p, end, fault):
    """What was subscribed to: symbol and depth. The address after it, or 0."""
    never_inlined()
    seen = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == SYMBOL:
            p = read_symbol(scanner, p, end, fault)
        elif code == DEPTH_KEY:
            scanner.values[Slot.DEPTH_LIMIT], p = natural(p, end, fault)
        else:
            p = skip_value(p, end, _RESULT_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    return p


@kernel
def _read_data(scanner, p, end, channel, type_, fault):
    """The array of one book or of several trades. The address after it, or 0."""
    never_inlined()
    known = type_ == SNAPSHOT_TYPE or type_ == UPDATE_TYPE
    if (channel != BOOK and channel != TRADES) or not known:
        return skip_value(p, end, _TOP_DEPTH, fault)
    count = 0
    more, p = first_element(p, end, fault)
    while more > END:
        count += 1
        if channel == TRADES:
            p = read_trade(scanner, p, end, fault)
        else:
            p = _read_book(scanner, p, end, fault) if count == 1 else refuse(fault, Fault.WRONG_TYPE, p)
        more, p = next_element(p, end, fault)
    if p == 0:
        return 0
    if channel == BOOK:
        if count == 0:
            return refuse(fault, Fault.MISSING_FIELD, p - 1)
        if scanner.symbol >= 0:
            scanner.kind = SNAPSHOT if type_ == SNAPSHOT_TYPE else DEPTH
    elif scanner.trade_count > 0 and type_ == UPDATE_TYPE:
        scanner.kind = TRADE
    return p


@kernel
def _read_book(scanner, p, end, fault):
    """Both sides, checksum and time of one book. The address after it, or 0."""
    never_inlined()
    values = scanner.values
    values[Slot.CHECKSUM] = ABSENT
    values[Slot.EVENT_NS] = 0
    seen = bids = asks = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == SYMBOL:
            p = read_symbol(scanner, p, end, fault)
        elif code == CHECKSUM:
            values[Slot.CHECKSUM], p = natural(p, end, fault)
        elif code == TIMESTAMP:
            text = open_text(p, end, fault)
            values[Slot.EVENT_NS], p = rfc3339_ns(text, end, fault) if text != 0 else (0, 0)
        elif (code == BIDS or code == ASKS) and scanner.symbol >= 0:
            p = _read_side(scanner, p, end, code, fault)
        else:
            bids = p if code == BIDS else bids
            asks = p if code == ASKS else asks
            p = skip_value(p, end, _DATA_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    if p == 0 or scanner.symbol == FOREIGN:
        return p
    if (seen & _BOOK_NEEDS) != _BOOK_NEEDS:
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    if bids != 0 and _read_side(scanner, bids, end, BIDS, fault) == 0:
        return 0
    if asks != 0 and _read_side(scanner, asks, end, ASKS, fault) == 0:
        return 0
    join_sides(scanner)
    return p


@kernel
def _read_side(scanner, p, end, code, fault):
    """The levels of one side. The address after them, or 0."""
    never_inlined()
    first = SIDE_LEVELS_MAX if code == ASKS else 0
    pairs = scanner.levels.ctypes.data + 16 * first
    scale = scanner.scales[scanner.symbol]
    count, p = scan_side(p, end, pairs, SIDE_LEVELS_MAX, _LEVEL_DEPTH, scale, fault)
    note_count(scanner, code == ASKS, count)
    return p
