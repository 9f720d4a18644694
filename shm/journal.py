"""Append-only record of what a stage took and what it sent: the bytes, and appending to them.

One file, preallocated and mapped, one writer. A record is complete or it is not there: its checksum covers
everything after it, so a file cut or torn anywhere by kill -9 ends at the last whole record.

     0        4        8          16                                24        32
     +--------+--------+----------+------+------+-----------------+---------+---------- - -
     | length | crc32c |  now_ns  | kind | port | sequence 48 bit |  value  | payload, padded to 8
     +--------+--------+----------+------+------+-----------------+---------+---------- - -

    INPUT     port = inbox, value = origin_ns; payload = the frame where only the journal has it
    OUTPUT    port = outbox, value = digest of the frame without its publish stamp
    DENIED    port = outbox that had no room; the step was told
    SNAPSHOT  the stage's state record, in the payload; every file begins with one
    CLOSED    the stage stopped in order
"""

import numpy as np

from shm.atomics import prefetch_to_write, store_release
from shm.checksum import crc_bytes, crc_i64
from shm.kernel import copy, inlined, kernel, load_i64, load_u32, store_i64

INPUT, OUTPUT, DENIED, SNAPSHOT, CLOSED = 1, 2, 3, 4, 5
KIND_NAMES = {INPUT: "input", OUTPUT: "output", DENIED: "denied", SNAPSHOT: "snapshot", CLOSED: "closed"}
RECORD_BYTES = 32
KIND_SHIFT, PORT_SHIFT = 56, 48
SEQUENCE_MASK = (1 << 48) - 1
_CRC_SEED = 0xFFFFFFFF
AHEAD_BYTES = 512
"""How far before it is written a line is asked for: an append that waits for one holds up every store behind it."""

JOURNAL = np.dtype([("base", "i8"), ("position", "i8"), ("capacity", "i8"), ("records", "i8")], align=True)
"""The writer's side; `base` 0 = journaling is off. Positions are bytes from the file's first record."""


@inlined
def record_key(kind, port, sequence):
    """The third word of a record."""
    return (kind << KIND_SHIFT) | (port << PORT_SHIFT) | (sequence & SEQUENCE_MASK)


@inlined
def journal_room(journal):
    """Bytes left."""
    return journal.capacity - journal.position


@inlined
def append(journal, now_ns, key, value, payload, payload_bytes):
    """Add one record; 1 when it is in, 0 when the file has no room for it."""
    padded = (payload_bytes + 7) & ~7
    length = RECORD_BYTES + padded
    if journal.position + length + 8 > journal.capacity:
        return 0
    at = journal.base + journal.position
    prefetch_to_write(at + AHEAD_BYTES)
    crc = crc_i64(crc_i64(crc_i64(_CRC_SEED, now_ns), key), value)
    store_i64(at + 8, now_ns)
    store_i64(at + 16, key)
    store_i64(at + 24, value)
    if payload_bytes:
        store_i64(at + length - 8, 0)
        copy(at + RECORD_BYTES, payload, payload_bytes)
        crc = crc_bytes(crc, at + RECORD_BYTES, padded)
    # Release: neither the compiler nor the core may bring the rest of the record behind its first word.
    store_release(at, (crc << 32) | length)
    journal.position += length
    journal.records += 1
    return 1


@kernel
def next_record(base, position, capacity):
    """Length of the whole, unharmed record at `position`; 0 at the end, -1 where bytes are damaged.

    The end is a zero length word, or the end of the file.
    """
    if position + RECORD_BYTES > capacity:
        return 0
    at = base + position
    length = load_u32(at)
    if length == 0:
        return 0 if load_i64(at) == 0 else -1
    if length < RECORD_BYTES or length & 7 or position + length > capacity:
        return -1
    crc = crc_bytes(_CRC_SEED, at + 8, length - 8)
    return length if crc == load_u32(at + 4) else -1


@inlined
def record_kind(key):
    """INPUT, OUTPUT, DENIED, SNAPSHOT or CLOSED."""
    return (key >> KIND_SHIFT) & 0xFF


@inlined
def record_port(key):
    """Inbox or outbox number."""
    return (key >> PORT_SHIFT) & 0xFF


@inlined
def record_sequence(key):
    """The frame's sequence on its link."""
    return key & SEQUENCE_MASK
