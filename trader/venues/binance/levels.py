"""Arrays of [price, size] texts to int64 pairs.

    ["61496.50","0.010"],["61510.90","0.000"]]
    ^p                   one turn of the loop  ^ ends the array

A level in the venue's own spacing costs one bounds check; white space, extra elements and the end of the
buffer take the careful path for that level alone.
"""

from shm.kernel import inlined, kernel, load_u16, store_i64
from trader.compile_hints import never_inlined
from trader.venues.decimals import decimal, decimal_by_digit
from trader.venues.json_bytes import (
    CLOSE_ARRAY,
    COMMA,
    OPEN_ARRAY,
    Fault,
    expect,
    refuse,
    skip_space,
)
from trader.venues.json_walk import END, next_member, open_text
from trader.venues.text_levels import end_level

LEVEL_BYTES_MAX = 64
"""The fast path's reach: two texts of at most 18 bytes, their punctuation, and whole-word loads."""

_OPEN_LEVEL = int.from_bytes(b'["', "little")
_BETWEEN = int.from_bytes(b',"', "little")
_NEXT_LEVEL = int.from_bytes(b"],", "little")


@kernel
def scan_levels(p, end, pairs, room, depth, scale, fault):
    """Pairs (price_ticks, size_lots) of the array whose bracket is behind `p`, stored from the address `pairs`.

    Returns (count of levels, address after the array's closing bracket), address 0 after a fault; more than
    `room` levels is one.
    """
    never_inlined()
    price, size = scale.price, scale.size
    count = 0
    more, p = next_member(p, end, CLOSE_ARRAY, True, fault)
    while more > END:
        if count >= room:
            return count, refuse(fault, Fault.TOO_MANY_LEVELS, p)
        if p + LEVEL_BYTES_MAX <= end and load_u16(p) == _OPEN_LEVEL:
            ticks, q = decimal(p + 2, end, price, fault)
            if q == 0:
                return count, 0
            if q + LEVEL_BYTES_MAX <= end and load_u16(q) == _BETWEEN:
                lots, q = decimal(q + 2, end, size, fault)
                if q == 0:
                    return count, 0
                if q + 2 <= end and load_u16(q) == _NEXT_LEVEL:
                    store_i64(pairs + 16 * count, ticks)
                    store_i64(pairs + 16 * count + 8, lots)
                    count += 1
                    p = q + 2
                    continue
        p = _scan_level(p, end, pairs + 16 * count, depth, scale, fault)
        if p == 0:
            return count, 0
        count += 1
        more, p = next_member(p, end, CLOSE_ARRAY, False, fault)
    return count, p


@inlined
def _text(p, end, unit, fault):
    """The number in the text at `p`, after any white space: (units, address after its quote or 0)."""
    p = open_text(skip_space(p, end), end, fault)
    return decimal_by_digit(p, end, unit, fault) if p != 0 else (0, 0)


@kernel
def _scan_level(p, end, pair, depth, scale, fault):
    """One level with any white space and any further elements; returns the address after its bracket, or 0."""
    never_inlined()
    p = expect(p, end, OPEN_ARRAY, fault)
    if p == 0:
        return 0
    ticks, p = _text(p, end, scale.price, fault)
    p = expect(p, end, COMMA, fault) if p != 0 else 0
    if p == 0:
        return 0
    lots, p = _text(p, end, scale.size, fault)
    if p == 0:
        return 0
    store_i64(pair, ticks)
    store_i64(pair + 8, lots)
    return end_level(p, end, depth + 2, fault)


@kernel
def swap_sides(pairs, first, second):
    """Rotate `first` pairs followed by `second` pairs so that the second run comes first (rare: asks came first).

    In place, by three reversals: of each run, then of the whole.
    """
    never_inlined()
    for turn in range(3):
        low = first if turn == 1 else 0
        high = (first if turn == 0 else first + second) - 1
        while low < high:
            for part in range(2):
                value = pairs[2 * low + part]
                pairs[2 * low + part] = pairs[2 * high + part]
                pairs[2 * high + part] = value
            low += 1
            high -= 1
