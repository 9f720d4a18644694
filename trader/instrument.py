"""What a venue says of an instrument: tick, lot and minimum sizes, in the integers that kernels use.

    price text = ticks * tick_multiple / 10 ** price_decimals
    size text  = lots  * lot_multiple  / 10 ** size_decimals

`tick_value_e8` is one tick times one lot in 1e-8 of the quote currency: notional_e8 = ticks * lots * that;
0 where it is finer.
"""

import numpy as np

SYMBOL_BYTES_MAX = 24


class UnknownSymbolError(ValueError):
    """The venue does not list a configured symbol, or says too little of it."""


INSTRUMENT = np.dtype(
    [
        ("symbol_id", "i8"),
        ("venue_id", "i8"),
        ("market", "i8"),
        ("price_decimals", "i8"),
        ("tick_multiple", "i8"),
        ("size_decimals", "i8"),
        ("lot_multiple", "i8"),
        ("size_lots_min", "i8"),
        ("size_lots_max", "i8"),
        ("notional_e8_min", "i8"),
        ("tick_value_e8", "i8"),
        ("symbol_length", "i8"),
        ("base_length", "i8"),
        ("symbol", "u1", (SYMBOL_BYTES_MAX,)),
    ],
    align=True,
)
"""One row of the instruments segment, indexed by symbol_id. `market`: whose words and rules hold, a row's number in
trader.venues.markets. `symbol` is ASCII; its first `base_length` letters name the
base asset, the rest the quote asset (0: the venue did not say)."""

INSTRUMENTS_MAX = 64

SYMBOLS_MAX = 4
"""Symbols of one feed, and of the book stage behind it."""


def symbol_names(instruments: np.ndarray) -> list[str]:
    """The symbols of INSTRUMENT rows, in their order."""
    return [bytes(row["symbol"][: row["symbol_length"]]).decode() for row in instruments]
