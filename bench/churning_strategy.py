"""A strategy for measuring: another price at every look, on every line, so that orders come and go ceaselessly.

Far enough from the touch to be left alone. An order's end is a look, too: nothing waits for the market.
"""

import numpy as np

from trader.strategy import LEVELS_MAX, quote_entry

STATE = np.dtype([("looks", "i8"), ("distance_ticks", "i8"), ("step_ticks", "i8")], align=True)
CONFIG = {"distance_ticks": 400, "step_ticks": 20}
PRICES = 64
"""Before one comes again: longer than any check for doubled orders looks back."""


@quote_entry
def quote(state, book, belief, position, out):
    """Every level of both sides, each time at the next of so many distances."""
    state.looks += 1
    away = state.distance_ticks + state.step_ticks * (state.looks % PRICES)
    out.bid_count = LEVELS_MAX
    out.ask_count = LEVELS_MAX
    for level in range(LEVELS_MAX):
        out.bid_ticks[level] = book.bid_ticks[0] - away - level
        out.ask_ticks[level] = book.ask_ticks[0] + away + level
        out.bid_lots[level] = out.ask_lots[level] = position.size_lots_min
