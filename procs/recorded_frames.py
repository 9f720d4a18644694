"""Frames of recordings in any format, recognised by content: what was received, when, and from which side.

    <receive ns> <raw json>                            lines, as we record them; plain, gzip or zstd
    {"t":"header",..} {"t":"recv","ts":..,"data":".."} one object a line, as cryptofeed records them; likewise

Frames come in batches of one text and a table of rows; rows are in the order of their receive times. A REST reply
names its URL where the format has it: a snapshot's symbol, or the venue's list of instruments.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np
import zstandard

from procs.recording import RecordingError

CHUNK_BYTES = 1 << 22
HEAD_BYTES = 4096

FRAME_ROW = np.dtype(
    [("now_ns", "i8"), ("connection", "i8"), ("symbol", "i8"), ("offset", "i8"), ("length", "i8")], align=True
)
"""`connection` as the session counts them: 0 REST, 1 the stream. `symbol`: of a REST reply, 1 + its place among the
batch's `urls`; else 0. `offset`, `length`: where the frame's bytes stand in the batch's text."""

REST, STREAM = 0, 1

_CRYPTOFEED_HEAD = re.compile(rb'\s*\{\s*"t"\s*:\s*"header"')


class Batch(NamedTuple):
    """`rows` is None where every line of `text` is `<receive ns> <raw json>`: compiled code splits those."""

    text: bytes
    rows: np.ndarray | None
    urls: list[str]
    done_bytes: int

    def payloads(self) -> Iterator[tuple[bytes, str]]:
        """Each frame's bytes, and the URL that they answer ("" on the stream)."""
        if self.rows is None:
            for line in self.text.split(b"\n"):
                yield line.partition(b" ")[2], ""
            return
        for row in self.rows:
            payload = self.text[int(row["offset"]) : int(row["offset"] + row["length"])]
            yield payload, self.urls[int(row["symbol"]) - 1] if row["symbol"] else ""


class _Line(msgspec.Struct):
    """One line of a cryptofeed recording."""

    t: str = ""
    ts: msgspec.Raw = msgspec.Raw(b"0")
    url: str = ""
    data: str = ""


class RecordedFrames:
    """The frames of one recording, or of several parts of one, in order; each iteration reads them afresh."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.total_bytes = sum(path.stat().st_size for path in paths)
        self._kept: dict[Path, Batch] = {}

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches. Raises OSError, or RecordingError where a file is damaged or in no format known here."""
        done_bytes = 0
        for path in self.paths:
            for batch in self._read(path):
                yield batch._replace(done_bytes=done_bytes + batch.done_bytes)
            done_bytes += path.stat().st_size

    def _read(self, path: Path) -> Iterator[Batch]:
        if path in self._kept:
            yield self._kept[path]
            return
        try:
            with path.open("rb") as file:
                reader = _unpacked(file)
                head = reader.read(HEAD_BYTES)
                chunks = _chunks(reader, head, file)
                if head[:1].isdigit() and b" " in head.split(b"\n")[0][:20]:
                    for text, done_bytes in chunks:
                        yield Batch(text, None, [], done_bytes)
                elif _CRYPTOFEED_HEAD.match(head):
                    self._kept[path] = _cryptofeed(path, chunks)
                    yield self._kept[path]
                else:
                    found = head[:60].decode("ascii", "backslashreplace")
                    raise RecordingError(
                        f"{path}: found {found!r}, allowed `<receive ns> <raw json>` lines or cryptofeed's JSON lines"
                    )
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as problem:
            raise RecordingError(f"{path}: damaged: {problem}") from None


def _unpacked(file: BinaryIO) -> Any:
    magic = file.read(4)
    file.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=file)
    if magic == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
    return file


def _chunks(reader: Any, head: bytes, file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Whole lines, some megabytes at a time, with the place reached in the file."""
    rest = head
    while block := reader.read(CHUNK_BYTES):
        whole, newline, tail = (rest + block).rpartition(b"\n")
        rest = tail if newline else whole + tail
        if newline:
            yield whole + newline, file.tell()
    if rest:
        yield rest + b"\n", file.tell()


def _cryptofeed(path: Path, chunks: Iterator[tuple[bytes, int]]) -> Batch:
    """All frames of a file as one batch: connections and replies are recorded apart, so their times order them."""
    decoder = msgspec.json.Decoder(_Line)
    pieces: list[bytes] = []
    rows: list[tuple[int, int, int, int, int]] = []
    urls: list[str] = []
    offset = 0
    for number, line in enumerate((line for text, _ in chunks for line in text.splitlines()), 1):
        try:
            frame = decoder.decode(line or b"{}")
            now_ns = int(Decimal(bytes(frame.ts).decode()) * 1_000_000_000)
        except (msgspec.DecodeError, ArithmeticError, ValueError) as problem:
            raise RecordingError(f"{path}, line {number}: {problem}; allowed cryptofeed's JSON lines") from None
        if frame.t == "http":
            urls.append(frame.url)
        elif frame.t != "recv":
            continue
        payload = frame.data.encode()
        pieces.append(payload)
        rows.append((now_ns, *((REST, len(urls)) if frame.t == "http" else (STREAM, 0)), offset, len(payload)))
        offset += len(payload)
    table = np.array(rows, dtype=FRAME_ROW)
    table = table[np.argsort(table["now_ns"], kind="stable")]
    return Batch(b"".join(pieces), table, urls, path.stat().st_size)
