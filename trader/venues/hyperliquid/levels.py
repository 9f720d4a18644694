"""Arrays of {"px":"105055.0","sz":"3.03622","n":5} objects to int64 pairs.

    {"px":"105055.0","sz":"3.03622","n":5},      the documented order
    {"n":5,"px":"105055.0","sz":"3.03622"},      as it was sent in 2025
    ^p                                     ^ next level, or the end of the side

Levels in either spelling are read by their shape (`level_shape`); one in any other order, with white space or further
keys takes the careful path, alone. Most differ from the one before in the digits of count or size, so no shape is
usual.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_i64, load_u8
from trader.compile_hints import never_inlined
from trader.intrinsics import trailing_zeros
from trader.venues.digit_marks import WINDOW, count_digits
from trader.venues.hyperliquid.fields import KEYS, PX, SZ
from trader.venues.json_bytes import CLOSE_ARRAY, CLOSE_OBJECT, QUOTE, ZERO, Fault, refuse, skip_space
from trader.venues.json_walk import END, next_member, open_array
from trader.venues.level_shape import read_alike
from trader.venues.object_levels import scan_level

_PX_FIRST, _PX_NEXT, _SZ, _N_FIRST, _N_NEXT = (
    int.from_bytes(text, "little") for text in (b'{"px":"', b',"px":"', b'","sz":"', b'{"n":', b',"n":')
)
_SEVEN, _FIVE = (1 << 56) - 1, (1 << 40) - 1
_COUNT, _PRICE = np.int64(len('{"n":')), np.int64(len('{"px":"'))
_TO_SIZE = np.int64(len('","sz":"'))


@inlined
def _count_end(p, marks, start):
    """(Behind the count of orders at p + start, bit of its first digit if that must not be 0); (0, 0) if it is none."""
    digits = trailing_zeros(~(marks >> start))
    if digits == 0 or (digits > 1 and load_u8(p + start) == ZERO):
        return 0, 0
    return start + digits, 1 << start if digits > 1 else 0


@kernel
def _find_numbers(p, marks, length):
    """Where price and size stand in the level at `p`: (its length, 0 if it is spelled otherwise, price, size, bit of a
    digit that must not be 0)."""
    never_inlined()
    price = size = (_PRICE, 0, 0)
    start, leading = _PRICE, 0
    counted = (load_i64(p) & _FIVE) == _N_FIRST
    if counted:
        between, leading = _count_end(p, marks, _COUNT)
        start = between + _PRICE
        if between == 0 or start >= WINDOW or (load_i64(p + between) & _SEVEN) != _PX_NEXT:
            return 0, price, size, 0
    elif (load_i64(p) & _SEVEN) != _PX_FIRST:
        return 0, price, size, 0
    count, behind = count_digits(p, marks, start)
    middle = start + count + 1 + behind
    size_start = middle + _TO_SIZE
    if size_start >= WINDOW or load_i64(p + middle) != _SZ:
        return 0, price, size, 0
    size_count, size_behind = count_digits(p, marks, size_start)
    after = size_start + size_count + 1 + size_behind
    price, size = (start, count, behind), (size_start, size_count, size_behind)
    if load_u8(p + after) != QUOTE:
        return 0, price, size, 0
    if counted:
        return length if after + 2 == length else 0, price, size, leading
    if after + 1 + _COUNT >= WINDOW or (load_i64(p + after + 1) & _FIVE) != _N_NEXT:
        return 0, price, size, 0
    after, leading = _count_end(p, marks, after + 1 + _COUNT)
    return length if after + 1 == length else 0, price, size, leading


@kernel
def _read_usual(scanner, p, end, pairs, room):
    never_inlined()
    return read_alike(scanner, p, end, pairs, room, _find_numbers, CLOSE_OBJECT, False)


@kernel
def scan_side(scanner, p, end, pairs, room, depth, fault):
    """Pairs (price_ticks, size_lots) of the array at `p`, stored from the address `pairs`: (count, address after it).

    Address 0 after a fault; more than `room` levels is one.
    """
    never_inlined()
    p = open_array(p, end, fault)
    if p == 0:
        return 0, 0
    scale = scanner.scales[scanner.symbol]
    count = 0
    more, p = next_member(p, end, CLOSE_ARRAY, True, fault)
    while more > END:
        taken, p, behind = _read_usual(scanner, p, end, pairs + 16 * count, room - count)
        count += taken
        if not behind:
            if count >= room:
                return count, refuse(fault, Fault.TOO_MANY_LEVELS, p)
            p = scan_level(skip_space(p, end), end, pairs + 16 * count, KEYS, PX, SZ, True, depth, scale, fault)
            if p == 0:
                return count, 0
            count += 1
        more, p = next_member(p, end, CLOSE_ARRAY, False, fault)
    return count, p
