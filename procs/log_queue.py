"""Log records on their way: one faster-fifo queue a process, behind a gate that is tried and never waited for.

A faster-fifo mutex stays locked when its holder is killed. So nobody touches it without the queue's gate, a
word in shared memory: a collector that was killed inside a queue costs its sender records, a sender that was
killed inside costs its own queue, and neither hangs.

    0      8      16             128               n * 128    (n + 1) * 128
    +------+------+----------+---+- - - -----------+----------+------- - -
    | gate | puts | under    |   | next queue ...  | doorbell | rings
    |      |      | way      |   |                 | (1 word) | (1 word)
    +------+------+----------+---+- - - -----------+----------+------- - -
    puts: records put so far       under way: since when a record is being made and put, 0: none
    doorbell: the collector sleeps on it      rings: the layout hash of the run's log rings, once they can be had

The memory is anonymous and made before the first fork, so it stands at one address in every process.
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
from shm.doorbell import AWAKE, wake
from shm.kernel import kernel
from shm.layout import WORD_SPACING_BYTES

QUEUE_BYTES = 1 << 18
"""Room of one process's queue: about a thousand ordinary records."""

SUPERVISOR_NAME = "supervisor"

GATE_TRIES = 400
"""About 25 ms: a collector that was taken off its core inside the gate is back by then, or is gone."""

_GATE_PAUSE_S = 10e-6
_GATE, _PUTS, _UNDER_WAY = 0, 1, 2
_LINE_WORDS = WORD_SPACING_BYTES // 8


class LogLine(msgspec.Struct, omit_defaults=True):
    """One record, in the queue and in the file.

    `time_ns` orders the log: on the run's clock, as every other stamp of a run. `wall_ns` is nanoseconds since
    1970, for people. `lost`: records of this process that found no room just before this one. `event` and
    `fields`: name and values of an event that compiled code has logged.
    """

    time_ns: int
    process: str
    level: str
    message: str
    logger: str = ""
    wall_ns: int = 0
    lost: int = 0
    event: str = ""
    fields: dict[str, int | float | str] = {}


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

    def loads(self, data: Any) -> bytes:
        """A record as it arrives: decoded later, behind the gate."""
        return bytes(data)


@kernel
def _enter_gate(gate):
    """1 if the gate was free and is ours now."""
    return 1 if exchange(gate, 1) == 0 else 0


@kernel
def _leave_gate(gate):
    store_release(gate, 0)


def _ring(bell: memoryview, address: int) -> None:
    """Wake the collector if it sleeps, which it does in a futex: there is nothing to write."""
    if bell[0] != AWAKE:
        wake(address, 0)


class LogQueue:
    """One process's way to the collector. Made by the supervisor, inherited by fork.

    `words`: its line of the shared memory, `gate` that line's address, `doorbell` the collector's word and address.
    """

    def __init__(self, words: memoryview, gate: int, bell: memoryview, bell_address: int) -> None:
        self._queue = _JsonQueue(max_size_bytes=QUEUE_BYTES)
        self._words = words
        self._gate = gate
        self._bell = bell
        self._bell_address = bell_address
        self._taken = 0
        self.blocked = False
        """Whether the last `take` found the sender inside."""
        # Pages first touched when /dev/shm has filled up would kill the sender: take them all now.
        pages = memoryview(self._queue.shared_memory).cast("B")
        for offset in range(0, len(pages), mmap.PAGESIZE):
            pages[offset] = 0

    def announce(self) -> None:
        """A record is being made: until `withdraw`, the collector holds back what is younger than now."""
        self._words[_UNDER_WAY] = time.monotonic_ns()

    def withdraw(self) -> None:
        """The record has been put, or given up."""
        self._words[_UNDER_WAY] = 0

    @property
    def under_way_ns(self) -> int:
        """Since when a record is being made, 0 for none."""
        return self._words[_UNDER_WAY]

    def put(self, line: LogLine, tries: int = GATE_TRIES) -> bool:
        """Hand a record over; False when there is no room, or the other side stands in the queue for too long."""
        if not self._enter(tries):
            return False
        try:
            self._queue.put_nowait(line)
            self._words[_PUTS] += 1
        except queue.Full:
            return False
        finally:
            _leave_gate(self._gate)
        _ring(self._bell, self._bell_address)
        return True

    @property
    def puts(self) -> int:
        """Records put so far."""
        return self._words[_PUTS]

    @property
    def waits(self) -> bool:
        """Whether something has been put since the last `take`."""
        return self._words[_PUTS] != self._taken

    def take(self) -> list[LogLine]:
        """Everything that is there; nothing while the sender stands in the queue, or died in it."""
        self.blocked = not self._enter(1)
        if self.blocked:
            return []
        found: list[bytes] = []
        try:
            self._taken = self._words[_PUTS]
            while not self._queue.empty():
                found += self._queue.get_many_nowait()
        except queue.Empty:
            pass
        finally:
            _leave_gate(self._gate)
        return [decode_line(data) for data in found]

    def _enter(self, tries: int) -> bool:
        for attempt in range(tries):
            if _enter_gate(self._gate):
                return True
            if attempt + 1 < tries:
                time.sleep(_GATE_PAUSE_S)
        return False


