"""A strategy for measuring: at every change of the book, one new order a side, and the last ones cancelled.

Each book uses the next of the desk's lines, so that an order need not wait for the cancel of the one before.
Quotes stand far enough from the touch to be left alone.
"""

import numpy as np

from trader.strategy import LEVELS_MAX, quote_entry

STATE = np.dtype([("epoch", "i8"), ("line", "i8"), ("distance_ticks", "i8")], align=True)
CONFIG = {"distance_ticks": 40}


@quote_entry
def quote(state, book, belief, position, out):
    """One level a side, on the next line whenever the book is another."""
    if book.epoch != state.epoch:
        state.epoch = book.epoch
        state.line = (state.line + 1) % LEVELS_MAX
    out.bid_count = out.ask_count = LEVELS_MAX
    out.bid_ticks[state.line] = book.bid_ticks[0] - state.distance_ticks
    out.ask_ticks[state.line] = book.ask_ticks[0] + state.distance_ticks
    out.bid_lots[state.line] = out.ask_lots[state.line] = position.size_lots_min
