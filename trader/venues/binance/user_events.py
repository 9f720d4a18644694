"""User events: what Binance USD-M futures and spot tell of our orders unasked, scanned from text to integers, compiled.

    futures  {"e":"ORDER_TRADE_UPDATE","E":ms,"T":ms,"o":{...}} · ACCOUNT_UPDATE · listenKeyExpired
    spot     {"subscriptionId":0,"event":{"e":"executionReport","T":ms,"c":..,"C":..,...}} · eventStreamTerminated

Spot's letters are those of futures. A canceled order is named by `C` there, `c` is the cancel's own name. As
order_events.py: any key order, amounts as decimals, SCANNED or BAD.
"""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.binance.json_cursor import (
    NUMBER,
    OPEN_BRACE,
    at_end,
    next_key,
    open_cursor,
    open_object,
    peek,
    read_flag,
    read_integer,
    read_number,
    read_text,
    skip_value,
    word,
)
from trader.venues.binance.order_events import BAD, SCANNED, id_of_text, read_side, read_status

ORDER_UPDATE, STREAM_ENDED = 1, 2
"""Kinds of user event that matter here; 0 is any other. The second: nothing more will come on this stream."""

USER_EVENT = np.dtype(
    [
        ("kind", "i8"),
        ("event_ms", "i8"),  # T of the event: when the venue's engine did it
        ("execution", "i8"),
        ("order_status", "i8"),
        ("client_order_id", "i8"),  # 0: not one of ours
        ("original_id", "i8"),  # of a canceled order on spot; 0: none said
        ("venue_order_id", "i8"),
        ("trade_id", "i8"),
        ("symbol", "i8"),  # address of the symbol's text
        ("symbol_length", "i8"),
        ("side", "i8"),  # 1 buy, -1 sell, 0 missing
        ("is_maker", "i8"),
        ("price", NUMBER),
        ("quantity", NUMBER),
        ("last_price", NUMBER),
        ("last_quantity", NUMBER),
        ("cumulative", NUMBER),
        ("fee", NUMBER),
    ],
    align=True,
)

_SPOT_EVENT, _ORIGINAL = word("event"), word("C")
_EXECUTION_REPORT, _TERMINATED, _SHUTDOWN = (
    word("executionReport"),
    word("eventStreamTerminated"),
    word("serverShutdown"),
)
_EVENT, _ORDER, _TIME = word("e"), word("o"), word("T")
_SYMBOL, _CLIENT, _SIDE, _PRICE, _QUANTITY = word("s"), word("c"), word("S"), word("p"), word("q")
_EXECUTION, _STATE, _VENUE_ID, _LAST, _LAST_PRICE = word("x"), word("X"), word("i"), word("l"), word("L")
_CUMULATIVE, _FEE, _TRADE_ID, _MAKER = word("z"), word("n"), word("t"), word("m")
_ORDER_TRADE_UPDATE, _LISTEN_KEY_EXPIRED = word("ORDER_TRADE_UPDATE"), word("listenKeyExpired")


@kernel
def clear_event(event):
    """All fields zero."""
    event.original_id = 0
    event.kind = event.event_ms = event.execution = event.order_status = event.client_order_id = 0
    event.venue_order_id = event.trade_id = event.symbol = event.symbol_length = event.side = event.is_maker = 0
    event.price.mantissa = event.quantity.mantissa = event.last_price.mantissa = 0
    event.price.fraction = event.quantity.fraction = event.last_price.fraction = 0
    event.last_quantity.mantissa = event.cumulative.mantissa = event.fee.mantissa = 0
    event.last_quantity.fraction = event.cumulative.fraction = event.fee.fraction = 0


@kernel
def scan_user_event(scan, address, length, event):
    """Read one event of the user stream. `symbol` points into the text."""
    never_inlined()
    cursor = scan.cursor
    clear_event(event)
    open_cursor(cursor, address, length)
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _EVENT and peek(cursor) == 34:
            _read_kind(cursor, event)
        elif cursor.word == _TIME:
            event.event_ms = read_integer(cursor, scan.number)
        elif (cursor.word == _ORDER or cursor.word == _SPOT_EVENT) and peek(cursor) == OPEN_BRACE:
            _scan_order(scan, event)
        else:
            skip_value(cursor)
    if event.original_id != 0:
        event.client_order_id = event.original_id
    return SCANNED if at_end(cursor) else BAD


@kernel
def _read_kind(cursor, event):
    """The event's type."""
    read_text(cursor)
    if cursor.word == _ORDER_TRADE_UPDATE or cursor.word == _EXECUTION_REPORT:
        event.kind = ORDER_UPDATE
    elif cursor.word == _LISTEN_KEY_EXPIRED or cursor.word == _TERMINATED or cursor.word == _SHUTDOWN:
        event.kind = STREAM_ENDED


@kernel
def _read_own_id(cursor):
    """Read a client order id: its number, 0 if it is not one of ours."""
    if read_text(cursor) and cursor.length > 0 and load_u8(cursor.text) == 116:  # t
        return id_of_text(cursor.text, cursor.length)
    return 0


@kernel
def _scan_order(scan, event):
    """The object `o` of an ORDER_TRADE_UPDATE, the object `event` of spot."""
    never_inlined()
    cursor = scan.cursor
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _CLIENT:
            event.client_order_id = _read_own_id(cursor)
        elif cursor.word == _ORIGINAL:
            event.original_id = _read_own_id(cursor)
        elif cursor.word == _EVENT and peek(cursor) == 34:
            _read_kind(cursor, event)
        elif cursor.word == _TIME and event.event_ms == 0:
            event.event_ms = read_integer(cursor, scan.number)
        elif cursor.word == _SYMBOL:
            if read_text(cursor):
                event.symbol = cursor.text
                event.symbol_length = cursor.length
        elif cursor.word == _SIDE:
            event.side = read_side(cursor)
        elif cursor.word == _EXECUTION:
            event.execution = read_status(cursor)
        elif cursor.word == _STATE:
            event.order_status = read_status(cursor)
        elif cursor.word == _VENUE_ID:
            event.venue_order_id = read_integer(cursor, scan.number)
        elif cursor.word == _TRADE_ID:
            event.trade_id = read_integer(cursor, scan.number)
        elif cursor.word == _MAKER:
            event.is_maker = read_flag(cursor)
        else:
            _scan_amount(cursor, event)


@kernel
def _scan_amount(cursor, event):
    never_inlined()
    if cursor.word == _PRICE:
        read_number(cursor, event.price)
    elif cursor.word == _QUANTITY:
        read_number(cursor, event.quantity)
    elif cursor.word == _LAST:
        read_number(cursor, event.last_quantity)
    elif cursor.word == _LAST_PRICE:
        read_number(cursor, event.last_price)
    elif cursor.word == _CUMULATIVE:
        read_number(cursor, event.cumulative)
    elif cursor.word == _FEE:
        read_number(cursor, event.fee)
    else:
        skip_value(cursor)
