"""Book: decoded levels to an updated book, walks, and raw lines of the recording to a book that is checked.

Every book is fed the same levels from one file (`level_file`), message by message, its touch read after each.
Ours goes through `on_delta`, as in the book's stage: continuity, crossing and the checks against best quotes
included, and no price is left out. hftbacktest skips prices beyond twice the mid.
"""

import functools
import os
import tempfile
import time
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from bench import book_kernels as kernels
from bench.harness import Bench
from bench.parsing import parse_rows
from bench.results import RATE, TIME, Absent, Contestant, Result, rate, times
from bench.rivals import rival
from bench.shared import new_clock
from procs.recording import Recording
from procs.verify import verify_recording
from shm.codec import record_dtype
from shm.kernel import address_of_array, new_record
from trader.book.measures import WALK
from trader.book.state import BOOK, prepare_book
from trader.messages import BookDelta

ROOT = Path(__file__).resolve().parent.parent
RECORDING = "binance/usdm_btcusdt_20240808.gz"
BOOKS = ("hftbacktest", "order_book", "nautilus", "sorteddict")
SLOW_TO_START = ("hftbacktest", "nautilus")
"""Rivals that compile or import for seconds at every start: left out of smoke."""

UNIVERSE = 20_000
MID = 1_000_000
MESSAGE_LEVELS = 20
SEED = 20_240_808
CHECKED = "every check agreed"


class Depth(msgspec.Struct):
    """A depth update or a snapshot, whichever fields it has."""

    e: str = ""
    u: int = 0
    lastUpdateId: int = 0  # noqa: N815 the venue's spelling
    b: list[tuple[str, str]] = []
    a: list[tuple[str, str]] = []
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []


class Frame(Depth):
    """The same, wrapped or not."""

    data: Depth | None = None


def recording_path() -> Path:
    """The futures recording, by TRADER_DATA."""
    return Path(os.environ.get("TRADER_DATA", ROOT / "../shared/data")) / RECORDING


def rows(bench: Bench) -> None:
    """Updates of two kinds of books, walks, and the way from raw lines."""
    with tempfile.TemporaryDirectory(prefix="trader-bench-") as folder:
        recorded, random = Path(folder, "recorded"), Path(folder, "random")
        passes = str(bench.size(5, 1))
        there = recording_path().exists()
        if there:
            recorded_levels(recorded, bench.size(1_000_000, 3_000))
            book_row(bench, "book_update", 8.0, recorded, passes)
        else:
            print(f"book: absent: {recording_path()} not found (TRADER_DATA names the folder)")
        random_levels(random, UNIVERSE, UNIVERSE, bench.size(400_000, 2_000))
        book_row(bench, "book_update_10k", 16.0, random, passes)
        random_levels(random, UNIVERSE, 50 * UNIVERSE, bench.size(400_000, 2_000))
        book_row(bench, "book_update_10k_sparse", None, random, passes)
        if there:
            walk_row(bench, recorded)
            raw_row(bench, Path(folder, "lines"))
            parse_rows(bench, recording_path().parent.parent, Path(folder))


def book_row(bench: Bench, name: str, target: float | None, file: Path, passes: str) -> None:
    """Mean nanoseconds a level over a level file, one sample a pass."""
    bench.row(
        name,
        unit=TIME,
        target=target,
        ours=functools.partial(our_updates, file, bench.size(50, 1)),
        rivals={who: contestant(bench, who, str(file), passes) for who in BOOKS},
        repeats=3,
    )


def contestant(bench: Bench, who: str, *arguments: str) -> Contestant | Absent:
    """A rival's program, unless this is smoke and it takes seconds to start."""
    if bench.smoke and who in SLOW_TO_START:
        return Absent("it takes seconds to start; measured at full size only")
    return rival(who, f"bench/rivals_{who}.py", *arguments)


def walk_row(bench: Bench, file: Path) -> None:
    """Walks of ten levels, on books all along the recording."""
    bench.row(
        "book_walk",
        unit=TIME,
        target=50,
        ours=functools.partial(our_walks, file),
        rivals={"nautilus": contestant(bench, "nautilus", str(file), "1", "walk")},
        repeats=3,
    )


def raw_row(bench: Bench, lines: Path) -> None:
    """Raw lines to a book that is checked against the recorded quotes."""
    path = recording_path()
    if bench.smoke:
        with lines.open("wb") as shortened:
            shortened.writelines(b"%d %s\n" % line for line in islice(Recording(path), 3_000))
        path = lines
    bench.row("raw_to_book", unit=RATE, target=1e6, ours=functools.partial(our_raw_lines, path), answer=CHECKED)


