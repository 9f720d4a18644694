"""One frame of OKX's stream, scanned from raw bytes into a MARKET_SCANNER.

    books, books-l2-tbt, books50-l2-tbt -> SNAPSHOT or DEPTH; trades -> TRADE; what has an `event` -> REPLY

In the venue's order (arg, action, data) a frame is read once; where `data` comes first it is skipped and read
afterwards. No byte outside [address, address + length) is ever read.
"""

import numpy as np

from shm.kernel import kernel, load_u8, load_u32
from trader.compile_hints import never_inlined
from trader.venues.decimals import natural
from trader.venues.json_bytes import (
    MINUS,
    Fault,
    refuse,
    skip_value,
)
from trader.venues.json_walk import (
    END,
    first_element,
    first_key,
    next_element,
    next_key,
    read_word,
)
from trader.venues.okx.fields import (
    ACTION,
    ARG,
    ASKS,
    BIDS,
    BOOKS_50,
    CHANNEL,
    CHANNELS,
    CHECKSUM,
    DATA,
    EVENT,
    INST_ID,
    KEYS,
    PREV_SEQ_ID,
    SEQ_ID,
    SNAPSHOT_ACTION,
    TRADES,
    TS,
    UPDATE_ACTION,
    WORDS,
)
from trader.venues.okx.trades import quoted_natural, read_trade
from trader.venues.scanner import (
    ABSENT,
    DEPTH,
    EVENT_MS_MAX,
    REPLY,
    SNAPSHOT,
    TRADE,
    Slot,
    begin_frame,
    end_frame,
    join_sides,
    read_symbol,
)
from trader.venues.text_levels import read_side

_PONG = int.from_bytes(b"pong", "little")
_TOP_DEPTH, _ARG_DEPTH, _DATA_DEPTH, _LEVEL_DEPTH = (np.int64(depth) for depth in (1, 2, 3, 5))
_BOOK_NEEDS = 1 << ASKS | 1 << BIDS | 1 << TS


@kernel
def scan(scanner, address, length):
    """What the `length` bytes at `address` are (MarketKind); see the module's docstring."""
    never_inlined()
    end = address + length
    p = begin_frame(scanner, address, end)
    scanner.values[Slot.CHANNEL] = 0
    if length == 4 and load_u32(address) == _PONG:
        scanner.kind = REPLY
        p = end
    elif p != 0:
        p = _read_frame(scanner, p, end, scanner.fault)
    return end_frame(scanner, address, p, end)


@kernel
def _read_frame(scanner, p, end, fault):
    """The outer object: arg, action, data. The address after it, or 0."""
    seen = action = deferred = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == ARG:
            p = _read_arg(scanner, p, end, fault)
        elif code == ACTION:
            action, p = read_word(p, end, WORDS, fault)
        elif code == DATA and seen & (1 << ARG):
            p = _read_data(scanner, p, end, fault)
        else:
            deferred = p if code == DATA else deferred
            p = skip_value(p, end, _TOP_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    if p != 0 and deferred != 0 and _read_data(scanner, deferred, end, fault) == 0:
        return 0
    if scanner.kind == DEPTH and p != 0:
        if action != SNAPSHOT_ACTION and action != UPDATE_ACTION:
            return refuse(fault, Fault.MISSING_FIELD, p - 1)
        scanner.kind = SNAPSHOT if action == SNAPSHOT_ACTION else DEPTH
    if seen & (1 << EVENT):
        scanner.kind = REPLY
    return p


@kernel
def _read_arg(scanner, p, end, fault):
    """The subscription that a frame belongs to: channel and instrument. The address after it, or 0."""
    never_inlined()
    seen = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == CHANNEL:
            scanner.values[Slot.CHANNEL], p = read_word(p, end, CHANNELS, fault)
        elif code == INST_ID:
            p = read_symbol(scanner, p, end, fault)
        else:
            p = skip_value(p, end, _ARG_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    return p


@kernel
def _read_data(scanner, p, end, fault):
    """The array of one book or of several trades. The address after it, or 0."""
    never_inlined()
    channel = scanner.values[Slot.CHANNEL]
    if channel == 0 or scanner.symbol < 0:
        scanner.symbol = scanner.symbol if channel != 0 else ABSENT
        return skip_value(p, end, _TOP_DEPTH, fault)
    books = 0
    more, p = first_element(p, end, fault)
    while more > END:
        if channel == TRADES:
            p = read_trade(scanner, p, end, fault)
        else:
            books += 1
            p = _read_book(scanner, p, end, fault) if books == 1 else refuse(fault, Fault.WRONG_TYPE, p)
        more, p = next_element(p, end, fault)
    if p != 0 and channel <= BOOKS_50 and books == 0:
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    if p != 0 and scanner.trade_count > 0:
        scanner.kind = TRADE
    return p


@kernel
def _read_book(scanner, p, end, fault):
    """Both sides, time, sequence and checksum of one book. The address after it, or 0."""
    never_inlined()
    values = scanner.values
    values[Slot.LAST_ID] = ABSENT
    values[Slot.PREVIOUS_ID] = ABSENT
    values[Slot.CHECKSUM] = ABSENT
    seen = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == ASKS or code == BIDS:
            _, _, p = read_side(scanner, p, end, code == ASKS, _LEVEL_DEPTH, fault)
        elif code == TS:
            values[Slot.EVENT_MS], p = quoted_natural(p, end, fault)
        elif code == SEQ_ID or code == PREV_SEQ_ID or code == CHECKSUM:
            value, p = _integer(p, end, fault)
            slot = Slot.LAST_ID if code == SEQ_ID else Slot.PREVIOUS_ID
            if code == CHECKSUM:
                values[Slot.CHECKSUM] = value & 0xFFFFFFFF
            else:
                values[slot] = value
        else:
            p = skip_value(p, end, _DATA_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    if p != 0 and (seen & _BOOK_NEEDS) != _BOOK_NEEDS:
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    if p != 0 and values[Slot.EVENT_MS] > EVENT_MS_MAX:
        return refuse(fault, Fault.OVERFLOW, p - 1)
    join_sides(scanner)
    scanner.kind = DEPTH
    return p


@kernel
def _integer(p, end, fault):
    """An integer that may be negative: (value, address after it or 0)."""
    if p < end and load_u8(p) == MINUS:
        value, p = natural(p + 1, end, fault)
        return -value, p
    return natural(p, end, fault)
