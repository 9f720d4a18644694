"""Arrays of {"price":45283.5,"qty":0.1} objects to int64 pairs; numbers are not quoted.

A level in the venue's own spelling costs a few word comparisons; another order, white space, further keys and the end
of the buffer take the careful path for that level alone.
"""

from shm.kernel import inlined, kernel, load_i64, load_u8, store_i64
from trader.compile_hints import never_inlined
from trader.venues.decimals import bare_decimal
from trader.venues.json_bytes import (
    CLOSE_ARRAY,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    NINE,
    ZERO,
    Fault,
    refuse,
    skip_space,
)
from trader.venues.json_walk import END, next_member, open_array
from trader.venues.kraken.fields import KEYS, PRICE, QTY
from trader.venues.object_levels import scan_level

REACH = 48

_PRICE = int.from_bytes(b'{"price"', "little")
_QTY = int.from_bytes(b',"qty":', "little")
_SEVEN = (1 << 56) - 1


@inlined
def _is_digit(p):
    return ZERO <= load_u8(p) <= NINE


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
        if p + REACH <= end and load_i64(p) == _PRICE and load_u8(p + 8) == COLON and _is_digit(p + 9):
            ticks, q = bare_decimal(p + 9, end, price, fault)
            if q == 0:
                return count, 0
            if q + REACH <= end and (load_i64(q) & _SEVEN) == _QTY and _is_digit(q + 7):
                lots, q = bare_decimal(q + 7, end, size, fault)
                if q == 0:
                    return count, 0
                if q + 2 <= end and load_u8(q) == CLOSE_OBJECT:
                    byte = load_u8(q + 1)
                    if byte == COMMA or byte == CLOSE_ARRAY:
                        store_i64(pairs + 16 * count, ticks)
                        store_i64(pairs + 16 * count + 8, lots)
                        count += 1
                        p = q + 2
                        if byte == CLOSE_ARRAY:
                            return count, p
                        continue
        p = scan_level(skip_space(p, end), end, pairs + 16 * count, KEYS, PRICE, QTY, False, depth, scale, fault)
        if p == 0:
            return count, 0
        count += 1
        more, p = next_member(p, end, CLOSE_ARRAY, False, fault)
    return count, p
