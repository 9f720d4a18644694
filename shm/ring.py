"""Ring of variable-size frames from one producer to one, two or three consumers.

A frame is claimed, written in place and committed, or given up: the commit word stands in the frame's own first
cache line, so one line carries the hand-over. The producer zeroes the next frame's commit word before it commits
this one, so a reader never takes stale bytes for a frame.

    producer                                consumer
    claim    room? by the slowest reliable  poll     commit word != 0 (acquire) -> frame address
             consumer's head, cached        advance  past the frame, privately
    ...fill the frame...                    release  store its head once a batch (release)
    commit   next word = 0, then the word
             (release)

A reliable consumer gates the producer. A lossy one is never waited for: it copies the frame out and then checks
`intent`, which the producer moved before it touched the bytes; a frame that was overwritten meanwhile is
discarded, and the gap shows in the sequence numbers. Killed at any instruction, a producer leaves the last
committed frame as the end; a successor walks there from `tail`, which may be stored only now and then, and goes on.

What costs is a line that both caches hold: to write it, the others' copies are called in first. Hence two stores
that change nothing:
    commit   zeroes a word where the frame after next will begin, and asks for a line further on. They are then the
             producer's own before they are needed; a commit would otherwise wait (95 instead of 50 ns one way on
             Zen 4)
    advance  the only consumer stores what it has read. The producer's next lap takes the line over in one piece,
             many at a time (4 or 50 without, 150 or 250 M frames a second with it)
"""

from shm.atomics import fence_release, load_acquire, load_relaxed, prefetch_to_write, store_relaxed, store_release
from shm.kernel import inlined, kernel, load_i64, store_i64, store_pair
from shm.layout import (
    FRAME_ALIGNMENT_BYTES,
    FRAME_ORIGIN,
    FRAME_SEQUENCE,
    LENGTH_MASK,
    PADDING_TYPE,
    RING_CAPACITY,
    RING_CONSUMERS,
    RING_CONSUMERS_MAX,
    RING_HEADER_BYTES,
    RING_HEADS,
    RING_INTENT,
    RING_NEVER,
    RING_RELIABLE,
    RING_TAIL,
    TYPE_SHIFT,
    WORD_SPACING_BYTES,
)
from shm.ring_format import AHEAD_BYTES, NEVER, ROUND, STRETCH_SHIFT
from shm.ring_format import READER as READER
from shm.ring_format import WRITER as WRITER
from shm.ring_format import format_ring as format_ring
from shm.ring_format import ring_bytes as ring_bytes
from shm.ring_format import room_ever as room_ever
from shm.ring_lossy import poll_lossy


@kernel
def open_writer(writer, ring):
    """Bind a WRITER record to the ring at an address, behind whatever it already holds."""
    writer.ring = ring
    writer.data = ring + RING_HEADER_BYTES
    writer.capacity = load_i64(ring + RING_CAPACITY)
    consumers, reliable = load_i64(ring + RING_CONSUMERS), load_i64(ring + RING_RELIABLE)
    for consumer in range(RING_CONSUMERS_MAX):
        gates = (reliable >> consumer) & 1
        writer.heads[consumer] = ring + RING_HEADS + consumer * WORD_SPACING_BYTES if gates else ring + RING_NEVER
    position, mask = load_acquire(ring + RING_TAIL), writer.capacity - 1
    writer.sequence = load_acquire(ring + RING_TAIL + 8)
    word = load_acquire(writer.data + (position & mask))
    while word != 0:
        # Killed between the commit and the store of tail: the frame counts.
        if word >> TYPE_SHIFT != PADDING_TYPE:
            writer.sequence = load_i64(writer.data + (position & mask) + FRAME_SEQUENCE) + 1
        position += ((word & LENGTH_MASK) + ROUND) & ~ROUND
        word = load_acquire(writer.data + (position & mask))
    writer.frame = writer.data + (position & mask)
    writer.base = position - writer.frame
    _store_tail(writer)
    all_reliable = reliable == (1 << consumers) - 1
    writer.announced = NEVER if all_reliable else load_acquire(ring + RING_INTENT)
    # A lossy consumer that was lapped goes to tail: then it is stored with each frame.
    writer.lossy = not all_reliable
    writer.clear = 0
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
    reader.sole = 1 - reader.lossy if load_i64(ring + RING_CONSUMERS) == 1 else 0
    reader.buffer = buffer
    reader.position = load_acquire(reader.head)
    reader.sequence = load_acquire(reader.head + 8)
    frame = poll(reader) if buffer != 0 or not reader.lossy else 0
    if frame != 0:
        # Killed between the two stores of a release: the frames before the position's are still to come.
        reader.sequence = min(reader.sequence, load_i64(frame + FRAME_SEQUENCE))


