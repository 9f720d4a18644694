"""The loops of `trader stress`: a simulated order flow with a stress in it, and the detectors that watch it.

    arrive -> matches, touch -> trader.signals, trader.tail_risk -> alarms, each with its time

One order is one trade here, however many resting orders it met, as venues' aggregated trade streams have it.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.exchange.matching import LEVELS
from trader.exchange.order_flow import arrive, draw_arrival, due
from trader.exchange.stress import press
from trader.signals.config import DEPTH_LEVELS_MAX
from trader.signals.forecasts import on_book, on_trade
from trader.signals.horizons import usual_deviation
from trader.tail_risk import assessment

PANIC, ALERT, BIG = range(3)
DETECTORS = ("panic", "alert", "whale")
ALARMS_MAX = 4_096

WATCH = np.dtype(
    [
        ("from_ns", "i8"),
        ("until_ns", "i8"),
        ("end_ns", "i8"),
        ("is_stressed", "i8"),
        ("count", "i8"),
        ("bid_ticks", "i8", (DEPTH_LEVELS_MAX,)),
        ("bid_lots", "i8", (DEPTH_LEVELS_MAX,)),
        ("ask_ticks", "i8", (DEPTH_LEVELS_MAX,)),
        ("ask_lots", "i8", (DEPTH_LEVELS_MAX,)),
        ("events", "i8"),
        ("size_permille_min", "i8"),
        ("alarms", [("detector", "i8"), ("time_ns", "i8")], (ALARMS_MAX,)),
    ],
    align=True,
)
"""One run: until when, and the alarms so far. `is_stressed`: the order flow has a stress of the exchange's own before
it; `size_permille_min`: the smallest size that was recommended."""


@kernel
def watch_market(market, signals, tail, pool, watch):
    """Let a market that is open go on until `end_ns`."""
    flow, book = market.flow, market.book
    due(flow, flow.last_ns)
    order_id = 1 << 40
    while flow.next_ns <= watch.end_ns:
        order_id += 1
        now_ns = flow.next_ns
        side = arrive(flow, book, order_id)
        draw_arrival(flow)
        _tell_trade(book, side, now_ns, signals, tail, watch)
        if watch.is_stressed:
            _tell_trade(book, press(flow, book), now_ns, signals, tail, watch)
        _tell_book(book, now_ns, signals, tail, pool, watch)


@kernel
def _tell_trade(book, side, now_ns, signals, tail, watch):
    """What an order met, as one trade."""
    lots = 0
    for index in range(book.match_count):
        lots += book.matches[index].lots
    book.match_count = 0
    if lots > 0:
        watch_trade(1 if side > 0 else -1, lots, now_ns, signals, tail, watch)


@kernel
def watch_trade(sign, lots, now_ns, signals, tail, watch):
    """Let the detectors see a trade: 1 a buyer's, -1 a seller's; lots above 0."""
    on_trade(signals, now_ns, sign, lots)
    if assessment.on_trade(tail, now_ns, sign, lots):
        _alarm(watch, BIG, now_ns)


@inlined
def _alarm(watch, detector, now_ns):
    if watch.count < ALARMS_MAX:
        watch.alarms[watch.count].detector = detector
        watch.alarms[watch.count].time_ns = now_ns
        watch.count += 1


@kernel
def _fill_side(book, best, step, ticks, lots, levels):
    """The best levels of a side, best first; 0 lots where there is none."""
    level = best
    for index in range(levels):
        while 0 <= level < LEVELS and book.levels[level].lots == 0:
            level += step
        inside = 0 <= level < LEVELS
        ticks[index] = book.base_ticks + level if inside else 0
        lots[index] = abs(book.levels[level].lots) if inside else 0
        level += step


@kernel
def _tell_book(book, now_ns, signals, tail, pool, watch):
    levels = signals.depth_levels
    _fill_side(book, book.best_bid, -1, watch.bid_ticks, watch.bid_lots, levels)
    _fill_side(book, book.best_ask, 1, watch.ask_ticks, watch.ask_lots, levels)
    watch_book(now_ns, signals, tail, pool, watch)


@kernel
def watch_book(now_ns, signals, tail, pool, watch):
    """Let the detectors see the book that stands in `watch`."""
    was_panic, was_alert = signals.detector.state, tail.now.state
    confidence = on_book(signals, now_ns, watch.bid_ticks, watch.bid_lots, watch.ask_ticks, watch.ask_lots)
    mid = 0.5 * (watch.bid_ticks[0] + watch.ask_ticks[0])
    assessment.on_mid(tail, pool, now_ns, mid if watch.bid_lots[0] > 0 and watch.ask_lots[0] > 0 else np.nan)
    deviation = usual_deviation(signals.horizons)
    assessment.assess(tail, pool, now_ns, confidence, 1e-4 * mid * deviation)
    watch.events += 1
    watch.size_permille_min = min(watch.size_permille_min, tail.now.recommendation.size_permille)
    if signals.detector.state > was_panic:
        _alarm(watch, PANIC, now_ns)
    if tail.now.state > was_alert:
        _alarm(watch, ALERT, now_ns)
