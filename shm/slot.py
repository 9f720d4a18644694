"""Latest-value slots: the newest frame of each symbol, overwritten in place, read without waiting.

    0               128               128 + stride
    +---------------+-----------------+----------------- - -
    | publications  | slot of symbol 0| slot of symbol 1 ...
    +---------------+-----------------+----------------- - -
    slot:   version (int64) ... at +128 one frame; odd version = being written

A writer makes the version odd, writes, makes it even; a reader copies between two looks at an even version.
Reads are retried a bounded number of times. A reader on the writer's own thread has no need of a copy. A writer
killed in mid-write leaves an odd version: readers keep
what they had, and the next writer to open the slot evens it. A publication's sequence names its slot too:
version / 2 * SLOTS_MAX + index.
"""

import numpy as np

from shm.atomics import fence_acquire, fence_release, load_acquire, load_relaxed, store_relaxed, store_release
from shm.kernel import copy, inlined, kernel, load_i64, store_i64
from shm.layout import (
    FRAME_ORIGIN,
    FRAME_PUBLISH,
    FRAME_SEQUENCE,
    LENGTH_MASK,
    SLOT_FRAME,
    TYPE_SHIFT,
    WORD_SPACING_BYTES,
)

SLOTS_MAX = 64
RETRIES_MAX = 64

SLOT_WRITER = np.dtype(
    [("base", "i8"), ("stride", "i8"), ("slots", "i8"), ("slot", "i8"), ("index", "i8"), ("publications", "i8")],
    align=True,
)
"""The producer's side; `slot` is the address of the one being written, `index` its number."""

SLOT_READER = np.dtype(
    [
        ("base", "i8"),
        ("stride", "i8"),
        ("slots", "i8"),
        ("publications", "i8"),
        ("next", "i8"),
        ("buffer", "i8"),
        ("seen", "i8", (SLOTS_MAX,)),
    ],
    align=True,
)
"""A consumer's side: version last taken of each slot, room for one frame at `buffer` (0: frames are read in place)."""


def slot_stride(frame_bytes: int) -> int:
    """Bytes from one slot to the next for frames of at most `frame_bytes`."""
    return SLOT_FRAME + (frame_bytes + WORD_SPACING_BYTES - 1) // WORD_SPACING_BYTES * WORD_SPACING_BYTES


def slots_bytes(slots: int, frame_bytes: int) -> int:
    """Bytes of shared memory for `slots` slots."""
    if not 1 <= slots <= SLOTS_MAX:
        raise ValueError(f"slots: found {slots}, allowed 1 to {SLOTS_MAX}")
    return WORD_SPACING_BYTES + slots * slot_stride(frame_bytes)


@kernel
def open_slot_writer(writer, base, stride, slots):
    """Bind a SLOT_WRITER, evening what a killed predecessor left odd."""
    writer.base = base
    writer.stride = stride
    writer.slots = slots
    # A predecessor killed behind its commit has not counted it: one count more makes the readers look.
    writer.publications = load_acquire(base) + 1
    for index in range(slots):
        slot = base + WORD_SPACING_BYTES + index * stride
        version = load_acquire(slot)
        if version & 1:
            store_i64(slot + SLOT_FRAME, 0)
            store_release(slot, version + 1)
    store_release(base, writer.publications)


@kernel
def open_slot_reader(reader, base, stride, slots, buffer):
    """Bind a SLOT_READER: whatever was published before counts as unseen.

    `buffer`: address of room for one frame; 0 where writer and reader take turns on one thread.
    """
    reader.base = base
    reader.stride = stride
    reader.slots = slots
    reader.buffer = buffer
    reader.publications = 0
    reader.next = slots
    for index in range(slots):
        reader.seen[index] = 0


@inlined
def slot_claim(writer, index):
    """Address of the frame to fill in slot `index`, or 0 for an index out of range.

    A claim that is not committed leaves the slot unreadable until the next commit.
    """
    if index < 0 or index >= writer.slots:
        return 0
    slot = writer.base + WORD_SPACING_BYTES + index * writer.stride
    store_relaxed(slot, load_relaxed(slot) | 1)
    fence_release()
    writer.slot = slot
    writer.index = index
    return slot + SLOT_FRAME


@inlined
def slot_commit(writer, kind, frame_bytes, origin_ns, publish_ns):
    """Publish the claimed slot's frame; return its sequence."""
    slot = writer.slot
    version = load_relaxed(slot) + 1
    frame = slot + SLOT_FRAME
    sequence = (version >> 1) * SLOTS_MAX + writer.index
    store_i64(frame + FRAME_SEQUENCE, sequence)
    store_i64(frame + FRAME_ORIGIN, origin_ns)
    store_i64(frame + FRAME_PUBLISH, publish_ns)
    store_i64(frame, (kind << TYPE_SHIFT) | frame_bytes)
    store_release(slot, version)
    writer.publications += 1
    store_release(writer.base, writer.publications)
    return sequence


@inlined
def slot_waits(reader):
    """Whether there may be an unseen publication."""
    return reader.next < reader.slots or load_acquire(reader.base) != reader.publications


@inlined
def slot_poll(reader):
    """Address of the next unseen publication, or 0: a private copy, or in place, good until the writer's turn."""
    if reader.next >= reader.slots:
        publications = load_acquire(reader.base)
        if publications == reader.publications:
            return 0
        reader.publications = publications
        reader.next = 0
    return _scan(reader)


@kernel
def _scan(reader):
    while reader.next < reader.slots:
        index = reader.next
        reader.next += 1
        slot = reader.base + WORD_SPACING_BYTES + index * reader.stride
        for _ in range(RETRIES_MAX):
            version = load_acquire(slot)
            if version == reader.seen[index]:
                break
            if version & 1:
                continue
            frame = slot + SLOT_FRAME
            length = load_i64(frame) & LENGTH_MASK
            if length > reader.stride - SLOT_FRAME:
                continue
            if reader.buffer == 0:
                reader.seen[index] = version
                if length:
                    return frame
                break
            copy(reader.buffer, frame, length)
            fence_acquire()
            if load_relaxed(slot) == version:
                reader.seen[index] = version
                if length:
                    return reader.buffer
                break
        else:
            # Being rewritten all the time, or its writer died in it: look again at the next poll.
            reader.publications = -1
    return 0
