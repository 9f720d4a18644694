"""One trade of an OKX frame, and the texts that select something.

{"instId":"BTC-USDT","tradeId":"7849","px":"30218.8","sz":"1","side":"buy","ts":"1652459199958"}
"""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.decimals import decimal, natural
from trader.venues.json_bytes import QUOTE, Fault, refuse, skip_string, skip_value
from trader.venues.json_walk import END, first_key, next_key, open_text, read_word
from trader.venues.okx.fields import BUY, KEYS, PX, SELL, SIDE, SZ, TRADE_ID, TS, WORDS
from trader.venues.scanner import EVENT_MS_MAX, keep_trade

_DATA_DEPTH = np.int64(3)
_TRADE_NEEDS = 1 << PX | 1 << SZ | 1 << SIDE | 1 << TS | 1 << TRADE_ID


@kernel
def quoted_natural(p, end, fault):
    """An integer in quotes: (value, address after the closing quote or 0)."""
    text = open_text(p, end, fault)
    if text == 0:
        return 0, 0
    value, p = natural(text, end, fault)
    if p == 0:
        return 0, 0
    return value, p + 1 if load_u8(p) == QUOTE else refuse(fault, Fault.NUMBER, p)


@kernel
def read_trade(scanner, p, end, fault):
    """One trade of the frame's instrument. The address after it, or 0."""
    never_inlined()
    seen = px = sz = side = time_ms = trade_id = 0
    code, p = first_key(p, end, KEYS, seen, fault)
    while code > END:
        seen |= 1 << code
        if code == TS or code == TRADE_ID:
            value, p = quoted_natural(p, end, fault)
            time_ms = value if code == TS else time_ms
            trade_id = value if code == TRADE_ID else trade_id
        elif code == SIDE:
            side, p = read_word(p, end, WORDS, fault)
        elif code == PX or code == SZ:
            text = open_text(p, end, fault)
            px = text if code == PX else px
            sz = text if code == SZ else sz
            p = skip_string(text, end, fault) if text != 0 else 0
        else:
            p = skip_value(p, end, _DATA_DEPTH, fault)
        code, p = next_key(p, end, KEYS, seen, fault)
    if p == 0:
        return 0
    if (seen & _TRADE_NEEDS) != _TRADE_NEEDS or time_ms > EVENT_MS_MAX or (side != BUY and side != SELL):
        return refuse(fault, Fault.MISSING_FIELD, p - 1)
    scale = scanner.scales[scanner.symbol]
    ticks, after = decimal(px, end, scale.price, fault)
    lots, after = decimal(sz, end, scale.size, fault) if after != 0 else (0, 0)
    if after == 0:
        return 0
    keep_trade(scanner, time_ms * 1_000_000, trade_id, side == BUY, ticks, lots)
    return p
