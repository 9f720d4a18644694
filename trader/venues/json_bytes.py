"""Strict JSON walking over raw bytes: white space, strings, values to skip, and the faults that stop a scan.

Every function takes an address `p` and the address `end` one past the buffer, and reads only [p, end). It
returns the address after what it took, or 0 after it has noted a code (Fault) and the offending address in
`fault`. Nothing is allocated and nothing recurses; nesting is limited, so every input ends.
"""

from enum import IntEnum

import numpy as np

from shm.kernel import inlined, kernel, load_i64, load_u8, load_u32
from trader.compile_hints import never_inlined
from trader.intrinsics import trailing_zeros

FRAME_BYTES_MAX = 1 << 20
DEPTH_MAX = 32


class Fault(IntEnum):
    """Why a frame was refused."""

    NONE = 0
    TRUNCATED = 1
    TOO_LONG = 2
    TOO_DEEP = 3
    SYNTAX = 4
    STRING = 5
    NUMBER = 6
    OFF_GRID = 7
    OVERFLOW = 8
    DUPLICATE_KEY = 9
    MISSING_FIELD = 10
    TOO_MANY_LEVELS = 11
    WRONG_TYPE = 12
    TRAILING = 13


FAULT = np.dtype([("code", "i8"), ("address", "i8")], align=True)
"""First fault of a scan: its code, and the address of the byte that caused it."""

# numpy integers: numba would compile a kernel anew for each plain int constant that it is called with.
QUOTE, COLON, COMMA, MINUS, PLUS, DOT, ZERO, NINE = (np.int64(ord(sign)) for sign in '":,-+.09')
OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = (np.int64(ord(sign)) for sign in "{}[]")

_BACKSLASH, _U, _E = (ord(sign) for sign in "\\ue")
_TRUE, _FALSE, _NULL = (int.from_bytes(word, "little") for word in (b"true", b"alse", b"null"))
_F = ord("f")
_ESCAPES = tuple(b'"\\/bfnrt')
_QUOTES = int.from_bytes(b'"' * 8, "little")
_BACKSLASHES = int.from_bytes(b"\\" * 8, "little")
_SPACES = int.from_bytes(b" " * 8, "little")
_ONES = 0x0101010101010101
_HIGHS = -0x7F7F7F7F7F7F7F80


@kernel
def refuse(fault, code, p):
    """Note the first fault; always 0, so that a caller can return it."""
    never_inlined()
    if fault.code == 0:
        fault.code = code
        fault.address = p
    return 0


@inlined
def skip_space(p, end):
    """The first address from `p` that holds no white space, or `end`."""
    if p < end and load_u8(p) > 32:
        return p
    return _skip_spaces(p, end)


@kernel
def _skip_spaces(p, end):
    never_inlined()
    while p < end:
        byte = load_u8(p)
        if not (byte == 32 or byte == 10 or byte == 13 or byte == 9):
            break
        p += 1
    return p


@kernel
def expect(p, end, byte, fault):
    """After white space, exactly this byte."""
    never_inlined()
    p = _skip_spaces(p, end)
    if p >= end:
        return refuse(fault, Fault.TRUNCATED, p)
    if load_u8(p) != byte:
        return refuse(fault, Fault.SYNTAX, p)
    return p + 1


@kernel
def skip_string(p, end, fault):
    """From the byte after an opening quote to the byte after the closing one; control characters are refused."""
    never_inlined()
    while True:
        while p + 8 <= end:
            word = load_i64(p)
            quotes = word ^ _QUOTES
            slashes = word ^ _BACKSLASHES
            special = (
                ((quotes - _ONES) & ~quotes) | ((slashes - _ONES) & ~slashes) | ((word - _SPACES) & ~word)
            ) & _HIGHS
            if special != 0:
                p += trailing_zeros(special) >> 3
                break
            p += 8
        if p >= end:
            return refuse(fault, Fault.TRUNCATED, p)
        byte = load_u8(p)
        if byte == QUOTE:
            return p + 1
        if byte < 32:
            return refuse(fault, Fault.STRING, p)
        p += 1
        if byte == _BACKSLASH:
            if p >= end:
                return refuse(fault, Fault.TRUNCATED, p)
            byte = load_u8(p)
            digits = 4 if byte == _U else 0
            if digits == 0 and byte not in _ESCAPES:
                return refuse(fault, Fault.STRING, p)
            if p + digits >= end:
                return refuse(fault, Fault.TRUNCATED, p)
            for i in range(p + 1, p + 1 + digits):
                byte = load_u8(i)
                if not (ZERO <= byte <= NINE or 97 <= (byte | 32) <= 102):
                    return refuse(fault, Fault.STRING, i)
            p += digits + 1


