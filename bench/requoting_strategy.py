"""A strategy for measuring: at every change of the book it places an order, or takes it back, by turns.

So the order of a change is caused by that change alone, and not by the end of the one before. It stands far enough
from the touch to be left alone.
"""

import numpy as np

from trader.strategy import quote_entry

STATE = np.dtype([("epoch", "i8"), ("turn", "i8"), ("distance_ticks", "i8")], align=True)
CONFIG = {"distance_ticks": 40}


@quote_entry
def quote(state, book, belief, position, out):
    """A bid, or nothing."""
    if book.epoch != state.epoch:
        state.epoch = book.epoch
        state.turn = 1 - state.turn
    out.bid_count = state.turn
    out.bid_ticks[0] = book.bid_ticks[0] - state.distance_ticks
    out.bid_lots[0] = position.size_lots_min
