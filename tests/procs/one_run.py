"""A run's segments without its processes: states filled by hand, for whoever reads them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from procs.config import HOPS, RunConfig
from procs.plan import LaunchPlan
from procs.readings import HOP_INBOXES, record_of
from procs.run_segments import RunSegments
from procs.topology import STAGES
from procs.wiring import histogram_offset, latency_bytes
from shm.clock import calibrate, now_ns
from shm.control import HEARTBEAT, PID, RUNNING, STATE, store_word
from shm.histogram import record
from shm.kernel import kernel
from shm.segment import new_run
from trader.enums import BeliefState, BookState, OrderState
from trader.strategy.lines import WORKING

LIVE_NS = 10_000_000_000


@kernel
def record_value(histogram, value):
    """One value into a histogram at an address."""
    record(histogram, value)


@contextmanager
def one_run(symbols: tuple[str, ...] = ("BTCUSDT",)) -> Iterator[RunSegments]:
    """Segments of a run that has just begun to trade: books LIVE, everything else zero."""
    memory = RunSegments.create(new_run(), symbols=len(symbols))
    try:
        calibrate(memory.clock())
        rows = memory.instruments()
        for index, symbol in enumerate(symbols):
            rows[index]["symbol_id"] = index
            rows[index]["price_decimals"] = rows[index]["tick_multiple"] = rows[index]["lot_multiple"] = 1
            rows[index]["size_decimals"] = 3
            rows[index]["symbol_length"] = len(symbol)
            rows[index]["symbol"][: len(symbol)] = list(symbol.encode())
        for stage in STAGES:
            cell = memory.cell(stage.name)
            store_word(cell.address + STATE, RUNNING)
            store_word(cell.address + PID, os.getpid())
            store_word(cell.address + HEARTBEAT, int(now_ns(memory.clock_address)))
        record_of(memory, "strategy", "DESK")["symbol_count"] = len(symbols)
        tops = memory.state("strategy")[0]["tops"]
        for index in range(len(symbols)):
            tops[index]["state"] = BookState.LIVE
        del rows, tops
        yield memory
    finally:
        memory.unlink()
        memory.close()


def plan_of(memory: RunSegments, config: RunConfig | None = None) -> LaunchPlan:
    """What a supervisor would know of it."""
    return LaunchPlan(memory.run, config or RunConfig(), {}, Path(), {}, -1, None)


def trade_a_little(memory: RunSegments) -> None:
    """States as after some seconds: 12 orders, 2 executions, long 5 lots, 3 orders open; all parties agree."""
    router, risk = record_of(memory, "router", "ROUTER"), record_of(memory, "risk", "RISK")
    for name, count in (("placed", 12), ("acked", 12), ("filled", 2), ("canceled", 8), ("open_orders", 3)):
        router[name] = count
    risk["refused"], risk["pnl_e8"] = 4, 123_456_789
    router["position_lots"][0] = 5
    risk["symbols"]["position"]["lots"][0] = 5
    ledger = record_of(memory, "exchange", "ACCOUNT")["ledger"]
    ledger["position_lots"][0], ledger["open_orders"][0] = 5, 3
    _quote(memory)
    books = record_of(memory, "book", "BOOK")
    books["check"]["checked"][0] = 6_545
    feed = record_of(memory, "feed", "FEED")
    feed["messages"], feed["gaps"], feed["resyncs"] = 41_000, 1, 2
    for hop in HOPS:
        for micros in range(1, 101):
            measure(memory, hop, micros * 1_000)


def _quote(memory: RunSegments) -> None:
    """Two bids and an ask rest; the touch is around them, the belief is learned."""
    desk = record_of(memory, "strategy", "DESK")
    desk["intents"], desk["live_ns"], desk["quoted_both_ns"] = 16, LIVE_NS, LIVE_NS * 9 // 10
    symbol = desk["symbols"][0]
    symbol["ledger"]["lots"] = 5
    symbol["depth"], symbol["busy_bids"], symbol["busy_asks"] = 2, 2, 1
    symbol["accrued_ns"] = int(now_ns(memory.clock_address))
    symbol["quoted_both_ns"] = LIVE_NS * 9 // 10
    for side, level, ticks in (("bids", 0, 599_999), ("bids", 1, 599_990), ("asks", 0, 600_010)):
        line = symbol[side][level]
        line["state"], line["price_ticks"], line["leaves_lots"] = WORKING, ticks, 7 + level
    own = memory.state("strategy")[0]
    top, belief = own["tops"][0], own["beliefs"][0]
    top["bid_ticks"][0], top["bid_lots"][0] = 600_000, 11
    top["ask_ticks"][0], top["ask_lots"][0] = 600_001, 13
    belief["state"], belief["volatility_bps"] = BeliefState.LIVE, 0.314


def measure(memory: RunSegments, hop: str, value_ns: int) -> None:
    """One more message on a hop."""
    stage, offset = "router", latency_bytes("router")
    if hop in HOP_INBOXES:
        stage, link = HOP_INBOXES[hop]
        offset = histogram_offset(stage, link, "hop")
    record_value(memory.address(f"latency.{stage}") + offset, value_ns)


def lose_sight_of_an_order(memory: RunSegments) -> None:
    """One order's outcome becomes unknown."""
    record_of(memory, "router", "ROUTER")["orders"]["state"][17] = OrderState.UNKNOWN
