"""What the market did lately, on three horizons of its own clock: the averages that panic and forecasts are made of.

    FAST      half a second         what happens now
    MEDIUM    ten seconds           where it comes from
    SLOW      two minutes           what is usual

With T a horizon and k = exp(-elapsed / T) since the last event:

    level (spread, reach, depth, mid) m = k m + (1 - k) (what it was since)       a mean over time
    flow (lots, bps^2)                r = k r + x / T                             a mean a second

Both are divided by the weight w = k w + (1 - k) that they have seen, so that a young mean is a mean too. Times are
the venue's; an event from the past counts as now, as streams overtake each other by milliseconds.
"""

import math

import numpy as np

from shm.kernel import inlined, kernel

FAST, MEDIUM, SLOW = range(3)
COUNT = 3

BPS = 1e4
NS_PER_S = 1e9
SHORT = 0.05

HORIZONS = np.dtype(
    [
        ("rate_per_ns", "f8", (COUNT,)),
        ("first_ns", "i8"),
        ("event_ns", "i8"),
        ("linked", "i8"),
        ("bid_ticks", "i8"),
        ("ask_ticks", "i8"),
        ("bid_lots", "i8"),
        ("ask_lots", "i8"),
        ("spread_ticks", "f8"),
        ("reach_ticks", "f8"),
        ("depth_lots", "f8"),
        ("anchor_bps", "f8"),
        ("mid_bps", "f8"),
        ("drift_bps", "f8"),
        ("weight", "f8", (COUNT,)),
        ("mean_mid_bps", "f8", (COUNT,)),
        ("mean_spread", "f8", (COUNT,)),
        ("mean_reach", "f8", (COUNT,)),
        ("mean_depth", "f8", (COUNT,)),
        ("variance", "f8", (COUNT,)),
        ("volume", "f8", (COUNT,)),
        ("signed", "f8", (COUNT,)),
        ("pressure", "f8", (COUNT,)),
        ("pressed", "f8", (COUNT,)),
    ],
    align=True,
)
"""`linked`: whether a touch is known; `reach_ticks`: from the last bid that is looked at to the last ask; `mid_bps`:
log mid above `anchor_bps`, where the first one stood.

Per horizon: `variance` bps^2 a second of the mid; `volume` and `signed` lots a second traded, buyers' less sellers' in
the second; `pressure` and `pressed` the order-flow imbalance (trader.signals.order_flow) and its absolute value, lots a
second; `drift_bps` the fast sum of the mid's changes."""


def configure_horizons(horizons: np.void, spans_ms: tuple[float, float, float]) -> None:
    """Set up one zeroed HORIZONS with spans in ms, fast to slow (cold)."""
    horizons["rate_per_ns"] = [1 / (1e6 * span) for span in spans_ms]


@kernel
def advance(horizons, event_ns):
    """Let time pass until an event; returns the ns that passed, 0 for the first event and for late ones."""
    if horizons.first_ns == 0:
        horizons.first_ns = event_ns
        horizons.event_ns = event_ns
    elapsed_ns = event_ns - horizons.event_ns
    if elapsed_ns <= 0:
        return 0
    horizons.event_ns = event_ns
    for index in range(COUNT):
        kept = _decay(elapsed_ns * horizons.rate_per_ns[index])
        gone = 1.0 - kept if horizons.linked else 0.0
        kept_level = kept if horizons.linked else 1.0
        horizons.weight[index] = kept_level * horizons.weight[index] + gone
        horizons.mean_mid_bps[index] = kept_level * horizons.mean_mid_bps[index] + gone * horizons.mid_bps
        horizons.mean_spread[index] = kept_level * horizons.mean_spread[index] + gone * horizons.spread_ticks
        horizons.mean_reach[index] = kept_level * horizons.mean_reach[index] + gone * horizons.reach_ticks
        horizons.mean_depth[index] = kept_level * horizons.mean_depth[index] + gone * horizons.depth_lots
        horizons.variance[index] *= kept
        horizons.volume[index] *= kept
        horizons.signed[index] *= kept
        horizons.pressure[index] *= kept
        horizons.pressed[index] *= kept
        if index == FAST:
            horizons.drift_bps *= kept
    return elapsed_ns


