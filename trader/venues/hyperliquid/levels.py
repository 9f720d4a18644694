"""Arrays of {"px":"105055.0","sz":"3.03622","n":5} objects to int64 pairs.

    {"px":"105055.0","sz":"3.03622","n":5},      the documented order
    {"n":5,"px":"105055.0","sz":"3.03622"},      as it was sent in 2025
    ^p                                     ^ next level, or the end of the side

A level in either spelling costs a few word comparisons; any other order, white space, further keys and the end of
the buffer take the careful path for that level alone.
"""

from shm.kernel import inlined, kernel, load_i64, load_u8, store_i64
from trader.compile_hints import never_inlined
from trader.venues.decimals import decimal
from trader.venues.hyperliquid.fields import KEYS, PX, SZ
from trader.venues.json_bytes import (
    CLOSE_ARRAY,
    CLOSE_OBJECT,
    COMMA,
    NINE,
    ZERO,
    Fault,
    refuse,
    skip_space,
)
from trader.venues.json_walk import END, next_member, open_array
from trader.venues.object_levels import scan_level

LEVEL_BYTES_MAX = 96
"""The fast path's reach: two texts of at most 18 bytes, a count of at most 8 digits, keys, and whole-word loads."""

COUNT_BYTES_MAX = 8


def _word(text: bytes) -> int:
    return int.from_bytes(text, "little")


_PX_FIRST, _PX_NEXT, _SZ, _N_FIRST, _N_NEXT = (
    _word(text) for text in (b'{"px":"', b',"px":"', b',"sz":"', b'{"n":', b',"n":')
)
_SEVEN, _FIVE = (1 << 56) - 1, (1 << 40) - 1


@inlined
def _skip_count(p):
    """Over a count of 1 to COUNT_BYTES_MAX digits: the address after it, or 0 where the careful path shall look."""
    start = p
    while p - start < COUNT_BYTES_MAX and ZERO <= load_u8(p) <= NINE:
        p += 1
    return p if p > start and (load_u8(start) != ZERO or p == start + 1) else 0


@inlined
def _price_text(p):
    """Where the price's digits begin in a level of either spelling, 0 in any other; and whether the count is over."""
    word = load_i64(p)
    if (word & _FIVE) == _N_FIRST:
        q = _skip_count(p + 5)
        return q + 7 if q != 0 and (load_i64(q) & _SEVEN) == _PX_NEXT else 0, True
    return p + 7 if (word & _SEVEN) == _PX_FIRST else 0, False


@inlined
def _level_end(q, end, counted):
    """The comma or bracket after a level of which only the count, if that, is left; 0 where something else stands."""
    if not counted and q + 16 <= end and (load_i64(q) & _FIVE) == _N_NEXT:
        q = _skip_count(q + 5)
        counted = q != 0
    if counted and q + 2 <= end and load_u8(q) == CLOSE_OBJECT:
        byte = load_u8(q + 1)
        if byte == COMMA or byte == CLOSE_ARRAY:
            return q + 1
    return 0


@kernel
def scan_side(p, end, pairs, room, depth, scale, fault):
    """Pairs (price_ticks, size_lots) of the array at `p`, stored from the address `pairs`: (count, address after it).

    Address 0 after a fault; more than `room` levels is one.
    """
    never_inlined()
    price, size = scale.price, scale.size
    p = open_array(p, end, fault)
    if p == 0:
        return 0, 0
    count = 0
    more, p = next_member(p, end, CLOSE_ARRAY, True, fault)
    while more > END:
        if count >= room:
            return count, refuse(fault, Fault.TOO_MANY_LEVELS, p)
        q, counted = _price_text(p) if p + LEVEL_BYTES_MAX <= end else (0, False)
        if q != 0:
            ticks, q = decimal(q, end, price, fault)
            if q == 0:
                return count, 0
            if q + LEVEL_BYTES_MAX <= end and (load_i64(q) & _SEVEN) == _SZ:
                lots, q = decimal(q + 7, end, size, fault)
                if q == 0:
                    return count, 0
                q = _level_end(q, end, counted)
                if q != 0:
                    store_i64(pairs + 16 * count, ticks)
                    store_i64(pairs + 16 * count + 8, lots)
                    count += 1
                    if load_u8(q) == CLOSE_ARRAY:
                        return count, q + 1
                    p = q + 1
                    continue
        p = scan_level(skip_space(p, end), end, pairs + 16 * count, KEYS, PX, SZ, True, depth, scale, fault)
        if p == 0:
            return count, 0
        count += 1
        more, p = next_member(p, end, CLOSE_ARRAY, False, fault)
    return count, p
