"""Events of compiled code on their way into the log: the collector's side of the stages' log rings.

    stage   log_event -> 64-byte record -> its ring --.
    stage   log_event -> 64-byte record -> its ring ---+--> drain -> format -> LogLine
    ...                                             --'

The memory belongs to processes that may have gone mad, so nothing in it is trusted: an unknown event, a time that
cannot be, a sequence out of turn become a line that says so, and a ring whose words cannot be true is left alone.
"""

import time
from collections.abc import Sequence

import numpy as np

from procs.hot_log_events import Event
from procs.hot_log_formats import FORMATS
from procs.log_queue import LogLine, LogQueues
from procs.run_segments import RunSegments
from procs.topology import STAGES
from shm.atomics import fence, load_relaxed, store_relaxed, store_release
from shm.clock import now_ns
from shm.doorbell import AWAKE, IN_FUTEX, nap, sleep_in_futex
from shm.kernel import address_of_array, kernel, load_i64, new_record, view
from shm.layout import WORD_SPACING_BYTES
from shm.log_ring import EVENT_BITS, LOG_READER, LOG_RECORD, drain_log, log_waits, open_log_reader

BATCH_MAX = 1024
"""Records taken from one ring before the next has its turn."""

AGE_NS_MAX = 3_600_000_000_000
AHEAD_NS_MAX = 1_000_000_000
"""A record that claims to be older, or so far from the future, is given the time at which it was found."""

DROPS_MAX = 1 << 40
"""More records than this cannot have been dropped since the last look."""

_LOOKS, _LOOK_NS_MAX = 5, 20_000

LOGGER = "trader.log"
_EVENT_MASK = (1 << EVENT_BITS) - 1


@kernel
def drain_ring(reader, out, room):
    """`drain_log` of the LOG_READER at an address: integers are what Python hands over quickly."""
    return drain_log(view(reader, LOG_READER), out, room)


@kernel
def waiting_rings(readers, rings):
    """A bit for each ring that holds something new; `readers`: address of a table of LOG_READER addresses."""
    found = 0
    for index in range(rings):
        found |= int(log_waits(view(load_i64(readers + index * 8), LOG_READER))) << index
    return found


@kernel
def sleep_until_logged(doorbell, readers, rings, queues, count, puts, timeout_ns, nap_ns, scratch):
    """Sleep until rung or timed out, unless something has been logged since the last look; then nap for what follows.

    `readers`: address of a table of `rings` LOG_READER addresses; `queues`: of the first of `count` queues' lines,
    which had `puts` records put in all; `scratch`: of 16 bytes.
    """
    store_relaxed(doorbell, IN_FUTEX)
    fence()
    for index in range(count):
        puts -= load_relaxed(queues + index * WORD_SPACING_BYTES + 8)
    if puts != 0 or waiting_rings(readers, rings) != 0:
        store_release(doorbell, AWAKE)
        return
    sleep_in_futex(doorbell, timeout_ns, scratch)
    nap(nap_ns, scratch)


class HotRing:
    """The reading end of one stage's ring. `unread`: whether the last `take` left something behind."""

    def __init__(self, stage: str, content: np.ndarray, symbols: Sequence[str]) -> None:
        self.stage = stage
        self.reader = new_record(LOG_READER)
        open_log_reader(self.reader[0], content)
        self.unread = False
        self._symbols = symbols
        self.address = address_of_array(self.reader)
        self.broken = False
        self._records = np.zeros(BATCH_MAX, LOG_RECORD)
        self._room = address_of_array(self._records)
        self._expected = 0

    def take(self, now_ns: int, wall_offset_ns: int) -> list[LogLine]:
        """The oldest records as lines, in their order. `wall_offset_ns`: wall clock minus run clock."""
        self.unread = False
        if self.broken:
            return []
        count = int(drain_ring(self.address, self._room, BATCH_MAX))
        tried = int(self.reader[0]["tried"])
        if count < 0 or tried - self._expected > DROPS_MAX:
            self.broken = True
            return [self._remark("its log ring is damaged and not read any more", 0, now_ns, wall_offset_ns)]
        self.unread = count == BATCH_MAX
        lines = []
        columns = (self._records[name][:count].tolist() for name in ("word", "time_ns", "values"))
        for word, time_ns, values in zip(*columns, strict=True):
            stamp_ns = time_ns if -AHEAD_NS_MAX <= now_ns - time_ns <= AGE_NS_MAX else now_ns
            lines.append(self._line(word & _EVENT_MASK, values, stamp_ns, wall_offset_ns))
            lines[-1].lost = max((word >> EVENT_BITS) - self._expected, 0)
            self._expected = (word >> EVENT_BITS) + 1
        if not self.unread and tried > self._expected:
            lines.append(self._remark("its log ring was full", tried - self._expected, now_ns, wall_offset_ns))
            self._expected = tried
        return lines

    def _line(self, number: int, words: list[int], time_ns: int, wall_offset_ns: int) -> LogLine:
        wall_ns = time_ns + wall_offset_ns
        format_ = FORMATS.get(number)  # type: ignore[call-overload]
        if format_ is None:
            text = f"unknown event {number}: {', '.join(map(str, words))}"
            return LogLine(time_ns, self.stage, "WARNING", text, LOGGER, wall_ns)
        fields = format_.values(words, self._symbols)
        text = format_.template.format_map(fields)
        return LogLine(time_ns, self.stage, format_.level, text, format_.logger, wall_ns, 0, Event(number).name, fields)

    def _remark(self, text: str, lost: int, now_ns: int, wall_offset_ns: int) -> LogLine:
        return LogLine(now_ns, self.stage, "WARNING", text, LOGGER, now_ns + wall_offset_ns, lost)


