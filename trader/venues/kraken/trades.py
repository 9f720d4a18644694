"""One trade of a Kraken frame.

{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,"ord_type":"market","trade_id":4665906,
 "timestamp":"2023-09-25T07:49:37.708706Z"}
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import Side
from trader.venues.decimals import bare_decimal, natural
from trader.venues.json_bytes import Fault, refuse, skip_number, skip_string, skip_value
from trader.venues.json_walk import END, next_key, open_object, open_text, text_code
from trader.venues.kraken.fields import BUY, KEYS, PRICE, QTY, SELL, SIDE, SYMBOL, TIMESTAMP, TRADE_ID, WORDS
from trader.venues.scanner import keep_trade, match_symbol
from trader.venues.time_text import rfc3339_ns

_BUY, _SELL = np.int64(Side.BUY), np.int64(Side.SELL)
_DATA_DEPTH = np.int64(3)
_NEEDS = 1 << SYMBOL | 1 << SIDE | 1 << PRICE | 1 << QTY | 1 << TIMESTAMP | 1 << TRADE_ID
_FOREIGN = -2


@inlined
def read_word(p, end, fault):
    """A text that selects something: (its code, 0 if it is none of ours; the address after it or 0)."""
    text = open_text(p, end, fault)
    if text == 0:
        return 0, 0
    return text_code(text, end, WORDS)[0], skip_string(text, end, fault)


@inlined
def read_symbol(scanner, p, end, fault):
    """Note which symbol the text at `p` is; the address after it, or 0."""
    text = open_text(p, end, fault)
    if text == 0:
        return 0
    found = match_symbol(scanner.names, scanner.symbol_count, text, end)
    scanner.symbol = found if found >= 0 else _FOREIGN
    return skip_string(text, end, fault)


@kernel
def read_trade(scanner, p, end, fault):
    """One trade; those of foreign symbols are checked and left out. The address after it, or 0."""
    never_inlined()
    p = open_object(p, end, fault)
    if p == 0:
        return 0
    seen = price_at = size_at = side = event_ns = trade_id = 0
    scanner.symbol = _FOREIGN
    code, p = next_key(p, end, KEYS, seen, True, fault)
    while code > END:
        seen |= 1 << code
        if code == SYMBOL:
            p = read_symbol(scanner, p, end, fault)
        elif code == SIDE:
            side, p = read_word(p, end, fault)
        elif code == TRADE_ID:
            trade_id, p = natural(p, end, fault)
        elif code == TIMESTAMP:
            text = open_text(p, end, fault)
            event_ns, p = rfc3339_ns(text, end, fault) if text != 0 else (0, 0)
        elif code == PRICE or code == QTY:
            price_at = p if code == PRICE else price_at
            size_at = p if code == QTY else size_at
            p = skip_number(p, end, fault)
        else:
            p = skip_value(p, end, _DATA_DEPTH, fault)
        if p == 0:
            return 0
        code, p = next_key(p, end, KEYS, seen, False, fault)
    if p == 0:
        return 0
    if (seen & _NEEDS) != _NEEDS or (side != BUY and side != SELL):
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    if scanner.symbol == _FOREIGN:
        return p
    price, size = scanner.scales[scanner.symbol].price, scanner.scales[scanner.symbol].size
    ticks, after = bare_decimal(price_at, end, price, fault)
    if after == 0:
        return 0
    lots, after = bare_decimal(size_at, end, size, fault)
    if after == 0:
        return 0
    keep_trade(scanner, scanner.symbol, event_ns, trade_id, _BUY if side == BUY else _SELL, ticks, lots)
    return p
