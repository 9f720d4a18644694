"""The loops of `trader stress`: a simulated order flow with a stress in it, and the detectors that watch it.

    arrive -> matches, touch -> trader.signals, trader.tail_risk -> alarms, each with its time

One order is one trade here, however many resting orders it met, as venues' aggregated trade streams have it. Each alarm
is told with how far the mid went around it, in usual deviations of a second:

    mid  kept every 50 ms  .....|<-- 1 s -->|alarm|<-- 1 s -->|          greatest distance from where it was at first
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.exchange.matching import LEVELS
from trader.exchange.order_flow import arrive, draw_arrival, due
from trader.exchange.stress import press
from trader.signals.config import DEPTH_LEVELS_MAX
from trader.signals.forecasts import on_book, on_trade
from trader.signals.usual import usual_deviation
from trader.tail_risk import assessment

PANIC, ALERT, BIG = range(3)
DETECTORS = ("panic", "alert", "whale")
ALARMS_MAX = 4_096

KEPT_NS = 50_000_000
KEPT = 32
AROUND_NS = 1_000_000_000
"""The mid is kept so often and so long; what is around an alarm is so long before and after it."""

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
        ("panics", "i8"),
        ("open_from", "i8"),
        ("kept_slot", "i8"),
        ("mids", "f8", (KEPT,)),
        ("alarms", [("detector", "i8"), ("time_ns", "i8"), ("from_bps", "f8"), ("deviations", "f8")], (ALARMS_MAX,)),
    ],
    align=True,
)
"""One run: until when, and the alarms so far. `is_stressed`: the order flow has a stress of the exchange's own before
it; `size_permille_min`: the smallest size that was recommended; `panics`: how many of the panic detector's are told;
`open_from`: the first alarm that the mid is still followed for; `mids`: log mids, bps, by time, to
`kept_slot`. Of an alarm: log mid a
second before it, and how far from there the mid was within two."""


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
    _tell_panic(signals, watch, now_ns)
    if assessment.on_trade(tail, now_ns, sign, lots):
        _alarm(watch, BIG, now_ns)


@inlined
def _tell_panic(signals, watch, now_ns):
    if signals.detector.alarms > watch.panics:
        watch.panics = signals.detector.alarms
        _alarm(watch, PANIC, now_ns)


@kernel
def _alarm(watch, detector, now_ns):
    if watch.count < ALARMS_MAX:
        alarm = watch.alarms[watch.count]
        alarm.detector = detector
        alarm.time_ns = now_ns
        alarm.from_bps = watch.mids[((now_ns - AROUND_NS) // KEPT_NS) % KEPT]
        watch.count += 1


@kernel
def _follow(watch, now_ns, mid, per_bps):
    """Keep a mid, and tell the alarms that are not yet a second old how far it is."""
    mid_bps = 1e4 * math.log(mid)
    slot = now_ns // KEPT_NS
    watch.kept_slot = max(watch.kept_slot, slot - KEPT)
    while watch.kept_slot < slot:
        watch.kept_slot += 1
        watch.mids[watch.kept_slot % KEPT] = mid_bps
    while watch.open_from < watch.count and now_ns - watch.alarms[watch.open_from].time_ns > AROUND_NS:
        watch.open_from += 1
    for index in range(watch.open_from, watch.count):
        alarm = watch.alarms[index]
        alarm.deviations = max(alarm.deviations, abs(mid_bps - alarm.from_bps) * per_bps)


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
    was_alert = tail.now.state
    confidence = on_book(signals, now_ns, watch.bid_ticks, watch.bid_lots, watch.ask_ticks, watch.ask_lots)
    is_whole = watch.bid_lots[0] > 0 and watch.ask_lots[0] > 0
    mid = 0.5 * (watch.bid_ticks[0] + watch.ask_ticks[0])
    assessment.on_mid(tail, pool, now_ns, mid if is_whole else np.nan)
    deviation = usual_deviation(signals.detector.usual)
    assessment.assess(tail, pool, now_ns, confidence, 1e-4 * mid * deviation)
    watch.events += 1
    watch.size_permille_min = min(watch.size_permille_min, tail.now.recommendation.size_permille)
    if is_whole:
        _follow(watch, now_ns, mid, signals.detector.usual.per_bps)
    _tell_panic(signals, watch, now_ns)
    if tail.now.state > was_alert:
        _alarm(watch, ALERT, now_ns)
