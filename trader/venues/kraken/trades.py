"""One trade of a Kraken frame.

{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,"ord_type":"market","trade_id":4665906,
 "timestamp":"2023-09-25T07:49:37.708706Z"}
"""

import numpy as np

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.venues.decimals import bare_decimal, natural
from trader.venues.json_bytes import Fault, refuse, skip_number, skip_value
from trader.venues.json_walk import END, first_key, next_key, open_text, read_word
from trader.venues.kraken.fields import BUY, KEYS, PRICE, QTY, SELL, SIDE, SYMBOL, TIMESTAMP, TRADE_ID, WORDS
from trader.venues.scanner import FOREIGN, keep_trade, read_symbol
from trader.venues.time_text import rfc3339_ns

_DATA_DEPTH = np.int64(3)
_NEEDS = 1 << SYMBOL | 1 << SIDE | 1 << PRICE | 1 << QTY | 1 << TIMESTAMP | 1 << TRADE_ID


@kernel
def read_trade(scanner, p, end, fault):
    """One trade; those of foreign symbols are checked and left out. The address after it, or 0."""
    never_inlined()
    seen = price_at = size_at = side = event_ns = trade_id = 0
    scanner.symbol = FOREIGN
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == SYMBOL:
            p = read_symbol(scanner, p, end, fault)
        elif code == SIDE:
            side, p = read_word(p, end, WORDS, fault)
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
        code, p = next_key(p, end, KEYS, seen, fault)
    if p == 0:
        return 0
    if (seen & _NEEDS) != _NEEDS or (side != BUY and side != SELL):
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    if scanner.symbol == FOREIGN:
        return p
    scale = scanner.scales[scanner.symbol]
    ticks, after = bare_decimal(price_at, end, scale.price, fault)
    lots, after = bare_decimal(size_at, end, scale.size, fault) if after != 0 else (0, 0)
    if after == 0:
        return 0
    keep_trade(scanner, event_ns, trade_id, side == BUY, ticks, lots)
    return p
