"""Four views of where the mid goes next, each in [-1, 1], and what they come to: fair price shift and aggressiveness.

    momentum    fast mean of the mid less its medium mean            the trend
    reversion   fast mean of the mid less the mid                    what moved a moment ago may come back
    flow        mean of order-flow and trade imbalance, fast         who pushes
    pressure    (bid lots - ask lots) / their sum at the touch       where the microprice stands

The first two are in usual deviations of their span, divided by DEVIATIONS and cut to [-1, 1].

    shift = (sum of weight x signal) x usual deviation over the horizon, bps of the mid, cut to the configured most
    aggressiveness = (1 - wariness confidence of panic) (1 - caution |flow|)      1: quote as configured; 0: stay away

The weights are expected moves in deviations, as `trader.signals.scoring.calibrate` estimates them. Flow: Cont, Kukanov
and Stoikov (2014); pressure: Stoikov, "The micro-price", Quantitative Finance 18 (2018).
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.signals.config import SignalsConfig
from trader.signals.horizons import (
    FAST,
    HORIZONS,
    MEDIUM,
    NS_PER_S,
    break_off,
    configure_horizons,
    observe_book,
    observe_trade,
)
from trader.signals.panic import DETECTOR, configure_detector, detect, lose_book, pass_time, see_book, see_trade

SIGNALS = ("momentum", "reversion", "flow", "pressure")
"""Order of signals and weights wherever they are arrays."""

DEVIATIONS = 3.0

NEAR = 1.5
"""Lots count as depth within so many times the distance from the mid at which the levels looked at usually end: levels
that stand where nobody trades are none."""

MARKET_SIGNALS = np.dtype(
    [
        ("horizons", HORIZONS),
        ("detector", DETECTOR),
        ("weights", "f8", (len(SIGNALS),)),
        ("horizon_s", "f8"),
        ("shift_bps_max", "f8"),
        ("caution", "f8"),
        ("wariness", "f8"),
        ("depth_levels", "i8"),
        ("signals", "f8", (len(SIGNALS),)),
        ("deviation_bps", "f8"),
        ("shift_bps", "f8"),
        ("aggressiveness", "f8"),
    ],
    align=True,
)
"""All signals of one symbol. `deviation_bps`: usual deviation of the mid over the horizon that weights refer to."""


def configure_signals(state: np.void, config: SignalsConfig) -> None:
    """Set up one zeroed MARKET_SIGNALS (cold)."""
    configure_horizons(state["horizons"], (config.fast_ms, config.medium_ms))
    configure_detector(state["detector"], config)
    state["weights"] = [getattr(config, name) for name in SIGNALS]
    state["horizon_s"] = config.horizon_ms / 1e3
    state["shift_bps_max"] = config.shift_bps_max
    state["caution"] = config.caution
    state["wariness"] = config.wariness
    state["depth_levels"] = config.depth_levels
    state["aggressiveness"] = 1.0


@inlined
def _within(value):
    return min(max(value, -1.0), 1.0)


@inlined
def _share(part, whole):
    return part / whole if whole > 0.0 else 0.0


@kernel
def on_book(state, event_ns, bid_ticks, bid_lots, ask_ticks, ask_lots):
    """Take a book: venue time, and ticks and lots of both sides, best first, as arrays of `depth_levels` or more.

    The confidence of panic, 0 to 1. Without lots on one side signals are 0, and the horizons hold a gap.
    """
    horizons, detector = state.horizons, state.detector
    moved_bps = observe_book(horizons, event_ns, bid_ticks[0], bid_lots[0], ask_ticks[0], ask_lots[0])
    pass_time(detector, event_ns)
    if horizons.linked == 0:
        lose_book(detector)
        return detect(detector)
    levels = state.depth_levels
    last_bid, last_ask = _last_price(bid_ticks, bid_lots, levels), _last_price(ask_ticks, ask_lots, levels)
    reach = last_ask - last_bid
    usual_reach = detector.usual.reach_ticks if detector.usual.learned_ns > 0 else float(reach)
    mid2, near2 = bid_ticks[0] + ask_ticks[0], int(NEAR * usual_reach)
    depth = 0
    if mid2 - 2 * last_bid <= near2 and 2 * last_ask - mid2 <= near2:
        for level in range(levels):
            depth += bid_lots[level] + ask_lots[level]
    else:
        for level in range(levels):
            depth += bid_lots[level] if mid2 - 2 * bid_ticks[level] <= near2 else 0
            depth += ask_lots[level] if 2 * ask_ticks[level] - mid2 <= near2 else 0
    see_book(detector, moved_bps, ask_ticks[0] - bid_ticks[0], depth, reach)
    return detect(detector)


@inlined
def _last_price(ticks, lots, levels):
    """The price of the last level that has lots; usually that is the last one."""
    last = levels - 1
    while last > 0 and lots[last] <= 0:
        last -= 1
    return ticks[last]


@kernel
def on_trade(state, event_ns, sign, lots):
    """Take a trade: venue time, 1 for a buyer's and -1 for a seller's, lots above 0. The confidence of panic."""
    observe_trade(state.horizons, event_ns, sign, lots)
    pass_time(state.detector, event_ns)
    see_trade(state.detector, sign, lots)
    return detect(state.detector)


@kernel
def on_gap(state):
    """The book is not to be trusted: what it shows next is a beginning, not a change."""
    break_off(state.horizons)
    lose_book(state.detector)


@kernel
def forecast(state):
    """Bring signals, fair price shift and aggressiveness up to the last event: whenever a quote is to be made."""
    variance = state.detector.usual.move_variance
    _forecast(state.horizons, variance, state.signals)
    total = 0.0
    for index in range(len(state.weights)):
        total += state.weights[index] * state.signals[index]
    state.deviation_bps = math.sqrt(variance * state.horizon_s)
    most = state.shift_bps_max
    state.shift_bps = min(max(total * state.deviation_bps, -most), most)
    state.aggressiveness = 1.0 - state.wariness * state.detector.confidence
    state.aggressiveness *= 1.0 - state.caution * abs(state.signals[2])


@kernel
def _forecast(horizons, variance, out):
    weights = horizons.weight
    for index in range(4):
        out[index] = 0.0
    if horizons.linked == 0 or weights[FAST] <= 0.0:
        return
    if variance > 0.0:
        fast = horizons.mean_mid_bps[FAST] / weights[FAST]
        medium = horizons.mean_mid_bps[MEDIUM] / weights[MEDIUM]
        scale = math.sqrt(horizons.rate_per_ns[MEDIUM] * NS_PER_S / variance) / DEVIATIONS
        out[0] = _within((fast - medium) * scale)
        scale = math.sqrt(horizons.rate_per_ns[FAST] * NS_PER_S / variance) / DEVIATIONS
        out[1] = _within((fast - horizons.mid_bps) * scale)
    traded = _share(horizons.signed, horizons.volume)
    out[2] = _within(0.5 * (traded + _share(horizons.pressure, horizons.pressed)))
    bids, asks = horizons.bid_lots, horizons.ask_lots
    out[3] = (bids - asks) / (bids + asks)