@inlined
def _refresh(writer):
    """Look up the slowest reliable consumer's head; without one, nothing gates."""
    slowest = min(load_acquire(writer.heads[0]), load_acquire(writer.heads[1]), load_acquire(writer.heads[2]))
    writer.limit = slowest + writer.capacity


@inlined
def room_for(writer, frame_bytes):
    """1 when a frame of that size, or several that sum to it, surely fits; else 0.

    Counts a skipped end of the ring and the next frame's zeroed word.
    """
    end = writer.frame + writer.base + ((frame_bytes + ROUND) & ~ROUND) * 2 + FRAME_ALIGNMENT_BYTES
    if end > writer.limit:
        _refresh(writer)
        if end > writer.limit:
            return 0
    return 1


@inlined
def claim(writer, frame_bytes):
    """Address of a frame of `frame_bytes` (header included) to fill, or 0: no room now, or larger than ever allowed.

    A claim that is not committed is forgotten; the next one takes its place.
    """
    frame = writer.frame
    advance = (frame_bytes + ROUND) & ~ROUND
    if frame + 2 * advance + FRAME_ALIGNMENT_BYTES <= writer.clear:
        return frame
    return _claim_anew(writer, frame_bytes, advance)


@inlined
def _claim_anew(writer, frame_bytes, advance):
    """A claim that looks at everything, and says up to where the next ones need not."""
    if frame_bytes > writer.capacity >> 3:
        return 0
    ring_end = writer.data + writer.capacity
    skip = ring_end - writer.frame if writer.frame + advance > ring_end else 0
    end = writer.frame + writer.base + skip + advance + FRAME_ALIGNMENT_BYTES
    if end > writer.limit:
        _refresh(writer)
        if end > writer.limit:
            return 0
    stretch = writer.capacity >> STRETCH_SHIFT
    if end + max(advance, stretch) > writer.announced:
        # Never back: a larger claim that was given up, or whose writer was killed, has touched its bytes too.
        writer.announced = end + max(advance, stretch)
        store_relaxed(writer.ring + RING_INTENT, writer.announced)
        fence_release()
    if skip:
        _pad(writer, skip)
    _store_tail(writer)
    writer.clear = min(writer.limit - writer.base, ring_end, writer.frame + stretch)
    return writer.frame


@inlined
def _pad(writer, skip):
    """Mark the ring's end as skipped: the next frame begins at its start."""
    store_relaxed(writer.data, 0)
    store_release(writer.frame, (PADDING_TYPE << TYPE_SHIFT) | skip)
    writer.frame = writer.data
    writer.base += writer.capacity


@inlined
def _store_tail(writer):
    store_relaxed(writer.ring + RING_TAIL + 8, writer.sequence)
    store_release(writer.ring + RING_TAIL, writer.frame + writer.base)


@inlined
def abort(writer):
    """Give a claim up: no consumer ever sees it, and the next claim takes its place."""
    store_relaxed(writer.frame, 0)


