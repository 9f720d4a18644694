"""What forked processes share while something is measured: bytes, rings and slots with both ends bound, a clock."""

import mmap

import numpy as np

from shm.clock import CLOCK, calibrate
from shm.kernel import address_of_array, new_record
from shm.ring import READER, WRITER, format_ring, open_reader, open_writer, ring_bytes
from shm.slot import SLOT_READER, SLOT_WRITER, SLOTS_MAX, open_slot_reader, open_slot_writer, slot_stride, slots_bytes


def shared_bytes(count: int) -> np.ndarray:
    """Zeroed memory, every page touched, that a process forked later shares; it goes with the array."""
    memory = np.frombuffer(mmap.mmap(-1, count), dtype=np.uint8)
    memory[:] = 0
    return memory


def new_clock() -> np.ndarray:
    """A calibrated clock."""
    clock = new_record(CLOCK)
    calibrate(clock)
    return clock


class SharedSlots:
    """All the slots that one reader may have, in memory that a fork shares, with both ends bound."""

    def __init__(self, frame_bytes: int) -> None:
        self.memory = shared_bytes(slots_bytes(SLOTS_MAX, frame_bytes))
        self.writer, self.reader = new_record(SLOT_WRITER)[0], new_record(SLOT_READER)[0]
        self._copy = np.zeros(frame_bytes // 8 + 1, dtype=np.int64)
        base, stride = address_of_array(self.memory), slot_stride(frame_bytes)
        open_slot_writer(self.writer, base, stride, SLOTS_MAX)
        open_slot_reader(self.reader, base, stride, SLOTS_MAX, address_of_array(self._copy))


class SharedRing:
    """A ring in memory that a fork shares, one writer and its readers, to be emptied and opened again."""

    def __init__(self, capacity_bytes: int, *, consumers: int = 1) -> None:
        self.memory = shared_bytes(ring_bytes(capacity_bytes))
        self.address = address_of_array(self.memory)
        self.writer = new_record(WRITER)[0]
        self.readers = [new_record(READER)[0] for _ in range(consumers)]
        self._capacity_bytes = capacity_bytes
        self.reset()
        self.open()

    @property
    def reader(self) -> np.void:
        """The only reader, or the first."""
        return self.readers[0]

    def reset(self) -> None:
        """Empty it: one process does."""
        self.memory[:] = 0
        format_ring(self.memory, self._capacity_bytes, consumers=len(self.readers))

    def open(self) -> None:
        """Bind all sides anew: every process that uses one does."""
        open_writer(self.writer, self.address)
        for index, reader in enumerate(self.readers):
            open_reader(reader, self.address, index, 0)
