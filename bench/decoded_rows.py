"""The decoded recording as a bench wants it: frames that ours plays, and the same rows in a file for the rivals."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.backtest_file import (
    CHANGE,
    COLUMNS,
    KIND,
    MESSAGE,
    PRICE_TICKS,
    SIDE,
    SIZE_LOTS,
    SNAPSHOT,
    TIME_NS,
    TRADE,
)
from procs.config import RunConfig
from procs.decoded_market import decoded_market
from procs.exchange_market import exchange_instruments
from trader import decoded
from trader.decoded import DECODED, HEAD_BYTES, PAIR_BYTES
from trader.units import parse_units


class Market:
    """The decoded recording, or its first frames: as ours plays it, and as a file of rows for the rivals."""

    def __init__(self, config: RunConfig, frames: int, folder: Path) -> None:
        """Takes the first `frames`; writes the rivals' file into a folder."""
        self.config = config
        market = decoded_market(config)
        self.first_ns = market.contents.first_ns
        words = market.words
        starts = list(frame_starts(words, frames))
        kinds = words[starts]
        ends = [*starts[1:], starts[-1] + _words_of(words, starts[-1])]
        spans = list(zip(starts, ends, strict=True))
        self.with_quotes = np.concatenate([words[start:end] for start, end in spans])
        kept = [span for span, kind in zip(spans, kinds, strict=True) if kind != decoded.QUOTE]
        self.without_quotes = np.concatenate([words[start:end] for start, end in kept])
        rows_of_rivals = _rows(words, [start for start, _ in kept], exchange_instruments(self.config)[0])
        self.file = folder / "rows"
        rows_of_rivals.tofile(self.file)
        changes = int((rows_of_rivals[:, KIND] != SNAPSHOT).sum())
        self.rows = {False: changes, True: changes + int((kinds == decoded.QUOTE).sum())}


def _words_of(words: np.ndarray, start: int) -> int:
    """How many words a frame takes; its second one says how many bytes."""
    return int(words[start + 1] + 7) // 8


def frame_starts(words: np.ndarray, frames: int) -> Iterator[int]:
    """Where the first `frames` frames begin, in words."""
    at = 0
    while at < len(words) and frames > 0:
        yield at
        at += _words_of(words, at)
        frames -= 1


def _rows(words: np.ndarray, starts: Sequence[int], instrument: Any) -> np.ndarray:
    """Frames as rivals take them: the snapshot before all updates of its book, times that never step back."""
    blocks, early = [], []
    snapshot_id = 0
    for number, start in enumerate(starts):
        row = words[start : start + HEAD_BYTES // 8].view(DECODED)[0]
        if row["kind"] == decoded.TEXT:
            text = words[start + HEAD_BYTES // 8 : start + _words_of(words, start)].tobytes().rstrip(b"\0")
            snapshot_id, block = _snapshot(text, instrument)
        elif row["kind"] == decoded.TRADE:
            side = -1 if row["buyer_is_maker"] else 1
            block = np.array([[TRADE, 0, 0, side, row["price_ticks"], row["size_lots"]]], dtype=np.int64)
        else:
            count = int(row["bid_count"] + row["ask_count"])
            at = start + HEAD_BYTES // 8
            pairs = words[at : at + count * PAIR_BYTES // 8].reshape(-1, 2)
            block = _levels(CHANGE, pairs, int(row["bid_count"]))
        block[:, MESSAGE], block[:, TIME_NS] = number, row["receive_ns"]
        if row["kind"] == decoded.DEPTH and not snapshot_id:
            early.append((int(row["last_id"]), block))
            continue
        blocks.append(block)
        if row["kind"] == decoded.TEXT:
            blocks += [waiting for last_id, waiting in early if last_id >= snapshot_id]
    rows = np.concatenate(blocks)
    rows[:, TIME_NS] = np.maximum.accumulate(rows[:, TIME_NS])
    return rows


def _levels(kind: int, pairs: np.ndarray, bids: int) -> np.ndarray:
    block = np.zeros((len(pairs), COLUMNS), dtype=np.int64)
    block[:, KIND] = kind
    block[:bids, SIDE], block[bids:, SIDE] = 1, -1
    block[:, PRICE_TICKS : SIZE_LOTS + 1] = pairs
    return block


def _snapshot(text: bytes, instrument: Any) -> tuple[int, np.ndarray]:
    """Id and levels of an inline snapshot."""
    told = msgspec.json.decode(text)
    price = {"decimals": int(instrument["price_decimals"]), "multiple": int(instrument["tick_multiple"])}
    size = {"decimals": int(instrument["size_decimals"]), "multiple": int(instrument["lot_multiple"])}
    pairs = [(parse_units(ticks, **price), parse_units(lots, **size)) for ticks, lots in told["bids"] + told["asks"]]
    return int(told["lastUpdateId"]), _levels(SNAPSHOT, np.array(pairs, dtype=np.int64), len(told["bids"]))
