"""A desk with one symbol, driven by hand: what a strategy wants in, what the desk decides out."""

import numpy as np

from shm.codec import record_dtype
from shm.kernel import new_record
from trader.enums import BookState, OrderState, ReportKind, Side
from trader.messages import LEVELS, BookTop, ExecutionReport, OrderIntent
from trader.orders import ORDER_SLOTS_MAX, STAGE_STRATEGY, pack_client_order_id
from trader.strategy.account import on_report
from trader.strategy.desk import begin, end_step, settle, settle_none, verdict
from trader.strategy.lines import DESK, take_line

BID, ASK = 617_999, 618_001
BIDS, ASKS = 0, 1


def make_top(bid: int = BID, ask: int = ASK) -> np.ndarray:
    top = new_record(record_dtype(BookTop))
    top["state"] = BookState.LIVE
    top["bid_ticks"] = bid - np.arange(LEVELS)
    top["ask_ticks"] = ask + np.arange(LEVELS)
    top["bid_lots"] = top["ask_lots"] = 10
    return top


class Desk:
    """A desk with one symbol that runs, is reconciled and looks at one book."""

    def __init__(self, **limits: int) -> None:
        self.record = new_record(DESK)
        self.top = make_top()
        self.intent = new_record(record_dtype(OrderIntent))
        row = self.row
        row["symbol_count"], row["running"], row["requote_ticks"] = 1, 1, 5
        row["refusal_pause_ns"], row["cancel_retry_ns"], row["book_age_ns_max"] = 100, 1_000, 10_000
        row["reject_pause_ns"] = 100
        self.orders = 0
        self.taking = (0, 0, 0)
        """Side, price and size of what the strategy wants to take."""
        self.symbol["reconciled"] = 1
        self.position["position_lots_max"] = 100
        self.position["size_lots_min"] = 1
        self.position["tick_value_e8"] = 10_000
        for name, value in limits.items():
            self.position[name] = value

    @property
    def row(self) -> np.void:
        return self.record[0]

    @property
    def symbol(self) -> np.void:
        return self.row["symbols"][0]

    @property
    def position(self) -> np.void:
        return self.symbol["position"]

    def line(self, side_index: int, level: int = 0) -> np.void:
        return self.symbol["bids" if side_index == BIDS else "asks"][level]

    def want(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]], now_ns: int = 1) -> dict:
        """What the desk decides when a strategy wants these quotes."""
        if begin(self.row, self.symbol, self.top[0], now_ns):
            quotes = self.symbol["quotes"]
            quotes["take_side"], quotes["take_ticks"], quotes["take_lots"] = self.taking
            for side, wanted in (("bid", bids), ("ask", asks)):
                quotes[f"{side}_count"] = len(wanted)
                for level, (ticks, lots) in enumerate(wanted):
                    quotes[f"{side}_ticks"][level], quotes[f"{side}_lots"][level] = ticks, lots
            settle(self.symbol, self.top[0])
        else:
            settle_none(self.symbol)
        found = {}
        for level in range(int(self.symbol["depth"])):
            for side_index in (BIDS, ASKS):
                found[side_index, level] = verdict(self.row, self.symbol, side_index, level, now_ns)
        return found

    def place(self, side_index: int, level: int = 0, *, acknowledged: bool = True, slot: int | None = None) -> int:
        """Place an order, each in a slot of its own unless one is named; its client order id."""
        self.orders += 1
        order_slot = self.orders % ORDER_SLOTS_MAX if slot is None else slot
        order = pack_client_order_id(3, STAGE_STRATEGY, self.orders, order_slot)
        take_line(self.row, order, 0, side_index, level, self.top[0], self.intent[0])
        assert (self.intent[0]["client_order_id"], self.intent[0]["order_slot"]) == (order, order_slot)
        end_step(self.symbol, self.top[0], 1)
        if acknowledged:
            self.report(order, ReportKind.ACK, OrderState.OPEN)
        return order

    def report(self, order: int, kind: int, state: int, *, fill: tuple[int, int] = (0, 0), cumulative: int = 0, fee=0):
        report = new_record(record_dtype(ExecutionReport))
        side = self.row["tickets"][order & 4095]["side_index"]
        report["client_order_id"], report["kind"], report["state"] = order, kind, state
        sides = (Side.BUY, Side.SELL, self.symbol["taker_side"])
        report["side"] = sides[side]
        report["size_lots"], report["cumulative_lots"], report["fee_e8"] = 2, cumulative, fee
        report["last_ticks"], report["last_lots"] = fill
        return on_report(self.row, report[0], 1)
