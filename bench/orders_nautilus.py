"""nautilus_trader from event to order: `python orders_nautilus.py ROWS_FILE EVENTS`, under its own Python.

By turns an event places a bid or takes it back. Timed are events that place one, from the first subscriber's being
told of the event, before its book takes it, until `submit_order` is back: the order has then gone through risk and
execution engine and execution client to the venue. Its simulated venue's own work, which comes before and after, and
the making of its data objects are not in it; nothing is logged. Best quotes are its QuoteTick.
"""

import json
import sys
import time
from typing import Any

import numpy as np
from backtest_file import KIND, MESSAGE, ORDERED, PRICE_TICKS, QUOTE, SIZE_LOTS, TIME_NS, TURN_DISTANCE_TICKS, read_rows
from backtest_nautilus import INSTRUMENT, data_of, engine_of
from nautilus_trader.config import RiskEngineConfig, StrategyConfig
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import BookType, OrderSide
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.trading.strategy import Strategy

FIRST = 1_000
"""A subscriber's priority: above everybody's."""

RATE = "1000000/00:00:01"


class Turns(Strategy):
    """A bid, or nothing, by turns."""

    def __init__(self, quotes: bool) -> None:
        super().__init__(StrategyConfig())
        self.quotes = quotes
        self.quantity = Quantity(0.001, 3)
        self.order: Any = None
        self.start_ns = 0
        self.events = self.refused = 0
        self.samples: list[int] = []

    def on_start(self) -> None:
        """Be told of every event twice: first of all, and as a strategy."""
        self.msgbus.subscribe("data.*", self.enter, priority=FIRST)
        if self.quotes:
            self.subscribe_quote_ticks(INSTRUMENT.id)
        else:
            self.subscribe_order_book_deltas(INSTRUMENT.id, BookType.L2_MBP)

    def enter(self, event: Any) -> None:
        """The event has entered."""
        self.start_ns = time.perf_counter_ns()

    def on_quote_tick(self, quote: Any) -> None:
        """A best quote."""
        self.act(quote.bid_price)

    def on_order_book_deltas(self, deltas: Any) -> None:
        """A depth message."""
        self.act(self.cache.order_book(INSTRUMENT.id).best_bid_price())

    def act(self, bid: Any) -> None:
        """Place it, or take it back."""
        self.events += 1
        if self.order is not None:
            self.cancel_order(self.order)
            self.order = None
            return
        price = Price(bid.as_double() - TURN_DISTANCE_TICKS / 10, 1)
        self.order = self.order_factory.limit(INSTRUMENT.id, OrderSide.BUY, self.quantity, price)
        self.submit_order(self.order)
        self.samples.append(time.perf_counter_ns() - self.start_ns)

    def on_order_denied(self, event: Any) -> None:
        """By its risk engine."""
        self.refused += 1

    def on_order_rejected(self, event: Any) -> None:
        """By the venue."""
        self.refused += 1


def quotes_of(rows: np.ndarray) -> list[Any]:
    """One QuoteTick a pair of rows."""
    found = []
    for bid, ask in rows[rows[:, KIND] == QUOTE].reshape(-1, 2, rows.shape[1]).tolist():
        prices = Price(bid[PRICE_TICKS] / 10, 1), Price(ask[PRICE_TICKS] / 10, 1)
        sizes = Quantity(bid[SIZE_LOTS] / 1000, 3), Quantity(ask[SIZE_LOTS] / 1000, 3)
        found.append(QuoteTick(INSTRUMENT.id, *prices, *sizes, bid[TIME_NS], bid[TIME_NS]))
    return found


def main(path: str, events: int) -> None:
    """Tell the times of the events that placed an order."""
    rows = read_rows(path)
    first = np.flatnonzero(np.diff(rows[:, MESSAGE], prepend=-1))
    rows = rows[: first[events + 1]] if len(first) > events + 1 else rows
    quotes = bool((rows[:, KIND] == QUOTE).any())
    risk = RiskEngineConfig(max_order_submit_rate=RATE, max_order_modify_rate=RATE)
    strategy = Turns(quotes)
    engine = engine_of(strategy, risk, BookType.L1_MBP if quotes else BookType.L2_MBP)
    data = quotes_of(rows) if quotes else data_of(rows)
    engine.add_data(data)
    engine.run()
    right = strategy.events == len(data) and not strategy.refused and len(strategy.samples) * 2 >= len(data)
    counts = f"{len(strategy.samples)} orders of {strategy.events} events of {len(data)}, {strategy.refused} refused"
    print(json.dumps({"samples_ns": strategy.samples, "answer": ORDERED if right else counts}), flush=True)


main(sys.argv[1], int(sys.argv[2]))
