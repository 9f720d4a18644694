"""The parsing rows of the book suite: one frame of a venue, from its bytes to int64 ticks and lots.

The rivals make Python objects and leave every price a text; ours also checks every digit against the tick.
"""

import functools
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bench import parse_kernels as kernels
from bench.harness import Bench
from bench.results import TIME, Result, times
from bench.rivals import rival
from bench.shared import new_clock
from procs.recorded_frames import RecordedFrames
from procs.recording import Recording
from procs.verify_survey import survey
from shm.kernel import address_of_array, new_record
from trader.venues.scanner import MARKET_SCANNER, MarketKind, prepare_scanner

Pair = tuple[str, str]

SHORT = 100
"""Answers to subscriptions name the same channels and are shorter than any frame that counts."""


class DepthEvent(msgspec.Struct):
    """A depth update with all that a book needs of it."""

    E: int
    s: str
    U: int
    u: int
    pu: int
    b: list[Pair]
    a: list[Pair]


class TickerEvent(msgspec.Struct):
    """Best bid and offer."""

    u: int
    s: str
    b: str
    B: str
    a: str
    A: str
    E: int


class DepthFrame(msgspec.Struct):
    """A depth update as the combined stream wraps it."""

    stream: str
    data: DepthEvent


class TickerFrame(msgspec.Struct):
    """A best quote as the combined stream wraps it."""

    stream: str
    data: TickerEvent


class BookLevel(msgspec.Struct):
    """One level of an l2Book."""

    px: str
    sz: str
    n: int


class BookEvent(msgspec.Struct):
    """All levels of a book."""

    coin: str
    time: int
    levels: tuple[list[BookLevel], list[BookLevel]]


class BookFrame(msgspec.Struct):
    """An l2Book as the stream wraps it."""

    channel: str
    data: BookEvent


class Kind(NamedTuple):
    """A row: which frames, what they are to our scanner and to msgspec, nanoseconds at most, times faster at least."""

    name: str
    venue: int
    recording: str
    mark: bytes
    kind: MarketKind
    frame_type: Any
    target: float
    at_least: dict[str, float]


FUTURES, HYPERLIQUID = "binance/usdm_btcusdt_20240808.gz", "hyperliquid/hyperliquid_btcusd_20250126.gz"

MSGSPEC, ORJSON, SIMDJSON = "msgspec typed", "orjson", "pysimdjson, parse only"

# fmt: off
KINDS = (
    Kind("parse_depth_update", kernels.BINANCE, FUTURES, b'"depthUpdate"', MarketKind.DEPTH, DepthFrame, 1_450,
         {MSGSPEC: 4, SIMDJSON: 1}),
    Kind("parse_book_ticker", kernels.BINANCE, FUTURES, b'"bookTicker"', MarketKind.TICKER, TickerFrame, 130,
         {MSGSPEC: 3, SIMDJSON: 1}),
    Kind("parse_l2book", kernels.HYPERLIQUID, HYPERLIQUID, b'"l2Book"', MarketKind.SNAPSHOT, BookFrame, 1_200,
         {MSGSPEC: 3, ORJSON: 4}),
)
# fmt: on


def parse_rows(bench: Bench, data: Path, folder: Path) -> None:
    """Rows for the frames of recordings in the folder `data`; `folder` holds what rivals read."""
    for kind in KINDS:
        recording = data / kind.recording
        lines = islice(Recording(recording), bench.size(1_000_000, 2_000))
        frames = [payload for _, payload in lines if kind.mark in payload and len(payload) > SHORT][
            : bench.size(20_000, 200)
        ]
        frames *= -(-bench.size(2_000, 20) // len(frames))
        file = folder / kind.name
        file.write_bytes(b"\n".join(frames))
        passes = str(bench.size(2, 1))
        bench.row(
            kind.name,
            unit=TIME,
            target=kind.target,
            ours=functools.partial(our_scanner, kind, frames, instruments_of(recording)),
            rivals={
                MSGSPEC: functools.partial(in_python, frames, msgspec.json.Decoder(kind.frame_type).decode),
                ORJSON: rival("parsers", "bench/rivals_parsers.py", "orjson", str(file), passes),
                SIMDJSON: rival("parsers", "bench/rivals_parsers.py", "simdjson", str(file), passes),
            },
            at_least=kind.at_least,
            answer=sum(map(len, frames)),
        )


def instruments_of(recording: Path) -> np.ndarray:
    """The recording's instruments, found as `trader book` finds them."""
    found = survey(RecordedFrames([recording]), whole=False)
    assert found is not None
    return found.instruments


def our_scanner(kind: Kind, frames: list[bytes], instruments: np.ndarray) -> Result:
    """The feed's scanner; the answer is the bytes of the frames that it took."""
    scanner, clock = new_record(MARKET_SCANNER), new_clock()
    prepare_scanner(scanner[0], instruments)
    text = np.frombuffer(b"".join(frames), dtype=np.uint8)
    table = np.zeros((len(frames), 2), dtype=np.int64)
    table[:, 1] = [len(frame) for frame in frames]
    table[:, 0] = address_of_array(text) + np.concatenate(([0], np.cumsum(table[:-1, 1])))
    samples = np.zeros(-(-len(frames) // kernels.BATCH))
    places = address_of_array(table), len(frames), address_of_array(clock)
    taken, _ = kernels.scan_frames(kind.venue, scanner[0], *places, samples, int(kind.kind))
    return times(samples, taken)


def in_python(frames: list[bytes], decode: Callable[[bytes], Any]) -> Result:
    """A decoder of this environment."""
    answer = sum(len(frame) for frame in frames if decode(frame) is not None)
    samples = []
    for first in range(0, len(frames), kernels.BATCH):
        batch = frames[first : first + kernels.BATCH]
        start_ns = time.perf_counter_ns()
        for frame in batch:
            decode(frame)
        samples.append((time.perf_counter_ns() - start_ns) / len(batch))
    return times(np.array(samples), answer)
