"""The venue's AssetPairs reply to INSTRUMENT rows. Cold: it is asked once, at the start.

Prices are written with `pair_decimals` decimals or more, volumes with `lot_decimals`; `tick_size` came in 2022.
"""

from decimal import Decimal

import msgspec
import numpy as np

from trader.instrument import INSTRUMENT, UnknownSymbolError
from trader.venues.units_of import fill_units


class _Pair(msgspec.Struct):
    wsname: str = ""
    pair_decimals: int = 0
    lot_decimals: int = 8
    ordermin: str = "0"
    costmin: str = "0"
    tick_size: str = ""


class _Reply(msgspec.Struct):
    result: dict[str, _Pair] = {}


def parse_instruments(reply: bytes, symbols: list[str], *, venue_id: int = 0) -> np.ndarray:
    """INSTRUMENT rows of these pairs ("XBT/USD"), in that order. Raises UnknownSymbolError or ValidationError."""
    listed = {pair.wsname: pair for pair in msgspec.json.decode(reply, type=_Reply).result.values() if pair.wsname}
    rows = np.zeros(len(symbols), dtype=INSTRUMENT)
    for symbol_id, symbol in enumerate(symbols):
        if symbol not in listed:
            raise UnknownSymbolError(f"symbols: found {symbol!r}, allowed: {', '.join(sorted(listed)[:20])}")
        pair = listed[symbol]
        row = rows[symbol_id]
        row["symbol_id"], row["venue_id"] = symbol_id, venue_id
        fill_units(
            row,
            symbol,
            tick=pair.tick_size or str(Decimal(1).scaleb(-pair.pair_decimals)),
            lot=str(Decimal(1).scaleb(-pair.lot_decimals)),
            size_min=pair.ordermin,
            notional_min=pair.costmin,
            written=(pair.pair_decimals, pair.lot_decimals),
        )
    return rows