class HotLog:
    """The rings of all stages of a run, and the clock that stamps them."""

    def __init__(self, segments: RunSegments, symbols: Sequence[str], queues: LogQueues) -> None:
        self._segments = segments
        self._queues = queues
        self._rings = [
            HotRing(stage.name, segments.segments[f"log.{stage.name}"].bytes_view(), symbols) for stage in STAGES
        ]
        self._table = np.array([ring.address for ring in self._rings], dtype=np.int64)
        self._readers = address_of_array(self._table)
        self._scratch = np.zeros(2, dtype=np.int64)
        self._offsets: tuple[int, int] | None = None

    @classmethod
    def attach(cls, run: str, layout_hash: int, symbols: Sequence[str], queues: LogQueues) -> "HotLog":
        """Map a run's rings. Raises SegmentError."""
        return cls(RunSegments.attach_log(run, layout_hash), symbols, queues)

    def _now_ns(self) -> int:
        return int(now_ns(self._segments.clock_address))

    def offsets_ns(self) -> tuple[int, int]:
        """Run clock minus CLOCK_MONOTONIC, and wall clock minus run clock: all drift apart, so look each time.

        The tightest of a few looks; none during which this process was off its core.
        """
        for _ in range(_LOOKS):
            before = self._now_ns()
            monotonic, wall = time.monotonic_ns(), time.time_ns()
            after = self._now_ns()
            if after - before < _LOOK_NS_MAX or self._offsets is None:
                self._offsets = ((before + after) // 2 - monotonic, wall - (before + after) // 2)
                if after - before < _LOOK_NS_MAX:
                    break
        assert self._offsets is not None
        return self._offsets

    def take(self, wall_offset_ns: int) -> tuple[list[LogLine], int]:
        """Lines of all rings, and the time before which they are all there are (run clock)."""
        now = complete_ns = self._now_ns()
        found: list[LogLine] = []
        waiting = int(waiting_rings(self._readers, len(self._rings)))
        for index in range(waiting.bit_length()):
            if waiting >> index & 1:
                ring = self._rings[index]
                lines = ring.take(now, wall_offset_ns)
                found += lines
                if ring.unread:
                    complete_ns = min(complete_ns, lines[-1].time_ns)
        if waiting and any(ring.broken for ring in self._rings):
            self._rings = [ring for ring in self._rings if not ring.broken]
            self._table[: len(self._rings)] = [ring.address for ring in self._rings]
        return found, complete_ns

    @property
    def unread(self) -> bool:
        """Whether the last `take` left something in a ring."""
        return any(ring.unread for ring in self._rings)

    def sleep(self, puts: int, timeout_ns: int, nap_ns: int) -> None:
        """Sleep until somebody logs, and `nap_ns` longer. `puts`: of the queues, before they were emptied."""
        sleep_until_logged(
            self._queues.doorbell,
            self._readers,
            len(self._rings),
            self._queues.address,
            len(self._queues),
            puts,
            timeout_ns,
            nap_ns,
            address_of_array(self._scratch),
        )
