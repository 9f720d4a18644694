"""What decoded frames say of a recording: which symbols, in which units. Cold: tools that meet unknown files ask it.

A venue's `facts` module has

    facts_of(message) -> list[Facts]          of one decoded frame; empty if it is no book of that venue
    snapshot_symbol(url) -> str               whose snapshot a REST reply is, "" if it is none

Numbers arrive as the texts that they were written as; `Units` gathers them until they give an instrument.
"""

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import numpy as np

from trader.instrument import INSTRUMENT, SYMBOL_BYTES_MAX
from trader.venues.decimals import DECIMALS_MAX

_DECODER = msgspec.json.Decoder(float_hook=str)


class Facts(NamedTuple):
    """One symbol's numbers in one frame. `market` tells apart what one venue does in several ways; `book`: False where
    they are no book's, but say how fine its numbers are."""

    symbol: str
    market: str
    prices: list[str]
    sizes: list[str]
    book: bool = True


def decode_frame(payload: bytes) -> Any:
    """A frame as Python objects, every number that is no integer as its own text; None if it is no JSON."""
    try:
        return _DECODER.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return None


def texts_of(levels: Any, price: Any = 0, size: Any = 1) -> tuple[list[str], list[str]]:
    """Prices and sizes of an array of levels, by the places or keys at which they stand; empty if it is none."""
    try:
        return [str(level[price]) for level in levels], [str(level[size]) for level in levels]
    except (TypeError, KeyError, IndexError):
        return [], []


def _decimals(text: str) -> str:
    """The digits behind the point; an exponent, which JSON allows, is written out."""
    if "e" in text or "E" in text:
        try:
            value = Decimal(text)
            text = format(value, "f") if abs(value.adjusted()) <= DECIMALS_MAX + 18 else ""
        except ArithmeticError:
            text = ""
    return text.partition(".")[2]


class Units:
    """The decimals that one symbol's prices and sizes need and are written with."""

    def __init__(self, *, exact: bool = False) -> None:
        """`exact`: trailing zeros of prices count, too."""
        self._exact = exact
        self.price_decimals = 0
        self.size_decimals = 0
        self.size_decimals_used = 0
        """Without the zeros that sizes end with."""

    def add(self, prices: list[str], sizes: list[str]) -> None:
        """Prices need as many decimals as are not zero; sizes keep all that are written."""
        for text in prices:
            decimals = _decimals(text)
            self.price_decimals = max(self.price_decimals, len(decimals if self._exact else decimals.rstrip("0")))
        for text in sizes:
            decimals = _decimals(text)
            self.size_decimals = max(self.size_decimals, len(decimals))
            self.size_decimals_used = max(self.size_decimals_used, len(decimals.rstrip("0")))

    def include(self, other: "Units") -> None:
        """Units that hold what others saw, too."""
        self.price_decimals = max(self.price_decimals, other.price_decimals)
        self.size_decimals = max(self.size_decimals, other.size_decimals)
        self.size_decimals_used = max(self.size_decimals_used, other.size_decimals_used)

    def instrument(self, symbol: str) -> np.ndarray:
        """An INSTRUMENT row (shape (1,)) of units that hold every text seen; limits are not known and stay 0."""
        name = symbol.encode()
        if len(name) > SYMBOL_BYTES_MAX:
            raise ValueError(f"symbol {symbol!r}: {len(name)} characters, allowed {SYMBOL_BYTES_MAX}")
        row = np.zeros(1, dtype=INSTRUMENT)
        row["price_decimals"] = min(self.price_decimals, DECIMALS_MAX)
        row["size_decimals"] = min(self.size_decimals, DECIMALS_MAX)
        row["tick_multiple"] = row["lot_multiple"] = 1
        row["symbol_length"] = len(name)
        row["symbol"][0][: len(name)] = np.frombuffer(name, dtype=np.uint8)
        return row
