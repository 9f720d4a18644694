"""One frame of OKX's stream, scanned from raw bytes into a MARKET_SCANNER.

    books, books-l2-tbt, books50-l2-tbt -> SNAPSHOT or DEPTH; trades -> TRADE; what has an `event` -> REPLY

In the venue's order (arg, action, data) a frame is read once; where `data` comes first it is skipped and read
afterwards. No byte outside [address, address + length) is ever read.
"""

import numpy as np

from shm.kernel import address_of_array, kernel, load_u8, load_u32
from trader.compile_hints import never_inlined
from trader.venues.decimals import natural
from trader.venues.json_bytes import (
    FRAME_BYTES_MAX,
    MINUS,
    Fault,
    refuse,
    skip_space,
    skip_string,
    skip_value,
)
from trader.venues.json_walk import END, next_element, next_key, open_array, open_object, open_text, text_code
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
)
from trader.venues.okx.trades import quoted_natural, read_trade, read_word
from trader.venues.scanner import (
    BAD,
    DEPTH,
    EVENT_MS_MAX,
    OTHER,
    REPLY,
    SIDE_LEVELS_MAX,
    SNAPSHOT,
    TRADE,
    MarketKind,
    Slot,
    join_sides,
    match_symbol,
)
from trader.venues.text_levels import scan_text_levels

_PONG = int.from_bytes(b"pong", "little")
_TOP_DEPTH, _ARG_DEPTH, _DATA_DEPTH, _LEVEL_DEPTH = (np.int64(depth) for depth in (1, 2, 3, 5))
_NONE, _FOREIGN = -1, -2
_BOOK_NEEDS = 1 << ASKS | 1 << BIDS | 1 << TS


def scan_bytes(scanner: np.ndarray, frame: bytes) -> MarketKind:
    """Scan one frame from Python (tools, tests): `scanner` as made by new_record(MARKET_SCANNER)."""
    raw = np.frombuffer(frame or b" ", dtype=np.uint8)
    return MarketKind(scan(scanner[0], address_of_array(raw), len(frame)))


@kernel
def scan(scanner, address, length):
    """What the `length` bytes at `address` are (MarketKind); see the module's docstring."""
    never_inlined()
    fault = scanner.fault
    fault.code = 0
    fault.address = address
    end = address + length
    scanner.kind = OTHER
    scanner.symbol = _NONE
    scanner.bid_count = 0
    scanner.ask_count = 0
    scanner.trade_count = 0
    scanner.values[Slot.CHANNEL] = 0
    if length > FRAME_BYTES_MAX:
        refuse(fault, Fault.TOO_LONG, address + FRAME_BYTES_MAX)
    elif length == 4 and load_u32(address) == _PONG:
        scanner.kind = REPLY
    else:
        p = _read_frame(scanner, skip_space(address, end), end, fault)
        if p != 0 and skip_space(p, end) != end:
            refuse(fault, Fault.TRAILING, skip_space(p, end))
    if fault.code != 0:
        scanner.fault_offset = fault.address - address
        scanner.kind = BAD
    return scanner.kind


@kernel
def _read_frame(scanner, p, end, fault):
    """The outer object: arg, action, data. The address after it, or 0."""
    p = open_object(p, end, fault)
    if p == 0:
        return 0
    seen = action = deferred = 0
    code, p = next_key(p, end, KEYS, seen, True, fault)
    while code > END:
        seen |= 1 << code
        if code == ARG:
            p = _read_arg(scanner, p, end, fault)
        elif code == ACTION:
            action, p = read_word(p, end, fault)
        elif code == DATA and seen & (1 << ARG):
            p = _read_data(scanner, p, end, fault)
        else:
            deferred = p if code == DATA else deferred
            p = skip_value(p, end, _TOP_DEPTH, fault)
        if p == 0:
            return 0
        code, p = next_key(p, end, KEYS, seen, False, fault)
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
    p = open_object(p, end, fault)
    if p == 0:
        return 0
    seen = 0
    code, p = next_key(p, end, KEYS, seen, True, fault)
    while code > END:
        seen |= 1 << code
        if code == CHANNEL or code == INST_ID:
            text = open_text(p, end, fault)
            if text == 0:
                return 0
            if code == CHANNEL:
                scanner.values[Slot.CHANNEL] = text_code(text, end, CHANNELS)[0]
            else:
                found = match_symbol(scanner.names, scanner.symbol_count, text, end)
                scanner.symbol = found if found >= 0 else _FOREIGN
            p = skip_string(text, end, fault)
        else:
            p = skip_value(p, end, _ARG_DEPTH, fault)
        if p == 0:
            return 0
        code, p = next_key(p, end, KEYS, seen, False, fault)
    return p


@kernel
def _read_data(scanner, p, end, fault):
    """The array of one book or of several trades. The address after it, or 0."""
    never_inlined()
    channel = scanner.values[Slot.CHANNEL]
    if channel == 0 or scanner.symbol < 0:
        scanner.symbol = scanner.symbol if channel != 0 else _NONE
        return skip_value(p, end, _TOP_DEPTH, fault)
    p = open_array(p, end, fault)
    if p == 0:
        return 0
    books = 0
    more, p = next_element(p, end, True, fault)
    while more > END:
        if channel == TRADES:
            p = read_trade(scanner, p, end, fault)
        else:
            books += 1
            p = _read_book(scanner, p, end, fault) if books == 1 else refuse(fault, Fault.WRONG_TYPE, p)
        if p == 0:
            return 0
        more, p = next_element(p, end, False, fault)
    if p != 0 and channel <= BOOKS_50 and books == 0:
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    if p != 0 and scanner.trade_count > 0:
        scanner.kind = TRADE
    return p


@kernel
def _read_book(scanner, p, end, fault):
    """Both sides, time, sequence and checksum of one book. The address after it, or 0."""
    never_inlined()
    p = open_object(p, end, fault)
    if p == 0:
        return 0
    values = scanner.values
    values[Slot.LAST_ID] = _NONE
    values[Slot.PREVIOUS_ID] = _NONE
    values[Slot.CHECKSUM] = _NONE
    scale = scanner.scales[scanner.symbol]
    seen = 0
    code, p = next_key(p, end, KEYS, seen, True, fault)
    while code > END:
        seen |= 1 << code
        if code == ASKS or code == BIDS:
            first = SIDE_LEVELS_MAX if code == ASKS else 0
            pairs, lengths = scanner.levels.ctypes.data + 16 * first, scanner.lengths.ctypes.data + 2 * first
            count, _, p = scan_text_levels(p, end, pairs, lengths, SIDE_LEVELS_MAX, _LEVEL_DEPTH, scale, fault)
            if code == ASKS:
                scanner.ask_count = count
            else:
                scanner.bid_count = count
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
        if p == 0:
            return 0
        code, p = next_key(p, end, KEYS, seen, False, fault)
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
