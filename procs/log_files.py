"""The log's two files: log.jsonl, one JSON object a line, and log.txt, the same for people, both in time order.

A record waits in the merger until the collector knows that no older one can come. A straggler, later than the
window, stands where it arrived.
"""

import functools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from procs.log_queue import LogLine, decode_line, encode_line

FILE_BYTES_MAX = 256 << 20
"""What one run may log; the file's last line then says so."""


class LogMerger:
    """Records by time, written to both files once the collector says before which time they are complete.

    `text_descriptor` -1: no text.
    """

    def __init__(self, descriptor: int, text_descriptor: int = -1, bytes_max: int = FILE_BYTES_MAX) -> None:
        self._descriptor = descriptor
        self._text_descriptor = text_descriptor
        self._room = bytes_max
        self._waiting: list[LogLine] = []

    @property
    def waiting(self) -> int:
        """Records that wait for older ones."""
        return len(self._waiting)

    def add(self, lines: list[LogLine]) -> None:
        """Take records in any order; those of equal time stay in the order in which they came."""
        self._waiting += lines
        self._waiting.sort(key=lambda line: line.time_ns)

    def write(self, before_ns: int) -> None:
        """Write all records before a time, or all there are for -1. What the disk refuses is gone."""
        count = len(self._waiting)
        if before_ns >= 0:
            count = next((at for at, line in enumerate(self._waiting) if line.time_ns >= before_ns), count)
        if count == 0:
            return
        ready, self._waiting = self._waiting[:count], self._waiting[count:]
        texts, data = [], []
        for line in ready:
            if self._room <= 0:
                break
            encoded = encode_line(line) + b"\n"
            self._room -= len(encoded)
            if self._room <= 0:
                line = LogLine(line.time_ns, "log", "WARNING", _FULL, wall_ns=line.wall_ns)
                encoded = encode_line(line) + b"\n"
            data.append(encoded)
            texts.append(text_of(line) + "\n")
        _write(self._descriptor, b"".join(data))
        if self._text_descriptor >= 0:
            _write(self._text_descriptor, "".join(texts).encode("utf-8", "replace"))


_FULL = "the log is full; what follows is lost"
_CONTROLS = dict.fromkeys([*range(9), *range(10, 32), 127], "\ufffd")


def _write(descriptor: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        return


def text_of(line: LogLine) -> str:
    """A record as people read it. A message's further lines are indented, so that none looks like a record of its
    own, and what would steer a terminal is shown as a replacement character."""
    second, rest_ns = divmod(line.wall_ns, 1_000_000_000)
    lost = f"  ({line.lost} lost before)" if line.lost else ""
    message = line.message
    if not message.isprintable():
        message = "\n    ".join(part.translate(_CONTROLS) for part in message.splitlines())
    return f"{_time_of_day(second)}.{rest_ns // 1_000:06d}  {line.level:<8}{line.process:<12}{message}{lost}"


@functools.lru_cache(maxsize=16)
def _time_of_day(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))


def format_text(line: bytes | str) -> str:
    """A line of log.jsonl as people read it; one that is torn comes back as it is."""
    try:
        found = decode_line(line)
    except msgspec.MsgspecError:
        return (line.decode("utf-8", "replace") if isinstance(line, bytes) else line).rstrip("\n")
    return text_of(found)


def read_text(path: Path) -> Iterator[str]:
    """Every line of a log.jsonl as text."""
    with path.open("rb") as file:
        for line in file:
            yield format_text(line)
