"""A market-making strategy: quotes around a smoothed mid, wider with volatility, leaning against inventory.

    pytest test_strategy.py                                 try it, nothing is started
    trader run --strategy strategy.py --duration 30s        trade it on the simulated exchange

`quote` is compiled by numba and called whenever the book or the volatility estimate changes: numbers and loops,
no strings, no lists, no imports inside. Prices are integer ticks, sizes integer lots. README.md lists the
fields of every argument.
"""

import numpy as np

from trader.strategy import LEVELS_MAX, quote_entry

# What the strategy remembers, one record per symbol: knobs first, then what it works out.
STATE = np.dtype(
    [
        ("half_spread_ticks", "i8"),
        ("ticks_per_volatility", "f8"),
        ("skew_ticks_per_lot", "f8"),
        ("levels", "i8"),
        ("level_spacing_ticks", "i8"),
        ("size_lots", "i8"),
        ("mid_ticks", "f8"),
    ],
    align=True,
)

# First values; what is not named starts at 0. [strategy.parameters] of a configuration file wins over them.
CONFIG = {
    "half_spread_ticks": 10,  # the least distance from the mid
    "ticks_per_volatility": 8.0,  # more for each bp of volatility per square-root second
    "skew_ticks_per_lot": 1.5,  # lean against each lot that is held
    "levels": 3,
    "level_spacing_ticks": 12,
    "size_lots": 2,
}


@quote_entry
def quote(state, book, belief, position, out):
    """Fill `out` with the quotes that shall rest; what it leaves at 0 is not quoted."""
    mid = 0.5 * (book.bid_ticks[0] + book.ask_ticks[0])
    if state.mid_ticks == 0.0:
        state.mid_ticks = mid
    state.mid_ticks += 0.5 * (mid - state.mid_ticks)

    # While the estimate is warming up (state 0) its 95th percentile keeps the quotes wide.
    volatility = belief.volatility_bps if belief.state == 1 else belief.volatility_bps_p95
    half_spread = state.half_spread_ticks + state.ticks_per_volatility * volatility
    centre = state.mid_ticks - state.skew_ticks_per_lot * position.position_lots

    # Indices are not checked in compiled code: stay within the arrays.
    levels = min(state.levels, LEVELS_MAX)
    for level in range(levels):
        distance = half_spread + level * state.level_spacing_ticks
        out.bid_ticks[level] = int(np.floor(centre - distance))
        out.ask_ticks[level] = int(np.ceil(centre + distance))
        out.bid_lots[level] = state.size_lots
        out.ask_lots[level] = state.size_lots
    out.bid_count = levels
    out.ask_count = levels
