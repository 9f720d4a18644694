"""Proves the order-by-order book on LOBSTER data: two CSV files, told apart by what is in them.

    messages   34200.004241176,1,16113575,18,5853300,1        seconds, type, order id, size, price * 10,000, side
    book       5859400,200,5853300,18,...                     ask price, ask size, bid price, bid size; best first

Row i of the book is what the market looked like after message i. Source: https://lobsterdata.com, "data structure".
"""

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from procs.lobster_kernels import CHECKER, check_rows
from procs.recording import RecordingError
from procs.verify import SymbolResult, VerifyResult
from shm.kernel import new_record
from trader.book.l3_state import prepare_l3
from trader.enums import BookState

VENUE = "lobster"
CHECKS = "all levels in view after each message"
MESSAGE_COLUMNS = 6
CHUNK_ROWS = 50_000
HEAD_BYTES = 8192


class LobsterFiles(NamedTuple):
    """Both files of one recording."""

    messages: Path
    book: Path


def lobster_files(paths: list[Path]) -> LobsterFiles | None:
    """The two files, in whichever order they were given; None where none of the files is LOBSTER's.

    Raises OSError, or RecordingError where one of the two is missing.
    """
    columns = {path: _column_count(path) for path in paths}
    messages = [path for path, count in columns.items() if count == MESSAGE_COLUMNS]
    books = [path for path, count in columns.items() if count and count % 4 == 0]
    if not messages and not books:
        return None
    if len(messages) != 1 or len(books) != 1 or len(paths) != 2:
        raise RecordingError(
            f"{', '.join(map(str, paths))}: found {len(messages)} LOBSTER files of messages and {len(books)} of books,"
            " allowed one of each"
        )
    return LobsterFiles(messages[0], books[0])


def verify_lobster(files: LobsterFiles, progress: Callable[[int, int], None] | None = None) -> VerifyResult:
    """Run all messages through an order-by-order book and compare it with every row.

    `progress(done_rows, rows)` is called now and then. Raises OSError, or RecordingError for a file that is damaged
    or shorter than the other.
    """
    checker = new_record(CHECKER)
    prepare_l3(checker[0]["book"])
    check_rows(checker[0], np.zeros((0, MESSAGE_COLUMNS), dtype=np.int64), np.zeros((0, 4), dtype=np.int64))
    elapsed_ns = 0
    total = files.messages.stat().st_size
    pairs = zip(_tables(files.messages), _tables(files.book), strict=False)
    read = 0
    for (messages, done_bytes), (rows, _) in pairs:
        if len(messages) != len(rows):
            raise RecordingError(
                f"{files.book}: found {read + len(rows)} rows, allowed {read + len(messages)}, one a message"
            )
        read += len(rows)
        whole, levels = _whole_numbers(messages), rows.astype(np.int64)
        started_ns = time.perf_counter_ns()
        check_rows(checker[0], whole, levels)
        elapsed_ns += time.perf_counter_ns() - started_ns
        if progress:
            progress(done_bytes, total)
    return _result(checker[0], files, elapsed_ns)


def _whole_numbers(messages: np.ndarray) -> np.ndarray:
    """Messages as int64; seconds become nanoseconds."""
    whole = messages.astype(np.int64)
    whole[:, 0] = np.rint(messages[:, 0] * 1e9)
    return whole


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _column_count(path: Path) -> int:
    """Columns of a file whose first line is numbers with commas between them, else 0."""
    with _open(path) as file:
        fields = file.read(HEAD_BYTES).partition(b"\n")[0].strip().split(b",")
    return len(fields) if len(fields) > 1 and all(_is_number(field) for field in fields) else 0


def _is_number(field: bytes) -> bool:
    return field.removeprefix(b"-").replace(b".", b"", 1).isdigit()


def _tables(path: Path) -> Iterator[tuple[np.ndarray, int]]:
    """A file's rows, CHUNK_ROWS at a time, with the bytes read so far."""
    with _open(path) as file:
        count = CHUNK_ROWS
        while count == CHUNK_ROWS:
            lines = [line for _, line in zip(range(CHUNK_ROWS), file, strict=False)]
            count = len(lines)
            if lines:
                try:
                    yield np.loadtxt(lines, delimiter=",", ndmin=2), file.tell()
                except ValueError as error:
                    raise RecordingError(f"{path}: found {error}, allowed rows of numbers") from None


def _result(checker: np.ndarray, files: LobsterFiles, elapsed_ns: int) -> VerifyResult:
    book = checker["book"]
    symbol = SymbolResult(
        symbol=files.messages.name.partition("_")[0],
        levels=int(checker["levels"]),
        checked=int(checker["checked"]),
        mismatched=int(checker["mismatched"]),
        gaps=0,
        resyncs=int(checker["mismatched"]),
        book_state=BookState.LIVE.name,
        bid_levels=int(book["bids"]["count"]),
        ask_levels=int(book["asks"]["count"]),
    )
    messages = int(checker["messages"])
    wrong = f"message {int(checker['first_mismatch'])}" if checker["mismatched"] else ""
    return VerifyResult(
        venue=VENUE,
        market="order by order",
        messages=messages,
        levels=symbol.levels,
        checked=symbol.checked,
        mismatched=symbol.mismatched,
        undecided=0,
        gaps=0,
        resyncs=symbol.resyncs,
        bad_frames=0,
        last_fault=wrong,
        symbols_left_out=0,
        symbols=[symbol],
        ns_per_message=elapsed_ns / messages if messages else 0.0,
    )
