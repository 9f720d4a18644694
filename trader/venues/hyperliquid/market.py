"""One frame of Hyperliquid's stream, scanned from raw bytes into a MARKET_SCANNER.

    l2Book -> SNAPSHOT, bbo -> TICKER (an empty side is 0 ticks and 0 lots), trades -> TRADE, answers -> REPLY

In the venue's order a frame is read once; where `data` comes before `channel`, or numbers before the `coin` whose
units they are in, the value is skipped and read afterwards. No byte outside [address, address + length) is ever read.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_i64, load_u8
from trader.compile_hints import never_inlined
from trader.venues.decimals import decimal, natural
from trader.venues.hyperliquid.fields import (
    BBO,
    BEST,
    CHANNEL,
    CHANNELS,
    COIN,
    DATA,
    KEYS,
    L2_BOOK,
    LEVELS,
    PX,
    RESPONSE,
    RESPONSE_NAME,
    SIDE,
    SZ,
    TID,
    TIME,
    TRADES,
)
from trader.venues.hyperliquid.levels import scan_side
from trader.venues.json_bytes import OPEN_OBJECT, Fault, refuse, skip_string, skip_value
from trader.venues.json_walk import (
    END,
    first_element,
    first_key,
    next_element,
    next_key,
    open_text,
    text_code,
)
from trader.venues.object_levels import scan_level
from trader.venues.scanner import (
    ABSENT,
    EVENT_MS_MAX,
    FOREIGN,
    LEVELS_MAX,
    REPLY,
    SNAPSHOT,
    TICKER,
    TRADE,
    Slot,
    begin_frame,
    end_frame,
    keep_trade,
    note_count,
    read_symbol,
)

_GREETING = int.from_bytes(b"Websocke", "little")
_RESPONSE_HEAD, _RESPONSE_BYTES = int.from_bytes(RESPONSE_NAME[:8], "little"), len(RESPONSE_NAME) + 1
_B, _A = ord("B"), ord("A")
_TOP_DEPTH, _DATA_DEPTH = np.int64(1), np.int64(2)
_BOOK_NEEDS = 1 << COIN | 1 << TIME
_TRADE_NEEDS = 1 << COIN | 1 << SIDE | 1 << PX | 1 << SZ | 1 << TIME | 1 << TID


@kernel
def scan(scanner, address, length):
    """What the `length` bytes at `address` are (MarketKind); see the module's docstring."""
    never_inlined()
    end = address + length
    p = begin_frame(scanner, address, end)
    if length >= 8 and load_i64(address) == _GREETING:
        p = end
    elif p != 0:
        p = _read_frame(scanner, p, end, scanner.fault)
    return end_frame(scanner, address, p, end)


