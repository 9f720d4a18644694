"""A strategy that never rests: it quotes at and inside the touch, somewhere else whenever the mid has moved.

Its dice are the mid itself, and it looks again only after a while: a quote that moves the touch does not move the next
one, and it comes to rest with the market.
"""

import numpy as np

from trader.strategy import quote_entry

STATE = np.dtype(
    [
        ("levels", "i8"),
        ("lots", "i8"),
        ("reach_ticks", "i8"),
        ("patience_ns", "i8"),
        ("anchor_ticks", "i8"),
        ("anchored_ns", "i8"),
    ],
    align=True,
)
CONFIG = {"levels": 2, "lots": 3, "reach_ticks": 3, "patience_ns": 8_000_000}
MOVED_TICKS = 3


@quote_entry
def quote(state, book, belief, position, out):
    """Each level within `reach_ticks` of the mid as it was last looked at, of 1 to `lots` lots."""
    mid_ticks = (book.bid_ticks[0] + book.ask_ticks[0]) // 2
    has_moved = abs(mid_ticks - state.anchor_ticks) >= MOVED_TICKS
    if has_moved and position.now_ns - state.anchored_ns >= state.patience_ns:
        state.anchor_ticks = mid_ticks
        state.anchored_ns = position.now_ns
    dice = state.anchor_ticks
    for level in range(state.levels):
        dice = (dice * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        out.bid_ticks[level] = state.anchor_ticks - level - (dice >> 8) % (state.reach_ticks + 1)
        out.bid_lots[level] = 1 + (dice >> 16) % state.lots
        dice = (dice * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        out.ask_ticks[level] = state.anchor_ticks + 1 + level + (dice >> 8) % (state.reach_ticks + 1)
        out.ask_lots[level] = 1 + (dice >> 16) % state.lots
    out.bid_count = state.levels
    out.ask_count = state.levels
