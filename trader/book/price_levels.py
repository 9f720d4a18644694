"""What Python programs can ask of any book: best prices, levels, walks, depth, imbalance, microprice."""

from typing import Literal, NamedTuple

import numpy as np

from shm.kernel import new_record
from trader.book.ladder import lots_at
from trader.book.measures import WALK, copy_levels, depth_lots, imbalance, microprice_ticks, walk

SideName = Literal["bid", "ask"]
Level = tuple[int, int]
"""(price in ticks, size in lots)."""

SIDES = {"bid": "bids", "ask": "asks"}


class Walk(NamedTuple):
    """What an order would get from one side.

    `filled_lots` + `unfilled_lots` is the order's size; `worst_ticks` the last price that it reached (0 if none),
    `levels` how many prices it took from, `average_ticks` the mean price of what was filled (NaN if nothing was).
    """

    filled_lots: int
    unfilled_lots: int
    worst_ticks: int
    levels: int
    average_ticks: float


class PriceLevels:
    """Two sides of price levels in one numpy record, `state`, with the fields `bids` and `asks`.

    Prices are int ticks, sizes int lots. Every method is one call into a compiled kernel; ValueError for a side
    that is neither "bid" nor "ask".
    """

    def __init__(self, state: np.ndarray) -> None:
        self.state = state
        self._walk = new_record(WALK)
        self._scratch = np.zeros(2048, dtype=np.int64)

    @property
    def best_bid(self) -> Level | None:
        """Highest bid, or None."""
        return next(iter(self.levels("bid", 1)), None)

    @property
    def best_ask(self) -> Level | None:
        """Lowest ask, or None."""
        return next(iter(self.levels("ask", 1)), None)

    @property
    def spread_ticks(self) -> int | None:
        """Best ask minus best bid (not positive in a crossed book), None unless both sides have a level."""
        bid, ask = self.best_bid, self.best_ask
        return ask[0] - bid[0] if bid and ask else None

    @property
    def mid_ticks(self) -> float:
        """Half way between the best prices; NaN unless both sides have a level."""
        bid, ask = self.best_bid, self.best_ask
        return (ask[0] + bid[0]) / 2 if bid and ask else float("nan")

    def levels(self, side: SideName, limit: int | None = None) -> list[Level]:
        """The best `limit` levels (None: all), best first."""
        record = self._side(side)
        wanted = int(record["count"]) if limit is None else max(0, min(limit, int(record["count"])))
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
        """What an order of `lots` (0 to 10**12) would get from this side: a buyer walks the asks."""
        if not 0 <= lots <= 10**12:
            raise ValueError(f"lots: found {lots}, allowed 0 to 10**12")
        walk(self._side(side), lots, self._walk[0])
        return Walk(*(field.item() for field in self._walk[0]))

    def depth_lots(self, side: SideName, band_ticks: int) -> int:
        """Lots from the best price to `band_ticks` (0 or more) behind it, both ends included; 0 for an empty side."""
        if not 0 <= band_ticks < 1 << 62:
            raise ValueError(f"band_ticks: found {band_ticks}, allowed 0 to 2**62")
        return int(depth_lots(self._side(side), band_ticks))

    def imbalance(self, levels: int = 1) -> float:
        """(bid lots - ask lots) / (their sum) over the best `levels` levels: -1 to 1, 0 for an empty book."""
        return float(imbalance(self.state[0], levels))

    def microprice_ticks(self) -> float:
        """Touch prices weighted by the opposite sizes; NaN unless both sides have a level."""
        return float(microprice_ticks(self.state[0]))

    def _side(self, side: str) -> np.ndarray:
        if side not in SIDES:
            raise ValueError(f"side: found {side!r}, allowed 'bid' and 'ask'")
        record: np.ndarray = self.state[0][SIDES[side]]
        return record
