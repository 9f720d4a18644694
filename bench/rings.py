"""Rings in memory that forked processes share, and contests over them: ours and the same in C."""

import numpy as np

from bench import ring_kernels as kernels
from bench.c_rivals import c_library, call
from bench.duel import Contest
from bench.results import Absent, Result, rate, times
from bench.shared import SharedRing, new_clock, shared_bytes
from shm.kernel import address_of_array
from shm.ring import ring_bytes

CAPACITY_BYTES = 1 << 16
"""As the links of orders have it: 1,024 frames of 64 bytes."""

BATCH = 256
PAUSES = 100
"""What a reader of a stream waits when it finds nothing: 2.5 us."""

CAME_BACK = "every message came back"
ARRIVED = "every message arrived"
LOST = "messages were lost or changed"


class OurRings:
    """Our side of the contests: two rings for round trips, the first of them for a stream."""

    def __init__(self, *, samples: int, count: int) -> None:
        self._there, self._back = SharedRing(CAPACITY_BYTES), SharedRing(CAPACITY_BYTES)
        self._clock = new_clock()
        self._samples = np.zeros(samples, dtype=np.int64)
        self._span = np.zeros(2, dtype=np.int64)
        self._count = count
        # Compiled before the fork: each side waits for the other for a second at most.
        writer, reader = self._there.writer, self._there.reader
        kernels.ping(writer, reader, address_of_array(self._clock), self._samples[:0])
        kernels.pong(writer, reader, 0)
        kernels.pour(writer, 1)
        kernels.drain(reader, 1, 1, 1, address_of_array(self._clock), self._span)

    def reset(self) -> None:
        """Empty both."""
        self._there.reset()
        self._back.reset()

    def open(self) -> None:
        """Open both."""
        self._there.open()
        self._back.open()

    def round_trips(self) -> Contest:
        """Half a round trip, polling."""
        return Contest("ours", self.reset, self._ping, self._pong)

    def stream(self) -> Contest:
        """Frames a second."""
        return Contest("ours", self.reset, self._drain, self._pour)

    @property
    def ring_address(self) -> int:
        """Where the ring of the stream stands."""
        return self._there.address

    def answer_wrongly(self) -> None:
        """A partner that sends other numbers back, for the test of the check."""
        self.open()
        kernels.pour(self._back.writer, 1)
        for _ in range(len(self._samples) * kernels.TRIPS_A_SAMPLE):
            kernels.pour(self._back.writer, 1)

    def _ping(self) -> Result:
        self.open()
        clock, samples = address_of_array(self._clock), self._samples
        right = kernels.ping(self._there.writer, self._back.reader, clock, samples)
        return times(samples / 1000, CAME_BACK if right == len(samples) * kernels.TRIPS_A_SAMPLE else LOST)

    def _pong(self) -> None:
        self.open()
        kernels.pong(self._back.writer, self._there.reader, len(self._samples))

    def _drain(self) -> Result:
        self.open()
        clock = address_of_array(self._clock)
        taken = kernels.drain(self._there.reader, self._count, BATCH, PAUSES, clock, self._span)
        return rate(self._count, int(self._span[1] - self._span[0]), ARRIVED if taken == self._count else LOST)

    def _pour(self) -> None:
        self.open()
        kernels.pour(self._there.writer, self._count)


class CRings:
    """The same in C."""

    def __init__(self, *, samples: int, count: int) -> None:
        self._library = c_library("ring_loops")
        self._memory = [shared_bytes(ring_bytes(CAPACITY_BYTES)) for _ in range(2)]
        self._there, self._back = (address_of_array(memory) for memory in self._memory)
        self._clock = new_clock()
        self._samples = np.zeros(samples, dtype=np.int64)
        self._span = np.zeros(2, dtype=np.int64)
        self._count = count

    @property
    def absent(self) -> Absent | None:
        """Why there is none here."""
        return self._library if isinstance(self._library, Absent) else None

    def _call(self, function: str, *arguments: int) -> int:
        assert not isinstance(self._library, Absent)
        return call(self._library, function, *arguments)

    def reset(self) -> None:
        """Empty both."""
        for memory in self._memory:
            memory[:] = 0

    def round_trips(self) -> Contest:
        """Half a round trip, polling."""
        return Contest("C ring", self.reset, self._ping, self._pong)

    def floor(self) -> Contest:
        """A bare counter handed back and forth: no message can undercut it."""
        return Contest("floor", self.reset, self._floor_ping, self._floor_pong)

    def stream(self, ring: int = 0) -> Contest:
        """Frames a second; `ring`: the address of another ring than its own."""
        self._there = ring or self._there
        return Contest("C ring", self.reset, self._drain, self._pour)

    def _timed(self, right: int) -> Result:
        wanted = len(self._samples) * kernels.TRIPS_A_SAMPLE
        return times(self._samples / 1000, CAME_BACK if right == wanted else LOST)

    def _ping(self) -> Result:
        clock, samples = address_of_array(self._clock), self._samples
        arguments = (clock, address_of_array(samples), len(samples))
        return self._timed(self._call("ping", self._there, self._back, CAPACITY_BYTES, *arguments))

    def _pong(self) -> None:
        self._call("pong", self._there, self._back, CAPACITY_BYTES, len(self._samples))

    def _floor_ping(self) -> Result:
        clock, samples = address_of_array(self._clock), self._samples
        return self._timed(self._call("floor_ping", self._there, clock, address_of_array(samples), len(samples)))

    def _floor_pong(self) -> None:
        self._call("floor_pong", self._there, len(self._samples))

    def _drain(self) -> Result:
        clock, span = address_of_array(self._clock), address_of_array(self._span)
        taken = self._call("drain", self._there, CAPACITY_BYTES, self._count, BATCH, PAUSES, clock, span)
        return rate(self._count, int(self._span[1] - self._span[0]), ARRIVED if taken == self._count else LOST)

    def _pour(self) -> None:
        self._call("pour", self._there, CAPACITY_BYTES, self._count)
