"""Integers and units to decimal text, eight digits at a time, straight into the outgoing bytes.

A text of many numbers takes them apart first (`Blocks`, eight digits each) and makes the digits of all of them at once,
one block in each lane of a vector.

Writers return the address after the last byte of the text; up to seven bytes behind it may be written too.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shm.kernel import inlined, kernel, store_i64, store_u8
from trader.intrinsics import trailing_zeros

POWERS = np.array([10**i for i in range(19)], dtype=np.int64)
_BLOCK = 10**8
_ASCII = int.from_bytes(b"0" * 8, "little")
_DOT = ord(".")


@intrinsic
def digits8_of_eight(typingctx, a, b, c, d, e, f, g, h):
    """`digits8` of eight values below 10 ** 8, side by side, as ASCII."""
    lanes = 8
    result = types.UniTuple(types.int64, lanes)

    def generate(context, builder, signature, arguments):
        def parts(bits):
            return ir.VectorType(ir.IntType(bits), lanes * 64 // bits)

        def everywhere(kind, value):
            return ir.Constant(kind, [value] * kind.count)

        def split(vector, factor, shift, base, bits):
            """Each value to value // base, and to what is left of it in the other half of its lane."""
            kind = parts(2 * bits)
            values = builder.bitcast(vector, kind)
            above = builder.lshr(builder.mul(values, everywhere(kind, factor)), everywhere(kind, shift))
            rest = builder.sub(values, builder.mul(above, everywhere(kind, base)))
            return builder.or_(above, builder.shl(rest, everywhere(kind, bits)))

        vector = ir.Constant(parts(64), ir.Undefined)
        for lane, value in enumerate(arguments):
            vector = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), lane))
        vector = builder.and_(vector, everywhere(parts(64), (1 << 27) - 1))  # so that a product of 32 bits will do
        vector = split(vector, 3_518_437_209, 45, 10_000, 32)
        vector = split(vector, 10_486, 20, 100, 16)
        vector = split(vector, 103, 10, 10, 8)
        vector = builder.add(builder.bitcast(vector, parts(64)), everywhere(parts(64), _ASCII))
        found = [builder.extract_element(vector, ir.Constant(ir.IntType(32), lane)) for lane in range(lanes)]
        return context.make_tuple(builder, signature.return_type, found)

    return result(*[types.int64] * lanes), generate


@inlined
def digits8(value):
    """The eight digits of a value below 10 ** 8 as bytes 0 to 9, the first one lowest: three divisions for all."""
    fours = value // 10_000
    fours |= (value - fours * 10_000) << 32
    hundreds = ((fours * 10_486) >> 20) & 0x7F_0000_007F
    twos = hundreds | ((fours - hundreds * 100) << 16)
    tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F
    return tens | ((twos - tens * 10) << 8)


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


@inlined
def _put_short(at, value):
    """Write a value from 0 to 10 ** 8 - 1; eight bytes are written."""
    return put_block(at, digits8(value) + _ASCII, 1)


@inlined
def put_block(at, text, least):
    """Write eight digits without leading zeros, `least` of them at any rate; eight bytes are written."""
    skipped = min(trailing_zeros(text - _ASCII) >> 3, 8 - least)
    store_i64(at, text >> (8 * skipped))
    return at + 8 - skipped


@inlined
def blocks_of(value):
    """An integer from 0 to 2 ** 63 - 1 in blocks of eight digits: (first, second, third); leading ones are 0."""
    value &= (1 << 63) - 1
    high = value // _BLOCK
    higher = high // _BLOCK
    return higher, high - higher * _BLOCK, value - high * _BLOCK


@inlined
def put_blocks(at, value, first, second, third):
    """Write an integer whose blocks' digits are given."""
    if value >= _BLOCK * _BLOCK:
        at = put_block(at, first, 1)
        store_i64(at, second)
        store_i64(at + 8, third)
        return at + 16
    if value >= _BLOCK:
        at = put_block(at, second, 1)
        store_i64(at, third)
        return at + 8
    return put_block(at, third, 1)


@inlined
def fits_block(value, decimals):
    """Whether a number with so many decimals is written from one block of digits."""
    return 0 <= value < _BLOCK and decimals < 8


@inlined
def put_with_point(at, text, decimals):
    """Write eight digits, without leading zeros, as a number with so many decimals, 0 to 7."""
    at = put_block(at, text, 1 + decimals)
    if decimals == 0:
        return at
    store_u8(at - decimals, _DOT)
    store_i64(at - decimals + 1, text >> (8 * (8 - decimals)))
    return at + 1


@kernel
def put_units(at, units, decimals, multiple):
    """Write units * multiple / 10 ** decimals with all its decimals, 0 to 8. The product is below 10 ** 18."""
    value = units * multiple
    if decimals == 0:
        return put_decimal(at, value)
    if fits_block(value, decimals):
        return put_with_point(at, digits8(value) + _ASCII, decimals)
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
