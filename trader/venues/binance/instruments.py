"""The venue's exchangeInfo reply to INSTRUMENT rows. Cold: it is asked once, at the start."""

from typing import Any

import msgspec
import numpy as np

from trader.instrument import INSTRUMENT, UnknownSymbolError
from trader.venues.units_of import fill_units

ORDER_DECIMALS_MAX = 8
"""Prices and sizes of orders are written with at most so many decimals."""


class _Symbol(msgspec.Struct):
    symbol: str
    baseAsset: str = ""  # noqa: N815
    filters: list[dict[str, Any]] = []


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


def parse_instruments(reply: bytes, symbols: list[str], *, venue_id: int = 0) -> np.ndarray:
    """INSTRUMENT rows of `symbols`, in that order.

    Tick and lot sizes come from PRICE_FILTER and LOT_SIZE, never from `pricePrecision`, which is something
    else. Raises UnknownSymbolError or msgspec.ValidationError.
    """
    listed = {entry.symbol: entry for entry in msgspec.json.decode(reply, type=_ExchangeInfo).symbols}
    rows = np.zeros(len(symbols), dtype=INSTRUMENT)
    for symbol_id, symbol in enumerate(symbols):
        if symbol not in listed:
            raise UnknownSymbolError(f"symbols: found {symbol!r}, allowed: {', '.join(sorted(listed)[:20])}")
        found = listed[symbol]
        fill_instrument(rows[symbol_id], found.filters, symbol=symbol, symbol_id=symbol_id, venue_id=venue_id)
        rows[symbol_id]["base_length"] = len(found.baseAsset) if symbol.startswith(found.baseAsset) else 0
    return rows


def fill_instrument(
    row: np.ndarray, filters: list[dict[str, Any]], *, symbol: str, symbol_id: int, venue_id: int
) -> None:
    """Fill one INSTRUMENT row from a symbol's filters."""
    by_type = {str(item.get("filterType")): item for item in filters}
    notional = by_type.get("MIN_NOTIONAL", by_type.get("NOTIONAL", {}))
    try:
        prices, sizes = by_type["PRICE_FILTER"], by_type["LOT_SIZE"]
        fill_units(
            row,
            symbol,
            tick=str(prices["tickSize"]),
            lot=str(sizes["stepSize"]),
            size_min=str(sizes["minQty"]),
            size_max=str(sizes["maxQty"]),
            notional_min=str(notional.get("notional", notional.get("minNotional", "0"))),
        )
    except KeyError as missing:
        raise UnknownSymbolError(f"{symbol}: the venue's reply has no {missing}") from None
    if row["tick_value_e8"] == 0 or max(row["price_decimals"], row["size_decimals"]) > ORDER_DECIMALS_MAX:
        raise UnknownSymbolError(f"{symbol}: units of {prices} and {sizes} are finer than orders can be")
    row["symbol_id"], row["venue_id"] = symbol_id, venue_id
