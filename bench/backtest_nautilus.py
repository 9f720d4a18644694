"""nautilus_trader's backtest: `python backtest_nautilus.py ROWS_FILE`, under its own environment's Python.

Its data objects are made before the clock starts, one OrderBookDeltas a message. Its risk engine is passed by, nothing
is logged: the fastest configuration that was found.
"""

import time
from decimal import Decimal
from typing import Any

import numpy as np
from backtest_file import (
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
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import (
    AccountType,
    AggressorSide,
    BookAction,
    BookType,
    OmsType,
    OrderSide,
    TimeInForce,
)
from nautilus_trader.model.identifiers import TradeId, Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

INSTRUMENT = TestInstrumentProvider.btcusdt_perp_binance()
LAST = 128
"""RecordFlag.F_LAST: the book is whole after this delta."""


class Reacting(Strategy):
    """The rule."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig())
        self.moves = self.orders = self.mid_twice = 0
        self.prices = {OrderSide.BUY: 0, OrderSide.SELL: 0}
        self.working: dict[Any, Any] = {}

    def on_start(self) -> None:
        """Ask for the book and the trades."""
        self.subscribe_order_book_deltas(INSTRUMENT.id, BookType.L2_MBP)
        self.subscribe_trade_ticks(INSTRUMENT.id)

    def on_order_book_deltas(self, deltas: Any) -> None:
        """Look at the touch."""
        book = self.cache.order_book(INSTRUMENT.id)
        best_bid, best_ask = book.best_bid_price(), book.best_ask_price()
        if best_bid is None or best_ask is None:
            return
        bid, ask = round(best_bid.as_double() * 10), round(best_ask.as_double() * 10)
        if abs(bid + ask - self.mid_twice) >= 2 * MOVE_TICKS:
            self.moves += 1
            self.mid_twice = bid + ask
            self.prices = {OrderSide.BUY: bid - DISTANCE_TICKS, OrderSide.SELL: ask + DISTANCE_TICKS}
            for order in self.working.values():
                if not order.is_closed:
                    self.cancel_order(order)
            self.working = {}
        for side, ticks in self.prices.items():
            order = self.working.get(side)
            if order is None or order.is_closed:
                self.orders += 1
                quantity, price = Quantity(LOTS / 1000, 3), Price(ticks / 10, 1)
                order = self.order_factory.limit(
                    INSTRUMENT.id, side, quantity, price, time_in_force=TimeInForce.GTC, post_only=True
                )
                self.working[side] = order
                self.submit_order(order)


def data_of(rows: np.ndarray) -> list[Any]:
    """One OrderBookDeltas or TradeTick a message."""
    found: list[Any] = []
    starts = np.flatnonzero(np.diff(rows[:, MESSAGE], prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        part = rows[start:end].tolist()
        if part[0][KIND] == TRADE:
            found.append(trade_of(part[0]))
            continue
        deltas = [delta_of(row, LAST if row is part[-1] else 0) for row in part]
        found.append(OrderBookDeltas(INSTRUMENT.id, deltas))
    return found


def delta_of(row: list[int], flags: int) -> Any:
    """One level: no size deletes it."""
    lots = row[SIZE_LOTS]
    action = BookAction.DELETE if not lots else BookAction.ADD if row[KIND] == SNAPSHOT else BookAction.UPDATE
    side = OrderSide.BUY if row[SIDE] > 0 else OrderSide.SELL
    order = BookOrder(side, Price(row[PRICE_TICKS] / 10, 1), Quantity(lots / 1000, 3), 0)
    return OrderBookDelta(INSTRUMENT.id, action, order, flags, 0, row[TIME_NS], row[TIME_NS])


def trade_of(row: list[int]) -> Any:
    """One trade."""
    side = AggressorSide.BUYER if row[SIDE] > 0 else AggressorSide.SELLER
    price, size = Price(row[PRICE_TICKS] / 10, 1), Quantity(row[SIZE_LOTS] / 1000, 3)
    return TradeTick(INSTRUMENT.id, price, size, side, TradeId(str(row[MESSAGE])), row[TIME_NS], row[TIME_NS])


def engine_of(strategy: Any, risk: Any, book_type: Any) -> Any:
    """An engine with its simulated venue, the instrument and a strategy; nothing is logged."""
    logging = LoggingConfig(bypass_logging=True)
    engine = BacktestEngine(BacktestEngineConfig(logging=logging, risk_engine=risk, run_analysis=False))
    engine.add_venue(
        Venue("BINANCE"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(1_000_000, USDT)],
        default_leverage=Decimal(20),
        book_type=book_type,
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_strategy(strategy)
    return engine


def run(rows: np.ndarray) -> tuple[int, int, int]:
    """(elapsed ns, moves, orders) of one backtest."""
    strategy = Reacting()
    engine = engine_of(strategy, RiskEngineConfig(bypass=True), BookType.L2_MBP)
    data = data_of(rows)
    # The engine looks for a book in what it is given first.
    engine.add_data([item for item in data if isinstance(item, OrderBookDeltas)], sort=False)
    engine.add_data([item for item in data if isinstance(item, TradeTick)])
    start_ns = time.perf_counter_ns()
    engine.run()
    elapsed_ns = time.perf_counter_ns() - start_ns
    return elapsed_ns, strategy.moves, strategy.orders


if __name__ == "__main__":
    play(run)
