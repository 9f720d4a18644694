"""Balances of a spot account, scanned from `GET /api/v3/account`, compiled.

    {..,"updateTime":ms,"balances":[{"asset":"BTC","free":"9.99000000","locked":"0.01000000"},..]}

An account has dust that is no whole lot: lots are rounded down. What trades in whole lots changes them exactly.
"""

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.binance.json_cursor import (
    POWERS,
    at_end,
    fault,
    next_element,
    next_key,
    open_array,
    open_cursor,
    open_object,
    read_integer,
    read_number,
    read_text,
    skip_value,
    word,
)
from trader.venues.binance.order_events import BAD, SCANNED

DECIMALS = 8
"""Of amounts; digits beyond are dropped."""

VALUE_MAX = 10**18

_BALANCES, _UPDATED, _ASSET = word("balances"), word("updateTime"), word("asset")
_FREE, _LOCKED = word("free"), word("locked")


@kernel
def scan_balances(scan, address, length, instrument, position):
    """Read what there is of an instrument's base asset, free and locked, in lots into a POSITION_REPLY."""
    never_inlined()
    cursor = scan.cursor
    position.lots = position.update_ms = 0
    found = False
    open_cursor(cursor, address, length)
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _UPDATED:
            position.update_ms = read_integer(cursor, scan.number)
        elif cursor.word == _BALANCES:
            found = True
            open_array(cursor)
            while next_element(cursor):
                position.lots += _scan_balance(scan, instrument, position)
        else:
            skip_value(cursor)
    return SCANNED if at_end(cursor) and found else BAD


@kernel
def _scan_balance(scan, instrument, position):
    """Lots of one row: 0 if it is of another asset."""
    never_inlined()
    cursor = scan.cursor
    ours = False
    held_e8 = 0
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _ASSET:
            ours = read_text(cursor) != 0 and _is_base(cursor.text, cursor.length, instrument)
        elif cursor.word == _FREE or cursor.word == _LOCKED:
            read_number(cursor, position.amount)
            amount_e8 = e8_of(position.amount)
            if amount_e8 < 0:
                fault(cursor)
            held_e8 += amount_e8
        else:
            skip_value(cursor)
    return held_e8 // (instrument.lot_multiple * POWERS[DECIMALS - instrument.size_decimals]) if ours else 0


@kernel
def e8_of(amount):
    """An amount in 1e-8, or -1 where it is negative or too large to be one."""
    if amount.mantissa < 0:
        return -1
    if amount.fraction >= DECIMALS:
        return amount.mantissa // POWERS[amount.fraction - DECIMALS]
    power = POWERS[DECIMALS - amount.fraction]
    return amount.mantissa * power if amount.mantissa <= VALUE_MAX // power else -1


@kernel
def _is_base(text, length, instrument):
    """Whether an asset is what the instrument is of."""
    if length != instrument.base_length or length == 0:
        return False
    differing = 0
    for index in range(length):
        differing |= load_u8(text + index) ^ instrument.symbol[index]
    return differing == 0
