"""Recorded streams with the truth beside them: what each book is after every frame, by the json module and dicts.

    frames   f0 f1 f2 ...           as recorded, one symbol
    truth    t0 t1 t2 ...           best LEVELS of both sides after each, in ticks and lots
    replies  s0 .. s10 .. s20 ..    a whole book as the venue would send it right after some frames

Nothing here shares code with the scanners, the session or the book.
"""

import gzip
import json
from decimal import Decimal
from heapq import nlargest, nsmallest
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

LEVELS = 10
SNAPSHOT_STEP = 5
SNAPSHOT_LEVELS = 900
"""Fewer than 1,000, so that the book does not take the snapshot for one that the venue cut."""


class Stream(NamedTuple):
    """`steps`: per frame 1 where it changes the book, else 0. `truth`: (frames, 2, LEVELS, 2) int64."""

    venue: str
    market: str
    symbol: str
    decimals: tuple[int, int]
    frames: list[bytes]
    times_ns: list[int]
    steps: np.ndarray
    truth: np.ndarray
    replies: dict[int, bytes]


class Model:
    """One book: price in 1e-12 to the texts of price and size."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.sides: dict[str, dict[int, tuple[str, str]]] = {"bids": {}, "asks": {}}

    def apply(self, side: str, levels: Any) -> None:
        for price, size in levels:
            key = int(Decimal(price).scaleb(12))
            if Decimal(size) == 0:
                self.sides[side].pop(key, None)
            else:
                self.sides[side][key] = (price, size)

    def best(self, side: str, count: int) -> list[tuple[str, str]]:
        levels = self.sides[side]
        keys = nlargest(count, levels) if side == "bids" else nsmallest(count, levels)
        return [levels[key] for key in keys]

    def cut(self, depth: int) -> None:
        for side, levels in self.sides.items():
            if len(levels) > depth:
                worst = nsmallest if side == "bids" else nlargest
                for key in worst(len(levels) - depth, levels):
                    del levels[key]

    def top(self, decimals: tuple[int, int]) -> np.ndarray:
        rows = np.zeros((2, LEVELS, 2), dtype=np.int64)
        for row, side in zip(rows, ("bids", "asks"), strict=True):
            for place, (price, size) in enumerate(self.best(side, LEVELS)):
                row[place] = int(Decimal(price).scaleb(decimals[0])), int(Decimal(size).scaleb(decimals[1]))
        return rows


def packed(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def lines(path: Path, count: int) -> list[tuple[int, bytes]]:
    """The first lines of a recording in our format."""
    with gzip.open(path) as file:
        rows = [line.rstrip(b"\n").split(b" ", 1) for line in islice(file, count)]
    return [(int(now), frame) for now, frame in rows]


def finish(venue: str, market: str, symbol: str, decimals: tuple[int, int], rows: list[Any]) -> Stream:
    """Rows: (time, frame, levels changed or None, whole, reply writer), to a Stream."""
    model = Model()
    frames, times, steps, truth, replies = [], [], [], [], {}
    for now_ns, frame, apply, reply in rows:
        changed = apply(model)
        frames.append(frame)
        times.append(now_ns)
        steps.append(int(changed))
        truth.append(model.top(decimals))
        if (changed and (len(frames) - 1) % SNAPSHOT_STEP == 0) or len(frames) == 1:
            replies[len(frames) - 1] = reply(model)
    return Stream(
        venue, market, symbol, decimals, frames, times, np.array(steps, dtype=np.int64), np.array(truth), replies
    )  # fmt: skip


def update(bids: Any, asks: Any, *, depth: int = 0, whole: bool = False):
    def apply(model: Model) -> bool:
        if whole:
            model.clear()
        model.apply("bids", bids)
        model.apply("asks", asks)
        if depth:
            model.cut(depth)
        return True

    return apply


def nothing(model: Model) -> bool:
    return False


def binance(path: Path, market: str, count: int) -> Stream:
    """The first frames of a recording from its snapshot on."""
    received = lines(path, count)
    decoded = [json.loads(frame) for _, frame in received]
    start = next(place for place, message in enumerate(decoded) if "lastUpdateId" in message)
    first = decoded[start]
    decimals = (2, 8 if market == "spot" else 3)
    rows, last = [], first["lastUpdateId"]
    begun = False
    for (now_ns, frame), message in zip(received, decoded, strict=True):
        event = message.get("data", message)
        if event.get("e") != "depthUpdate":
            if "lastUpdateId" not in message and begun:
                rows.append((now_ns, frame, nothing, _reply_binance(market, last)))
            continue
        if event["u"] < first["lastUpdateId"] or (market == "spot" and event["u"] == first["lastUpdateId"]):
            continue
        last = event["u"]
        apply = update(event["b"], event["a"])
        if not begun:
            apply = _after_snapshot(first, apply)
            begun = True
        rows.append((now_ns, frame, apply, _reply_binance(market, last)))
    return finish("binance", market, event["s"], decimals, rows)


def _after_snapshot(snapshot: Any, following: Any):
    def apply(model: Model) -> bool:
        update(snapshot["bids"], snapshot["asks"], whole=True)(model)
        return following(model)

    return apply


def _reply_binance(market: str, last: int):
    def reply(model: Model) -> bytes:
        sides = {side: [list(level) for level in model.best(side, SNAPSHOT_LEVELS)] for side in ("bids", "asks")}
        return packed({"lastUpdateId": last, **({} if market == "spot" else {"E": 1, "T": 1}), **sides})

    return reply


def hyperliquid(path: Path) -> Stream:
    """Every frame is a whole book, or trades."""
    rows = []
    for now_ns, frame in lines(path, 1_000):
        message = json.loads(frame)
        if message["channel"] != "l2Book":
            rows.append((now_ns, frame, nothing, lambda model, frame=frame: frame))
            continue
        sides = [[(level["px"], level["sz"]) for level in side] for side in message["data"]["levels"]]
        rows.append((now_ns, frame, update(*sides, whole=True), lambda model, frame=frame: frame))
    return finish("hyperliquid", "", "BTC", (0, 5), rows)