@inlined
def _decay(y):
    """e^-y for y >= 0; the usual short spans by a polynomial, to 2e-13."""
    if y > SHORT:
        return math.exp(-y)
    p = 1.0 / 720.0 * y - 1.0 / 120.0
    p = p * y + 1.0 / 24.0
    p = p * y - 1.0 / 6.0
    p = p * y + 0.5
    p = p * y - 1.0
    return p * y + 1.0


@kernel
def observe_book(horizons, event_ns, bid_ticks, bid_lots, ask_ticks, ask_lots, reach_ticks, depth_lots):
    """Take a touch, how far the levels behind it reach, and the lots near the mid. A side without lots is a gap."""
    advance(horizons, event_ns)
    if bid_lots <= 0 or ask_lots <= 0 or bid_ticks <= 0:
        horizons.linked = 0
        return
    moved = bid_ticks != horizons.bid_ticks or ask_ticks != horizons.ask_ticks
    if not horizons.linked or moved:
        _move_mid(horizons, bid_ticks + ask_ticks)
    if horizons.linked:
        change = 0
        change += bid_lots if bid_ticks >= horizons.bid_ticks else 0
        change -= horizons.bid_lots if bid_ticks <= horizons.bid_ticks else 0
        change -= ask_lots if ask_ticks <= horizons.ask_ticks else 0
        change += horizons.ask_lots if ask_ticks >= horizons.ask_ticks else 0
        if change != 0:
            for index in range(COUNT):
                per_s = NS_PER_S * horizons.rate_per_ns[index]
                horizons.pressure[index] += per_s * change
                horizons.pressed[index] += per_s * abs(change)
    horizons.linked = 1
    horizons.bid_ticks = bid_ticks
    horizons.bid_lots = bid_lots
    horizons.ask_ticks = ask_ticks
    horizons.ask_lots = ask_lots
    horizons.spread_ticks = float(ask_ticks - bid_ticks)
    horizons.reach_ticks = float(reach_ticks)
    horizons.depth_lots = float(depth_lots)


@kernel
def _move_mid(horizons, mid_halfticks):
    mid_bps = BPS * math.log(float(mid_halfticks))
    if horizons.anchor_bps == 0.0:
        horizons.anchor_bps = mid_bps
    mid_bps -= horizons.anchor_bps
    if horizons.linked:
        change = mid_bps - horizons.mid_bps
        horizons.drift_bps += change
        for index in range(COUNT):
            horizons.variance[index] += NS_PER_S * horizons.rate_per_ns[index] * change * change
    horizons.mid_bps = mid_bps


@kernel
def observe_trade(horizons, event_ns, sign, lots):
    """Take a trade: sign 1 for a buyer's, -1 for a seller's; lots above 0."""
    advance(horizons, event_ns)
    for index in range(COUNT):
        per_s = NS_PER_S * horizons.rate_per_ns[index]
        horizons.volume[index] += per_s * lots
        horizons.signed[index] += per_s * sign * lots


@kernel
def break_off(horizons):
    """The book is not to be trusted: what it shows next is a beginning, not a change."""
    horizons.linked = 0


@kernel
def usual_deviation(horizons):
    """Usual deviation of the mid, bps per square-root second; 0 while nothing is known."""
    return math.sqrt(usual(horizons.variance, horizons.weight))


@inlined
def usual_reach(horizons, reach_ticks):
    """How far a book usually reaches, in ticks; the given one while nothing is known."""
    weight = horizons.weight[SLOW]
    return horizons.mean_reach[SLOW] / weight if weight > 0.0 else float(reach_ticks)


@inlined
def ratio(above, below):
    """above / below; 1 where there is nothing below, so that nothing known is nothing unusual."""
    return above / below if below > 0.0 else 1.0


@inlined
def usual(rates, weights):
    """The slow mean of a flow, a second; 0 while nothing is known."""
    return rates[SLOW] / weights[SLOW] if weights[SLOW] > 0.0 else 0.0
