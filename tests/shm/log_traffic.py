"""Log records whose every word follows from their number, so that a torn, stale or foreign one is told from a whole."""

import numpy as np

from shm.kernel import address_of_array, kernel, new_record
from shm.log_ring import (
    EVENT_BITS,
    LOG_READER,
    LOG_RECORD,
    LOG_WRITER,
    drain_log,
    log_record,
    log_ring_bytes,
    open_log_reader,
    open_log_writer,
)
from tests.shm.areas import aligned, shared
from tests.shm.processes import stop_here

EVENTS = 1000


@kernel
def _log(writer, number):
    return log_record(writer, number % EVENTS, number, number + 1, -number, number * 3, number << 20, 7, ~number)


@kernel
def log_many(writer, first, count):
    """Log records numbered from `first`; how many found room."""
    kept = 0
    for number in range(first, first + count):
        kept += _log(writer, number)
    return kept


@kernel
def log_stepped(writer, number):
    """Log one record between two stops."""
    stop_here()
    _log(writer, number)
    stop_here()


@kernel
def log_forever(writer, first):
    """Log records until killed."""
    number = first
    while True:
        _log(writer, number)
        number += 1


@kernel
def drain_stepped(reader, out, room):
    """Drain between two stops, again and again."""
    while True:
        stop_here()
        drain_log(reader, out, room)
        stop_here()


class LogRing:
    """A ring with ways to open its two sides and to see what comes out."""

    def __init__(self, records: int, *, in_shared: bool = False, image: bytes = b"") -> None:
        self.records = records
        size = log_ring_bytes(records)
        self.content = (shared if in_shared else aligned)(size)[:size]
        if image:
            self.content[:] = np.frombuffer(image, np.uint8)
        self.words = self.content[:256].view(np.int64)
        self.out = np.zeros(records, LOG_RECORD)

    def writer(self) -> np.ndarray:
        """A new writer's record."""
        writer = new_record(LOG_WRITER)
        open_log_writer(writer[0], self.content)
        return writer

    def reader(self) -> np.ndarray:
        """A new reader's record."""
        reader = new_record(LOG_READER)
        open_log_reader(reader[0], self.content)
        return reader

    def drain(self, reader: np.ndarray, room: int = 1 << 20) -> np.ndarray:
        """Copies of the oldest records. Raises ValueError when the ring's words cannot be true."""
        count = drain_log(reader[0], address_of_array(self.out), min(room, self.records))
        if count < 0:
            raise ValueError("the ring's words cannot be true")
        return self.out[:count].copy()


def numbers_of(records: np.ndarray) -> list[int]:
    """The number that each record was made from; fails for one that is not whole."""
    number = records["time_ns"]
    values = records["values"]
    expected = np.stack([number + 1, -number, number * 3, number << 20, np.full_like(number, 7), ~number], axis=1)
    assert (values == expected).all()
    assert (records["word"] & ((1 << EVENT_BITS) - 1) == number % EVENTS).all()
    return number.tolist()


def sequences_of(records: np.ndarray) -> list[int]:
    """The records' sequences."""
    return (records["word"] >> EVENT_BITS).tolist()
