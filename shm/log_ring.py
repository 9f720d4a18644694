"""Log ring: fixed 64-byte records from one stage's compiled code to the log's collector. Full: dropped and counted.

Record, one cache line, numbered within the stage by its sequence:

     0                        8         16       24                              64
     +------------------------+---------+--------+--------+-------- - - ---------+
     | sequence << 16 | event | time_ns | value  | value  |     six in all       |
     +------------------------+---------+--------+--------+-------- - - ---------+
      event: which format; a value is an int64, or a float64's bits: the format knows

Ring (content of its segment; zeroed memory is an empty ring):

     0          8          128      256
     +----------+----------+--------+--------+-------- - -
     | position | sequence | head   | record | record
     +----------+----------+--------+--------+-------- - -
      writer: committed,     reader:
      tried                  taken

    writer   room? else only the sequence grows: the next record's number tells how many are missing
             the record, then position (release), then sequence (release)
    reader   sequence (acquire), position (acquire), copy, head (release: the room is free)

A record counts once position says so, so a writer killed at any instruction leaves whole records only. A reader
that has taken everything, and has seen a sequence larger than the last record's, knows exactly how many were
dropped behind it: sequence never runs ahead of position.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shm.atomics import load_acquire, load_relaxed, store_release
from shm.kernel import copy, inlined, kernel, store_i64
from shm.layout import WORD_SPACING_BYTES

RECORD_BYTES = 64
VALUES_MAX = 6
LOG_RECORDS = 1 << 17
"""Records of a stage's ring: 8 MiB, a second and more of a storm that no file could take."""

POSITION, SEQUENCE, HEAD = 0, 8, WORD_SPACING_BYTES
HEADER_BYTES = 2 * WORD_SPACING_BYTES
EVENT_BITS = 16
_RECORD_SHIFT = 6
_PAGE_BYTES = 4096

LOG_RECORD = np.dtype([("word", "i8"), ("time_ns", "i8"), ("values", "i8", (VALUES_MAX,))])

LOG_WRITER = np.dtype(
    [
        ("ring", "i8"),
        ("mask", "i8"),
        ("position", "i8"),
        ("sequence", "i8"),
        ("head_cached", "i8"),
        ("doorbell", "i8"),
        ("touched", "i8"),
    ],
    align=True,
)
"""The writer's private side; `ring` 0: there is none. `touched`: the collector's `doorbell` is owed a ring."""

LOG_READER = np.dtype([("ring", "i8"), ("records", "i8"), ("position", "i8"), ("tried", "i8")], align=True)
"""The reader's private side. `tried`: sequence seen before the last drain: all below it are committed or dropped."""

assert LOG_RECORD.itemsize == RECORD_BYTES == 1 << _RECORD_SHIFT


def log_ring_bytes(records: int = LOG_RECORDS) -> int:
    """Bytes of shared memory that a ring takes. Raises ValueError for a number that is no power of two."""
    if records < 2 or records & (records - 1):
        raise ValueError(f"log records: found {records}, allowed a power of two from 2 on")
    return HEADER_BYTES + records * RECORD_BYTES


def open_log_writer(writer: Any, content: np.ndarray, doorbell: int = 0) -> None:
    """Bind a LOG_WRITER record to a ring's content, behind what a killed predecessor has committed (cold).

    Touches every page once, so that no record pays for a page fault.
    """
    records = (content.size - HEADER_BYTES) // RECORD_BYTES
    words = content[:HEADER_BYTES].view(np.int64)
    position, sequence = int(words[POSITION // 8]), int(words[SEQUENCE // 8])
    if position > 0:
        # Killed between the two: the last record has this sequence already.
        last = HEADER_BYTES + ((position - 1) & (records - 1)) * RECORD_BYTES
        word = int(content[last : last + 8].view(np.int64)[0])
        sequence = max(sequence, (word >> EVENT_BITS) + 1)
    writer["ring"] = content.ctypes.data
    writer["mask"] = records - 1
    writer["position"] = position
    writer["sequence"] = sequence
    writer["head_cached"] = int(words[HEAD // 8])
    writer["doorbell"] = doorbell
    content[::_PAGE_BYTES].max()


def open_log_reader(reader: Any, content: np.ndarray) -> None:
    """Bind a LOG_READER record to a ring's content, where the last reader stopped (cold).

    The number of records follows from the content's size, never from what stands in it.
    """
    reader["ring"] = content.ctypes.data
    reader["records"] = (content.size - HEADER_BYTES) // RECORD_BYTES
    reader["position"] = int(content[HEAD : HEAD + 8].view(np.int64)[0])
    reader["tried"] = 0


@intrinsic
def as_word(typingctx: Any, value: Any) -> Any:
    """as_word(value) -> int64: an integer or a bool as it is, a float64 as its bits."""
    if not isinstance(value, types.Integer | types.Boolean | types.Float):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if isinstance(value, types.Float):
            wide = context.cast(builder, arguments[0], value, types.float64)
            return builder.bitcast(wide, ir.IntType(64))
        return context.cast(builder, arguments[0], value, types.int64)

    return types.int64(value), generate


@inlined
def log_record(writer, event, time_ns, a, b, c, d, e, f):
    """Append a record: 1, or 0 when the ring is full; then it is dropped and counted. Never waits."""
    if writer.position - writer.head_cached > writer.mask:
        writer.head_cached = load_acquire(writer.ring + HEAD)
        if writer.position - writer.head_cached > writer.mask:
            writer.sequence += 1
            store_release(writer.ring + SEQUENCE, writer.sequence)
            return 0
    at = writer.ring + HEADER_BYTES + ((writer.position & writer.mask) << _RECORD_SHIFT)
    store_i64(at, (writer.sequence << EVENT_BITS) | event)
    store_i64(at + 8, time_ns)
    store_i64(at + 16, as_word(a))
    store_i64(at + 24, as_word(b))
    store_i64(at + 32, as_word(c))
    store_i64(at + 40, as_word(d))
    store_i64(at + 48, as_word(e))
    store_i64(at + 56, as_word(f))
    writer.position += 1
    writer.sequence += 1
    store_release(writer.ring + POSITION, writer.position)
    store_release(writer.ring + SEQUENCE, writer.sequence)
    return 1


@kernel
def drain_log(reader, out, room):
    """Copy the oldest records, at most `room`, to the address `out` and free their places; how many.

    -1: the ring's words cannot be true; nothing was touched.
    """
    reader.tried = load_acquire(reader.ring + SEQUENCE)
    waiting = load_acquire(reader.ring + POSITION) - reader.position
    if waiting < 0 or waiting > reader.records:
        return -1
    count = min(waiting, room)
    for index in range(count):
        place = (reader.position + index) & (reader.records - 1)
        at = reader.ring + HEADER_BYTES + (place << _RECORD_SHIFT)
        copy(out + (index << _RECORD_SHIFT), at, RECORD_BYTES)
    reader.position += count
    store_release(reader.ring + HEAD, reader.position)
    return count


@inlined
def log_waits(reader):
    """Whether there is something that the last drain has not seen, records or drops; no order with what follows."""
    return (
        load_relaxed(reader.ring + POSITION) != reader.position or load_relaxed(reader.ring + SEQUENCE) != reader.tried
    )
