"""The `instrument` snapshot of the stream to INSTRUMENT rows. Cold: it is asked for once, at the start.

`price_precision` and `qty_precision` are the decimals that checksums count; increments may be coarser.
"""

from typing import Any

import msgspec
import numpy as np

from trader.instrument import INSTRUMENT, UnknownSymbolError
from trader.venues.units_of import fill_units

_DECODER = msgspec.json.Decoder(float_hook=str)


def parse_instruments(reply: bytes, symbols: list[str], *, venue_id: int = 0) -> np.ndarray:
    """INSTRUMENT rows of these pairs ("BTC/USD"), in that order. Raises UnknownSymbolError or msgspec.DecodeError."""
    message: Any = _DECODER.decode(reply)
    try:
        listed = {pair["symbol"]: pair for pair in message["data"]["pairs"]}
        rows = np.zeros(len(symbols), dtype=INSTRUMENT)
        for symbol_id, symbol in enumerate(symbols):
            if symbol not in listed:
                raise UnknownSymbolError(f"symbols: found {symbol!r}, allowed: {', '.join(sorted(listed)[:20])}")
            pair, row = listed[symbol], rows[symbol_id]
            row["symbol_id"], row["venue_id"] = symbol_id, venue_id
            fill_units(
                row,
                symbol,
                tick=str(pair["price_increment"]),
                lot=str(pair["qty_increment"]),
                size_min=str(pair.get("qty_min", 0)),
                notional_min=str(pair.get("cost_min", 0)),
                written=(int(pair["price_precision"]), int(pair["qty_precision"])),
            )
    except (KeyError, TypeError) as missing:
        raise UnknownSymbolError(f"the venue's instruments say no {missing}") from None
    return rows
