"""The venue's `public/instruments` reply to INSTRUMENT rows. Cold: it is asked once, at the start."""

import msgspec
import numpy as np

from trader.instrument import INSTRUMENT, UnknownSymbolError
from trader.venues.units_of import fill_units


class _Listed(msgspec.Struct):
    instId: str  # noqa: N815
    tickSz: str = ""  # noqa: N815
    lotSz: str = ""  # noqa: N815
    minSz: str = "0"  # noqa: N815


class _Reply(msgspec.Struct):
    data: list[_Listed] = []


def parse_instruments(reply: bytes, symbols: list[str], *, venue_id: int = 0) -> np.ndarray:
    """INSTRUMENT rows of these instruments, in that order; sizes are in the venue's own unit, contracts for most.

    Raises UnknownSymbolError or msgspec.ValidationError.
    """
    listed = {one.instId: one for one in msgspec.json.decode(reply, type=_Reply).data if one.tickSz and one.lotSz}
    rows = np.zeros(len(symbols), dtype=INSTRUMENT)
    for symbol_id, symbol in enumerate(symbols):
        if symbol not in listed:
            raise UnknownSymbolError(f"symbols: found {symbol!r}, allowed: {', '.join(sorted(listed)[:20])}")
        one = listed[symbol]
        row = rows[symbol_id]
        row["symbol_id"], row["venue_id"] = symbol_id, venue_id
        fill_units(row, symbol, tick=one.tickSz, lot=one.lotSz, size_min=one.minSz)
    return rows
