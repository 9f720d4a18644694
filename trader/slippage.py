"""Slippage: what an order is expected to cost beyond the mid, in basis points of it. Statistics: floats, no decision.

An order that takes pays the worse of two estimates:

    walk     what the visible levels cost, worst first; lots behind the last one pay that price and the impact on top
    impact   half spread + m Y sigma sqrt(Q / V)          Y = 1, m = the volatility multiplier, 1 to 10

sigma: bps per square-root second; V: lots that others trade in a second; Q: lots. Day's volatility and day's volume
give the same, as sqrt(86,400) cancels. The square-root law of impact, coefficient near one, holds over markets and
sizes: Barra Market Impact Model Handbook 1997; Almgren, Thum, Hauptmann, Li, "Direct Estimation of Equity Market
Impact", 2005, found an exponent of 0.6; Toth et al., Phys. Rev. X 1, 021006, 2011. That cost is impact of one's own
trading plus half the spread is the decomposition of Almgren and Chriss, "Optimal execution of portfolio
transactions", 2000. m is how much the volatility may be underestimated: its 95th percentile over its mean.

An order that rests is paid by the spread and pays for being chosen (Glosten and Milgrom 1985):

    p        chance of a fill within HORIZON_S: 1 - exp(-H / t), t = lots before and with ours / (V / 2)
    capture  p (mid - price, or its mirror)                                    what the spread pays
    queue    (1 - p) (half spread + Y sigma sqrt(Q / V))                       what taking costs, if it is missed
    adverse  p sigma sqrt(H) / sqrt(2 pi)          half of the mean absolute move: the mid goes through who is filled
    total    adverse + queue - capture             negative where resting is expected to earn

No volume, no volatility, no book, or anything that is not a number gives NaN, which every check refuses.
"""

import math

import numpy as np

from shm.kernel import inlined, kernel

Y = 1.0
HORIZON_S = 10.0
MULTIPLIER_MAX = 10.0
_HALF_MEAN_MOVE = 1.0 / math.sqrt(2.0 * math.pi)

RESTING = np.dtype(
    [
        ("fill_probability", "f8"),
        ("capture_bps", "f8"),
        ("queue_bps", "f8"),
        ("adverse_bps", "f8"),
        ("total_bps", "f8"),
    ],
    align=True,
)
"""What a resting order is expected to cost, and of what that is made."""


@inlined
def volatility_multiplier(volatility_bps, volatility_bps_p95):
    """How much more the volatility may be than it is believed to be: 1 to MULTIPLIER_MAX; 1 for what is no number."""
    ratio = volatility_bps_p95 / volatility_bps
    return min(ratio, MULTIPLIER_MAX) if ratio > 1.0 else 1.0


@inlined
def impact_bps(size_lots, volatility_bps, volume_lots_per_s):
    """Y sigma sqrt(Q / V). NaN without size, volatility or volume."""
    if not (size_lots > 0 and volatility_bps > 0.0 and volume_lots_per_s > 0.0):
        return np.nan
    return Y * volatility_bps * math.sqrt(size_lots / volume_lots_per_s)


@inlined
def taking_bps(mid2_ticks, spread_ticks, behind_ticks, filled_lots, size_lots, last_ticks, impact):
    """The worse of walk and impact, in bps. All floats, more than 0 lots and ticks.

    `behind_ticks`: sum over the lots filled of their distance from the mid; `last_ticks`: that of the worst price.
    """
    bps_per_tick = 20_000.0 / mid2_ticks
    left_lots = size_lots - filled_lots
    walked = (behind_ticks + left_lots * last_ticks) / size_lots * bps_per_tick + impact * left_lots / size_lots
    return max(walked, 0.5 * spread_ticks * bps_per_tick + impact)


@kernel
def ladder_cost_bps(ladder, side, size_lots, volatility_bps, volume_lots_per_s, multiplier):
    """Expected cost of an order that takes `size_lots`, 1 on, from a record of best levels as in a BookTop.

    `side`: 1 buys from the asks, -1 sells to the bids. NaN where an input is missing.
    """
    impact = multiplier * impact_bps(size_lots, volatility_bps, volume_lots_per_s)
    bid, ask = ladder.bid_ticks[0], ladder.ask_ticks[0]
    if not (impact > 0.0 and bid > 0 and ask > bid and ladder.bid_lots[0] > 0 and ladder.ask_lots[0] > 0):
        return np.nan
    prices, sizes = (ladder.ask_ticks, ladder.ask_lots) if side > 0 else (ladder.bid_ticks, ladder.bid_lots)
    mid2 = bid + ask
    left, behind, last = size_lots, 0.0, 0.0
    for level in range(len(prices)):
        lots = min(sizes[level], left)
        if lots <= 0:
            break
        last = 0.5 * (side * (2 * prices[level] - mid2))
        behind += lots * last
        left -= lots
    return taking_bps(float(mid2), float(ask - bid), behind, float(size_lots - left), float(size_lots), last, impact)


@kernel
def resting_cost_bps(
    side, price_ticks, size_lots, bid_ticks, ask_ticks, ahead_lots, volatility_bps, volume_lots_per_s, out
):
    """Fill a RESTING record for an order behind or inside the touch; returns its total, NaN where an input is missing.

    `ahead_lots`: what trades before it: better prices and the queue at its own.
    """
    impact = impact_bps(size_lots, volatility_bps, volume_lots_per_s)
    mid2 = float(bid_ticks + ask_ticks)
    known = impact > 0.0 and bid_ticks > 0 and ask_ticks > bid_ticks and price_ticks > 0 and ahead_lots >= 0
    if not known:
        out.fill_probability = out.capture_bps = out.queue_bps = out.adverse_bps = out.total_bps = np.nan
        return np.nan
    bps_per_tick = 20_000.0 / mid2
    wait_s = (ahead_lots + size_lots) / (0.5 * volume_lots_per_s)
    filled = -math.expm1(-HORIZON_S / wait_s)
    half_spread_bps = 0.5 * (ask_ticks - bid_ticks) * bps_per_tick
    out.fill_probability = filled
    out.capture_bps = filled * 0.5 * side * (mid2 - 2.0 * price_ticks) * bps_per_tick
    out.queue_bps = (1.0 - filled) * (half_spread_bps + impact)
    out.adverse_bps = filled * volatility_bps * math.sqrt(HORIZON_S) * _HALF_MEAN_MOVE
    out.total_bps = out.adverse_bps + out.queue_bps - out.capture_bps
    return out.total_bps