@kernel
def skip_number(p, end, fault):
    """Over one number in JSON's grammar: no leading zero or plus, no NaN, no underscore, no bare dot.

    `part`: 0 integer, 1 fraction, 2 exponent; each needs a digit.
    """
    never_inlined()
    if p < end and load_u8(p) == MINUS:
        p += 1
    part = 0
    while True:
        start = p
        while p < end and ZERO <= load_u8(p) <= NINE:
            p += 1
        if p == start or (part == 0 and p > start + 1 and load_u8(start) == ZERO):
            return refuse(fault, Fault.NUMBER, start)
        if p >= end:
            return p
        byte = load_u8(p)
        if part == 0 and byte == DOT:
            part = 1
        elif part < 2 and (byte | 32) == _E:
            part = 2
            if p + 1 < end and (load_u8(p + 1) == PLUS or load_u8(p + 1) == MINUS):
                p += 1
        else:
            return p
        p += 1


@kernel
def _skip_scalar(p, end, fault):
    """Over a string, a number, true, false or null."""
    never_inlined()
    byte = load_u8(p)
    if byte == QUOTE:
        return skip_string(p + 1, end, fault)
    if byte == MINUS or ZERO <= byte <= NINE:
        return skip_number(p, end, fault)
    if p + 4 <= end and (load_u32(p) == _TRUE or load_u32(p) == _NULL):
        return p + 4
    if p + 5 <= end and byte == _F and load_u32(p + 1) == _FALSE:
        return p + 5
    return refuse(fault, Fault.SYNTAX, p)


@kernel
def skip_value(p, end, depth, fault):
    """Over one value of any type that stands inside `depth` containers already; nesting is followed, not recursed.

    `kinds` holds one bit for each open container: 1 for an object. `keyed`: a key and a colon come next.
    """
    never_inlined()
    kinds = 0
    opened = 0
    keyed = False
    while True:
        if keyed:
            p = expect(p, end, QUOTE, fault)
            p = skip_string(p, end, fault) if p != 0 else 0
            p = expect(p, end, COLON, fault) if p != 0 else 0
            if p == 0:
                return 0
        p = _skip_spaces(p, end)
        if p >= end:
            return refuse(fault, Fault.TRUNCATED, p)
        byte = load_u8(p)
        closed = True
        if byte == OPEN_OBJECT or byte == OPEN_ARRAY:
            if depth + opened >= DEPTH_MAX:
                return refuse(fault, Fault.TOO_DEEP, p)
            opened += 1
            kinds = (kinds << 1) | (1 if byte == OPEN_OBJECT else 0)
            p = _skip_spaces(p + 1, end)
            closed = p < end and load_u8(p) == (CLOSE_OBJECT if kinds & 1 else CLOSE_ARRAY)
        else:
            p = _skip_scalar(p, end, fault)
            if p == 0:
                return 0
        while closed and opened > 0:
            p = _skip_spaces(p, end)
            if p >= end:
                return refuse(fault, Fault.TRUNCATED, p)
            byte = load_u8(p)
            if byte == COMMA:
                closed = False
            elif byte != (CLOSE_OBJECT if kinds & 1 else CLOSE_ARRAY):
                return refuse(fault, Fault.SYNTAX, p)
            else:
                kinds >>= 1
                opened -= 1
            p += 1
        if opened == 0:
            return p
        keyed = (kinds & 1) != 0
