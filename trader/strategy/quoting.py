"""The built-in strategy: inventory-aware quotes of Gueant, Lehalle and Fernandez-Tapia on several levels.

A market maker with inventory risk, fills arriving as A exp(-kappa distance), a long horizon (Gueant, Lehalle,
Fernandez-Tapia, "Dealing with the inventory risk", 2013, section 4; the stationary form of Avellaneda and
Stoikov 2008). All distances in bps of the mid, volatility sigma in bps per square-root second, inventory q in
units of one quote's size:

    c1 = ln(1 + gamma/kappa) / gamma
    c2 = sqrt(gamma / (2 kappa A) * (1 + gamma/kappa) ^ (kappa/gamma + 1))

    reservation price = mid - c2 sigma q           half spread = c1 + c2 sigma / 2

So both the spread and the lean against inventory grow with volatility. Control is robust: sigma is no estimate but
a volatility that the posterior's outlook (trader.strategy.outlook) exceeds seldom, more seldom at every level behind
the first,

    score of level l = caution + l caution_per_level + alarm        at least the 95th percentile's if WARMING
    sigma_l = exp(c + score s)                                      spread and lean of level l
    lots_l  = size 10^-alarm min(1, volatility_bps_full / exp(c + (1.645 + l caution_per_level) s))

and below `size_share_min` of the size a level is not quoted. So more volatility, a wider posterior, less certain
parameters or a surprise each widen every level, lean harder against inventory, and quote less. Level l stands
`level_spacing` half spreads behind level l - 1.

The mid is the fair price of the signals, `shift_bps` away from the middle of the touch; where they would stay away,
every distance grows by 1 / aggressiveness, DISTANT times at most. With the weights of [signals] at 0 neither changes.

Integer arithmetic decides: distances and sizes are rounded once, and prices are sums of integers.
"""

import math

import numpy as np

from shm.kernel import kernel
from trader.enums import BeliefState
from trader.strategy.config import StrategyConfig
from trader.strategy.door import LEVELS_MAX, quote_entry
from trader.strategy.outlook import Z_95, alarm_of, outlook
from trader.units import nearest_units

DISTANT = 10.0

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
        ("caution", "f8"),
        ("caution_per_level", "f8"),
        ("horizon_windows", "i8"),
        ("volatility_bps_full", "f8"),
        ("size_share_min", "f8"),
        ("surprise_tail", "f8"),
        ("surprise_kept", "f8"),
        ("heard_windows", "i8"),
        ("heard_ns", "i8"),
        ("alarm", "f8"),
        ("half_spread_bps", "f8"),
        ("skew_bps", "f8"),
    ],
    align=True,
)
"""The constants of the closed form, the shape of the ladder, the caution; `heard_windows`, `heard_ns`: the estimate's
count and time when the alarm was last looked at; the last two fields tell of the nearest level of the last quote."""

COPIED = (
    "level_spacing",
    "levels",
    "size_lots",
    "half_spread_ticks_min",
    "improve_ticks_max",
    "caution",
    "caution_per_level",
    "horizon_windows",
    "volatility_bps_full",
    "size_share_min",
    "surprise_tail",
    "surprise_kept",
)


def parameters(config: StrategyConfig) -> dict[str, float]:
    """Initial values of STATE from the configuration (cold)."""
    gamma, kappa = config.risk_aversion_per_bps, config.arrival_decay_per_bps
    ratio = gamma / kappa
    slope = math.sqrt(gamma / (2 * kappa * config.arrivals_per_s) * math.exp((1 / ratio + 1) * math.log1p(ratio)))
    return {
        "base_bps": math.log1p(ratio) / gamma,
        "spread_per_volatility": slope / 2,
        "skew_per_volatility": slope,
        "heard_windows": -1,
        **{name: getattr(config, name) for name in COPIED},
    }


@kernel
def _listen(state, belief):
    """Let the alarm die down by the windows that have passed; hear what the newest says, also within a window."""
    windows = belief.window_count - state.heard_windows
    if windows != 0 or belief.event_ns != state.heard_ns:
        state.heard_windows = belief.window_count
        state.heard_ns = belief.event_ns
        state.alarm = max(state.alarm * state.surprise_kept ** abs(windows), alarm_of(belief, state.surprise_tail))


@quote_entry
def quote(state, book, belief, position, out):
    """Quote both sides around each level's reservation price."""
    centre, sd = outlook(belief, state.horizon_windows)
    _listen(state, belief)
    calm = 10.0**-state.alarm
    inventory = position.position_lots / max(state.size_lots, 1)
    mid_halfticks = book.bid_ticks[0] + book.ask_ticks[0]
    halfticks_per_bps = mid_halfticks * 1e-4
    mid_halfticks += nearest_units(belief.shift_bps * halfticks_per_bps)
    wary = 1.0 / max(belief.aggressiveness, 1.0 / DISTANT)
    # Joining and not bettering the touch also keeps our own quotes from dragging the mid that they follow.
    bid_above = book.bid_ticks[0] + state.improve_ticks_max + 1
    ask_below = book.ask_ticks[0] - state.improve_ticks_max - 1
    first = state.caution + state.alarm
    if belief.state != BeliefState.LIVE:
        first = max(first, Z_95)
    for level in range(min(state.levels, LEVELS_MAX)):
        further = level * state.caution_per_level
        volatility = math.exp(centre + (first + further) * sd)
        half_bps = (state.base_bps + state.spread_per_volatility * volatility) * wary
        if not (half_bps <= DISTANCE_BPS_MAX and volatility > 0.0):
            break
        skew_bps = state.skew_per_volatility * volatility * inventory
        skew_bps = min(max(skew_bps, -DISTANCE_BPS_MAX), DISTANCE_BPS_MAX)
        if level == 0:
            state.half_spread_bps = half_bps
            state.skew_bps = skew_bps
        half = max(nearest_units(half_bps * halfticks_per_bps), 2 * state.half_spread_ticks_min)
        distance = half + level * max(int(half * state.level_spacing), 2)
        reservation = mid_halfticks - nearest_units(skew_bps * halfticks_per_bps)
        bid_above = min((reservation - distance) // 2, bid_above - 1)
        ask_below = max(-((-reservation - distance) // 2), ask_below + 1)
        share = calm * min(1.0, state.volatility_bps_full / math.exp(centre + (Z_95 + further) * sd))
        lots = nearest_units(state.size_lots * share) if share >= state.size_share_min else 0
        out.bid_ticks[level] = bid_above
        out.ask_ticks[level] = ask_below
        out.bid_lots[level] = lots
        out.ask_lots[level] = lots
        out.bid_count = level + 1
        out.ask_count = level + 1
