"""The venue's exchangeInfo reply to INSTRUMENT rows. Cold: it is asked once, at the start."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from trader.instrument import INSTRUMENT, SYMBOL_BYTES_MAX, UnknownSymbolError
from trader.units import parse_units

ORDER_DECIMALS_MAX = 8
"""Prices and sizes of orders are written with at most so many decimals."""

LOTS_MAX = 10**15
"""Sizes beyond this are cut: the venue's own maxima are far below."""


class _Symbol(msgspec.Struct):
    symbol: str
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
        fill_instrument(rows[symbol_id], listed[symbol].filters, symbol=symbol, symbol_id=symbol_id, venue_id=venue_id)
    return rows


def fill_instrument(
    row: np.ndarray, filters: list[dict[str, Any]], *, symbol: str, symbol_id: int, venue_id: int
) -> None:
    """Fill one INSTRUMENT row from a symbol's filters."""
    by_type = {str(item.get("filterType")): item for item in filters}
    try:
        prices, sizes = by_type["PRICE_FILTER"], by_type["LOT_SIZE"]
        price_decimals, tick_multiple = split_unit(str(prices["tickSize"]))
        size_decimals, lot_multiple = split_unit(str(sizes["stepSize"]))
        lots_min, lots_max = Decimal(str(sizes["minQty"])), Decimal(str(sizes["maxQty"]))
    except KeyError as missing:
        raise UnknownSymbolError(f"{symbol}: the venue's reply has no {missing}") from None
    if max(price_decimals, size_decimals) > ORDER_DECIMALS_MAX:
        raise UnknownSymbolError(f"{symbol}: more than {ORDER_DECIMALS_MAX} decimals in {prices} or {sizes}")
    notional = by_type.get("MIN_NOTIONAL", by_type.get("NOTIONAL", {}))
    notional_min = Decimal(str(notional.get("notional", notional.get("minNotional", "0"))))
    lot = Decimal(lot_multiple).scaleb(-size_decimals)
    tick_value = Decimal(tick_multiple).scaleb(-price_decimals) * lot
    encoded = symbol.encode()
    if len(encoded) > SYMBOL_BYTES_MAX:
        raise UnknownSymbolError(f"{symbol}: {len(encoded)} characters, allowed {SYMBOL_BYTES_MAX}")
    row["symbol_id"], row["venue_id"] = symbol_id, venue_id
    row["price_decimals"], row["tick_multiple"] = price_decimals, tick_multiple
    row["size_decimals"], row["lot_multiple"] = size_decimals, lot_multiple
    row["size_lots_min"] = -(-lots_min // lot)
    row["size_lots_max"] = min(lots_max // lot, LOTS_MAX)
    row["notional_e8_min"] = parse_units(f"{notional_min:f}", decimals=8, multiple=1)
    row["tick_value_e8"] = parse_units(f"{tick_value:f}", decimals=8, multiple=1)
    row["symbol_length"] = len(encoded)
    row["symbol"][: len(encoded)] = np.frombuffer(encoded, dtype=np.uint8)


def split_unit(text: str) -> tuple[int, int]:
    """(decimals, multiple) of a tick or step size: "0.10" is (1, 1), "0.05" is (2, 5), "5" is (0, 5)."""
    unit = Decimal(text).normalize()
    if not unit.is_finite() or unit <= 0:
        raise UnknownSymbolError(f"unit size {text!r}, allowed above 0")
    decimals = max(0, -int(unit.as_tuple().exponent))
    return decimals, int(unit.scaleb(decimals))
