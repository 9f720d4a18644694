"""FastMM's backtest: `python backtest_fastmm.py ROWS_FILE`, under its own environment's Python.

The rule is compiled by its own decorator. Queue positions decide fills; its risk limits are as wide as it takes them.
"""

import fastmm
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
from fastmm import Param, State

TICK_E8, LOT_E8 = 10_000_000, 100_000
NEW = BID = 0
"""Kind and side of what it sends."""

CONFIG = """
[engine]
name = "rule"
journal = false
rng_seed = 1
min_requote_ticks = 1
min_requote_interval_ms = 0
post_only = true
supports_replace = false
[venues.sim]
kind = "sim"
[venues.sim.fees]
maker_bps = 2.0
taker_bps = 5.0
[[instruments]]
venue = "sim"
symbol = "BTCUSDT"
base = "BTC"
quote = "USDT"
asset_class = "spot"
tick = "0.1"
lot = "0.001"
min_qty = "0.001"
min_notional = "5"
[risk]
max_order_qty = "1000"
max_order_notional = "1000000000"
max_position = "1000000"
max_open_orders = 64
price_collar_bps = 5000
fat_finger_bps = 5000
max_loss = "1000000000"
stp = false
[logging]
level = "error"
[backtest]
fill_model = "l2_queue"
queue_conservatism = 1.0
latency_fixed_us = 0
latency_jitter_us = 0
equity_bar_s = 60
initial_capital = 10000000
"""


class Rule(fastmm.Strategy):
    """The rule."""

    move_ticks = Param(MOVE_TICKS)
    distance_ticks = Param(DISTANCE_TICKS)
    quantity = Param(LOTS / 1000)
    moves = State(0)
    mid_twice = State(0)
    bid_ticks = State(0)
    ask_ticks = State(0)

    @fastmm.hot
    def on_book(self, ctx, book):
        """Look at the touch."""
        if not book.valid:
            return
        bid, ask = round(book.best_bid / ctx.tick), round(book.best_ask / ctx.tick)
        if abs(bid + ask - self.mid_twice) >= 2 * self.move_ticks:
            self.moves += 1
            self.mid_twice = bid + ask
            self.bid_ticks, self.ask_ticks = bid - self.distance_ticks, ask + self.distance_ticks
        ctx.clear()
        ctx.bid(self.bid_ticks * ctx.tick, self.quantity)
        ctx.ask(self.ask_ticks * ctx.tick, self.quantity)
        ctx.keep_passive()


def data_of(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Its columns: kinds S, D, T are 0, 1, 2, as ours; side 0 is a bid or a buyer."""
    return {
        "ts": rows[:, TIME_NS].copy(),
        "type": rows[:, KIND].astype(np.uint8),
        "inst": np.zeros(len(rows), dtype=np.uint32),
        "side": (rows[:, SIDE] < 0).astype(np.int8),
        "price": rows[:, PRICE_TICKS] * TICK_E8,
        "qty": rows[:, SIZE_LOTS] * LOT_E8,
        "seq": rows[:, MESSAGE].astype(np.uint64),
    }


def run(rows: np.ndarray) -> tuple[int, int, int]:
    """(elapsed ns, moves, orders) of one backtest: the time that its engine says itself, without the data's way in.

    A compiled strategy's state cannot be read afterwards: its moves are told by its bids, which change at each.
    """
    config = fastmm.BacktestConfig.from_toml_string(CONFIG)
    result = fastmm.run_backtest(config, data=data_of(rows), strategy=Rule)
    new = result.orders["kind"] == NEW
    bids = result.orders["price"][new & (result.orders["side"] == BID)]
    moves = int((np.diff(bids, prepend=0) != 0).sum())
    return round(result.wall_seconds * 1e9), moves, int(new.sum())


if __name__ == "__main__":
    assert (SNAPSHOT, TRADE) == (0, 2)
    play(run, warm=4_000)
