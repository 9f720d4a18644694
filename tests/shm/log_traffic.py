"""Log records whose every word follows from their number, so that a torn, stale or foreign one is told from a whole."""

import numpy as np

from shm.atomics import pause
from shm.kernel import address_of_array, kernel, load_i64, new_record
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

LOG_TALLY = np.dtype([("taken", "i8"), ("missing", "i8"), ("harmed", "i8"), ("disorder", "i8")], align=True)
"""What `drain_with_pauses` has seen."""


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
def log_with_pauses(writer, count, seed):
    """Log records numbered from 0, now and then with a pause; how many found room."""
    kept, random = 0, seed * 2 + 1
    for number in range(count):
        kept += _log(writer, number)
        random = random * 6364136223846793005 + 1442695040888963407
        if (random >> 40) & 1023 == 0:
            for _ in range((random >> 50) & 4095):
                pause()
    return kept


@kernel
def drain_with_pauses(reader, out, room, count, seed, tally):
    """Drain until `count` records have been tried, now and then with a pause, and check every word.

    `tally`: records taken, missing before or behind them, with a wrong word, out of turn. 0 when all were accounted
    for; a lap of 2**34 empty looks gives up.
    """
    next_sequence, idle, random = 0, 0, seed * 2 + 1
    while next_sequence < count and idle < 1 << 34:
        found = drain_log(reader, out, room)
        tally.taken += found
        for index in range(found):
            at = out + index * 64
            number = load_i64(at + 8)
            right = load_i64(at) == (number << EVENT_BITS) | number % EVENTS
            right = right and load_i64(at + 16) == number + 1 and load_i64(at + 24) == -number
            right = right and load_i64(at + 32) == number * 3 and load_i64(at + 40) == number << 20
            right = right and load_i64(at + 48) == 7 and load_i64(at + 56) == ~number
            tally.harmed += not right
            tally.disorder += number < next_sequence
            tally.missing += number - next_sequence
            next_sequence = number + 1
        if found < room and reader.tried > next_sequence:
            tally.missing += reader.tried - next_sequence
            next_sequence = reader.tried
        idle = 0 if found else idle + 1
        random = random * 6364136223846793005 + 1442695040888963407
        if found and (random >> 40) & 63 == 0:
            for _ in range((random >> 50) & 4095):
                pause()
    return int(next_sequence != count)


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
