"""A strategy that quotes where it began, whatever the market does, and takes now on one side, now on the other.

What becomes of its quotes is risk's doing alone; what it takes is as large, and as often, as its parameters say.
"""

import numpy as np

from trader.strategy import quote_entry

STATE = np.dtype(
    [
        ("quote_lots", "i8"),
        ("bid_ticks", "i8"),
        ("ask_ticks", "i8"),
        ("take_lots", "i8"),
        ("take_every_ns", "i8"),
        ("taken_ns", "i8"),
        ("takes", "i8"),
    ],
    align=True,
)
CONFIG = {"take_every_ns": 200_000_000}
REACH_TICKS = 30
"""How far beyond the touch an order that takes may go."""


@quote_entry
def quote(state, book, belief, position, out):
    """The first touch for good; a purchase, then a sale, then a purchase ..."""
    if state.bid_ticks == 0:
        state.bid_ticks, state.ask_ticks = book.bid_ticks[0], book.ask_ticks[0]
        state.taken_ns = position.now_ns
    if state.quote_lots > 0:
        out.bid_count = out.ask_count = 1
        out.bid_ticks[0], out.ask_ticks[0] = state.bid_ticks, state.ask_ticks
        out.bid_lots[0] = out.ask_lots[0] = state.quote_lots
    if state.take_lots > 0 and position.now_ns - state.taken_ns >= state.take_every_ns:
        state.taken_ns = position.now_ns
        state.takes += 1
        out.take_side = 1 if state.takes % 2 == 1 else -1
        out.take_ticks = book.ask_ticks[0] + REACH_TICKS if out.take_side > 0 else book.bid_ticks[0] - REACH_TICKS
        out.take_lots = state.take_lots
