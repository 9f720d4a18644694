"""What the market did lately, on two horizons of its own clock: the averages that forecasts are made of.

    FAST      half a second         what happens now, and who trades
    MEDIUM    ten seconds           where it comes from

With T a horizon and k = exp(-elapsed / T) since the last event:

    level (mid)          m = k m + (1 - k) (what it was since)       a mean over time
    flow (lots)          r = k r + x / T                             a mean a second

Levels are divided by the weight w = k w + (1 - k) that they have seen, so that a young mean is a mean too. Times are
the venue's; an event from the past counts as now, as streams overtake each other by milliseconds. What is usual is
learned elsewhere (trader.signals.usual).
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.signals.indicators import log_return
from trader.signals.order_flow import contribution

FAST, MEDIUM = range(2)
COUNT = 2

BPS = 1e4
NS_PER_S = 1e9
SHORT = 0.05

HORIZONS = np.dtype(
    [
        ("rate_per_ns", "f8", (COUNT,)),
        ("event_ns", "i8"),
        ("linked", "i8"),
        ("bid_ticks", "i8"),
        ("ask_ticks", "i8"),
        ("bid_lots", "i8"),
        ("ask_lots", "i8"),
        ("mid_bps", "f8"),
        ("weight", "f8", (COUNT,)),
        ("mean_mid_bps", "f8", (COUNT,)),
        ("volume", "f8"),
        ("signed", "f8"),
        ("pressure", "f8"),
        ("pressed", "f8"),
    ],
    align=True,
)
"""`linked`: whether a touch is known; `mid_bps`: log mid above where the first one stood.

Fast are `volume` and `signed`, traded
lots a second, buyers' less sellers' in the second; `pressure` and `pressed`, the order-flow imbalance of
trader.signals.order_flow and its absolute value, lots a second."""


def configure_horizons(horizons: np.void, spans_ms: tuple[float, float]) -> None:
    """Set up one zeroed HORIZONS with spans in ms, fast to slow (cold)."""
    horizons["rate_per_ns"] = [1 / (1e6 * span) for span in spans_ms]


@kernel
def advance(horizons, event_ns):
    """Let time pass until an event; one from the past counts as now."""
    if horizons.event_ns == 0:
        horizons.event_ns = event_ns
    elapsed_ns = event_ns - horizons.event_ns
    if elapsed_ns <= 0:
        return
    horizons.event_ns = event_ns
    for index in range(COUNT):
        kept = _decay(elapsed_ns * horizons.rate_per_ns[index])
        gone = 1.0 - kept if horizons.linked else 0.0
        kept_level = kept if horizons.linked else 1.0
        horizons.weight[index] = kept_level * horizons.weight[index] + gone
        horizons.mean_mid_bps[index] = kept_level * horizons.mean_mid_bps[index] + gone * horizons.mid_bps
        if index == FAST:
            horizons.volume *= kept
            horizons.signed *= kept
            horizons.pressure *= kept
            horizons.pressed *= kept


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
def observe_book(horizons, event_ns, bid_ticks, bid_lots, ask_ticks, ask_lots):
    """Take a touch; how far the mid moved by it, bps. A side without lots is a gap."""
    advance(horizons, event_ns)
    if bid_lots <= 0 or ask_lots <= 0 or bid_ticks <= 0:
        horizons.linked = 0
        return 0.0
    moved_bps = 0.0
    if not horizons.linked or bid_ticks != horizons.bid_ticks or ask_ticks != horizons.ask_ticks:
        moved_bps = _move_mid(horizons, float(bid_ticks + ask_ticks))
    if horizons.linked:
        change = contribution(horizons, bid_ticks, bid_lots, ask_ticks, ask_lots)
        per_s = NS_PER_S * horizons.rate_per_ns[FAST]
        horizons.pressure += per_s * change
        horizons.pressed += per_s * abs(change)
    horizons.linked = 1
    horizons.bid_ticks = bid_ticks
    horizons.bid_lots = bid_lots
    horizons.ask_ticks = ask_ticks
    horizons.ask_lots = ask_lots
    return moved_bps


@kernel
def _move_mid(horizons, mid_halfticks):
    before = float(horizons.bid_ticks + horizons.ask_ticks)
    moved_bps = BPS * log_return(before, mid_halfticks) if before > 0.0 else 0.0
    horizons.mid_bps += moved_bps
    return moved_bps if horizons.linked else 0.0


@kernel
def observe_trade(horizons, event_ns, sign, lots):
    """Take a trade: sign 1 for a buyer's, -1 for a seller's; lots above 0."""
    advance(horizons, event_ns)
    per_s = NS_PER_S * horizons.rate_per_ns[FAST]
    horizons.volume += per_s * lots
    horizons.signed += per_s * sign * lots


@kernel
def break_off(horizons):
    """The book is not to be trusted: what it shows next is a beginning, not a change."""
    horizons.linked = 0
