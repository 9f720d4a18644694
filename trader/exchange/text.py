"""Bytes of JSON: texts written from templates, numbers and words read.

A template is JSON with places for values. A place is `#`, a kind, and the letter of a slot of WRITER.values
(A is the first):

    #iA  integer            #pA  ticks, as a price     #wA  word number of WORDS
    #eA  1e-8 of a unit     #qA  lots, as a quantity   #bA  true or false
    #dA  price, in units of its last decimal           #mA  message of an error code
    #cA  bytes: address in slot A, length in slot B; `null` if the length is 0
    #s   the instrument's symbol                       #l   the same in lower case
    #a   its base asset                                #u   its quote asset

One interpreter writes them all: far less to compile than a kernel for each text. A reader takes an address
and a length and answers a value from 0, or a negative code; nothing is read beyond the length.
"""

import numpy as np

from shm.kernel import copy, kernel, load_u8, store_u8, view
from trader.compile_hints import never_inlined
from trader.exchange.errors import MESSAGES
from trader.instrument import INSTRUMENT

MALFORMED = -1
TOO_PRECISE = -2
DIGITS_MAX = 18
"""Digits that a number may have: any such number fits an int64."""

SLOTS = 26
WRITER = np.dtype([("values", "i8", (SLOTS,)), ("instrument", "i8")], align=True)
"""Values for the next template; `instrument` is the address of the INSTRUMENT whose units count."""

WORDS = (
    b"FREE NEW PARTIALLY_FILLED FILLED CANCELED EXPIRED TRADE SELL BUY GTX GTC IOC @0ms @100ms @250ms @500ms  "
    b"LIMIT LIMIT_MAKER TRADING HALT "
)
"""Words for #w, each ended by a space; the first six are the account's order statuses. That of WORD_EMPTY is empty."""

WORD_TRADE, WORD_SELL, WORD_BUY, WORD_GTX, WORD_GTC, WORD_SPEED, WORD_EMPTY = 6, 7, 8, 9, 10, 12, 16
WORD_LIMIT, WORD_LIMIT_MAKER, WORD_TRADING, WORD_HALT = 17, 18, 19, 20


@kernel
def write(cursor, template, writer):
    """Write a template at an address: the address after it."""
    never_inlined()
    instrument = view(writer.instrument, INSTRUMENT)
    at = 0
    while at < len(template):
        byte = template[at]
        at += 1
        if byte != 35:
            store_u8(cursor, byte)
            cursor += 1
            continue
        kind = template[at]
        at += 1
        if kind == 115 or kind == 108 or kind == 97 or kind == 117:
            cursor = _put_symbol(cursor, instrument, kind)
            continue
        slot = template[at] - 65
        at += 1
        value = writer.values[slot]
        decimals = 0
        if kind == 112:
            value *= instrument.tick_multiple
            decimals = instrument.price_decimals
        elif kind == 113:
            value *= instrument.lot_multiple
            decimals = instrument.size_decimals
        elif kind == 100:
            decimals = instrument.price_decimals
        elif kind == 101:
            decimals = 8
        elif kind != 105:
            length = writer.values[slot + 1] if kind == 99 else 0
            cursor = _put_text(cursor, kind, value, length)
            continue
        cursor = put_decimal(cursor, value, decimals)
    return cursor


@kernel
def put_decimal(cursor, value, decimals):
    """Write value / 10**decimals with exactly that many decimals: (6000010, 2) is 60000.10."""
    never_inlined()
    if value < 0:
        store_u8(cursor, 45)
        cursor += 1
        value = -value
    digits = 1
    rest = value // 10
    while rest > 0 or digits <= decimals:
        rest //= 10
        digits += 1
    end = cursor + digits + (1 if decimals > 0 else 0)
    at = end
    for index in range(digits):
        if index == decimals and decimals > 0:
            at -= 1
            store_u8(at, 46)
        at -= 1
        store_u8(at, 48 + value % 10)
        value //= 10
    return end


@kernel
def _put_symbol(cursor, instrument, kind):
    """Write the symbol, in lower case for the kind `l`, or one of its assets."""
    first = instrument.base_length if kind == 117 else 0
    last = instrument.base_length if kind == 97 else instrument.symbol_length
    for index in range(first, last):
        byte = instrument.symbol[index]
        store_u8(cursor + index - first, byte + 32 if kind == 108 and 65 <= byte <= 90 else byte)
    return cursor + last - first


@kernel
def _put_text(cursor, kind, value, length):
    """Write bytes, a word, a truth value or an error's message."""
    never_inlined()
    if kind == 99 and length > 0:
        copy(cursor, value, length)
        return cursor + length
    if kind == 119:
        return _put_part(cursor, WORDS, 32, value)
    if kind == 109:
        return _put_message(cursor, value)
    word = b"null" if kind == 99 else (b"true" if value else b"false")
    for index in range(len(word)):
        store_u8(cursor + index, word[index])
    return cursor + len(word)


@kernel
def _put_part(cursor, parts, separator, number):
    """Write one of the parts of a text, each of which ends with the separator."""
    at = 0
    while number > 0:
        number -= 1 if parts[at] == separator else 0
        at += 1
    while parts[at] != separator:
        store_u8(cursor, parts[at])
        cursor += 1
        at += 1
    return cursor


@kernel
def _put_message(cursor, code):
    """Write the message of an error code, from the table in errors."""
    at = 0
    while at < len(MESSAGES):
        found = 0
        while MESSAGES[at] != 32:
            found = found * 10 + MESSAGES[at] - 48
            at += 1
        at += 1
        while MESSAGES[at] != 10:
            if found == -code:
                store_u8(cursor, MESSAGES[at])
                cursor += 1
            at += 1
        at += 1
    return cursor


@kernel
def word_at(words, text, length):
    """Number of the word, of those that each end with a space, that stands there; -1: none of them."""
    never_inlined()
    number = 0
    matched = 0
    for index in range(len(words)):
        if words[index] == 32:
            if matched == length:
                return number
            number += 1
            matched = 0
        elif 0 <= matched < length and load_u8(text + matched) == words[index]:
            matched += 1
        else:
            matched = -1
    return -1


@kernel
def integer_at(address, length):
    """The non-negative integer written there, or MALFORMED."""
    never_inlined()
    if length < 1 or length > DIGITS_MAX:
        return MALFORMED
    value = 0
    for index in range(length):
        digit = load_u8(address + index) - 48
        if digit < 0 or digit > 9:
            return MALFORMED
        value = value * 10 + digit
    return value


@kernel
def decimal_at(address, length, decimals):
    """The non-negative decimal written there times 10**decimals, MALFORMED, or TOO_PRECISE.

    Zeros beyond the decimals are allowed. No sign, no exponent, a digit on both sides of a point.
    """
    never_inlined()
    value = 0
    digits = 0
    fraction = -1
    for index in range(length):
        byte = load_u8(address + index)
        if byte == 46:
            if fraction >= 0 or digits == 0 or index + 1 == length:
                return MALFORMED
            fraction = 0
            continue
        if byte < 48 or byte > 57:
            return MALFORMED
        digits += 1
        if fraction == decimals:
            if byte != 48:
                return TOO_PRECISE
            continue
        if fraction >= 0:
            fraction += 1
        value = value * 10 + byte - 48
        if value >= 10**DIGITS_MAX:
            return MALFORMED
    if digits == 0:
        return MALFORMED
    for _ in range(decimals - max(fraction, 0)):
        value *= 10
        if value >= 10**DIGITS_MAX:
            return MALFORMED
    return value
