"""What an account has free to trade with, in the quote asset, scanned from a REST reply, compiled.

futures  GET /fapi/v3/balance  [{"asset":"USDT","availableBalance":"990.5",..},..]
spot     GET /api/v3/account   {..,"balances":[{"asset":"USDT","free":"990.5","locked":"0"},..]}
"""

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.binance.balances import e8_of
from trader.venues.binance.json_cursor import (
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
from trader.venues.markets import SPOT

QUOTE_ASSET = b"USDT"
NOT_LISTED = -1

_BALANCES, _ASSET = word("balances"), word("asset")
_AVAILABLE, _FREE = word("availableBalance"), word("free")


@kernel
def scan_collateral(scan, address, length, market, amount):
    """What is free of the quote asset in 1e-8 of it, 0 where that is negative; BAD where it is not said.

    `amount`: a NUMBER to read into.
    """
    never_inlined()
    cursor = scan.cursor
    free_e8 = NOT_LISTED
    open_cursor(cursor, address, length)
    if market == SPOT:
        open_object(cursor)
        while next_key(cursor):
            if cursor.word == _BALANCES:
                free_e8 = max(free_e8, _scan_rows(cursor, amount, _FREE))
            else:
                skip_value(cursor)
    else:
        free_e8 = _scan_rows(cursor, amount, _AVAILABLE)
    return free_e8 if at_end(cursor) and free_e8 >= 0 else BAD


@kernel
def _scan_rows(cursor, amount, wanted):
    never_inlined()
    free_e8 = NOT_LISTED
    open_array(cursor)
    while next_element(cursor):
        open_object(cursor)
        ours = False
        found_e8 = NOT_LISTED
        while next_key(cursor):
            if cursor.word == _ASSET:
                ours = read_text(cursor) != 0 and _is_quote_asset(cursor.text, cursor.length)
            elif cursor.word == wanted:
                if read_number(cursor, amount):
                    found_e8 = 0 if amount.mantissa < 0 else e8_of(amount)
            else:
                skip_value(cursor)
        if ours:
            free_e8 = found_e8
    return free_e8


@kernel
def _is_quote_asset(address, length):
    differing = length ^ len(QUOTE_ASSET)
    for i in range(min(length, len(QUOTE_ASSET))):
        differing |= load_u8(address + i) ^ QUOTE_ASSET[i]
    return differing == 0
