"""The built-in strategy: inventory-aware quotes of Gueant, Lehalle and Fernandez-Tapia on several levels.

A market maker with inventory risk, fills arriving as A exp(-kappa distance), a long horizon (Gueant, Lehalle,
Fernandez-Tapia, "Dealing with the inventory risk", 2013, section 4; the stationary form of Avellaneda and
Stoikov 2008). All distances in bps of the mid, volatility sigma in bps per square-root second, inventory q in
units of one quote's size:

    c1 = ln(1 + gamma/kappa) / gamma
    c2 = sqrt(gamma / (2 kappa A) * (1 + gamma/kappa) ^ (kappa/gamma + 1))

    reservation price = mid - c2 sigma q           half spread = c1 + c2 sigma / 2

So both the spread and the lean against inventory grow with volatility. While the belief is WARMING its 95th
percentile stands for sigma. Level l stands `level_spacing` half spreads behind level l - 1.

Integer arithmetic decides: distances are rounded to half ticks once, and prices are sums of integers.
"""

import math

import numpy as np

from trader.enums import BeliefState
from trader.strategy.config import StrategyConfig
from trader.strategy.door import LEVELS_MAX, quote_entry
from trader.units import nearest_units

DISTANCE_BPS_MAX = 1_000.0
"""No quote and no lean is farther than a tenth of the price: beyond it the model says nothing."""

STATE = np.dtype(
    [
        ("base_bps", "f8"),
        ("spread_per_volatility", "f8"),
        ("skew_per_volatility", "f8"),
        ("level_spacing", "f8"),
        ("levels", "i8"),
        ("size_lots", "i8"),
        ("half_spread_ticks_min", "i8"),
        ("improve_ticks_max", "i8"),
        ("half_spread_bps", "f8"),
        ("skew_bps", "f8"),
    ],
    align=True,
)
"""The two constants of the closed form, the shape of the ladder; the last two fields tell of the last quote."""


def parameters(config: StrategyConfig) -> dict[str, float]:
    """Initial values of STATE from the configuration (cold)."""
    gamma, kappa = config.risk_aversion_per_bps, config.arrival_decay_per_bps
    ratio = gamma / kappa
    slope = math.sqrt(gamma / (2 * kappa * config.arrivals_per_s) * math.exp((1 / ratio + 1) * math.log1p(ratio)))
    return {
        "base_bps": math.log1p(ratio) / gamma,
        "spread_per_volatility": slope / 2,
        "skew_per_volatility": slope,
        "level_spacing": config.level_spacing,
        "levels": config.levels,
        "size_lots": config.size_lots,
        "half_spread_ticks_min": config.half_spread_ticks_min,
        "improve_ticks_max": config.improve_ticks_max,
    }


@quote_entry
def quote(state, book, belief, position, out):
    """Quote both sides around the reservation price."""
    volatility = belief.volatility_bps if belief.state == BeliefState.LIVE else belief.volatility_bps_p95
    inventory = position.position_lots / max(state.size_lots, 1)
    half_bps = state.base_bps + state.spread_per_volatility * volatility
    skew_bps = state.skew_per_volatility * volatility * inventory
    if not (half_bps <= DISTANCE_BPS_MAX and volatility > 0.0):
        return
    skew_bps = min(max(skew_bps, -DISTANCE_BPS_MAX), DISTANCE_BPS_MAX)
    state.half_spread_bps = half_bps
    state.skew_bps = skew_bps
    mid_halfticks = book.bid_ticks[0] + book.ask_ticks[0]
    halfticks_per_bps = mid_halfticks * 1e-4
    half = max(nearest_units(half_bps * halfticks_per_bps), 2 * state.half_spread_ticks_min)
    step = max(int(half * state.level_spacing), 2)
    reservation = mid_halfticks - nearest_units(skew_bps * halfticks_per_bps)
    # Joining and not bettering the touch also keeps our own quotes from dragging the mid that they follow.
    bid_above = book.bid_ticks[0] + state.improve_ticks_max + 1
    ask_below = book.ask_ticks[0] - state.improve_ticks_max - 1
    levels = min(state.levels, LEVELS_MAX)
    for level in range(levels):
        distance = half + level * step
        bid_above = min((reservation - distance) // 2, bid_above - 1)
        ask_below = max(-((-reservation - distance) // 2), ask_below + 1)
        out.bid_ticks[level] = bid_above
        out.ask_ticks[level] = ask_below
        out.bid_lots[level] = state.size_lots
        out.ask_lots[level] = state.size_lots
    out.bid_count = levels
    out.ask_count = levels
