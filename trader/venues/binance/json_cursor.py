"""JSON cursor: walks one JSON text once, any key order and whitespace, never reading outside it.

    open_object -> while next_key: one of read_text, read_number, read_integer, read_flag, skip_value,
                                   open_object, open_array
    open_array  -> while next_element: likewise

The first fault sets `bad`; from then on every call does nothing and the loops end. What is skipped is held
only to balanced brackets and closed strings. Keys and texts are compared by their 64-bit FNV-1a hash, one
comparison each (`cursor.word == word("status")`); an escaped one matches nothing.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_u8
from trader.compile_hints import never_inlined

QUOTE, BACKSLASH, COMMA, COLON, MINUS, DOT = 34, 92, 44, 58, 45, 46
OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET = 123, 125, 91, 93
DIGITS_MAX = 18
"""Significant digits of a number; more would leave int64."""

CURSOR = np.dtype(
    [
        ("at", "i8"),  # address of the next byte
        ("end", "i8"),  # address after the last
        ("bad", "i8"),
        ("first", "i8"),  # nothing of the innermost object or array has been read yet
        ("text", "i8"),  # address of the last key or text
        ("length", "i8"),  # its bytes
        ("word", "i8"),  # its hash, see `word`; 0 with escapes in it
    ],
    align=True,
)

NUMBER = np.dtype([("mantissa", "i8"), ("fraction", "i8")], align=True)
"""A decimal as it was written: mantissa / 10 ** fraction."""

POWERS = np.array([10**i for i in range(19)], dtype=np.int64)


# unsigned, because a signed product that overflows is undefined to the compiler
_HASH_START = np.uint64(0xCBF29CE484222325)
_HASH_FACTOR = np.uint64(0x100000001B3)


def word(text: str) -> int:
    """What `cursor.word` is after that key or text."""
    value = int(_HASH_START)
    for byte in text.encode():
        value = (value ^ byte) * int(_HASH_FACTOR) % (1 << 64)
    return value - (1 << 64) if value >> 63 else value


@kernel
def open_cursor(cursor, address, length):
    """Stand before the first byte of a text."""
    cursor.at = address
    cursor.end = address + max(length, 0)
    cursor.bad = 0
    cursor.first = 1


@kernel
def peek(cursor):
    """The next byte that is no whitespace, 0 at the end or after a fault."""
    never_inlined()
    if cursor.bad:
        return 0
    at, end = cursor.at, cursor.end
    while at < end:
        byte = load_u8(at)
        if byte != 32 and byte != 10 and byte != 13 and byte != 9:
            cursor.at = at
            return byte
        at += 1
    cursor.at = at
    return 0


@inlined
def fault(cursor):
    """Mark the text as not understood."""
    cursor.bad = 1
    return 0


@kernel
def _take(cursor, wanted):
    """Step over one expected byte."""
    if peek(cursor) != wanted:
        return fault(cursor)
    cursor.at += 1
    return 1


@kernel
def open_object(cursor):
    """Step into an object: 1, or 0 when the next value is none."""
    cursor.first = 1
    return _take(cursor, OPEN_BRACE)


@kernel
def open_array(cursor):
    """Step into an array: 1, or 0 when the next value is none."""
    cursor.first = 1
    return _take(cursor, OPEN_BRACKET)


@kernel
def _next(cursor, closing):
    """Before the next member: 1; after the last one: step out, 0."""
    byte = peek(cursor)
    if byte == closing:
        cursor.at += 1
        cursor.first = 0
        return 0
    if cursor.first == 0:
        if not _take(cursor, COMMA):
            return 0
    cursor.first = 0
    return 1 - cursor.bad


@kernel
def next_key(cursor):
    """Read the next key of the object and stand before its value: 1, or 0 after the last one or a fault."""
    if cursor.bad or not _next(cursor, CLOSE_BRACE):
        return 0
    return read_text(cursor) and _take(cursor, COLON)


@kernel
def next_element(cursor):
    """Stand before the next element of the array: 1, or 0 after the last one or a fault."""
    return 0 if cursor.bad else _next(cursor, CLOSE_BRACKET)


@kernel
def read_text(cursor):
    """Read a string; its raw bytes stay where they are: `text`, `length`, `low`, `high`."""
    never_inlined()
    if not _take(cursor, QUOTE):
        return 0
    at, end = cursor.at, cursor.end
    start = at
    value = _HASH_START
    escaped = 0
    while at < end:
        byte = load_u8(at)
        if byte == QUOTE:
            cursor.text = start
            cursor.length = at - start
            cursor.word = 0 if escaped else np.int64(value)
            cursor.at = at + 1
            return 1
        if byte == BACKSLASH:
            escaped = 1
            at += 1
        value = (value ^ np.uint64(byte)) * _HASH_FACTOR
        at += 1
    return fault(cursor)


@kernel
def read_number(cursor, number):
    """Read a decimal, bare or as a string, into a NUMBER; no exponent, DIGITS_MAX digits."""
    never_inlined()
    quoted = peek(cursor) == QUOTE
    if cursor.bad:
        return 0
    at, end = cursor.at + quoted, cursor.end
    negative = at < end and load_u8(at) == MINUS
    at += negative
    mantissa = digits = seen = 0
    places = -1
    while at < end:
        byte = load_u8(at)
        if 48 <= byte <= 57:
            mantissa = mantissa * 10 + byte - 48
            digits += mantissa != 0
            seen += 1
            if places >= 0:
                places += 1
            if digits > DIGITS_MAX or places > DIGITS_MAX:
                return fault(cursor)
        elif byte == DOT and places < 0 and seen > 0:
            places = 0
        else:
            break
        at += 1
    if seen == 0 or places == 0:
        return fault(cursor)
    if quoted:
        if at >= end or load_u8(at) != QUOTE:
            return fault(cursor)
        at += 1
    number.mantissa = -mantissa if negative else mantissa
    number.fraction = max(places, 0)
    cursor.at = at
    return 1


@kernel
def read_integer(cursor, number):
    """Read an integer, bare or as a string, through `number`; 0 and a fault for anything else."""
    if not read_number(cursor, number):
        return 0
    return number.mantissa if number.fraction == 0 else fault(cursor)


@kernel
def read_flag(cursor):
    """Read `true` or `false`: 1 or 0."""
    never_inlined()
    byte = peek(cursor)
    size = 4 if byte == 116 else 5  # t
    if (byte != 116 and byte != 102) or cursor.at + size > cursor.end:
        return fault(cursor)
    wanted = 0x65757274 if size == 4 else 0x736C6166
    for i in range(4):
        if load_u8(cursor.at + i) != (wanted >> (8 * i)) & 255:
            return fault(cursor)
    if size == 5 and load_u8(cursor.at + 4) != 101:
        return fault(cursor)
    cursor.at += size
    return 1 if size == 4 else 0


@kernel
def skip_value(cursor):
    """Step over any value."""
    never_inlined()
    byte = peek(cursor)
    if byte == QUOTE:
        return read_text(cursor)
    if byte != OPEN_BRACE and byte != OPEN_BRACKET:
        return _skip_scalar(cursor)
    depth = 0
    while not cursor.bad:
        byte = peek(cursor)
        if byte == QUOTE:
            read_text(cursor)
            continue
        if byte == 0:
            return fault(cursor)
        cursor.at += 1
        if byte == OPEN_BRACE or byte == OPEN_BRACKET:
            depth += 1
        elif byte == CLOSE_BRACE or byte == CLOSE_BRACKET:
            depth -= 1
            if depth == 0:
                return 1
    return 0


@kernel
def _skip_scalar(cursor):
    """A number, true, false or null: everything up to a delimiter."""
    at, end = cursor.at, cursor.end
    start = at
    while at < end:
        byte = load_u8(at)
        if byte <= 32 or byte == COMMA or byte == CLOSE_BRACE or byte == CLOSE_BRACKET:
            break
        at += 1
    if at == start:
        return fault(cursor)
    cursor.at = at
    return 1


@inlined
def at_end(cursor):
    """1 when the text was understood and nothing but whitespace is left."""
    return 1 if cursor.bad == 0 and peek(cursor) == 0 and cursor.at >= cursor.end else 0


@kernel
def units_of(number, decimals, multiple):
    """A decimal in whole units of multiple / 10 ** decimals; -1 when negative, off that grid, or beyond int64."""
    never_inlined()
    value, places = number.mantissa, number.fraction
    while places > decimals and value % 10 == 0:
        value //= 10
        places -= 1
    if value < 0 or places > decimals or decimals - places > DIGITS_MAX:
        return -1
    power = POWERS[decimals - places]
    if value > POWERS[DIGITS_MAX] // power:
        return -1
    value *= power
    return value // multiple if value % multiple == 0 else -1
