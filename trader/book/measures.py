"""What a book tells beyond its best prices: walks, depth, imbalance, microprice. Read-only kernels.

Integers decide; the floats here are statistics. An empty side gives 0 (or NaN for a price that does not exist).
"""

import numpy as np

from shm.kernel import kernel
from trader.book.ladder import NONE, first_level, level_key, level_lots, next_level
from trader.book.state import best_lots, best_ticks

WALK = np.dtype(
    [("filled_lots", "i8"), ("unfilled_lots", "i8"), ("worst_ticks", "i8"), ("levels", "i8"), ("average_ticks", "f8")],
    align=True,
)
"""What an order of some size would get: lots filled and left over, the worst price touched, the average price."""


@kernel
def walk(side, lots, out):
    """Fill a WALK record with the execution of `lots` against this side, best price first.

    The average is exact up to the rounding of a float64; no size or price overflows it.
    """
    left = lots
    cursor = first_level(side)
    best = level_key(side, cursor) if cursor != NONE else 0
    key = best
    behind = 0.0
    levels = 0
    while left > 0 and cursor != NONE:
        key = level_key(side, cursor)
        taken = min(left, level_lots(side, cursor))
        behind += np.float64(taken) * np.float64(best - key)
        left -= taken
        levels += 1
        cursor = next_level(side, cursor)
    out.filled_lots = lots - left
    out.unfilled_lots = left
    out.levels = levels
    out.worst_ticks = side.sign * key if levels > 0 else 0
    out.average_ticks = side.sign * (best - behind / (lots - left)) if left < lots else np.nan


@kernel
def depth_lots(side, band_ticks):
    """Lots from the best price to `band_ticks` (0 or more) behind it, both ends included."""
    cursor = first_level(side)
    if cursor == NONE:
        return 0
    last = level_key(side, cursor) - band_ticks
    total = 0
    while cursor != NONE and level_key(side, cursor) >= last:
        total += level_lots(side, cursor)
        cursor = next_level(side, cursor)
    return total


@kernel
def top_lots(side, levels):
    """Lots on the best `levels` levels."""
    cursor = first_level(side)
    total = 0
    for _ in range(levels):
        if cursor == NONE:
            break
        total += level_lots(side, cursor)
        cursor = next_level(side, cursor)
    return total


@kernel
def imbalance(book, levels):
    """(bid lots - ask lots) / (their sum) over the best `levels` levels: -1 to 1, 0 for an empty book."""
    bids, asks = top_lots(book.bids, levels), top_lots(book.asks, levels)
    return (bids - asks) / (bids + asks) if bids + asks > 0 else 0.0


@kernel
def microprice_ticks(book):
    """Touch prices weighted by the opposite sizes, in ticks; NaN unless both sides have a level."""
    bid_lots, ask_lots = best_lots(book.bids), best_lots(book.asks)
    if bid_lots == 0 or ask_lots == 0:
        return np.nan
    bid = best_ticks(book.bids)
    return bid + np.float64(best_ticks(book.asks) - bid) * bid_lots / (bid_lots + ask_lots)


@kernel
def copy_levels(side, out, limit):
    """Copy the best `limit` levels as pairs (ticks, lots) into an int64 array of 2 * limit; how many there were."""
    cursor = first_level(side)
    count = 0
    while count < limit and cursor != NONE:
        out[2 * count] = side.sign * level_key(side, cursor)
        out[2 * count + 1] = level_lots(side, cursor)
        count += 1
        cursor = next_level(side, cursor)
    return count
