"""Order events: what Binance USD-M futures and spot answer about our orders, scanned from text to integers, compiled.

    reply        {"id":"p123","status":200,"result":{...}} or {"id":..,"status":400,"error":{"code":..,"msg":..}}
    user stream  user_events.py

Any key order and whitespace; no byte outside the text is read. Amounts stay decimals (NUMBER) until the
caller knows the instrument. Scanners return SCANNED or BAD; a record is only to be read after SCANNED.
"""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.orders import NOT_TRADING, POST_ONLY_WOULD_TAKE
from trader.venues.binance.json_cursor import (
    CURSOR,
    NUMBER,
    OPEN_BRACE,
    at_end,
    next_element,
    next_key,
    open_array,
    open_cursor,
    open_object,
    peek,
    read_integer,
    read_number,
    read_text,
    skip_value,
    word,
)

SCANNED, BAD = 0, -1

OTHER, NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, REJECTED, TRADE = range(8)
"""Order status (`X`, `status`) and execution type (`x`); TRADE is an execution type only."""

QUOTE, OWN_LETTER = 34, 116
"""Our client order ids begin with a t."""
DUPLICATE_ID = -4116
REFUSED, FILTERED = -2010, -1013
"""How futures say that an order's id is taken. Spot has two codes for all refused orders and says why in words: a taken
id, a post-only order that would take and a closed market are given the codes of futures."""

REPLY = np.dtype(
    [
        ("request", "i8"),  # letter of the request's id: orders.PLACE, CANCEL or QUERY
        ("client_order_id", "i8"),  # number of the request's id
        ("http_status", "i8"),
        ("code", "i8"),  # the venue's error code, negative; 0 without an error
        ("retry_ms", "i8"),  # the venue's time before which it wants to hear nothing; 0: none said
        ("named_id", "i8"),  # client order id in the order itself; 0: not one of ours
        ("order_status", "i8"),
        ("venue_order_id", "i8"),
        ("cumulative", NUMBER),
        ("update_ms", "i8"),
    ],
    align=True,
)

SCAN = np.dtype([("cursor", CURSOR), ("number", NUMBER)], align=True)
"""Working memory of a scanner."""

_ID, _STATUS, _RESULT, _ERROR, _CODE = word("id"), word("status"), word("result"), word("error"), word("code")
_ORDER_ID, _EXECUTED, _UPDATED = word("orderId"), word("executedQty"), word("updateTime")
_TRANSACTED, _MESSAGE, _DUPLICATE = word("transactTime"), word("msg"), word("Duplicate order sent.")
_WOULD_TAKE, _CLOSED = word("Order would immediately match and take."), word("Market is closed.")
_DATA, _RETRY_AFTER, _CLIENT_ORDER_ID = word("data"), word("retryAfter"), word("clientOrderId")
_BUY, _SELL = word("BUY"), word("SELL")
_W_NEW, _W_PARTIALLY, _W_FILLED = word("NEW"), word("PARTIALLY_FILLED"), word("FILLED")
_W_CANCELED, _W_EXPIRED, _W_MATCH = word("CANCELED"), word("EXPIRED"), word("EXPIRED_IN_MATCH")
_W_REJECTED, _W_TRADE = word("REJECTED"), word("TRADE")


@kernel
def id_of_text(address, length):
    """The integer of `<letter><digits>`: 0 when it is not one of ours (1 to 19 digits, no leading zero)."""
    never_inlined()
    if length < 2 or length > 20 or load_u8(address + 1) == 48:
        return 0
    value = 0
    for i in range(1, length):
        digit = load_u8(address + i) - 48
        if digit < 0 or digit > 9 or value > (9223372036854775807 - digit) // 10:
            return 0
        value = value * 10 + digit
    return value


@kernel
def read_status(cursor):
    """Read a status or execution type."""
    never_inlined()
    if not read_text(cursor):
        return OTHER
    if cursor.word == _W_NEW:
        return NEW
    if cursor.word == _W_TRADE:
        return TRADE
    if cursor.word == _W_PARTIALLY:
        return PARTIALLY_FILLED
    if cursor.word == _W_FILLED:
        return FILLED
    if cursor.word == _W_CANCELED:
        return CANCELED
    if cursor.word == _W_EXPIRED or cursor.word == _W_MATCH:
        return EXPIRED
    if cursor.word == _W_REJECTED:
        return REJECTED
    return OTHER


