"""Whether an instrument trades, and its mark price, scanned from REST replies, compiled.

GET exchangeInfo   {..,"symbols":[{"symbol":"BTCUSDT",..,"status":"TRADING",..},..]}
GET premiumIndex   {"symbol":"BTCUSDT","markPrice":"61800.12345678",..}          futures only
"""

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.enums import InstrumentStatus
from trader.venues.binance.json_cursor import (
    DIGITS_MAX,
    POWERS,
    at_end,
    next_element,
    next_key,
    open_array,
    open_cursor,
    open_object,
    read_number,
    read_text,
    skip_value,
    word,
)
from trader.venues.binance.order_events import BAD

_SYMBOLS, _SYMBOL, _STATUS = word("symbols"), word("symbol"), word("status")
_WORD_TRADING, _MARK_PRICE = word("TRADING"), word("markPrice")
_TRADING, _STOPPED = int(InstrumentStatus.TRADING), int(InstrumentStatus.STOPPED)


@kernel
def scan_status(scan, address, length, instrument):
    """The instrument's InstrumentStatus: STOPPED for every word but TRADING, and if it is not listed. BAD: no list."""
    never_inlined()
    cursor = scan.cursor
    found = BAD
    open_cursor(cursor, address, length)
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _SYMBOLS:
            open_array(cursor)
            found = _STOPPED
            while next_element(cursor):
                row = _scan_row(cursor, instrument)
                found = row if row != BAD else found
        else:
            skip_value(cursor)
    return found if at_end(cursor) else BAD


@kernel
def _scan_row(cursor, instrument):
    """The status in one row, BAD if the row is another instrument's or says none."""
    never_inlined()
    is_ours = False
    status = BAD
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _SYMBOL:
            is_ours = read_text(cursor) != 0 and _is_symbol(cursor.text, cursor.length, instrument)
        elif cursor.word == _STATUS:
            read_text(cursor)
            status = _TRADING if cursor.word == _WORD_TRADING else _STOPPED
        else:
            skip_value(cursor)
    return status if is_ours else BAD


@kernel
def _is_symbol(text, length, instrument):
    differing = length ^ instrument.symbol_length
    for index in range(min(length, instrument.symbol_length)):
        differing |= load_u8(text + index) ^ instrument.symbol[index]
    return differing == 0


@kernel
def scan_mark(scan, address, length, instrument):
    """Twice the mark price in ticks, 1 at least, rounded down; BAD where there is none.

    Mark prices have more decimals than ticks: half a tick is near enough for what is measured in basis points.
    """
    never_inlined()
    cursor, number = scan.cursor, scan.number
    number.mantissa = 0
    open_cursor(cursor, address, length)
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _MARK_PRICE:
            read_number(cursor, number)
        else:
            skip_value(cursor)
    further = number.fraction - instrument.price_decimals
    if at_end(cursor) == 0 or number.mantissa <= 0 or abs(further) > DIGITS_MAX:
        return BAD
    if further >= 0:
        ticks2 = 2 * number.mantissa // POWERS[further] // instrument.tick_multiple
    elif number.mantissa > POWERS[DIGITS_MAX + further]:
        return BAD
    else:
        ticks2 = 2 * number.mantissa * POWERS[-further] // instrument.tick_multiple
    return ticks2 if ticks2 > 0 else BAD
