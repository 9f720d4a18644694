"""Integers and units to decimal text, eight digits at a time, straight into the outgoing bytes.

Writers return the address after the last byte of the text; up to seven bytes behind it may be written too.
"""

import numpy as np

from shm.kernel import inlined, kernel, store_i64, store_u8
from trader.intrinsics import trailing_zeros

POWERS = np.array([10**i for i in range(19)], dtype=np.int64)
_BLOCK = 10**8
_ASCII = int.from_bytes(b"0" * 8, "little")
_DOT = ord(".")


@inlined
def digits8(value):
    """The eight digits of a value below 10 ** 8 as bytes 0 to 9, the first one lowest: three divisions for all."""
    fours = value // 10_000
    fours |= (value - fours * 10_000) << 32
    hundreds = ((fours * 10_486) >> 20) & 0x7F_0000_007F
    twos = hundreds | ((fours - hundreds * 100) << 16)
    tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F
    return tens | ((twos - tens * 10) << 8)


@inlined
def _put_short(at, value):
    """Write a value from 0 to 10 ** 8 - 1; eight bytes are written."""
    digits = digits8(value)
    skipped = min(trailing_zeros(digits) >> 3, 7)
    store_i64(at, (digits + _ASCII) >> (8 * skipped))
    return at + 8 - skipped


@kernel
def put_decimal(at, value):
    """Write an integer from 0 to 2 ** 63 - 1."""
    if value < _BLOCK:
        return _put_short(at, value)
    high = value // _BLOCK
    if high < _BLOCK:
        at = _put_short(at, high)
    else:
        higher = high // _BLOCK
        at = _put_short(at, higher)
        store_i64(at, digits8(high - higher * _BLOCK) + _ASCII)
        at += 8
    store_i64(at, digits8(value - high * _BLOCK) + _ASCII)
    return at + 8


@kernel
def put_units(at, units, decimals, multiple):
    """Write units * multiple / 10 ** decimals with all its decimals, 0 to 8. The product is below 10 ** 18."""
    value = units * multiple
    if decimals == 0:
        return put_decimal(at, value)
    whole = value // POWERS[decimals]
    at = put_decimal(at, whole)
    store_u8(at, _DOT)
    store_i64(at + 1, (digits8(value - whole * POWERS[decimals]) + _ASCII) >> (8 * (8 - decimals)))
    return at + 1 + decimals


@inlined
def _integer_digits(value):
    """How many digits an integer has, 1 for 0."""
    count = 1
    while count < 18 and value >= POWERS[count]:
        count += 1
    return count


@kernel
def put_as_written(at, units, length, decimals, multiple, dot):
    """Write units * multiple / 10 ** decimals as the text of `length` bytes that it was read from.

    The length tells how many decimals were written. Without `dot` point and leading zeros are left out. A text with
    superfluous leading zeros is not what comes out, and what has no room in int64 is cut: a checksum will differ.
    """
    value = units * multiple
    whole = value // POWERS[decimals]
    digits = _integer_digits(whole)
    places = max(length - digits - 1, 0)
    if places >= decimals:
        scaled = value * POWERS[min(places - decimals, 18)]
    else:
        scaled = value // POWERS[decimals - places]
    if not dot or places == 0:
        return put_decimal(at, scaled)
    at = put_decimal(at, whole)
    store_u8(at, _DOT)
    return _put_padded(at + 1, scaled - whole * POWERS[min(places, 18)], places)


@inlined
def _put_padded(at, value, places):
    """Write a value with leading zeros, `places` digits in all, at most 18."""
    after = at + places
    while places > 0:
        taken = min(places, 8)
        rest = value // POWERS[taken]
        digits = (digits8(value - rest * POWERS[taken]) + _ASCII) >> (8 * (8 - taken))
        places -= taken
        for i in range(taken):
            store_u8(at + places + i, (digits >> (8 * i)) & 0xFF)
        value = rest
    return after
