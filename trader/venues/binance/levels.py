"""Arrays of [price, size] texts to int64 pairs.

    ["61496.50","0.010"],["61510.90","0.000"]]
    ^p                   one turn of the loop  ^ ends the array

Levels in the venue's own spacing are read by their shape (`level_shape`); one with white space, extra elements or
numbers that no shape is of takes the careful path, alone.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_u8, load_u16, load_u32, store_i64
from trader.compile_hints import never_inlined
from trader.venues.decimals import decimal_by_digit
from trader.venues.digit_marks import WINDOW, count_digits
from trader.venues.json_bytes import (
    CLOSE_ARRAY,
    COMMA,
    OPEN_ARRAY,
    QUOTE,
    Fault,
    expect,
    refuse,
    skip_space,
)
from trader.venues.json_walk import END, next_member, open_text
from trader.venues.level_shape import read_alike
from trader.venues.text_levels import end_level

_OPEN_LEVEL, _BETWEEN = (int.from_bytes(text, "little") for text in (b'["', b'","'))
_START, _BETWEEN_BYTES = np.int64(len('["')), np.int64(len('","'))


@kernel
def _find_numbers(p, marks, length):
    """Where price and size stand in the level at `p`: (its length, 0 if it is spelled otherwise, price, size, 0)."""
    never_inlined()
    price, size = (_START, 0, 0), (_START, 0, 0)
    if load_u16(p) != _OPEN_LEVEL:
        return 0, price, size, 0
    count, behind = count_digits(p, marks, _START)
    middle = _START + count + 1 + behind
    start = middle + _BETWEEN_BYTES
    if start >= WINDOW or (load_u32(p + middle) & 0xFFFFFF) != _BETWEEN:
        return 0, price, size, 0
    size_count, size_behind = count_digits(p, marks, start)
    after = start + size_count + 1 + size_behind
    price, size = (_START, count, behind), (start, size_count, size_behind)
    return length if after + 2 == length and load_u8(p + after) == QUOTE else 0, price, size, 0


@kernel
def _read_usual(scanner, p, end, pairs, room):
    never_inlined()
    return read_alike(scanner, p, end, pairs, room, _find_numbers, CLOSE_ARRAY, True)


@kernel
def scan_levels(scanner, p, end, pairs, room, depth, fault):
    """Pairs (price_ticks, size_lots) of the array whose bracket is behind `p`, stored from the address `pairs`.

    Returns (count of levels, address after the array's closing bracket), address 0 after a fault; more than
    `room` levels is one.
    """
    never_inlined()
    scale = scanner.scales[scanner.symbol]
    count = 0
    more, p = next_member(p, end, CLOSE_ARRAY, True, fault)
    while more > END:
        taken, p, behind = _read_usual(scanner, p, end, pairs + 16 * count, room - count)
        count += taken
        if not behind:
            if count >= room:
                return count, refuse(fault, Fault.TOO_MANY_LEVELS, p)
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
