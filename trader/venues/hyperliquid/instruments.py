"""The venue's `meta` reply to INSTRUMENT rows. Cold: it is asked once, at the start.

Sizes have `szDecimals` decimals, prices at most 6 less that many (perpetuals) and at most five significant figures:
the unit of price is the finest one, and an order's price must be rounded to five figures besides.
"""

from decimal import Decimal

import msgspec
import numpy as np

from trader.instrument import INSTRUMENT, UnknownSymbolError
from trader.venues.units_of import fill_units

PERPETUAL_DECIMALS = 6
NOTIONAL_MIN = "10"
"""The venue takes no order below 10 dollars."""


class _Coin(msgspec.Struct):
    name: str
    szDecimals: int  # noqa: N815


class _Meta(msgspec.Struct):
    universe: list[_Coin]


def parse_instruments(reply: bytes, symbols: list[str], *, venue_id: int = 0) -> np.ndarray:
    """INSTRUMENT rows of these coins, in that order. Raises UnknownSymbolError or msgspec.ValidationError."""
    listed = {coin.name: coin for coin in msgspec.json.decode(reply, type=_Meta).universe}
    rows = np.zeros(len(symbols), dtype=INSTRUMENT)
    for symbol_id, symbol in enumerate(symbols):
        if symbol not in listed:
            raise UnknownSymbolError(f"symbols: found {symbol!r}, allowed: {', '.join(sorted(listed)[:20])}")
        size_decimals = listed[symbol].szDecimals
        if not 0 <= size_decimals <= PERPETUAL_DECIMALS:
            raise UnknownSymbolError(f"{symbol}: szDecimals {size_decimals}, allowed 0 to {PERPETUAL_DECIMALS}")
        row = rows[symbol_id]
        row["symbol_id"], row["venue_id"] = symbol_id, venue_id
        tick, lot = Decimal(1).scaleb(size_decimals - PERPETUAL_DECIMALS), Decimal(1).scaleb(-size_decimals)
        fill_units(row, symbol, tick=str(tick), lot=str(lot), size_min=str(lot), notional_min=NOTIONAL_MIN)
    return rows