@kernel
def _read_frame(scanner, p, end, fault):
    """The outer object: channel and data. The address after it, or 0."""
    seen = channel = deferred = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == CHANNEL:
            text = open_text(p, end, fault)
            if text == 0:
                return 0
            channel = text_code(text, end, CHANNELS)[0]
            p = skip_string(text, end, fault)
            if channel == 0 and p - text == _RESPONSE_BYTES and load_i64(text) == _RESPONSE_HEAD:
                channel = RESPONSE
        elif code == DATA and seen & (1 << CHANNEL):
            p = _read_data(scanner, p, end, channel, fault)
        else:
            deferred = p if code == DATA else deferred
            p = skip_value(p, end, _TOP_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    if p != 0 and deferred != 0 and _read_data(scanner, deferred, end, channel, fault) == 0:
        return 0
    if channel > TRADES:
        scanner.kind = REPLY
    return p


@inlined
def _read_data(scanner, p, end, channel, fault):
    if channel == L2_BOOK or channel == BEST:
        return _read_book(scanner, p, end, LEVELS if channel == L2_BOOK else BBO, fault)
    if channel == TRADES:
        return _read_trades(scanner, p, end, fault)
    return skip_value(p, end, _TOP_DEPTH, fault)


@kernel
def _read_book(scanner, p, end, wanted, fault):
    """The data of a book (`wanted` LEVELS) or of a best quote (BBO). The address after it, or 0."""
    never_inlined()
    seen = deferred = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == COIN:
            p = read_symbol(scanner, p, end, fault)
        elif code == TIME:
            time_ms, p = natural(p, end, fault)
            scanner.values[Slot.EVENT_MS] = time_ms
            scanner.values[Slot.LAST_ID] = time_ms
        elif code == wanted and scanner.symbol >= 0:
            p = _read_numbers(scanner, p, end, wanted, fault)
        else:
            deferred = p if code == wanted else deferred
            p = skip_value(p, end, _DATA_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    if p == 0 or scanner.symbol == FOREIGN:
        return p
    if (seen & (_BOOK_NEEDS | 1 << wanted)) != _BOOK_NEEDS | 1 << wanted:
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    if deferred != 0 and _read_numbers(scanner, deferred, end, wanted, fault) == 0:
        return 0
    if scanner.values[Slot.EVENT_MS] > EVENT_MS_MAX:
        return refuse(fault, Fault.OVERFLOW, p - 1)
    scanner.kind = SNAPSHOT if wanted == LEVELS else TICKER
    return p


@kernel
def _read_numbers(scanner, p, end, wanted, fault):
    """Both sides of a book, or both levels of a best quote; further elements are skipped."""
    never_inlined()
    scale = scanner.scales[scanner.symbol]
    levels = scanner.levels.ctypes.data
    sides = 0
    more, p = first_element(p, end, fault)
    while more > END:
        if sides >= 2:
            p = skip_value(p, end, _DATA_DEPTH + 1, fault)
        elif wanted == LEVELS:
            before = scanner.bid_count
            count, p = scan_side(scanner, p, end, levels + 16 * before, LEVELS_MAX - before, _DATA_DEPTH + 3, fault)
            note_count(scanner, sides == 1, count)
        else:
            scanner.levels[0] = 0
            scanner.levels[1] = 0
            if load_u8(p) == OPEN_OBJECT:
                p = scan_level(p, end, levels, KEYS, PX, SZ, True, _DATA_DEPTH + 2, scale, fault)
            else:
                p = skip_value(p, end, _DATA_DEPTH + 1, fault)
            scanner.values[Slot.BID + 2 * sides] = scanner.levels[0]
            scanner.values[Slot.BID_SIZE + 2 * sides] = scanner.levels[1]
        sides += 1
        more, p = next_element(p, end, fault)
    if p != 0 and sides < 2:
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    return p


@kernel
def _read_trades(scanner, p, end, fault):
    """An array of trades into `trades`. The address after it, or 0."""
    never_inlined()
    more, p = first_element(p, end, fault)
    while more > END:
        p = _read_trade(scanner, p, end, fault)
        more, p = next_element(p, end, fault)
    if p != 0 and scanner.trade_count > 0:
        scanner.kind = TRADE
    return p


@kernel
def _read_trade(scanner, p, end, fault):
    """One trade; those of foreign coins are checked and left out. The address after it, or 0."""
    never_inlined()
    seen = px = sz = side = time_ms = trade_id = 0
    scanner.symbol = ABSENT
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == TIME or code == TID:
            value, p = natural(p, end, fault)
            time_ms = value if code == TIME else time_ms
            trade_id = value if code == TID else trade_id
        elif code == COIN:
            p = read_symbol(scanner, p, end, fault)
        elif code == PX or code == SZ or code == SIDE:
            text = open_text(p, end, fault)
            p = skip_string(text, end, fault) if text != 0 else 0
            px = text if code == PX else px
            sz = text if code == SZ else sz
            if code == SIDE and p != 0:
                side = load_u8(text) if p == text + 2 else 0
                if side != _A and side != _B:
                    return refuse(fault, Fault.WRONG_TYPE, text)
        else:
            p = skip_value(p, end, _DATA_DEPTH + 1, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    if p == 0 or scanner.symbol == FOREIGN:
        return p
    if (seen & _TRADE_NEEDS) != _TRADE_NEEDS:
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    if time_ms > EVENT_MS_MAX:
        return refuse(fault, Fault.OVERFLOW, p - 1)
    scale = scanner.scales[scanner.symbol]
    ticks, after = decimal(px, end, scale.price, fault)
    lots, after = decimal(sz, end, scale.size, fault) if after != 0 else (0, 0)
    if after == 0:
        return 0
    keep_trade(scanner, time_ms * 1_000_000, trade_id, side == _B, ticks, lots)
    return p
