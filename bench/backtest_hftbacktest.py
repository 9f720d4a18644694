"""hftbacktest's backtest: `python backtest_hftbacktest.py ROWS_FILE roi|hash`, under its own environment's Python.

Its exchange is simulated: risk-averse queue positions, no partial fills, no latency, fees; no risk checks, no journal.
"""

import sys
import time
from typing import Any

import numpy as np
from backtest_file import (
    CHANGE,
    DISTANCE_TICKS,
    KIND,
    LOTS,
    MESSAGE,
    MOVE_TICKS,
    PRICE_TICKS,
    SIDE,
    SIZE_LOTS,
    SNAPSHOT,
    TIME_NS,
    TRADE,
    play,
)
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    EXCH_EVENT,
    FILLED,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit


def events_of(rows: np.ndarray) -> np.ndarray:
    """One event a row."""
    kinds = np.array([DEPTH_SNAPSHOT_EVENT, DEPTH_EVENT, TRADE_EVENT], dtype=np.uint64)
    events = np.zeros(len(rows), dtype=event_dtype)
    side = np.where(rows[:, SIDE] > 0, np.uint64(BUY_EVENT), np.uint64(SELL_EVENT))
    events["ev"] = kinds[rows[:, KIND]] | side | np.uint64(EXCH_EVENT | LOCAL_EVENT)
    events["exch_ts"] = events["local_ts"] = rows[:, TIME_NS]
    events["px"] = rows[:, PRICE_TICKS]
    events["qty"] = rows[:, SIZE_LOTS]
    return events


def looks_of(rows: np.ndarray) -> np.ndarray:
    """When the rule looks: the time of each message that is no trade."""
    _, first = np.unique(rows[:, MESSAGE], return_index=True)
    return rows[first[rows[first, KIND] != TRADE], TIME_NS].copy()


def run(rows: np.ndarray) -> tuple[int, int, int]:
    """(elapsed ns, moves, orders) of one backtest."""
    events = events_of(rows)  # the backtest reads them where they are: they must live as long as it
    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0002, 0.0005)
        .tick_size(1.0)
        .lot_size(1.0)
    )
    book = ROIVectorMarketDepthBacktest if "roi" in sys.argv else HashMapMarketDepthBacktest
    if book is ROIVectorMarketDepthBacktest:
        snapshot = rows[rows[:, KIND] == SNAPSHOT]
        asset = asset.roi_lb(0.0).roi_ub(2.0 * float(snapshot[0, PRICE_TICKS]))
    looks = looks_of(rows)
    backtest = book([asset])
    start_ns = time.perf_counter_ns()
    moves, orders = react(backtest, looks, MOVE_TICKS, DISTANCE_TICKS, LOTS)
    elapsed_ns = time.perf_counter_ns() - start_ns
    backtest.close()
    return elapsed_ns, int(moves), int(orders)


@njit
def is_done(orders: Any, order_id: int) -> bool:
    """Whether an order does not rest any more."""
    order = orders.get(order_id)
    return order is None or order.status == FILLED


@njit
def react(backtest: Any, looks: np.ndarray, move_ticks: int, distance_ticks: int, lots: int) -> tuple[int, int]:
    """The rule, after each look."""
    depth = backtest.depth(0)
    moves = orders = mid_twice = bid_ticks = ask_ticks = 0
    bid_id = ask_id = 0
    for index in range(len(looks)):
        backtest.elapse(looks[index] - backtest.current_timestamp)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        working = backtest.orders(0)
        if abs(bid + ask - mid_twice) >= 2 * move_ticks:
            moves += 1
            mid_twice = bid + ask
            bid_ticks, ask_ticks = bid - distance_ticks, ask + distance_ticks
            for order_id in (bid_id, ask_id):
                if order_id and not is_done(working, order_id):
                    backtest.cancel(0, order_id, False)
            bid_id = ask_id = 0
        if bid_id == 0 or is_done(working, bid_id):
            orders += 1
            bid_id = 2 * orders
            backtest.submit_buy_order(0, bid_id, float(bid_ticks), float(lots), GTX, LIMIT, False)
        if ask_id == 0 or is_done(working, ask_id):
            orders += 1
            ask_id = 2 * orders + 1
            backtest.submit_sell_order(0, ask_id, float(ask_ticks), float(lots), GTX, LIMIT, False)
        backtest.clear_inactive_orders(0)
    return moves, orders


assert CHANGE == SNAPSHOT + 1
play(run, warm=4_000)
