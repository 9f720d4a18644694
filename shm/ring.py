"""Ring of variable-size frames from one producer to one, two or three consumers.

A frame is claimed, written in place and committed: the commit word stands in the frame's own first cache
line, so one line carries the hand-over. The producer zeroes the next frame's commit word before it commits
this one, so a reader never takes stale bytes for a frame.

    producer                                consumer
    claim    room? by the slowest reliable  poll     commit word != 0 (acquire) -> frame address
             consumer's head, cached        advance  past the frame, privately
    ...fill the frame...                    release  store its head once a batch (release)
    commit   next word = 0, then the word
             (release), then tail

A reliable consumer gates the producer. A lossy one is never waited for: it looks at `tail`, copies the frame
out, and then checks `intent`, which the producer moved before it touched the bytes; a frame that was
overwritten meanwhile is discarded, and the gap shows in the sequence numbers. Killed at any instruction, a
producer leaves the last committed frame as the end; `resume` continues behind it.
"""

import numpy as np

from shm import layout
from shm.atomics import fence_acquire, fence_release, load_acquire, load_relaxed, store_relaxed, store_release
from shm.kernel import copy, inlined, kernel, load_i64, store_i64
from shm.layout import (
    FRAME_ALIGNMENT_BYTES,
    FRAME_ORIGIN,
    FRAME_PUBLISH,
    FRAME_SEQUENCE,
    LENGTH_MASK,
    PADDING_TYPE,
    RING_CAPACITY,
    RING_CONSUMERS,
    RING_HEADER_BYTES,
    RING_HEADS,
    RING_INTENT,
    RING_RELIABLE,
    RING_TAIL,
    TYPE_SHIFT,
    WORD_SPACING_BYTES,
)

WRITER = np.dtype(
    [
        ("ring", "i8"),
        ("data", "i8"),
        ("capacity", "i8"),
        ("mask", "i8"),
        ("position", "i8"),
        ("sequence", "i8"),
        ("head_cached", "i8"),
        ("reliable", "i8"),
        ("consumers", "i8"),
    ],
    align=True,
)
"""The producer's private side: addresses, next byte, next sequence, last seen slowest head."""

READER = np.dtype(
    [
        ("ring", "i8"),
        ("data", "i8"),
        ("capacity", "i8"),
        ("mask", "i8"),
        ("position", "i8"),
        ("sequence", "i8"),
        ("head", "i8"),
        ("lossy", "i8"),
        ("buffer", "i8"),
    ],
    align=True,
)
"""A consumer's private side: addresses, next byte, next expected sequence, its head word, a lossy one's copy."""

_ROUND = FRAME_ALIGNMENT_BYTES - 1


def ring_bytes(capacity_bytes: int) -> int:
    """Bytes of shared memory that a ring takes. Raises ValueError for a capacity that is no power of two in range."""
    low, high = layout.RING_CAPACITY_BYTES_MIN, layout.RING_CAPACITY_BYTES_MAX
    if not low <= capacity_bytes <= high or capacity_bytes & (capacity_bytes - 1):
        raise ValueError(f"ring capacity: found {capacity_bytes}, allowed a power of two of {low} to {high} bytes")
    return RING_HEADER_BYTES + capacity_bytes


