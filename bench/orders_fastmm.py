"""FastMM from event to order: `python orders_fastmm.py ROWS_FILE`, under its own environment's Python.

By turns an event places a bid or takes it back, by a hook that its own decorator compiles. Its engine measures each
step of a market event from its start to its end (`measure_wall_clock`): book, strategy, risk, hand-over. Its figure
is right where every such step sends something, and that is checked here; steps of answers are not in it. Withdrawals
are, which cost less than orders and which ours leaves out: that favours it.

A best quote does not wake a compiled hook. It is given as the change of a book that it is: both levels set, and those
that stood before them deleted.
"""

import json
import sys

import fastmm
import numpy as np
from backtest_fastmm import CONFIG, data_of
from backtest_file import (
    CHANGE,
    COLUMNS,
    KIND,
    MESSAGE,
    ORDERED,
    PRICE_TICKS,
    QUOTE,
    SIDE,
    SIZE_LOTS,
    SNAPSHOT,
    TURN_DISTANCE_TICKS,
    read_rows,
)
from fastmm import Param, State


class Turns(fastmm.Strategy):
    """A bid, or nothing, by turns."""

    turn = State(0)
    distance_ticks = Param(TURN_DISTANCE_TICKS)
    quantity = Param(0.001)

    @fastmm.hot
    def on_book(self, ctx, book):
        """At every message."""
        self.turn = 1 - self.turn
        ctx.clear()
        if self.turn:
            ctx.bid(book.best_bid - self.distance_ticks * ctx.tick, self.quantity)


def as_changes(rows: np.ndarray) -> np.ndarray:
    """Best quotes as changes of the snapshot's levels; anything else as it is."""
    found = [row for row in rows.tolist() if row[KIND] == SNAPSHOT]
    known: dict[int, set[int]] = {1: set(), -1: set()}
    for row in found:
        known[row[SIDE]].add(row[PRICE_TICKS])
    bests = {side: max(levels, key=lambda level: level * side) for side, levels in known.items()}
    for row in rows[rows[:, KIND] == QUOTE].tolist():
        side, ticks = row[SIDE], row[PRICE_TICKS]
        for gone in range(ticks + side, bests[side] + side, side):
            if gone in known[side]:
                known[side].remove(gone)
                found.append(_change(row, gone, 0))
        known[side].add(ticks)
        bests[side] = ticks
        found.append(_change(row, ticks, row[SIZE_LOTS]))
    return np.array(found, dtype=np.int64).reshape(-1, COLUMNS)


def _change(row: list[int], ticks: int, lots: int) -> list[int]:
    made = list(row)
    made[KIND], made[PRICE_TICKS], made[SIZE_LOTS] = CHANGE, ticks, lots
    return made


def main(path: str) -> None:
    """Tell the p50 of the steps, and whether each of them sent something."""
    rows = read_rows(path)
    if (rows[:, KIND] == QUOTE).any():
        rows = as_changes(rows)
    config = fastmm.BacktestConfig.from_toml_string(CONFIG)
    config.measure_wall_clock = True
    result = fastmm.run_backtest(config, data=data_of(rows), strategy=Turns)
    told, engine = result.stats(), result.engine_stats()
    sent, messages = len(result.orders["kind"]), len(np.unique(rows[:, MESSAGE]))
    sound = told["kill_reason"] is None and not engine["risk_rejects"] and engine["orders_sent"] > 0
    updates = engine["book_updates"]
    right = sound and messages <= updates + 1 <= 1.05 * messages and sent >= 0.98 * updates
    answer = ORDERED if right else f"{sent} orders and withdrawals of {messages} messages, {engine}"
    samples = [told["wall_tick_to_order_p50_ns"]]
    print(json.dumps({"samples_ns": samples, "answer": answer}), flush=True)


main(sys.argv[1])