@kernel
def read_side(cursor):
    """Read BUY or SELL: 1, -1, else 0."""
    if not read_text(cursor):
        return 0
    return 1 if cursor.word == _BUY else -1 if cursor.word == _SELL else 0


@kernel
def scan_reply(scan, address, length, reply):
    """Read the reply to an order request. `client_order_id` 0: not an answer to one of ours."""
    never_inlined()
    cursor = scan.cursor
    reply.request = reply.client_order_id = reply.http_status = reply.code = reply.retry_ms = 0
    reply.named_id = reply.order_status = reply.venue_order_id = reply.update_ms = 0
    reply.cumulative.mantissa = reply.cumulative.fraction = 0
    open_cursor(cursor, address, length)
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _ID and peek(cursor) == 34:
            if read_text(cursor) and cursor.length > 0:
                reply.request = load_u8(cursor.text)
                reply.client_order_id = id_of_text(cursor.text, cursor.length)
        elif cursor.word == _STATUS:
            reply.http_status = read_integer(cursor, scan.number)
        elif cursor.word == _RESULT and peek(cursor) == OPEN_BRACE:
            _scan_result(scan, reply)
        elif cursor.word == _ERROR and peek(cursor) == OPEN_BRACE:
            _scan_error(scan, reply)
        else:
            skip_value(cursor)
    return SCANNED if at_end(cursor) else BAD


@kernel
def _scan_result(scan, reply):
    never_inlined()
    cursor = scan.cursor
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _ORDER_ID:
            reply.venue_order_id = read_integer(cursor, scan.number)
        elif cursor.word == _STATUS:
            reply.order_status = read_status(cursor)
        elif cursor.word == _EXECUTED:
            read_number(cursor, reply.cumulative)
        elif cursor.word == _UPDATED or cursor.word == _TRANSACTED:
            reply.update_ms = read_integer(cursor, scan.number)
        elif cursor.word == _CLIENT_ORDER_ID and peek(cursor) == QUOTE:
            if read_text(cursor) and cursor.length > 0 and load_u8(cursor.text) == OWN_LETTER:
                reply.named_id = id_of_text(cursor.text, cursor.length)
        else:
            skip_value(cursor)


@kernel
def _scan_error(scan, reply):
    never_inlined()
    cursor = scan.cursor
    said = 0
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _CODE:
            reply.code = read_integer(cursor, scan.number)
        elif cursor.word == _MESSAGE and peek(cursor) == 34:
            said = cursor.word if read_text(cursor) else 0
        elif cursor.word == _DATA and peek(cursor) == OPEN_BRACE:
            open_object(cursor)
            while next_key(cursor):
                if cursor.word == _RETRY_AFTER:
                    reply.retry_ms = read_integer(cursor, scan.number)
                else:
                    skip_value(cursor)
        else:
            skip_value(cursor)
    if reply.code == REFUSED and said == _DUPLICATE:
        reply.code = DUPLICATE_ID
    elif reply.code == REFUSED and said == _WOULD_TAKE:
        reply.code = POST_ONLY_WOULD_TAKE
    elif reply.code == FILTERED and said == _CLOSED:
        reply.code = NOT_TRADING


@kernel
def open_order_list(scan, address, length):
    """Stand before the first order of an openOrders body."""
    open_cursor(scan.cursor, address, length)
    open_array(scan.cursor)


@kernel
def next_listed_order(scan, reply):
    """Read the next order of the list as the REPLY of a query: 1, 0 after the last, BAD after a fault."""
    never_inlined()
    cursor = scan.cursor
    if not next_element(cursor):
        return 0 if at_end(cursor) else BAD
    reply.named_id = reply.venue_order_id = reply.order_status = reply.update_ms = 0
    reply.cumulative.mantissa = reply.cumulative.fraction = 0
    _scan_result(scan, reply)
    return BAD if cursor.bad else 1
