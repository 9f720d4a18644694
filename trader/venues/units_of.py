"""What a venue says of an instrument's tick, lot and limits, put into an INSTRUMENT row. Cold."""

from decimal import Decimal

import numpy as np

from trader.instrument import SYMBOL_BYTES_MAX, UnknownSymbolError

LOTS_MAX = 10**15
"""Sizes beyond this are cut: venues' own maxima are far below."""

_E8 = Decimal(10**8)


def split_unit(text: str) -> tuple[int, int]:
    """(decimals, multiple) of a tick or step size: "0.10" is (1, 1), "0.05" is (2, 5), "5" is (0, 5)."""
    unit = Decimal(text).normalize()
    if not unit.is_finite() or unit <= 0:
        raise UnknownSymbolError(f"unit size {text!r}, allowed above 0")
    decimals = max(0, -int(unit.as_tuple().exponent))
    return decimals, int(unit.scaleb(decimals))


def fill_units(
    row: np.ndarray,
    symbol: str,
    *,
    tick: str,
    lot: str,
    size_min: str = "0",
    size_max: str = "",
    notional_min: str = "0",
    written: tuple[int, int] = (0, 0),
) -> None:
    """Fill a row's units, limits and symbol. `written`: decimals of prices and sizes that the venue writes at least.

    Raises UnknownSymbolError. A tick's value in money that is no multiple of 1e-8 is left 0: such an instrument can
    be watched, but not traded.
    """
    encoded = symbol.encode()
    if len(encoded) > SYMBOL_BYTES_MAX:
        raise UnknownSymbolError(f"{symbol}: {len(encoded)} characters, allowed {SYMBOL_BYTES_MAX}")
    for name, text, least in (("price", tick, written[0]), ("size", lot, written[1])):
        decimals, multiple = split_unit(text)
        more = max(least - decimals, 0)
        row[f"{name}_decimals"] = decimals + more
        row["tick_multiple" if name == "price" else "lot_multiple"] = multiple * 10**more
    lot_size = Decimal(lot)
    row["size_lots_min"] = -(-Decimal(size_min) // lot_size)
    row["size_lots_max"] = min(Decimal(size_max) // lot_size, LOTS_MAX) if size_max else LOTS_MAX
    row["notional_e8_min"] = int(Decimal(notional_min) * _E8)
    value = Decimal(tick) * lot_size * _E8
    row["tick_value_e8"] = int(value) if value == int(value) else 0
    row["symbol_length"] = len(encoded)
    row["symbol"][: len(encoded)] = np.frombuffer(encoded, dtype=np.uint8)