class LogQueues:
    """The queues of all processes of a run, by name, and what they share."""

    def __init__(self, names: list[str], memory: mmap.mmap) -> None:
        self._memory = memory
        self.address = int(np.frombuffer(memory, dtype=np.uint8).ctypes.data)
        """Of the first queue's line."""
        words = memoryview(memory).cast("q")
        lines = [words[at : at + _LINE_WORDS] for at in range(0, len(words), _LINE_WORDS)]
        self._bell, self._rings = lines[-2:]
        self.doorbell = self.address + len(names) * WORD_SPACING_BYTES
        """Address of the collector's doorbell."""
        self._queues = {
            name: LogQueue(lines[index], self.address + index * WORD_SPACING_BYTES, self._bell, self.doorbell)
            for index, name in enumerate(names)
        }

    @classmethod
    def create(cls, names: Iterable[str]) -> "LogQueues":
        """One queue for each name and one for the supervisor; call it before the first fork."""
        wanted = list(dict.fromkeys([*names, SUPERVISOR_NAME]))
        made = cls(wanted, mmap.mmap(-1, (len(wanted) + 2) * WORD_SPACING_BYTES))
        for each in made._queues.values():
            each.take()  # binds the compiled gate, so that no child has to load it
        return made

    def of(self, name: str) -> LogQueue:
        """The queue of one process. Raises KeyError."""
        return self._queues[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._queues)

    def __len__(self) -> int:
        return len(self._queues)

    def take(self) -> list[LogLine]:
        """Everything from everywhere, in no order."""
        return [line for each in self._queues.values() for line in each.take()]

    def take_new(self) -> list[LogLine]:
        """Everything from those processes that have put something since the last look."""
        return [line for each in self._queues.values() if each.waits for line in each.take()]

    def under_way_ns(self, since_ns: int) -> int:
        """The earliest stamp that a record under way can bear, 0 for none. Who hangs since before `since_ns` is not
        waited for any more."""
        return min((since for each in self._queues.values() if (since := each.under_way_ns) > since_ns), default=0)

    @property
    def blocked(self) -> bool:
        """Whether a sender stood inside its queue at the last look."""
        return any(each.blocked for each in self._queues.values())

    @property
    def puts(self) -> int:
        """Records put so far, by all."""
        return sum(each.puts for each in self._queues.values())

    def ring(self) -> None:
        """Wake the collector."""
        _ring(self._bell, self.doorbell)

    @property
    def rings(self) -> int:
        """Layout hash of the run's log rings, 0 as long as there are none."""
        return self._rings[0]

    def announce_rings(self, layout_hash: int) -> None:
        """The run's segments are there, and its kernels are loaded: the collector may attach the rings."""
        self._rings[0] = layout_hash
