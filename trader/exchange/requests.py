"""Scanner of requests: JSON objects of the order API, HTTP requests, and the parameters of both.

The parameters that the exchange knows are noted as spans of the received bytes; anything else is checked
for its form and skipped. Whatever the bytes are, nothing beyond their length is read, and a span is always
printable ASCII without quotes or backslashes, so that it may be echoed inside JSON.
"""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.exchange.text import word_at

KEYS = (
    b"id method symbol side type timeInForce price quantity newClientOrderId origClientOrderId orderId limit "
    b"countdownTime fromId params "
)
# fmt: off
(ID, METHOD, SYMBOL, SIDE, TYPE, TIME_IN_FORCE, PRICE, QUANTITY, NEW_CLIENT_ID, ORIGINAL_CLIENT_ID, ORDER_ID,
 LIMIT, COUNTDOWN, FROM_ID, PARAMS) = range(15)
# fmt: on
FIELDS_COUNT = 15
DEPTH_MAX = 16
MAY, AFTER, MUST = range(3)
SPACE, LINE_FEED, QUESTION_MARK, AMPERSAND, EQUALS = b" \n?&="

FIELDS = np.dtype(
    [
        ("start", "i8", (FIELDS_COUNT,)),  # addresses
        ("length", "i8", (FIELDS_COUNT,)),  # 0: absent
        ("is_text", "i8", (FIELDS_COUNT,)),
        ("verb", "i8"),  # address of the HTTP method, and its length
        ("verb_length", "i8"),
        ("path", "i8"),  # address of the path without its query, and its length
        ("path_length", "i8"),
    ],
    align=True,
)
"""What a request holds. The addresses are valid while the received bytes are."""


@kernel
def forget_fields(fields):
    """No parameter is known."""
    for key in range(FIELDS_COUNT):
        fields.start[key] = 0
        fields.length[key] = 0
        fields.is_text[key] = 0


@kernel
def scan_json(fields, text, length):
    """Scan one JSON object: 1, or 0 if it is not one.

    `id` and `method` are taken from its top level only, parameters from `params` only; the last one counts.
    `params` that are no object are noted as they stand, unchecked bytes.
    """
    forget_fields(fields)
    end = text + length
    at = skip_space(text, end)
    if at >= end or load_u8(at) != 123:
        return 0
    at = _scan_members(fields, at + 1, end)
    if at == 0:
        return 0
    return 1 if skip_space(at, end) == end else 0


@kernel
def _scan_members(fields, at, end):
    """Scan `"key":value,...}`: the address after the closing brace, or 0.

    MAY -key-> AFTER -comma-> MUST -key-> AFTER ...   a brace ends MAY and AFTER; `params` opens a MAY inside
    """
    in_params = 0
    expected = MAY
    while True:
        at = skip_space(at, end)
        if at >= end:
            return 0
        byte = load_u8(at)
        if byte == 125 and expected != MUST:
            at += 1
            if in_params == 0:
                return at
            in_params = 0
            expected = AFTER
            continue
        if expected == AFTER:
            if byte != 44:
                return 0
            at += 1
            expected = MUST
            continue
        key = at
        at = skip_text(key, end)
        if at == 0:
            return 0
        number = word_at(KEYS, key + 1, at - key - 2)
        at = skip_space(at, end)
        if at >= end or load_u8(at) != 58:
            return 0
        value = skip_space(at + 1, end)
        if number == PARAMS and in_params == 0 and value < end and load_u8(value) == 123:
            in_params = 1
            at = value + 1
            expected = MAY
            continue
        at = skip_value(value, end)
        if at == 0:
            return 0
        if number == PARAMS and in_params == 0:
            fields.start[PARAMS] = value
            fields.length[PARAMS] = at - value
        elif number >= 0 and (number <= METHOD) == (in_params == 0):
            _note(fields, number, value, at)
        expected = AFTER


@kernel
def _note(fields, number, start, end):
    """Keep a value's span: a string without its quotes, or a number."""
    never_inlined()
    is_text = 1 if end - start >= 2 and load_u8(start) == 34 else 0
    if is_text:
        start += 1
        end -= 1
    for address in range(start, end):
        byte = load_u8(address)
        if byte < 32 or byte > 126 or byte == 92 or byte == 34:
            return
    fields.start[number] = start
    fields.length[number] = end - start
    fields.is_text[number] = is_text


@kernel
def skip_space(at, end):
    """The address of the next byte that is not white space, or `end`."""
    never_inlined()
    while at < end:
        byte = load_u8(at)
        if byte != 32 and byte != 10 and byte != 13 and byte != 9:
            break
        at += 1
    return at


@kernel
def skip_text(at, end):
    """The address after a string's closing quote, or 0."""
    never_inlined()
    if at >= end or load_u8(at) != 34:
        return 0
    at += 1
    while at < end:
        byte = load_u8(at)
        if byte == 34:
            return at + 1
        if byte < 32:
            return 0
        at += 2 if byte == 92 else 1
    return 0


@kernel
def _skip_scalar(at, end):
    """The address after a number, true, false or null, or 0."""
    start = at
    while at < end:
        byte = load_u8(at)
        is_word = 48 <= byte <= 57 or 97 <= byte <= 122 or byte == 45 or byte == 43 or byte == 46 or byte == 69
        if not is_word:
            break
        at += 1
    return at if at > start else 0


@kernel
def skip_value(at, end):
    """The address after a value of any kind, or 0. Brackets are counted, not matched by kind."""
    never_inlined()
    depth = 0
    while True:
        at = skip_space(at, end)
        if at >= end:
            return 0
        byte = load_u8(at)
        if byte == 123 or byte == 91:
            depth += 1
            if depth > DEPTH_MAX:
                return 0
            at += 1
            continue
        if byte == 125 or byte == 93 or byte == 44 or byte == 58:
            if depth == 0:
                return 0
            if byte == 125 or byte == 93:
                depth -= 1
            at += 1
        else:
            at = skip_text(at, end) if byte == 34 else _skip_scalar(at, end)
            if at == 0:
                return 0
        if depth == 0:
            return at


@kernel
def scan_http(fields, text, length):
    """Scan `METHOD path?query`, headers, an empty line and a form body: 1, or 0 if it has no such form."""
    forget_fields(fields)
    end = text + length
    at = _find(text, end, SPACE)
    if at == end:
        return 0
    fields.verb = text
    fields.verb_length = at - text
    line_end = _find(at + 1, end, LINE_FEED)
    query = _find(at + 1, line_end, QUESTION_MARK)
    fields.path = at + 1
    fields.path_length = query - at - 1
    if query < line_end:
        _scan_form(fields, query + 1, line_end)
    body = line_end
    while body < end:
        next_line = _find(body + 1, end, LINE_FEED)
        if next_line == body + 1:
            _scan_form(fields, min(next_line + 1, end), end)
            break
        body = next_line
    return 1 if fields.path_length > 0 else 0


@kernel
def _scan_form(fields, at, end):
    """Scan `name=value&name=value`."""
    while at < end:
        pair_end = _find(at, end, AMPERSAND)
        equals = _find(at, pair_end, EQUALS)
        if equals < pair_end:
            number = word_at(KEYS, at, equals - at)
            if number > METHOD and number != PARAMS:
                _note(fields, number, equals + 1, pair_end)
        at = pair_end + 1


@kernel
def _find(at, end, byte):
    """The address of the next such byte, or `end`."""
    never_inlined()
    while at < end and load_u8(at) != byte:
        at += 1
    return at