@inlined
def commit(writer, kind, frame_bytes, origin_ns, publish_ns):
    """Hand the claimed frame over: its type, its length (header included), and its stamps."""
    frame, word = writer.frame, (kind << TYPE_SHIFT) | frame_bytes
    store_i64(frame + FRAME_SEQUENCE, writer.sequence)
    store_pair(frame + FRAME_ORIGIN, origin_ns, publish_ns)
    advance = (frame_bytes + ROUND) & ~ROUND
    behind = frame + advance
    if behind + advance + FRAME_ALIGNMENT_BYTES <= writer.clear:
        store_relaxed(behind, 0)
        store_release(frame, word)
        store_relaxed(behind + advance, 0)
        prefetch_to_write(behind + AHEAD_BYTES)
        writer.frame = behind
    else:
        _commit_anew(writer, word, advance)
    writer.sequence += 1
    if writer.lossy:
        _store_tail(writer)


@inlined
def _commit_anew(writer, word, advance):
    """A commit near the ring's end, or near what consumers hold."""
    frame, ring_end = writer.frame, writer.data + writer.capacity
    if frame + advance == ring_end:
        writer.frame = writer.data
        writer.base += writer.capacity
        writer.clear = 0
    else:
        writer.frame = frame + advance
    store_relaxed(writer.frame, 0)
    store_release(frame, word)
    ahead = writer.frame + advance
    if ahead + FRAME_ALIGNMENT_BYTES + writer.base <= writer.limit:
        store_relaxed(ahead - writer.capacity if ahead >= ring_end else ahead, 0)


@inlined
def poll(reader):
    """Address of the next frame, or 0. A claim that was given up is never seen."""
    if reader.lossy:
        return poll_lossy(reader)
    frame, word, position = _look(reader, reader.position)
    if position != reader.position:
        reader.position = position
    return frame if word != 0 else 0


@inlined
def _look(reader, position):
    """(address of the frame at a position, its first word, 0 while there is none; the position, behind any padding)."""
    frame = reader.data + (position & reader.mask)
    word = load_acquire(frame)
    if word >> TYPE_SHIFT == PADDING_TYPE:
        position += word & LENGTH_MASK
        frame = reader.data + (position & reader.mask)
        word = load_acquire(frame)
    return frame, word, position


@inlined
def advance(reader, frame):
    """Step past a polled frame; return how many frames were missed before it (0 on a reliable consumer)."""
    length = load_i64(frame) & LENGTH_MASK
    sequence = load_i64(frame + FRAME_SEQUENCE)
    missed = sequence - reader.sequence
    if reader.sole:
        _own(frame, length)
    reader.position += (length + ROUND) & ~ROUND
    reader.sequence = sequence + 1
    return missed


@inlined
def _own(frame, length):
    """Store a frame's lines as they are (see above)."""
    store_relaxed(frame + FRAME_SEQUENCE, load_relaxed(frame + FRAME_SEQUENCE))
    line = frame + FRAME_ALIGNMENT_BYTES
    while line < frame + length:
        store_relaxed(line, load_relaxed(line))
        line += FRAME_ALIGNMENT_BYTES


@inlined
def take(reader, position):
    """(frame, position behind it), or (0, position) when there is none: `poll` and `advance` for a reliable consumer.

    Goes through a batch with the place in a register instead of the READER; `release_at` gives it back.
    """
    frame, word, position = _look(reader, position)
    if word == 0:
        return 0, position
    length = word & LENGTH_MASK
    if reader.sole:
        _own(frame, length)
    return frame, position + ((length + ROUND) & ~ROUND)


@inlined
def release_at(reader, position, sequence):
    """Give everything before a position back; `sequence`: that of the next frame."""
    reader.position = position
    reader.sequence = sequence
    release(reader)


@inlined
def release(reader):
    """Give everything before the reader's position back to the producer."""
    store_relaxed(reader.head + 8, reader.sequence)
    store_release(reader.head, reader.position)
