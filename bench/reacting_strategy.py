"""The reaction rule of the backtest that every engine plays: one bid and one ask, moved when the mid has moved.

    the mid is `move_ticks` or more from where it was when the quotes were last set (or there are none yet)
        -> both quotes stand `distance_ticks` from the touch of this moment

Between moves the quotes stay; a filled one is put back at its price. bench/backtest_*.py hold the rule in the words of
the rivals.
"""

import numpy as np

from trader.strategy import quote_entry

STATE = np.dtype(
    [(name, "i8") for name in ("moves", "mid_twice", "bid_ticks", "ask_ticks", "move_ticks", "distance_ticks")],
    align=True,
)
CONFIG = {"move_ticks": 50, "distance_ticks": 20}


@quote_entry
def quote(state, book, belief, position, out):
    """A bid and an ask around the mid of the last move."""
    mid_twice = book.bid_ticks[0] + book.ask_ticks[0]
    if abs(mid_twice - state.mid_twice) >= 2 * state.move_ticks:
        state.moves += 1
        state.mid_twice = mid_twice
        state.bid_ticks = book.bid_ticks[0] - state.distance_ticks
        state.ask_ticks = book.ask_ticks[0] + state.distance_ticks
    out.bid_count = 1
    out.ask_count = 1
    out.bid_ticks[0] = state.bid_ticks
    out.ask_ticks[0] = state.ask_ticks
    out.bid_lots[0] = position.size_lots_min
    out.ask_lots[0] = position.size_lots_min
