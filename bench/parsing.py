"""The parsing rows of the book suite: one frame of a venue, from its bytes to int64 ticks and lots.

The rivals make Python objects and leave every price a text; ours also checks every digit against the tick.
"""

import functools
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench import parse_kernels as kernels
from bench.harness import Bench
from bench.results import TIME, Result, times
from bench.rivals import rival
from procs.recorded_frames import RecordedFrames
from procs.recording import Recording
from procs.verify_survey import survey
from shm.clock import CLOCK, calibrate
from shm.kernel import address_of_array, new_record
from trader.venues.scanner import MARKET_SCANNER, MarketKind, prepare_scanner

Pair = tuple[str, str]


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


def parse_rows(bench: Bench, recording: Path, folder: Path) -> None:
    """Rows for the frames of the futures recording."""
    lines = bench.size(1_000_000, 2_000)
    payloads = [payload for _, payload in islice(Recording(recording), lines)]
    instruments = instruments_of(recording)
    for name, mark, kind, frame_type, target in (
        ("parse_depth_update", b'"depthUpdate"', MarketKind.DEPTH, DepthFrame, 1_450),
        ("parse_book_ticker", b'"bookTicker"', MarketKind.TICKER, TickerFrame, 130),
    ):
        frames = [payload for payload in payloads if mark in payload][: bench.size(20_000, 200)]
        frame_row(bench, name, frames, folder / name, instruments, kind, frame_type, target)


def frame_row(
    bench: Bench,
    name: str,
    frames: list[bytes],
    file: Path,
    instruments: np.ndarray,
    kind: MarketKind,
    frame_type: Any,
    target: float,
) -> None:
    """One kind of frames, all contestants."""
    file.write_bytes(b"\n".join(frames))
    passes = str(bench.size(2, 1))
    bench.row(
        name,
        unit=TIME,
        target=target,
        ours=functools.partial(our_scanner, frames, instruments, kind),
        rivals={
            "msgspec typed": functools.partial(in_python, frames, msgspec.json.Decoder(frame_type).decode),
            "orjson": rival("parsers", "bench/rivals_parsers.py", "orjson", str(file), passes),
            "pysimdjson, parse only": rival("parsers", "bench/rivals_parsers.py", "simdjson", str(file), passes),
        },
        answer=sum(map(len, frames)),
    )


def instruments_of(recording: Path) -> np.ndarray:
    """The recording's instruments, found as `trader book` finds them."""
    found = survey(RecordedFrames([recording]), whole=False)
    assert found is not None
    return found.instruments


def our_scanner(frames: list[bytes], instruments: np.ndarray, kind: MarketKind) -> Result:
    """The feed's scanner; the answer is the bytes of the frames that it took."""
    scanner, clock = new_record(MARKET_SCANNER), new_record(CLOCK)
    prepare_scanner(scanner[0], instruments)
    calibrate(clock)
    text = np.frombuffer(b"".join(frames), dtype=np.uint8)
    table = np.zeros((len(frames), 2), dtype=np.int64)
    table[:, 1] = [len(frame) for frame in frames]
    table[:, 0] = address_of_array(text) + np.concatenate(([0], np.cumsum(table[:-1, 1])))
    samples = np.zeros(-(-len(frames) // kernels.BATCH))
    taken, _ = kernels.scan_binance_frames(
        scanner[0], address_of_array(table), len(frames), address_of_array(clock), samples, int(kind)
    )
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
