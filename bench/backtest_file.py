"""The rows of the backtest that every engine plays, in a file of int64 that each reads: the same food for all.

    a row   kind, message, time in ns, side, price in ticks, size in lots
    kind    SNAPSHOT and CHANGE: one level of a book, side 1 a bid, -1 an ask, 0 lots deletes it; TRADE: side is the
            aggressor's
    message rows of one frame have one number; times never step back

The rule that all play (our words: bench/reacting_strategy.py) looks at the touch after each message that is no trade.
Rivals read it under their own Python: nothing is imported here that is not in every one.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

KIND, MESSAGE, TIME_NS, SIDE, PRICE_TICKS, SIZE_LOTS = range(6)
COLUMNS = 6
SNAPSHOT, CHANGE, TRADE = range(3)
QUOTE = 3
"""A best quote, only in files of events (bench/event_rows.py): two rows, bid and ask."""

TURN_DISTANCE_TICKS = 40
"""From the best bid, of orders that are placed and taken back by turns, as in bench/requoting_strategy.py."""

ORDERED = "orders were placed and all books agree"

MOVE_TICKS, DISTANCE_TICKS, LOTS = 50, 100, 1
"""The rule: quotes are set anew when the mid has moved so far, so far from the touch, of this size."""


def read_rows(path: str | Path) -> np.ndarray:
    """All rows of a file, shape (rows, COLUMNS)."""
    return np.fromfile(path, dtype=np.int64).reshape(-1, COLUMNS)


def told(rows: np.ndarray, elapsed_ns: int, moves: int, orders: int) -> str:
    """A rival's last line: its rate of rows that are no snapshot's, and the answer that is checked."""
    count = int((rows[:, KIND] != SNAPSHOT).sum())
    return json.dumps({"rate": count * 1e9 / elapsed_ns, "answer": answer_of(moves), "orders": orders})


def answer_of(moves: int) -> str:
    """What every engine must find: how often the rule moved its quotes. One wrong touch would do to change it."""
    return f"{moves} moves"


def play(run: Callable[[np.ndarray], tuple[int, int, int]], *, warm: int = 0) -> None:
    """The main of a rival's program, `ROWS_FILE`: a first run on `warm` rows, if any, then the one that is told."""
    rows = read_rows(sys.argv[1])
    if warm:
        run(rows[:warm])
    print(told(rows, *run(rows)), flush=True)
