"""One frame of Kraken's first stream, scanned from raw bytes into a MARKET_SCANNER.

    book-N -> SNAPSHOT or DEPTH, N in DEPTH_LIMIT; trade -> TRADE; subscriptions and their errors -> REPLY

What a frame is about stands at its end: channel and pair are looked for from there, and found again when the frame is
read; where they do not stand as the venue writes them, it is walked once before. No byte outside
[address, address + length) is ever read.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.decimals import natural
from trader.venues.json_bytes import (
    CLOSE_ARRAY,
    COMMA,
    OPEN_ARRAY,
    OPEN_OBJECT,
    QUOTE,
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
    open_text,
    text_code,
)
from trader.venues.kraken_v1.fields import AS, BS, CHANNELS, EVENT, EVENTS, KEYS, TRADES, A, B, C
from trader.venues.kraken_v1.times import note_time, note_times
from trader.venues.kraken_v1.trades import read_trades
from trader.venues.scanner import (
    ABSENT,
    DEPTH,
    FOREIGN,
    OTHER,
    REPLY,
    SNAPSHOT,
    Slot,
    begin_frame,
    end_frame,
    join_sides,
    note_symbol,
)
from trader.venues.text_levels import read_side

NAME_BYTES_MAX = 32
"""Channel and pair, looked for from the end, are not longer."""

_TOP_DEPTH, _BOOK_DEPTH, _LEVEL_DEPTH = (np.int64(depth) for depth in (1, 2, 4))
_BACKSLASH = ord("\\")
_WHOLE_NEEDS = 1 << AS | 1 << BS
_BOOK_KEYS = _WHOLE_NEEDS | 1 << A | 1 << B


@kernel
def scan(scanner, address, length):
    """What the `length` bytes at `address` are (MarketKind); see the module's docstring."""
    never_inlined()
    end = address + length
    p = begin_frame(scanner, address, end)
    if p != 0 and p < end and load_u8(p) == OPEN_OBJECT:
        p = _read_event(scanner, p, end, scanner.fault)
    elif p != 0:
        p = _read_frame(scanner, p, end, scanner.fault)
    return end_frame(scanner, address, p, end)


@kernel
def _read_event(scanner, p, end, fault):
    """An object that is no market data. The address after it, or 0."""
    never_inlined()
    seen = event = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == EVENT and load_u8(p) == QUOTE:
            event = text_code(p + 1, end, EVENTS)[0]
        p = skip_value(p, end, _TOP_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    scanner.kind = REPLY if event == 0 and seen & (1 << EVENT) else OTHER
    return p


@inlined
def _text_before(p, start):
    """Where the text begins that ends in a quote right before `p`, after its own quote; 0 if it does not look so."""
    if p - 1 <= start or load_u8(p - 1) != QUOTE:
        return 0
    text = p - 1
    while text > start and p - text < NAME_BYTES_MAX:
        byte = load_u8(text - 1)
        if byte == QUOTE:
            return text if text - 1 > start and load_u8(text - 2) != _BACKSLASH else 0
        text -= 1
    return 0


@inlined
def _names_at_end(start, end):
    """Channel and pair as the venue writes them at the end of a frame: `,"book-1000","XBT/USD"]`; 0 and 0 else."""
    if end - 1 <= start or load_u8(end - 1) != CLOSE_ARRAY:
        return 0, 0
    pair = _text_before(end - 1, start)
    if pair == 0 or pair - 2 <= start or load_u8(pair - 2) != COMMA:
        return 0, 0
    return _text_before(pair - 2, start), pair


@kernel
def _find_names(p, end, fault):
    """The same by walking the frame: the last two elements, if both are texts; 0 and 0 else."""
    never_inlined()
    channel = pair = 0
    more, p = first_element(p, end, fault)
    while more > END:
        channel = pair
        pair = p + 1 if load_u8(p) == QUOTE else 0
        p = skip_value(p, end, _TOP_DEPTH, fault)
        more, p = next_element(p, end, fault)
    return (channel, pair) if channel != 0 and pair != 0 else (0, 0)


@kernel
def _read_frame(scanner, p, end, fault):
    """An array: number, contents, channel, pair. The address after it, or 0."""
    never_inlined()
    channel, pair = _names_at_end(p, end)
    if channel == 0:
        channel, pair = _find_names(p, end, fault)
        if fault.code != 0:
            return 0
    about = 0
    if channel != 0:
        about = text_code(channel, end, CHANNELS)[0]
        note_symbol(scanner, pair, end)
        if scanner.symbol == FOREIGN and about == 0:
            scanner.symbol = ABSENT
    seen = met = 0
    more, p = first_element(p, end, fault)
    while more > END:
        if p == channel - 1 or p == pair - 1:
            met += 1
        byte = load_u8(p)
        if about > TRADES and scanner.symbol >= 0 and byte == OPEN_OBJECT:
            seen, p = _read_book(scanner, p, end, seen, fault)
        elif about == TRADES and scanner.symbol >= 0 and byte == OPEN_ARRAY:
            p = read_trades(scanner, p, end, fault)
        else:
            p = skip_value(p, end, _TOP_DEPTH, fault)
        more, p = next_element(p, end, fault)
    if p == 0:
        return 0
    if channel != 0 and met != 2:
        return refuse(fault, Fault.SYNTAX, channel)
    if about > TRADES and scanner.symbol >= 0:
        return _finish_book(scanner, p, seen, about, fault)
    return p


@inlined
def _finish_book(scanner, p, seen, depth, fault):
    """A snapshot has both sides, an update one at least; never one of each."""
    whole = seen & _WHOLE_NEEDS
    changed = seen & (1 << A | 1 << B)
    if (whole != 0) == (changed != 0) or (whole != 0 and whole != _WHOLE_NEEDS):
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    join_sides(scanner)
    scanner.values[Slot.DEPTH_LIMIT] = depth
    if not seen & (1 << C):
        scanner.values[Slot.CHECKSUM] = ABSENT
    scanner.kind = SNAPSHOT if whole != 0 else DEPTH
    return p


@kernel
def _read_book(scanner, p, end, seen, fault):
    """One object of a book; a side may stand in only one of a frame's. (Keys so far, address after it or 0.)"""
    never_inlined()
    if not seen & _BOOK_KEYS:
        scanner.values[Slot.EVENT_NS] = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == C:
            p = _read_checksum(scanner, p, end, fault)
        elif seen & _BOOK_KEYS & (1 << code):
            asks = code == A or code == AS
            opened = p
            count, further, p = read_side(scanner, p, end, asks, _LEVEL_DEPTH, fault)
            if p != 0 and count > 0 and not note_time(scanner, further, end, fault):
                return seen, 0
            if p != 0 and (code == AS or code == BS) and not note_times(scanner, opened, count, end, fault):
                return seen, 0
        else:
            p = skip_value(p, end, _BOOK_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    return seen, p


@inlined
def _read_checksum(scanner, p, end, fault):
    text = open_text(p, end, fault)
    if text == 0:
        return 0
    value, p = natural(text, end, fault)
    if p == 0:
        return 0
    scanner.values[Slot.CHECKSUM] = value
    return p + 1 if load_u8(p) == QUOTE else refuse(fault, Fault.NUMBER, p)
