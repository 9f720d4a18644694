"""Book: the ladder for Python programs, notebooks and tests; each method is one call into a compiled kernel."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from shm.kernel import address_of_array, new_record
from trader.book.ladder import lots_at, side_clear
from trader.book.measures import WALK, copy_levels, depth_lots, imbalance, microprice_ticks, walk
from trader.book.state import BOOK, apply_levels, prepare_book

SideName = Literal["bid", "ask"]
Level = tuple[int, int]
"""(price in ticks, size in lots)."""


class Walk(NamedTuple):
    """What an order would get from one side. `average_ticks` is NaN when nothing is filled."""

    filled_lots: int
    unfilled_lots: int
    worst_ticks: int
    levels: int
    average_ticks: float


class Book:
    """One instrument's price levels. Prices are int ticks (|ticks| < 10**18), sizes int lots; 0 lots deletes.

    The state is one numpy record (`state`, dtype trader.book.BOOK), so that compiled code can work on the
    same book: pass `book.state[0]` to the kernels of trader.book.
    """

    def __init__(self) -> None:
        self.state = new_record(BOOK)
        prepare_book(self.state[0])
        self._walk = new_record(WALK)
        self._scratch = np.zeros(2048, dtype=np.int64)

    def snapshot(self, *, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Replace everything."""
        self.clear()
        self.update(bids=bids, asks=asks)

    def update(self, *, bids: Iterable[Level] = (), asks: Iterable[Level] = ()) -> None:
        """Set the absolute size of some levels. Raises OverflowError if a level cannot be kept."""
        for side, levels in (("bid", bids), ("ask", asks)):
            pairs = np.array(list(levels), dtype=np.int64).reshape(-1, 2)
            if (pairs[:, 1] < 0).any():
                raise ValueError("a size is negative; allowed: 0 lots (delete) and more")
            record = self._side(side)
            apply_levels(record, address_of_array(pairs), len(pairs))
            if record["full"]:
                raise OverflowError(f"{record['count']} levels on the {side} side: no room for more far from the touch")

    def clear(self) -> None:
        """Forget all levels."""
        side_clear(self._side("bid"))
        side_clear(self._side("ask"))

    @property
    def best_bid(self) -> Level | None:
        """Highest bid, or None."""
        return next(iter(self.levels("bid", 1)), None)

    @property
    def best_ask(self) -> Level | None:
        """Lowest ask, or None."""
        return next(iter(self.levels("ask", 1)), None)

    def levels(self, side: SideName, limit: int | None = None) -> list[Level]:
        """The best `limit` levels (None: all), best first."""
        record = self._side(side)
        wanted = int(record["count"]) if limit is None else min(limit, int(record["count"]))
        if 2 * wanted > len(self._scratch):
            self._scratch = np.zeros(4 * wanted, dtype=np.int64)
        count = copy_levels(record, self._scratch, wanted)
        return [(int(ticks), int(lots)) for ticks, lots in self._scratch[: 2 * count].reshape(-1, 2)]

    def level_count(self, side: SideName) -> int:
        """How many levels a side has."""
        return int(self._side(side)["count"])

    def lots_at(self, side: SideName, ticks: int) -> int:
        """Size at one price, 0 where there is no level."""
        record = self._side(side)
        return int(lots_at(record, int(record["sign"]) * ticks))

    def walk(self, side: SideName, lots: int) -> Walk:
        """What an order of `lots` would get from this side: a buyer walks the asks."""
        walk(self._side(side), lots, self._walk[0])
        return Walk(*(field.item() for field in self._walk[0]))

    def depth_lots(self, side: SideName, band_ticks: int) -> int:
        """Lots from the best price to `band_ticks` behind it."""
        return int(depth_lots(self._side(side), band_ticks))

    def imbalance(self, levels: int = 1) -> float:
        """(bid lots - ask lots) / (their sum) over the best levels: -1 to 1."""
        return float(imbalance(self.state[0], levels))

    def microprice_ticks(self) -> float:
        """Touch prices weighted by the opposite sizes; NaN unless both sides have a level."""
        return float(microprice_ticks(self.state[0]))

    def _side(self, side: str) -> np.ndarray:
        if side not in ("bid", "ask"):
            raise ValueError(f"side: found {side!r}, allowed 'bid' and 'ask'")
        record: np.ndarray = self.state[0]["bids" if side == "bid" else "asks"]
        return record
