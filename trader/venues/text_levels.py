"""Arrays of ["price","size",...] texts to int64 pairs and the lengths of their texts: what checksums are made of.

    ["30249.5","50","0","1"],["354.11000000","0.89594024","1618678142.557535"]]
     price     size  further elements, skipped; where the last level's begin is told

A venue that computes a checksum over numbers as it writes them tells no less by "5.10" than by "5.1": the length of
each text is kept, and with the units of its value that gives the text again.
"""

from shm.kernel import inlined, kernel, load_u8, load_u16, store_i64, store_u16
from trader.compile_hints import never_inlined
from trader.venues.decimals import decimal, decimal_by_digit
from trader.venues.json_bytes import (
    CLOSE_ARRAY,
    COMMA,
    QUOTE,
    Fault,
    expect,
    refuse,
    skip_space,
    skip_string,
    skip_value,
)
from trader.venues.json_walk import END, next_member, open_array, open_text
from trader.venues.scanner import SIDE_LEVELS_MAX, note_count

LENGTH_MAX = 36
"""A longer text is refused: 18 digits, a point and some zeros are what a number of 64 bits can need."""

_OPEN_LEVEL = int.from_bytes(b'["', "little")
_BETWEEN = int.from_bytes(b',"', "little")
_NEXT_LEVEL = int.from_bytes(b"],", "little")
_REACH = 32


@inlined
def _skip_texts(p, end, fault):
    """Over further texts of a level, as many as there are without white space; 0 after a fault."""
    while p != 0 and p + 2 <= end and load_u16(p) == _BETWEEN:
        p = skip_string(p + 2, end, fault)
    return p


@kernel
def scan_text_levels(p, end, pairs, lengths, room, depth, scale, fault):
    """Pairs of the array at `p`, stored from the address `pairs`, lengths of their texts from `lengths`.

    Returns (count, address of the last level's further elements, address after the array); that last one is 0 after a
    fault, and more than `room` levels is one.
    """
    never_inlined()
    price, size = scale.price, scale.size
    p = open_array(p, end, fault)
    if p == 0:
        return 0, 0, 0
    count = further = 0
    more, p = next_member(p, end, CLOSE_ARRAY, True, fault)
    while more > END:
        if count >= room:
            return count, 0, refuse(fault, Fault.TOO_MANY_LEVELS, p)
        q = 0
        if p + _REACH <= end and load_u16(p) == _OPEN_LEVEL:
            ticks, q = decimal(p + 2, end, price, fault)
            if q == 0:
                return count, 0, 0
            length = q - p - 3
            at = q + 2
            q = q if q + _REACH <= end and load_u16(q) == _BETWEEN else 0
        if q != 0:
            lots, q = decimal(at, end, size, fault)
            if q == 0:
                return count, 0, 0
            size_length = q - at - 1
            further = q
            q = _skip_texts(q, end, fault)
            if q == 0:
                return count, 0, 0
            q = q if q + 2 <= end and load_u16(q) == _NEXT_LEVEL and max(length, size_length) <= LENGTH_MAX else 0
        if q != 0:
            store_i64(pairs + 16 * count, ticks)
            store_i64(pairs + 16 * count + 8, lots)
            store_u16(lengths + 2 * count, length | size_length << 8)
            count += 1
            p = q + 2
            continue
        further, p = _scan_level(skip_space(p, end), end, pairs + 16 * count, lengths + 2 * count, depth, scale, fault)
        if p == 0:
            return count, 0, 0
        count += 1
        more, p = next_member(p, end, CLOSE_ARRAY, False, fault)
    return count, further, p


@inlined
def read_side(scanner, p, end, asks, depth, fault):
    """The levels of one side of the scanner's symbol, to their place: as `scan_text_levels` returns."""
    first = SIDE_LEVELS_MAX if asks else 0
    pairs, lengths = scanner.levels.ctypes.data + 16 * first, scanner.lengths.ctypes.data + 2 * first
    scale = scanner.scales[scanner.symbol]
    count, further, p = scan_text_levels(p, end, pairs, lengths, SIDE_LEVELS_MAX, depth, scale, fault)
    note_count(scanner, asks, count)
    return count, further, p


@inlined
def _text(p, end, unit, fault):
    """The number in the text at `p`: (units, length of the text, address after its quote or 0)."""
    start = open_text(p, end, fault)
    if start == 0:
        return 0, 0, 0
    units, p = decimal_by_digit(start, end, unit, fault)
    if p != 0 and p - start - 1 > LENGTH_MAX:
        return 0, 0, refuse(fault, Fault.NUMBER, start)
    return units, p - start - 1, p


@kernel
def _scan_level(p, end, pair, length, depth, scale, fault):
    """One level in any spacing: (address of its further elements, address after its bracket or 0)."""
    never_inlined()
    p = open_array(p, end, fault)
    if p == 0:
        return 0, 0
    ticks, price_length, p = _text(skip_space(p, end), end, scale.price, fault)
    p = expect(p, end, COMMA, fault) if p != 0 else 0
    if p == 0:
        return 0, 0
    lots, size_length, p = _text(skip_space(p, end), end, scale.size, fault)
    if p == 0:
        return 0, 0
    store_i64(pair, ticks)
    store_i64(pair + 8, lots)
    store_u16(length, price_length | size_length << 8)
    further = skip_space(p, end)
    return further, end_level(further, end, depth, fault)


@inlined
def end_level(p, end, depth, fault):
    """Over further elements of a level, and its bracket; 0 after a fault."""
    p = skip_space(p, end)
    while p < end and load_u8(p) == COMMA:
        p = skip_value(p + 1, end, depth, fault)
        if p == 0:
            return 0
        p = skip_space(p, end)
    return expect(p, end, CLOSE_ARRAY, fault)


@inlined
def first_further_text(p, end):
    """Where the first of a level's further elements begins, after its quote; 0 if there is none, or it is no text."""
    p = skip_space(p, end)
    if p >= end or load_u8(p) != COMMA:
        return 0
    p = skip_space(p + 1, end)
    return p + 1 if p < end and load_u8(p) == QUOTE else 0
