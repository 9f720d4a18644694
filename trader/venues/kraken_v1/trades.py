"""The trades of a Kraken v1 frame: [["354.11","0.89594024","1618678142.557535","s","l",""],..]; b buys, s sells."""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.decimals import decimal
from trader.venues.json_bytes import Fault, refuse, skip_string, skip_value
from trader.venues.json_walk import END, first_element, next_element, open_text
from trader.venues.scanner import TRADE, keep_trade
from trader.venues.time_text import seconds_ns

_B, _S = ord("b"), ord("s")
_PRICE, _SIZE, _TIME, _SIDE = range(4)
_TRADE_DEPTH = np.int64(3)


@kernel
def read_trades(scanner, p, end, fault):
    """The array of trades of the scanner's symbol. The address after it, or 0."""
    never_inlined()
    more, p = first_element(p, end, fault)
    while more > END:
        p = _read_trade(scanner, p, end, fault)
        more, p = next_element(p, end, fault)
    if p != 0 and scanner.trade_count > 0:
        scanner.kind = TRADE
    return p


@kernel
def _read_trade(scanner, p, end, fault):
    never_inlined()
    price, size = scanner.scales[scanner.symbol].price, scanner.scales[scanner.symbol].size
    start = p
    place = ticks = lots = event_ns = side = 0
    more, p = first_element(p, end, fault)
    while more > END:
        text = open_text(p, end, fault) if place <= _SIDE else 0
        if place > _SIDE:
            p = skip_value(p, end, _TRADE_DEPTH, fault)
        elif text == 0:
            return 0
        elif place == _PRICE:
            ticks, p = decimal(text, end, price, fault)
        elif place == _SIZE:
            lots, p = decimal(text, end, size, fault)
        elif place == _TIME:
            event_ns, p = seconds_ns(text, end, fault)
        else:
            p = skip_string(text, end, fault)
            side = load_u8(text) if p == text + 2 else 0
            if p != 0 and side != _B and side != _S:
                return refuse(fault, Fault.WRONG_TYPE, text)
        place += 1
        more, p = next_element(p, end, fault)
    if p != 0 and place <= _SIDE:
        return refuse(fault, Fault.MISSING_FIELD, start)
    if p != 0:
        keep_trade(scanner, event_ns, 0, side == _B, ticks, lots)
    return p
