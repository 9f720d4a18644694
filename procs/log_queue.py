"""Log records on their way: one faster-fifo queue a process, behind a gate that is tried and never waited for.

A faster-fifo mutex stays locked when its holder is killed. So nobody touches it without the queue's gate, a
word in shared memory: a collector that was killed inside a queue costs its sender records, a sender that was
killed inside costs its own queue, and neither hangs.
"""

import mmap
import queue
import time
from collections.abc import Iterable, Iterator
from typing import Any

import faster_fifo
import faster_fifo_reduction  # noqa: F401  (teaches multiprocessing to pass these queues on)
import msgspec
import numpy as np

from shm.atomics import exchange, store_release
from shm.kernel import kernel
from shm.layout import WORD_SPACING_BYTES

QUEUE_BYTES = 1 << 18
"""Room of one process's queue: about a thousand ordinary records."""

SUPERVISOR_NAME = "supervisor"

GATE_TRIES = 50
_GATE_PAUSE_S = 10e-6


class LogLine(msgspec.Struct, omit_defaults=True):
    """One record, in the queue and in the file.

    `time_ns` orders the log: CLOCK_MONOTONIC, as every other stamp of a run. `wall_ns` is nanoseconds since
    1970, for people. `lost`: records of this process that found no room just before this one.
    """

    time_ns: int
    process: str
    level: str
    message: str
    logger: str = ""
    wall_ns: int = 0
    lost: int = 0


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(LogLine)


def encode_line(line: LogLine) -> bytes:
    """JSON, without the newline."""
    return _ENCODER.encode(line)


def decode_line(data: bytes | memoryview | str) -> LogLine:
    """A line back. Raises msgspec.MsgspecError."""
    return _DECODER.decode(data)


class _JsonQueue(faster_fifo.Queue):
    """JSON instead of pickle. Overridden here because codecs handed in do not survive every start method."""

    def dumps(self, line: LogLine) -> bytes:
        """A record as it travels."""
        return encode_line(line)

    def loads(self, data: Any) -> LogLine:
        """A record as it arrives."""
        return decode_line(bytes(data))


@kernel
def _enter_gate(gate):
    """1 if the gate was free and is ours now."""
    return 1 if exchange(gate, 1) == 0 else 0


@kernel
def _leave_gate(gate):
    store_release(gate, 0)


class LogQueue:
    """One process's way to the collector. Made by the supervisor, inherited by fork."""

    def __init__(self, gate: int) -> None:
        self._queue = _JsonQueue(max_size_bytes=QUEUE_BYTES)
        self._gate = gate
        # Pages first touched when /dev/shm has filled up would kill the sender: take them all now.
        pages = memoryview(self._queue.shared_memory).cast("B")
        for offset in range(0, len(pages), mmap.PAGESIZE):
            pages[offset] = 0

    def put(self, line: LogLine, tries: int = GATE_TRIES) -> bool:
        """Hand a record over; False when there is no room, or the other side stands in the queue for too long."""
        if not self._enter(tries):
            return False
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            return False
        finally:
            _leave_gate(self._gate)
        return True

    def take(self) -> list[LogLine]:
        """Everything that is there; nothing while the sender stands in the queue, or died in it."""
        found: list[LogLine] = []
        if not self._enter(1):
            return found
        try:
            while not self._queue.empty():
                found += self._queue.get_many_nowait()
        except queue.Empty:
            return found
        finally:
            _leave_gate(self._gate)
        return found

    def _enter(self, tries: int) -> bool:
        for attempt in range(tries):
            if _enter_gate(self._gate):
                return True
            if attempt + 1 < tries:
                time.sleep(_GATE_PAUSE_S)
        return False


class LogQueues:
    """The queues of all processes of a run, by name."""

    def __init__(self, queues: dict[str, LogQueue], gates: mmap.mmap) -> None:
        self._queues = queues
        self._gates = gates

    @classmethod
    def create(cls, names: Iterable[str]) -> "LogQueues":
        """One queue for each name and one for the supervisor; call it before the first fork."""
        wanted = list(dict.fromkeys([*names, SUPERVISOR_NAME]))
        gates = mmap.mmap(-1, len(wanted) * WORD_SPACING_BYTES)
        base = int(np.frombuffer(gates, dtype=np.uint8).ctypes.data)
        queues = {name: LogQueue(base + index * WORD_SPACING_BYTES) for index, name in enumerate(wanted)}
        for each in queues.values():
            each.take()  # binds the compiled gate, so that no child has to load it
        return cls(queues, gates)

    def of(self, name: str) -> LogQueue:
        """The queue of one process. Raises KeyError."""
        return self._queues[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._queues)

    def take(self) -> list[LogLine]:
        """Everything from everywhere, in no order."""
        return [line for each in self._queues.values() for line in each.take()]
