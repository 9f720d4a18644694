"""Exact decimal text to int64 units, eight bytes at a time.

        "61800.20"      word = 8 bytes from the text; word ^ "00000000" leaves 0 to 9 where digits are
         [int].[fr]     the first byte that is no digit ends the run; its place is one trailing-zero count

A run of up to eight digits is shifted to the top of its word (leading zeros come in below) and becomes a
number by three multiplications. Digits beyond the unit must be zeros: anything else is a fault, not a
rounding. Texts near the end of the buffer, or longer than a word, go digit by digit: same answers.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_i64, load_u8
from trader.compile_hints import never_inlined
from trader.intrinsics import trailing_zeros
from trader.units import UNITS_MAX
from trader.venues.json_bytes import (
    CLOSE_ARRAY,
    CLOSE_OBJECT,
    COMMA,
    DOT,
    FAULT,
    MINUS,
    NINE,
    PLUS,
    QUOTE,
    ZERO,
    Fault,
    refuse,
    skip_number,
)

SCALE = np.dtype(
    [("decimals", "i8"), ("multiple", "i8"), ("keep", "i8"), ("power", "i8"), ("written", "i8")],
    align=True,
)
"""How texts become units. `keep`: mask of the fraction's bytes that count, 0 where they do not fit a word; `power`:
10 ** decimals; `written`: decimals that the venue writes, which may be more."""

DECIMALS_MAX = 12
"""Finest unit: 10 ** -12. Up to 8 decimals are read a word at a time."""

DECIMAL_BYTES_MAX = 18
"""Longest text that the word-wise path takes: 8 digits, a dot, 8 digits, the closing quote."""

POWERS = np.array([10**i for i in range(19)], dtype=np.int64)

EXPONENT_MAX = 10_000
_OFF_GRID, _TOO_LARGE = -1, -2

_ZEROS = int.from_bytes(b"0" * 8, "little")
_TO_HIGH = 0x7676767676767676
_HIGHS = -0x7F7F7F7F7F7F7F80

assert FAULT.itemsize == 16


def fill_scale(scale: np.ndarray, *, decimals: int, multiple: int) -> None:
    """Prepare a SCALE record (cold). A multiple that is a power of ten needs no division: it takes decimals away."""
    if not 0 <= decimals <= DECIMALS_MAX or multiple < 1:
        raise ValueError(f"decimals {decimals}, multiple {multiple}: allowed 0 to {DECIMALS_MAX}, and from 1")
    scale["written"] = decimals
    while multiple % 10 == 0 and decimals > 0:
        decimals, multiple = decimals - 1, multiple // 10
    scale["decimals"] = decimals
    scale["multiple"] = multiple
    scale["keep"] = 0 if decimals > 8 else (-1 if decimals == 8 else (1 << (8 * decimals)) - 1)
    scale["power"] = 10**decimals


@inlined
def number8(word):
    """The number whose eight digits (0 to 9, most significant first) are the bytes of `word`."""
    word = (word * 2561) >> 8
    word = ((word & 0x00FF00FF00FF00FF) * 6553601) >> 16
    return ((word & 0x0000FFFF0000FFFF) * 42949672960001) >> 32


@inlined
def non_digits(word):
    """High bit set in each byte of a word (already xored with zeros) that is no digit; exact up to the first."""
    return ((word + _TO_HIGH) | word) & _HIGHS


@inlined
def run_mask(marks):
    """All bits of the bytes before the first marked byte."""
    return ((marks & -marks) - 1) >> 7


@inlined
def natural(p, end, fault):
    """A JSON integer from 0 to 10 ** 18 - 1 at `p`: (value, address after it), address 0 after a fault."""
    if p + 8 < end:
        word = load_i64(p) ^ _ZEROS
        if non_digits(word) == 0 and (word & 255) != 0:
            # near the end the last word is shifted down; zero bytes, no digits, come in behind it
            tail = load_i64(p + 8) if p + 16 <= end else load_i64(end - 8) >> (8 * (p + 16 - end))
            tail ^= _ZEROS
            marks = non_digits(tail)
            count = trailing_zeros(marks) >> 3
            if count == 0:
                return number8(word), p + 8
            if count < 8 and p + 8 + count < end:
                tail = (tail & run_mask(marks)) << (64 - 8 * count)
                return number8(word) * POWERS[count] + number8(tail), p + 8 + count
    return natural_by_digit(p, end, fault)


@inlined
def skip_natural(p, end):
    """Over an integer of 8 to 15 digits that a comma or a brace ends, as times and ids are; 0 where skip_value shall
    look."""
    if p + 17 > end:
        return 0
    word, tail = load_i64(p) ^ _ZEROS, load_i64(p + 8) ^ _ZEROS
    count = trailing_zeros(non_digits(tail)) >> 3
    byte = load_u8(p + 8 + count)
    usual = non_digits(word) == 0 and (word & 255) != 0 and count < 8 and (byte == COMMA or byte == CLOSE_OBJECT)
    return p + 8 + count if usual else 0


@kernel
def natural_by_digit(p, end, fault):
    """`natural`, one byte at a time: for short numbers, very long ones, and the end of the buffer."""
    never_inlined()
    start = p
    value = 0
    while p < end and ZERO <= load_u8(p) <= NINE:
        if p - start >= 18:
            return 0, refuse(fault, Fault.OVERFLOW, p)
        value = value * 10 + load_u8(p) - ZERO
        p += 1
    if p >= end:
        return 0, refuse(fault, Fault.TRUNCATED, p)
    if p == start or (load_u8(start) == ZERO and p > start + 1):
        return 0, refuse(fault, Fault.NUMBER, p)
    return value, p


@inlined
def _quick_units(p, scale):
    """Units of the text at `p`, of which 24 bytes may be read: (units, address after its last digit), or address 0
    where it takes the slow path: more digits than a word holds, than the unit has, an odd multiple, or no number."""
    decimals = scale.decimals
    word = load_i64(p) ^ _ZEROS
    marks = non_digits(word)
    count = trailing_zeros(marks) >> 3
    word &= run_mask(marks)
    after = p + count
    tail = 0
    sound = count > 0
    if load_u8(after) == DOT:
        tail = load_i64(after + 1) ^ _ZEROS
        tail_marks = non_digits(tail)
        length = trailing_zeros(tail_marks) >> 3
        after += 1 + length
        tail &= run_mask(tail_marks)
        sound = sound and length > 0 and (tail & ~scale.keep) == 0
    digits = count + decimals
    if digits <= 8:
        word = (word | (tail << ((8 * count) & 63))) << ((64 - 8 * digits) & 63)
        units = number8(word)
    else:
        units = number8(word << ((64 - 8 * count) & 63)) * scale.power
        units += number8(tail << ((64 - 8 * decimals) & 63))
    return units, after if sound and scale.multiple == 1 else 0


@inlined
def decimal(p, end, scale, fault):
    """Units, by a SCALE, of the text from `p` (after its quote): (units, address after the closing quote or 0)."""
    if p + 24 <= end:
        units, after = _quick_units(p, scale)
        if after != 0 and load_u8(after) == QUOTE:
            return units, after + 1
    return decimal_by_digit(p, end, scale, fault)


@inlined
def bare_decimal(p, end, scale, fault):
    """Units, by a SCALE, of the JSON number at `p`: (units, address after it or 0)."""
    if p + 24 <= end and not (load_u8(p) == ZERO and ZERO <= load_u8(p + 1) <= NINE):
        units, after = _quick_units(p, scale)
        if after != 0:
            byte = load_u8(after)
            if byte == COMMA or byte == CLOSE_OBJECT or byte == CLOSE_ARRAY:
                return units, after
    return bare_by_digit(p, end, scale, fault)


@kernel
def decimal_by_digit(p, end, scale, fault):
    """`decimal`, one byte at a time: no dot, long texts, odd multiples, faults, and the end of the buffer."""
    never_inlined()
    decimals, multiple = scale.decimals, scale.multiple
    start = p
    units = 0
    places = -1
    while p < end and load_u8(p) != QUOTE:
        byte = load_u8(p)
        if byte == DOT:
            if places >= 0 or p == start:
                return 0, refuse(fault, Fault.NUMBER, p)
            places = 0
        elif not ZERO <= byte <= NINE:
            return 0, refuse(fault, Fault.NUMBER, p)
        elif places >= decimals:
            if byte != ZERO:
                return 0, refuse(fault, Fault.OFF_GRID, p)
            places += 1
        else:
            if units > UNITS_MAX // 10:
                return 0, refuse(fault, Fault.OVERFLOW, p)
            units = units * 10 + byte - ZERO
            if places >= 0:
                places += 1
        p += 1
    if p >= end:
        return 0, refuse(fault, Fault.TRUNCATED, p)
    if p == start or places == 0:
        return 0, refuse(fault, Fault.NUMBER, p)
    for _ in range(max(places, 0), decimals):
        if units > UNITS_MAX // 10:
            return 0, refuse(fault, Fault.OVERFLOW, p)
        units *= 10
    if multiple != 1:
        if units % multiple != 0:
            return 0, refuse(fault, Fault.OFF_GRID, p)
        units //= multiple
    return units, p + 1


@kernel
def bare_by_digit(p, end, scale, fault):
    """`bare_decimal`, one byte at a time, with exponents: JSON's grammar, no sign, exact or a fault.

    `places`: digits after the point, less the exponent: the number is mantissa / 10 ** places.
    """
    never_inlined()
    after = skip_number(p, end, fault)
    if after == 0:
        return 0, 0
    if load_u8(p) == MINUS:
        return 0, refuse(fault, Fault.NUMBER, p)
    mantissa = places = exponent = 0
    part = 0
    sign = 1
    for q in range(p, after):
        byte = load_u8(q)
        if byte == DOT:
            part = 1
        elif ZERO <= byte <= NINE:
            digit = byte - ZERO
            if part == 2:
                exponent = min(exponent * 10 + digit, EXPONENT_MAX)
            elif mantissa <= UNITS_MAX // 10:
                mantissa = mantissa * 10 + digit
                places += part
            elif part == 0:
                return 0, refuse(fault, Fault.OVERFLOW, q)
            elif digit != 0:
                return 0, refuse(fault, Fault.OFF_GRID, q)
        elif byte == MINUS:
            sign = -1
        elif byte != PLUS:
            part = 2
    units = _scaled(mantissa, scale.decimals - places + sign * exponent)
    if units < 0:
        return 0, refuse(fault, Fault.OFF_GRID if units == _OFF_GRID else Fault.OVERFLOW, p)
    if units % scale.multiple != 0:
        return 0, refuse(fault, Fault.OFF_GRID, p)
    return units // scale.multiple, after


@kernel
def _scaled(mantissa, power):
    """mantissa * 10 ** power if that is an integer up to UNITS_MAX, else _OFF_GRID or _TOO_LARGE."""
    while power < 0 and mantissa != 0:
        if mantissa % 10 != 0:
            return _OFF_GRID
        mantissa //= 10
        power += 1
    while power > 0 and mantissa != 0:
        if mantissa > UNITS_MAX // 10:
            return _TOO_LARGE
        mantissa *= 10
        power -= 1
    return mantissa
