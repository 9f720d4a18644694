"""hftbacktest's fastest book: `python rivals_hftbacktest.py LEVEL_FILE PASSES`, under its own environment's Python.

The vector over a range of interest, one backtest a pass, fed on the local side only: no exchange is simulated.
Its range is from nothing to twice the mid: what lies beyond is skipped.
"""

import json
import sys
import time
from typing import Any

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from level_file import Message, level_count, read_messages
from numba import njit

STEP_NS = 1_000
ORIGIN_NS = 1_000_000


def main(path: str, passes: int) -> None:
    """Mean nanoseconds a level of each pass, and the sum of the touches."""
    messages = read_messages(path)
    events = events_of(messages)
    levels = level_count(messages)
    mid = (messages[0][0][0][0] + messages[0][1][0][0]) / 2
    one_pass(events[: 2 * STEP_NS], mid, 1)
    samples = []
    for _ in range(passes):
        elapsed_ns, answer = one_pass(events, mid, len(messages) - 1)
        samples.append(elapsed_ns / levels)
    print(json.dumps({"samples_ns": samples, "answer": answer}))


def events_of(messages: list[Message]) -> np.ndarray:
    """One event a level, the message's number as its time."""
    count = sum(len(bids) + len(asks) for bids, asks in messages)
    events = np.zeros(count, dtype=event_dtype)
    at = 0
    for number, message in enumerate(messages):
        kind = DEPTH_SNAPSHOT_EVENT if number == 0 else DEPTH_EVENT
        for side, levels in zip((BUY_EVENT, SELL_EVENT), message, strict=True):
            part = events[at : at + len(levels)]
            part["ev"] = LOCAL_EVENT | side | kind
            part["exch_ts"] = part["local_ts"] = ORIGIN_NS + number * STEP_NS
            part["px"] = [ticks for ticks, _ in levels]
            part["qty"] = [lots for _, lots in levels]
            at += len(levels)
    return events


def one_pass(events: np.ndarray, mid: float, count: int) -> tuple[int, int]:
    """Feed all messages, read the touch after each."""
    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0, 0)
        .tick_size(1.0)
        .lot_size(1.0)
        .roi_lb(0.0)
        .roi_ub(2 * mid)
    )
    backtest = ROIVectorMarketDepthBacktest([asset])
    backtest.elapse(1)
    start_ns = time.perf_counter_ns()
    total = run(backtest, count)
    elapsed_ns = time.perf_counter_ns() - start_ns
    backtest.close()
    return elapsed_ns, int(total)


@njit
def run(backtest: Any, count: int) -> int:
    """One message a turn."""
    depth = backtest.depth(0)
    total = 0
    for _ in range(count):
        backtest.elapse(STEP_NS)
        total += depth.best_bid_tick + 3 * depth.best_ask_tick
    return total


main(sys.argv[1], int(sys.argv[2]))
