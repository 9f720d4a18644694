"""The recorded events that cause orders, best quotes and depth messages apart, as files of rows for the rivals.

Rows are those of bench/backtest_file.py, a snapshot first; a best quote is two rows of kind QUOTE, bid and ask.
"""

from pathlib import Path

import numpy as np

from bench.backtest_file import (
    COLUMNS,
    KIND,
    MESSAGE,
    PRICE_TICKS,
    QUOTE,
    SIDE,
    SIZE_LOTS,
    SNAPSHOT,
    TIME_NS,
    TRADE,
    read_rows,
)
from bench.decoded_rows import Market, frame_starts
from trader import decoded
from trader.decoded import DECODED, HEAD_BYTES

HEAD_WORDS = HEAD_BYTES // 8


class Events:
    """Best quotes and depth messages of a market: their files, how many there are, and a depth message's levels."""

    def __init__(self, market: Market, folder: Path) -> None:
        """Writes a file of each kind into a folder."""
        rows = read_rows(market.file)
        depths = rows[rows[:, KIND] != TRADE]
        snapshot = rows[rows[:, KIND] == SNAPSHOT]
        changes = depths[depths[:, KIND] != SNAPSHOT]
        quotes = quote_rows(market.with_quotes)
        quotes[:, MESSAGE] += snapshot[-1, MESSAGE]
        quotes[:, TIME_NS] = np.maximum(quotes[:, TIME_NS], snapshot[-1, TIME_NS])  # those before it follow it here
        self.files = (folder / "quotes", folder / "depths")
        np.concatenate([snapshot, quotes]).tofile(self.files[0])
        depths.tofile(self.files[1])
        self.counts = (len(quotes) // 2, len(np.unique(changes[:, MESSAGE])))
        self.levels = len(changes) / max(self.counts[1], 1)


def quote_rows(words: np.ndarray) -> np.ndarray:
    """Two rows for each best quote of decoded frames."""
    starts = np.fromiter(frame_starts(words, len(words)), dtype=np.int64)
    starts = starts[words[starts] == decoded.QUOTE]
    heads = words[starts[:, None] + np.arange(HEAD_WORDS)].reshape(-1).view(DECODED)
    rows = np.zeros((len(heads), 2, COLUMNS), dtype=np.int64)
    rows[:, :, KIND], rows[:, 0, SIDE], rows[:, 1, SIDE] = QUOTE, 1, -1
    rows[:, :, MESSAGE] = np.arange(1, len(heads) + 1)[:, None]
    rows[:, :, TIME_NS] = np.maximum.accumulate(heads["receive_ns"])[:, None]
    for side, name in enumerate(("bid", "ask")):
        rows[:, side, PRICE_TICKS], rows[:, side, SIZE_LOTS] = heads[f"{name}_ticks"], heads[f"{name}_lots"]
    return rows.reshape(-1, COLUMNS)
