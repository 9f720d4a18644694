"""Decimal text to integer ticks and lots and back, and the rounding that prices and sizes may take.

    text = units * multiple / 10 ** decimals          61800.20 = 618002 * 1 / 10 ** 1

Exact: a text between two units is an error here, never a rounding. Rounding is a decision, so it has a name:
a bid rounds down, an ask rounds up, a size rounds down. The text functions are cold (configuration, tools,
tests); venue scanners parse by their own compiled kernels.
"""

import re
from decimal import Decimal
from fractions import Fraction

from shm.kernel import kernel

UNITS_MAX = 10**18 - 1
"""Largest price in ticks or size in lots that scanners accept; their sums stay inside int64."""

_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DIGITS_MAX = 40


def parse_units(text: str, *, decimals: int, multiple: int) -> int:
    """Units of a decimal text; ValueError names the text when it is no multiple of the unit or out of range."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number")
    value = Decimal(text)
    if value != 0 and abs(value.adjusted()) > _DIGITS_MAX:
        raise ValueError(f"{text!r} is not a number that int64 units can hold")
    scaled = Fraction(value) * 10**decimals / multiple
    units = scaled.numerator
    if scaled.denominator != 1:
        raise ValueError(f"{text!r} is not a multiple of {unit_text(decimals=decimals, multiple=multiple)}")
    if abs(units) > UNITS_MAX:
        raise ValueError(f"{text!r} is {units} units, allowed up to {UNITS_MAX}")
    return units


def format_units(units: int, *, decimals: int, multiple: int) -> str:
    """Decimal text of integer units, with all `decimals` digits."""
    whole = abs(units) * multiple
    sign = "-" if units < 0 else ""
    if decimals == 0:
        return f"{sign}{whole}"
    digits = str(whole).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def unit_text(*, decimals: int, multiple: int) -> str:
    """One unit as text: the tick size, the lot size."""
    return format_units(1, decimals=decimals, multiple=multiple)


@kernel
def floor_units(value):
    """The largest integer unit not above the float `value`: a bid's price, an order's size. |value| < 2**62."""
    units = int(value)
    return units - 1 if units > value else units


@kernel
def ceil_units(value):
    """The smallest integer unit not below the float `value`: an ask's price. |value| < 2**62."""
    units = int(value)
    return units + 1 if units < value else units


@kernel
def nearest_units(value):
    """The integer unit nearest to the float `value`, halves upwards: a fair price. |value| < 2**52."""
    return floor_units(value + 0.5)


@kernel
def notional_e8(price_ticks, size_lots, tick_value_e8):
    """Money in 1e-8 of the quote currency; the caller bounds the factors so that the product fits int64."""
    return price_ticks * size_lots * tick_value_e8
