"""Book: the price ladder for Python programs, notebooks and tests; each method is one call into a compiled kernel."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from shm.kernel import address_of_array, new_record
from trader.book.ladder import side_clear
from trader.book.price_levels import SIDES, Level, PriceLevels
from trader.book.state import BOOK, apply_levels, prepare_book

TICKS_MAX = 10**18


class Events(NamedTuple):
    """What a Book was given: calls of `snapshot` and of `update`, and all levels that were in them."""

    snapshots: int
    updates: int
    levels: int


class Book(PriceLevels):
    """One instrument's price levels (L2). Sizes are absolute; 0 lots deletes a level.

    The state is one numpy record (`state`, dtype trader.book.BOOK), so that compiled code can work on the
    same book: pass `book.state[0]` to the kernels of trader.book.
    """

    def __init__(self) -> None:
        super().__init__(new_record(BOOK))
        prepare_book(self.state[0])

    def snapshot(self, *, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Replace everything. Raises as `update` does; then the book keeps what it held."""
        given = _pairs("bids", bids), _pairs("asks", asks)
        self.clear()
        self.state["snapshots"] += 1
        self._apply(*given)

    def update(self, *, bids: Iterable[Level] = (), asks: Iterable[Level] = ()) -> None:
        """Set the absolute size of some levels, 0 lots deletes.

        Raises ValueError for a negative size or a price beyond +-10**18 ticks, before anything is changed, and
        OverflowError if a level cannot be kept: more than some thousands of levels far from the touch.
        """
        given = _pairs("bids", bids), _pairs("asks", asks)
        self.state["updates"] += 1
        self._apply(*given)

    def clear(self) -> None:
        """Forget all levels; the event counts stay."""
        side_clear(self._side("bid"))
        side_clear(self._side("ask"))

    @property
    def events(self) -> Events:
        """What this book was given since it was made."""
        own = self.state[0]
        return Events(int(own["snapshots"]), int(own["updates"]), int(own["levels"]))

    def _apply(self, bids: np.ndarray, asks: np.ndarray) -> None:
        self.state["levels"] += len(bids) + len(asks)
        for side, pairs in zip(SIDES, (bids, asks), strict=True):
            record = self._side(side)
            apply_levels(record, address_of_array(pairs), len(pairs))
            if record["full"]:
                raise OverflowError(f"{record['count']} levels on the {side} side: no room for more far from the touch")


def _pairs(name: str, levels: Iterable[Level]) -> np.ndarray:
    """Levels as an array (n, 2) of int64, checked."""
    pairs = np.array(list(levels), dtype=np.int64).reshape(-1, 2)
    if (pairs[:, 1] < 0).any():
        raise ValueError(f"{name}: found a negative size, allowed 0 lots (delete) and more")
    if (np.abs(pairs[:, 0]) > TICKS_MAX).any():
        raise ValueError(f"{name}: found a price beyond 10**18 ticks, allowed -10**18 to 10**18")
    return pairs
