"""Objects and arrays of a JSON text, member by member, for the scanners: keys become small codes, values stay put.

    code, p = first_key(p, end, TABLE, seen, fault)        p: the value;  code > 0 known, 0 unknown
    while code > END:
        seen |= 1 << code
        p = ... read or skip the value, 0 after a fault ...
        code, p = next_key(p, end, TABLE, seen, fault)
    code == END: p is after the brace;  code == FAULT: p is 0

and likewise `more, p = first_element(p, end, fault)`, `more, p = next_element(p, end, fault)`.

A key (or a text that selects something) of up to 15 bytes is found by two masked words and one multiplication in a
table without collisions; longer ones, and any with an escape in them, are unknown. Nothing outside [p, end) is read.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_i64, load_u8
from trader.compile_hints import never_inlined
from trader.intrinsics import trailing_zeros
from trader.venues.json_bytes import (
    CLOSE_ARRAY,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    OPEN_ARRAY,
    OPEN_OBJECT,
    QUOTE,
    Fault,
    expect,
    refuse,
    skip_space,
    skip_string,
)

END, FAULT = -1, -2

KEY_BYTES_MAX = 15
_PLACES_BITS = 7
_QUOTES = int.from_bytes(b'"' * 8, "little")
_ONES = 0x0101010101010101
_HIGHS = -0x7F7F7F7F7F7F7F80
_SHIFT = np.uint64(64 - _PLACES_BITS)
_SECOND = np.uint64(0x9E3779B97F4A7C15)


def text_table(names: dict[str, int]) -> np.ndarray:
    """The table of these texts and their codes (from 1): int64 rows (first word, second word, code), after a row that
    holds the multiplier."""
    words = {}
    for name, code in names.items():
        if code < 1 or not 0 < len(name) <= KEY_BYTES_MAX:
            raise ValueError(f"{name!r}: code {code}, {len(name)} bytes; allowed from 1, 1 to {KEY_BYTES_MAX} bytes")
        text = name.encode() + b'"'
        words[name] = [int.from_bytes(text[at : at + 8], "little") for at in (0, 8)]
    dice = np.random.Generator(np.random.PCG64(len(names)))
    while True:
        factor = int(dice.integers(1 << 63, dtype=np.uint64)) | 1
        places = {_place_of(factor, *pair): name for name, pair in words.items()}
        if len(places) == len(names):
            break
    table = np.zeros((1 + (1 << _PLACES_BITS), 3), dtype=np.uint64)
    table[0, 0] = factor
    for place, name in places.items():
        table[1 + place] = (*words[name], names[name])
    return table.view(np.int64)


def _place_of(factor: int, first: int, second: int) -> int:
    mixed = (first ^ second * int(_SECOND)) * factor % (1 << 64)
    return mixed >> int(_SHIFT)


@inlined
def _through_quote(word):
    """The bytes of a word up to its first quote and with it, the rest zero; the word itself if it has none."""
    differing = word ^ _QUOTES
    marks = (differing - _ONES) & ~differing & _HIGHS
    lowest = marks & -marks
    return word & ((lowest << 1) - 1), marks


@inlined
def _find(table, first, second):
    """Code of the text with these words, 0 if it is not in the table."""
    mixed = (np.uint64(first) ^ np.uint64(second) * _SECOND) * np.uint64(table[0, 0])
    place = 1 + np.int64(mixed >> _SHIFT)
    return table[place, 2] if table[place, 0] == first and table[place, 1] == second else 0


@kernel
def text_code(p, end, table):
    """(code, length) of the text that begins at `p`, after its quote: code 0 and length 0 if it is not in the table."""
    never_inlined()
    if p + 16 > end:
        return _code_at_end(p, end, table)
    first, marks = _through_quote(load_i64(p))
    if marks != 0:
        length = trailing_zeros(marks) >> 3
        second = 0
    else:
        second, marks = _through_quote(load_i64(p + 8))
        length = 8 + (trailing_zeros(marks) >> 3)
        if marks == 0:
            return 0, 0
    code = _find(table, first, second)
    return code, length if code != 0 else 0


@kernel
def _code_at_end(p, end, table):
    """`text_code` where the buffer ends within 16 bytes."""
    never_inlined()
    first = second = 0
    for i in range(min(16, end - p)):
        byte = load_u8(p + i)
        if i < 8:
            first |= byte << (8 * i)
        else:
            second |= byte << (8 * i - 64)
        if byte == QUOTE:
            code = _find(table, first, second)
            return code, i if code != 0 else 0
    return 0, 0


@inlined
def next_member(p, end, close, first, fault):
    """The next member of what is walked up to the byte `close`, before it is looked at: (1, its address),
    (END, address after that byte), (FAULT, 0). Whether a comma was followed by a member is left to the caller."""
    p = skip_space(p, end)
    if p >= end:
        return FAULT, refuse(fault, Fault.TRUNCATED, p)
    byte = load_u8(p)
    if byte == close:
        return END, p + 1
    if not first:
        if byte != COMMA:
            return FAULT, refuse(fault, Fault.SYNTAX, p)
        p = skip_space(p + 1, end)
        if p >= end:
            return FAULT, refuse(fault, Fault.TRUNCATED, p)
    return 1, p


@inlined
def first_key(p, end, table, seen, fault):
    """The first member of the object that must stand at `p`: as `next_key` returns."""
    return _key(open_object(p, end, fault), end, table, seen, True, fault)


@inlined
def next_key(p, end, table, seen, fault):
    """The next member of the object that is walked, from behind a value (0: its fault is the object's): (code, address
    of its value). `seen`: bits of the codes so far; a known key that stands twice is a fault."""
    return _key(p, end, table, seen, False, fault)


@kernel
def _key(p, end, table, seen, first, fault):
    never_inlined()
    if p == 0:
        return FAULT, 0
    more, p = next_member(p, end, CLOSE_OBJECT, first, fault)
    if more <= END:
        return more, p
    if load_u8(p) != QUOTE:
        return FAULT, refuse(fault, Fault.SYNTAX, p)
    key = p + 1
    code, length = text_code(key, end, table)
    p = key + length + 1 if code != 0 else skip_string(key, end, fault)
    if p == 0:
        return FAULT, 0
    if code != 0 and seen & (1 << code):
        return FAULT, refuse(fault, Fault.DUPLICATE_KEY, key)
    if p < end and load_u8(p) == COLON:
        p += 1
    else:
        p = expect(p, end, COLON, fault)
        if p == 0:
            return FAULT, 0
    p = skip_space(p, end)
    if p >= end:
        return FAULT, refuse(fault, Fault.TRUNCATED, p)
    return code, p


@inlined
def first_element(p, end, fault):
    """The first element of the array that must stand at `p`: as `next_element` returns."""
    return _element(open_array(p, end, fault), end, True, fault)


@inlined
def next_element(p, end, fault):
    """The next element of the array that is walked, from behind one (0: its fault is the array's): (1, its address),
    (END, address after the bracket), (FAULT, 0)."""
    return _element(p, end, False, fault)


@kernel
def _element(p, end, first, fault):
    never_inlined()
    if p == 0:
        return FAULT, 0
    more, p = next_member(p, end, CLOSE_ARRAY, first, fault)
    if more > END and load_u8(p) == CLOSE_ARRAY:
        return FAULT, refuse(fault, Fault.SYNTAX, p)
    return more, p


@inlined
def open_object(p, end, fault):
    """Into the object that must stand at `p`: the address after its brace, or 0."""
    if p < end and load_u8(p) == OPEN_OBJECT:
        return p + 1
    return _wrong_type(p, end, fault)


@inlined
def open_array(p, end, fault):
    """Into the array that must stand at `p`: the address after its bracket, or 0."""
    if p < end and load_u8(p) == OPEN_ARRAY:
        return p + 1
    return _wrong_type(p, end, fault)


@inlined
def open_text(p, end, fault):
    """Into the text that must stand at `p`: the address after its quote, or 0."""
    if p < end and load_u8(p) == QUOTE:
        return p + 1
    return _wrong_type(p, end, fault)


@inlined
def read_word(p, end, table, fault):
    """The text that must stand at `p`: (its code, 0 if it is not in the table; the address after it or 0)."""
    text = open_text(p, end, fault)
    if text == 0:
        return 0, 0
    return text_code(text, end, table)[0], skip_string(text, end, fault)


@kernel
def _wrong_type(p, end, fault):
    never_inlined()
    return refuse(fault, Fault.TRUNCATED if p >= end else Fault.WRONG_TYPE, p)