def format_ring(content: np.ndarray, capacity_bytes: int, *, consumers: int, lossy: tuple[int, ...] = ()) -> None:
    """Write a ring's static words into zeroed content; `lossy` are the consumers that do not gate.

    Raises ValueError for a number of consumers out of range.
    """
    if not 1 <= consumers <= layout.RING_CONSUMERS_MAX:
        raise ValueError(f"ring consumers: found {consumers}, allowed 1 to {layout.RING_CONSUMERS_MAX}")
    words = content[:RING_HEADER_BYTES].view(np.int64)
    words[RING_CAPACITY // 8] = capacity_bytes
    words[RING_CONSUMERS // 8] = consumers
    words[RING_RELIABLE // 8] = sum(1 << index for index in range(consumers) if index not in lossy)


@kernel
def open_writer(writer, ring):
    """Bind a WRITER record to the ring at an address, behind whatever it already holds."""
    writer.ring = ring
    writer.data = ring + RING_HEADER_BYTES
    writer.capacity = load_i64(ring + RING_CAPACITY)
    writer.mask = writer.capacity - 1
    writer.consumers = load_i64(ring + RING_CONSUMERS)
    writer.reliable = load_i64(ring + RING_RELIABLE)
    writer.position = load_acquire(ring + RING_TAIL)
    writer.sequence = load_acquire(ring + RING_TAIL + 8)
    word = load_acquire(writer.data + (writer.position & writer.mask))
    while word != 0:
        # Killed between the commit and the store of tail: the frame counts.
        if word >> TYPE_SHIFT != PADDING_TYPE:
            writer.sequence = load_i64(writer.data + (writer.position & writer.mask) + FRAME_SEQUENCE) + 1
        writer.position += ((word & LENGTH_MASK) + _ROUND) & ~_ROUND
        word = load_acquire(writer.data + (writer.position & writer.mask))
    store_release(ring + RING_TAIL + 8, writer.sequence)
    store_release(ring + RING_TAIL, writer.position)
    _refresh(writer)


@kernel
def open_reader(reader, ring, consumer, buffer):
    """Bind a READER record to consumer number `consumer`, where that consumer last released.

    `buffer`: address of room for one frame, for a lossy consumer; 0 for a reliable one.
    """
    reader.ring = ring
    reader.data = ring + RING_HEADER_BYTES
    reader.capacity = load_i64(ring + RING_CAPACITY)
    reader.mask = reader.capacity - 1
    reader.head = ring + RING_HEADS + consumer * WORD_SPACING_BYTES
    reader.lossy = 1 - ((load_i64(ring + RING_RELIABLE) >> consumer) & 1)
    reader.buffer = buffer
    reader.position = load_acquire(reader.head)
    reader.sequence = load_acquire(reader.head + 8)
    frame = poll(reader) if buffer != 0 or not reader.lossy else 0
    if frame != 0:
        # Killed between the two stores of a release: the frames before the position's are still to come.
        reader.sequence = min(reader.sequence, load_i64(frame + FRAME_SEQUENCE))


@kernel
def _refresh(writer):
    """Look up the slowest reliable consumer's head; without one, nothing gates."""
    slowest = writer.position
    for consumer in range(writer.consumers):
        if (writer.reliable >> consumer) & 1:
            slowest = min(slowest, load_acquire(writer.ring + RING_HEADS + consumer * WORD_SPACING_BYTES))
    writer.head_cached = slowest


def room_ever(capacity_bytes: int, frame_bytes: int) -> bool:
    """Whether `room_for` can ever say yes: to a ring that is empty."""
    return ((frame_bytes + _ROUND) & ~_ROUND) * 2 + FRAME_ALIGNMENT_BYTES <= capacity_bytes


@inlined
def room_for(writer, frame_bytes):
    """1 when a frame of that size, or several that sum to it, surely fits; else 0.

    Counts a skipped end of the ring and the next frame's zeroed word.
    """
    need = ((frame_bytes + _ROUND) & ~_ROUND) * 2 + FRAME_ALIGNMENT_BYTES
    if writer.position + need - writer.head_cached > writer.capacity:
        _refresh(writer)
        if writer.position + need - writer.head_cached > writer.capacity:
            return 0
    return 1


@inlined
def claim(writer, frame_bytes):
    """Address of a frame of `frame_bytes` (header included) to fill, or 0: no room now, or larger than ever allowed.

    A claim that is not committed is forgotten; the next one takes its place.
    """
    if frame_bytes > writer.capacity >> 3:
        return 0
    advance = (frame_bytes + _ROUND) & ~_ROUND
    to_end = writer.capacity - (writer.position & writer.mask)
    skip = to_end if advance > to_end else 0
    end = writer.position + skip + advance + FRAME_ALIGNMENT_BYTES
    if end - writer.head_cached > writer.capacity:
        _refresh(writer)
        if end - writer.head_cached > writer.capacity:
            return 0
    # Never back: a larger claim that was given up, or whose writer was killed, has touched its bytes too.
    store_relaxed(writer.ring + RING_INTENT, max(end, load_relaxed(writer.ring + RING_INTENT)))
    fence_release()
    if skip:
        _pad(writer, skip)
    return writer.data + (writer.position & writer.mask)


@kernel
def _pad(writer, skip):
    """Mark the ring's end as skipped: the next frame begins at its start."""
    store_relaxed(writer.data, 0)
    store_release(writer.data + (writer.position & writer.mask), (PADDING_TYPE << TYPE_SHIFT) | skip)
    writer.position += skip
    store_release(writer.ring + RING_TAIL, writer.position)


@inlined
def commit(writer, kind, frame_bytes, origin_ns, publish_ns):
    """Hand the claimed frame over: its type, its length (header included), and its stamps."""
    frame = writer.data + (writer.position & writer.mask)
    advance = (frame_bytes + _ROUND) & ~_ROUND
    store_i64(frame + FRAME_SEQUENCE, writer.sequence)
    store_i64(frame + FRAME_ORIGIN, origin_ns)
    store_i64(frame + FRAME_PUBLISH, publish_ns)
    store_relaxed(writer.data + ((writer.position + advance) & writer.mask), 0)
    store_release(frame, (kind << TYPE_SHIFT) | frame_bytes)
    writer.position += advance
    writer.sequence += 1
    store_relaxed(writer.ring + RING_TAIL + 8, writer.sequence)
    store_release(writer.ring + RING_TAIL, writer.position)


@inlined
def poll(reader):
    """Address of the next frame, or 0. A claim that is never committed (an abort) is simply never seen."""
    if reader.lossy:
        return _poll_lossy(reader)
    frame = reader.data + (reader.position & reader.mask)
    word = load_acquire(frame)
    if word >> TYPE_SHIFT == PADDING_TYPE:
        reader.position += word & LENGTH_MASK
        frame = reader.data + (reader.position & reader.mask)
        word = load_acquire(frame)
    return frame if word != 0 else 0


@kernel
def _poll_lossy(reader):
    """Copy the next frame out and make sure that it was not overwritten meanwhile; else skip to the newest."""
    while reader.position < load_acquire(reader.ring + RING_TAIL):
        offset = reader.position & reader.mask
        frame = reader.data + offset
        word = load_relaxed(frame)
        length = word & LENGTH_MASK
        # A word that was overwritten may say anything: no copy beyond the buffer or the ring's end.
        sound = word != 0 and length <= reader.capacity >> 3 and offset + length <= reader.capacity
        if sound and word >> TYPE_SHIFT != PADDING_TYPE:
            copy(reader.buffer, frame, length)
        fence_acquire()
        if load_relaxed(reader.ring + RING_INTENT) - reader.capacity > reader.position:
            reader.position = load_acquire(reader.ring + RING_TAIL)
        elif word >> TYPE_SHIFT == PADDING_TYPE:
            reader.position += length
        elif sound:
            store_i64(reader.buffer, word)
            return reader.buffer
        else:
            return 0
    return 0


@inlined
def advance(reader, frame):
    """Step past a polled frame; return how many frames were missed before it (0 on a reliable consumer)."""
    length = load_i64(frame) & LENGTH_MASK
    sequence = load_i64(frame + FRAME_SEQUENCE)
    missed = sequence - reader.sequence
    reader.position += (length + _ROUND) & ~_ROUND
    reader.sequence = sequence + 1
    return missed


@inlined
def release(reader):
    """Give everything before the reader's position back to the producer."""
    store_relaxed(reader.head + 8, reader.sequence)
    store_release(reader.head, reader.position)


@kernel
def depth_bytes(reader):
    """Bytes between a consumer's position and the producer's tail."""
    return load_acquire(reader.ring + RING_TAIL) - reader.position
