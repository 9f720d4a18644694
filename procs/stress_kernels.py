"""The loop of `trader stress`: the simulated exchange's order flow, a stress in it, and the detectors that watch.

    arrive -> matches, touch -> trader.signals, trader.tail_risk -> alarms, each with its time

One order is one trade here, however many resting orders it met, as venues' aggregated trade streams have it.
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.exchange.matching import BACKGROUND, LEVELS, cancel, match
from trader.exchange.order_flow import arrive, draw_arrival, due
from trader.signals.config import DEPTH_LEVELS_MAX
from trader.signals.forecasts import on_book, on_trade
from trader.signals.horizons import usual
from trader.tail_risk import assessment

QUIET, CRASH, WHALE, FLASH, SHOCK = range(5)
SCENARIOS = ("quiet", "crash", "whale", "flash spread", "shock")
"""QUIET: nothing. CRASH: sellers at every arrival, the fair price running away. WHALE: an order of 600 usual ones.
FLASH: the touch of both sides withdrawn as often as it comes back. SHOCK: volatility times ten (the exchange's own)."""

PANIC, ALERT, BIG = range(3)
DETECTORS = ("panic", "alert", "whale")
ALARMS_MAX = 4_096

CRASH_BPS_PER_S = 15.0
CRASH_SHARE = 1.0
WHALE_SHARE = 600.0
WHALE_TICKS = 300
FLASH_TICKS = 40
WITHDRAWN_MAX = 50

WATCH = np.dtype(
    [
        ("scenario", "i8"),
        ("from_ns", "i8"),
        ("until_ns", "i8"),
        ("end_ns", "i8"),
        ("is_done", "i8"),
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
"""One run: what happens when, and the alarms so far. `is_done`: the whale has been; `size_permille_min`: the smallest
size that was recommended."""


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
        if watch.from_ns <= now_ns < watch.until_ns:
            _stress(flow, book, watch, now_ns, signals, tail)
        _tell_book(book, now_ns, signals, tail, pool, watch)


@kernel
def _stress(flow, book, watch, now_ns, signals, tail):
    usual_lots = math.exp(flow.log_lots_median)
    if watch.scenario == CRASH:
        flow.fair_ticks -= flow.start_ticks * 1e-4 * CRASH_BPS_PER_S * (flow.next_ns - now_ns) * 1e-9
        match(book, -1, book.base_ticks + book.best_bid - 5, int(CRASH_SHARE * usual_lots), BACKGROUND)
        _tell_trade(book, -1, now_ns, signals, tail, watch)
    elif watch.scenario == WHALE and not watch.is_done:
        watch.is_done = 1
        match(book, 1, book.base_ticks + book.best_ask + WHALE_TICKS, int(WHALE_SHARE * usual_lots), BACKGROUND)
        _tell_trade(book, 1, now_ns, signals, tail, watch)
    elif watch.scenario == FLASH:
        for turn in range(WITHDRAWN_MAX):
            if book.best_ask - book.best_bid >= FLASH_TICKS or book.best_bid <= 0 or book.best_ask >= LEVELS:
                break
            best = book.best_bid if turn & 1 else book.best_ask
            cancel(book, book.levels[best].head)


@kernel
def _tell_trade(book, side, now_ns, signals, tail, watch):
    """What an order met, as one trade."""
    lots = 0
    for index in range(book.match_count):
        lots += book.matches[index].lots
    book.match_count = 0
    if lots <= 0:
        return
    sign = 1 if side > 0 else -1
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
    was_panic, was_alert = signals.detector.state, tail.now.state
    confidence = on_book(signals, now_ns, watch.bid_ticks, watch.bid_lots, watch.ask_ticks, watch.ask_lots)
    mid = 0.5 * (watch.bid_ticks[0] + watch.ask_ticks[0])
    assessment.on_mid(tail, pool, now_ns, mid if watch.bid_lots[0] > 0 and watch.ask_lots[0] > 0 else np.nan)
    deviation = math.sqrt(usual(signals.horizons.variance, signals.horizons.weight))
    assessment.assess(tail, pool, now_ns, confidence, 1e-4 * mid * deviation)
    watch.events += 1
    watch.size_permille_min = min(watch.size_permille_min, tail.now.recommendation.size_permille)
    if signals.detector.state > was_panic:
        _alarm(watch, PANIC, now_ns)
    if tail.now.state > was_alert:
        _alarm(watch, ALERT, now_ns)
