"""The patient decoder: any msgpack form of a message's fields, every byte checked against the end.

`codec.decode` comes here when the bytes are not of the fixed-width form: shorter integers as msgspec writes
them, or a truncated, oversized or hostile body. Codes:

     0  decoded
    -1  TRUNCATED     the body ends inside a field
    -2  WRONG_TYPE    a field's marker is not of its kind
    -3  WRONG_TAG     another message
    -4  WRONG_COUNT   another number of fields or elements
    -5  TOO_LONG      bytes after the last field
    -6  OUT_OF_RANGE  an unsigned integer beyond int64
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shm.kernel import kernel, load_i64, load_u8, load_u16, load_u32, store_i64

INT, FLOAT, BOOL, BIN = range(4)
TRUNCATED, WRONG_TYPE, WRONG_TAG, WRONG_COUNT, TOO_LONG, OUT_OF_RANGE = -1, -2, -3, -4, -5, -6


def _swap(bits: int) -> Any:
    @intrinsic
    def swap(typingctx, value):
        """The low `bits` of an int64 in the other byte order."""

        def generate(context, builder, signature, arguments):
            swapped = builder.bswap(builder.trunc(arguments[0], ir.IntType(bits)) if bits < 64 else arguments[0])
            return builder.zext(swapped, ir.IntType(64)) if bits < 64 else swapped

        return types.int64(types.int64), generate

    return swap


_swap_16, _swap_32, _swap_64 = _swap(16), _swap(32), _swap(64)


@intrinsic
def _single_to_double(typingctx, bits):
    """The float64 bits of the float32 whose bits are given."""

    def generate(context, builder, signature, arguments):
        single = builder.bitcast(builder.trunc(arguments[0], ir.IntType(32)), ir.FloatType())
        return builder.bitcast(builder.fpext(single, ir.DoubleType()), ir.IntType(64))

    return types.int64(types.int64), generate


@intrinsic
def _double_bits(typingctx, value):
    """The bits of a float64."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@kernel
def _sized(at, width):
    """Big-endian unsigned integer of 1, 2, 4 or 8 bytes."""
    if width == 1:
        return load_u8(at)
    if width == 2:
        return _swap_16(load_u16(at))
    if width == 4:
        return _swap_32(load_u32(at))
    return _swap_64(load_i64(at))


@kernel
def _integer(at, end):
    """(bytes used or a negative code, value) of the integer at `at`."""
    marker = load_u8(at)
    if marker < 0x80:
        return 1, marker
    if marker >= 0xE0:
        return 1, marker - 256
    if 0xCC <= marker <= 0xD3:
        width = 1 << ((marker - 0xCC) & 3)
        if at + 1 + width > end:
            return TRUNCATED, 0
        value = _sized(at + 1, width)
        if marker >= 0xD0:
            shift = 64 - 8 * width
            return 1 + width, (value << shift) >> shift
        if marker == 0xCF and value < 0:
            return OUT_OF_RANGE, 0
        return 1 + width, value
    return WRONG_TYPE, 0


@kernel
def _scalar(at, end, kind):
    """(bytes used or a negative code, 64 bits for the record) of an int, float or bool."""
    if at >= end:
        return TRUNCATED, 0
    marker = load_u8(at)
    if kind == BOOL:
        return (1, marker - 0xC2) if marker == 0xC2 or marker == 0xC3 else (WRONG_TYPE, 0)
    if kind == INT:
        return _integer(at, end)
    if marker == 0xCB:
        return (9, _sized(at + 1, 8)) if at + 9 <= end else (TRUNCATED, 0)
    if marker == 0xCA:
        return (5, _single_to_double(_sized(at + 1, 4))) if at + 5 <= end else (TRUNCATED, 0)
    used, value = _integer(at, end)
    return used, _double_bits(float(value))


@kernel
def _count(at, end):
    """(bytes used or a negative code, elements) of an array header."""
    if at >= end:
        return TRUNCATED, 0
    marker = load_u8(at)
    if 0x90 <= marker <= 0x9F:
        return 1, marker & 15
    width = 2 if marker == 0xDC else 4 if marker == 0xDD else 0
    if width == 0:
        return WRONG_TYPE, 0
    if at + 1 + width > end:
        return TRUNCATED, 0
    return 1 + width, _sized(at + 1, width)


@kernel
def _bin(at, end):
    """(header bytes or a negative code, content bytes) of a bin."""
    if at >= end:
        return TRUNCATED, 0
    marker = load_u8(at)
    if not 0xC4 <= marker <= 0xC6:
        return WRONG_TYPE, 0
    width = 1 << (marker - 0xC4)
    if at + 1 + width > end:
        return TRUNCATED, 0
    length = _sized(at + 1, width)
    return (1 + width, length) if at + 1 + width + length <= end else (TRUNCATED, 0)


@kernel
def _field(at, end, kind, count, target):
    """Bytes used by one field, which goes to the record at `target`; or a negative code."""
    start = at
    if kind == BIN:
        used, length = _bin(at, end)
        if used < 0:
            return used
        store_i64(target, at + used)
        store_i64(target + 8, length)
        return used + length
    if count:
        used, found = _count(at, end)
        if used < 0 or found != count:
            return used if used < 0 else WRONG_COUNT
        at += used
    for index in range(max(count, 1)):
        used, value = _scalar(at, end, kind)
        if used < 0:
            return used
        store_i64(target + 8 * index, value)
        at += used
    return at - start


@kernel
def decode_any(body, length, record, table):
    """Decode `length` bytes at `body` into the record at an address, by the table of `codec`."""
    at, end = body, body + length
    fields = load_i64(table)
    used, found = _count(at, end)
    if used < 0 or found != fields + 1:
        return used if used < 0 else WRONG_COUNT
    at += used
    used, tag = _scalar(at, end, INT)
    if used < 0 or tag != load_i64(table + 8):
        return used if used < 0 else WRONG_TAG
    at += used
    for index in range(fields):
        row = table + 16 + 24 * index
        used = _field(at, end, load_i64(row), load_i64(row + 8), record + load_i64(row + 16))
        if used < 0:
            return used
        at += used
    return 0 if at == end else TOO_LONG