def our_updates(file: Path, passes: int) -> Result:
    """The book's own kernel; the answer is the sum of its touches."""
    words = np.fromfile(file, dtype=np.int64)
    start, end = address_of_array(words), address_of_array(words) + words.nbytes
    levels = int(count_levels(words))
    book, delta = new_record(BOOK), new_record(record_dtype(BookDelta))
    prepare_book(book[0])
    samples, answer = np.zeros(passes), 0
    kernels.apply_messages(book[0], delta[0], end, end)
    for index in range(passes):
        second = kernels.load_snapshot(book[0], delta[0], start)
        started_ns = time.perf_counter_ns()
        answer = kernels.apply_messages(book[0], delta[0], second, end)
        samples[index] = (time.perf_counter_ns() - started_ns) / levels
    return times(samples, answer)


def our_walks(file: Path) -> Result:
    """Walks of ten levels; the answer is their mean price."""
    words = np.fromfile(file, dtype=np.int64)
    start, end = address_of_array(words), address_of_array(words) + words.nbytes
    book, delta, out, clock = new_record(BOOK), new_record(record_dtype(BookDelta)), new_record(WALK), new_clock()
    prepare_book(book[0])
    sizes, sums = np.zeros((2, kernels.WALK_SIZES), dtype=np.int64), np.zeros(3)
    samples = np.zeros(len(words) // 2 // kernels.WALK_EVERY)
    second = kernels.load_snapshot(book[0], delta[0], start)
    count = kernels.walk_now_and_then(
        book[0], delta[0], second, end, sizes, out[0], sums, address_of_array(clock), samples
    )
    walks = count * 2 * kernels.WALK_SIZES
    assert sums[1] == kernels.WALK_LEVELS * walks and sums[2] == 0
    return times(samples[:count], round(float(sums[0] / walks), 3))


def our_raw_lines(path: Path) -> Result:
    """The verifier of `trader book`: scanner, feed session, book, checks."""
    result = verify_recording(path)
    fine = result.checked > 0 and result.mismatched == 0 and result.gaps == 0 and result.bad_frames == 0
    return rate(1_000_000, int(1e6 * result.ns_per_message), CHECKED if fine else str(result))


def count_levels(words: np.ndarray) -> int:
    """Levels of a level file, but for its snapshot."""
    total, at = 0, 0
    while at < len(words):
        count = int(words[at] + words[at + 1])
        total += count if at else 0
        at += 2 + 2 * count
    return total


def recorded_levels(file: Path, lines: int) -> None:
    """Write the recording's snapshot and the depth updates that follow it, in ticks of 0.1 and lots of 0.001."""
    decoder = msgspec.json.Decoder(Frame)
    words: list[int] = []
    snapshot_id = 0
    for _, payload in islice(Recording(recording_path()), lines):
        if b'"depthUpdate"' not in payload and b'"lastUpdateId"' not in payload:
            continue
        frame = decoder.decode(payload)
        depth = frame.data or frame
        if depth.lastUpdateId and not snapshot_id:
            snapshot_id = depth.lastUpdateId
            add_message(words, depth.bids, depth.asks)
        elif depth.e and snapshot_id and depth.u >= snapshot_id:
            add_message(words, depth.b, depth.a)
    np.array(words, dtype=np.int64).tofile(file)


def add_message(words: list[int], bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> None:
    """One message of texts with two and three decimals."""
    words += (len(bids), len(asks))
    for price, size in bids + asks:
        words += (int(price.replace(".", "")) // 10, int(size.replace(".", "")))


def random_levels(file: Path, universe: int, span_ticks: int, levels: int) -> None:
    """Write a book of 10,000 levels a side, and uniform random updates of which half delete.

    `universe` prices a side stand within `span_ticks` of the mid, so that half of them hold a level at any time.
    """
    random = np.random.default_rng(SEED)
    behind = np.sort(random.choice(span_ticks, universe, replace=False))
    held = [random.choice(behind, universe // 2, replace=False) for _ in range(2)]
    parts = [np.array([universe // 2, universe // 2])]
    for prices in (MID - 1 - held[0], MID + held[1]):
        parts.append(np.column_stack((prices, random.integers(1, 1_000, universe // 2))).ravel())
    for _ in range(levels // MESSAGE_LEVELS):
        bids = int(random.binomial(MESSAGE_LEVELS, 0.5))
        prices = random.choice(behind, MESSAGE_LEVELS)
        prices[:bids] = MID - 1 - prices[:bids]
        prices[bids:] += MID
        sizes = random.integers(1, 1_000, MESSAGE_LEVELS) * random.integers(0, 2, MESSAGE_LEVELS)
        parts += (np.array([bids, MESSAGE_LEVELS - bids]), np.column_stack((prices, sizes)).ravel())
    np.concatenate(parts).astype(np.int64).tofile(file)
