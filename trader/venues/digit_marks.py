"""Where the digits of the next bytes stand, found for all of them at once, and the two numbers of a level made of them.

    ["61496.50","0.010"],["615      the text from `p`
    ..11111.11...1.111.....111      digit_marks: one bit a byte, the first one lowest
      ^ start 2, 5 digits, 2 behind the dot

No branch depends on how many digits there are: shifts by that many bytes bring the digits of both numbers to where
they belong. A price and a size of up to eight digits each, decimals that were not written included, become numbers
together.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shm.kernel import inlined, load_i64, load_u8, store_i64
from trader.intrinsics import trailing_zeros
from trader.venues.decimals import number8
from trader.venues.json_bytes import DOT

WINDOW = 64
"""Bytes that are looked at together: longer levels take the careful path."""

REACH = WINDOW + 16
"""Bytes that must be there, because the last number's are loaded as words."""

DIGITS_MAX = 8
"""Before the dot, and behind it."""

_DIGIT_ZERO, _DIGIT_NINE = ord("0"), 9
_NIBBLES = 0x0F0F0F0F0F0F0F0F
_LOW_63 = (1 << 63) - 1
_BYTES = ir.VectorType(ir.IntType(8), WINDOW)
_MASK = ir.IntType(WINDOW)


def load_window(builder: Any, address: Any) -> Any:
    """The WINDOW bytes at an address, as a vector, in generated code."""
    return builder.load(builder.inttoptr(address, _BYTES.as_pointer()), align=1)


def everywhere(value: int) -> Any:
    """A vector of WINDOW equal bytes."""
    return ir.Constant(_BYTES, [value] * WINDOW)


def are_digits(builder: Any, text: Any) -> Any:
    """Which bytes of a vector are digits."""
    return builder.icmp_unsigned("<=", builder.sub(text, everywhere(_DIGIT_ZERO)), everywhere(_DIGIT_NINE))


@intrinsic
def digit_marks(typingctx: Any, address: Any) -> Any:
    """digit_marks(address): bit i says whether the byte there + i is a digit; nothing is said of the last one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        marks = builder.bitcast(are_digits(builder, load_window(builder, arguments[0])), _MASK)
        return builder.and_(marks, ir.Constant(_MASK, _LOW_63))

    return types.int64(types.int64), generate


@intrinsic
def byte_marks(typingctx: Any, address: Any, byte: Any) -> Any:
    """byte_marks(address, byte): bit i says whether the byte there + i is this one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = ir.Constant(_BYTES, ir.Undefined)
        wanted = builder.insert_element(lanes, builder.trunc(arguments[1], _BYTES.element), ir.IntType(32)(0))
        wanted = builder.shuffle_vector(wanted, lanes, ir.Constant(ir.VectorType(ir.IntType(32), WINDOW), None))
        return builder.bitcast(builder.icmp_unsigned("==", load_window(builder, arguments[0]), wanted), _MASK)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def store_two(typingctx: Any, address: Any, first: Any, second: Any) -> Any:
    """store_two(address, first, second): the numbers of two words of eight digits, int64 each, side by side."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def parts(bits: int) -> Any:
            return ir.VectorType(ir.IntType(bits), 128 // bits)

        def all_of(bits: int, value: int) -> Any:
            return ir.Constant(parts(bits), [value] * (128 // bits))

        def joined(vector: Any, bits: int, base: int) -> Any:
            """In each lane of `bits`: its lower half times base, and its upper half."""
            lanes = builder.bitcast(vector, parts(bits))
            lower = builder.and_(lanes, all_of(bits, (1 << (bits // 2)) - 1))
            return builder.add(builder.mul(lower, all_of(bits, base)), builder.lshr(lanes, all_of(bits, bits // 2)))

        words = ir.Constant(parts(64), ir.Undefined)
        for lane, word in enumerate(arguments[1:]):
            words = builder.insert_element(words, word, ir.IntType(32)(lane))
        digits = builder.and_(words, all_of(64, _NIBBLES))
        numbers = joined(joined(joined(digits, 16, 10), 32, 100), 64, 10_000)
        builder.store(numbers, builder.inttoptr(arguments[0], parts(64).as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@inlined
def count_digits(p, marks, start):
    """How many digits stand at p + start, and how many behind the dot that ends them: -1 if something else does."""
    marks >>= start
    count = trailing_zeros(~marks)
    behind = trailing_zeros(~(marks >> ((count + 1) & 63)))
    return count, behind if load_u8(p + start + count) == DOT else -1


@inlined
def kept_bytes(behind, decimals):
    """Mask of those bytes behind the dot that a unit of so many decimals has."""
    kept = 4 * max(min(behind, decimals), 0)
    return ((1 << kept) << kept) - 1


@inlined
def digits_of(p, start, left, point, keep, up):
    """The digits before the dot, and those behind it that count, each in the upper bytes of a word."""
    return load_i64(p + start) << left, (load_i64(p + point) & keep) << up


@inlined
def store_units(at, whole, fraction, size_whole, size_fraction, narrow, price, size):
    """Store a level of which `digits_of` was taken; `narrow`: no number has more than eight digits."""
    if narrow:
        price_digits = (whole >> ((8 * price.decimals) & 63)) | fraction
        size_digits = (size_whole >> ((8 * size.decimals) & 63)) | size_fraction
        store_two(at, price_digits, size_digits)
    else:
        store_i64(at, number8(whole & _NIBBLES) * price.power + number8(fraction & _NIBBLES))
        store_i64(at + 8, number8(size_whole & _NIBBLES) * size.power + number8(size_fraction & _NIBBLES))


@inlined
def takes_words(scale):
    """Whether texts become units by moving digits alone: no multiple, and decimals that a word holds."""
    price, size = scale.price, scale.size
    return price.multiple == 1 and size.multiple == 1 and max(price.decimals, size.decimals) <= DIGITS_MAX
