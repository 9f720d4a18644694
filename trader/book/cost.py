"""What an order would pay to a whole book, as `trader.slippage` estimates it from a top: any depth, exact levels."""

import numpy as np

from shm.kernel import kernel
from trader.book.measures import walk
from trader.book.state import best_ticks
from trader.slippage import impact_bps, taking_bps


@kernel
def book_cost_bps(book, side, size_lots, volatility_bps, volume_lots_per_s, multiplier, out):
    """Expected cost of an order that takes `size_lots`, in bps of the mid; `out`: a WALK record, filled with its walk.

    `side`: 1 buys, -1 sells. NaN without a two-sided book, volatility or volume.
    """
    walk(book.asks if side > 0 else book.bids, size_lots, out)
    impact = multiplier * impact_bps(size_lots, volatility_bps, volume_lots_per_s)
    bid, ask = best_ticks(book.bids), best_ticks(book.asks)
    if not (impact > 0.0 and bid > 0 and ask > bid):
        return np.nan
    mid2, filled = float(bid + ask), float(out.filled_lots)
    behind = filled * side * (out.average_ticks - 0.5 * mid2)
    last = side * (out.worst_ticks - 0.5 * mid2)
    return taking_bps(mid2, float(ask - bid), behind, filled, float(size_lots), last, impact)
