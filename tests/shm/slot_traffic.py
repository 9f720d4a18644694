"""Traffic over latest-value slots whose every word is known: kernels that publish it, and that take and check it."""

import numpy as np

from shm.atomics import fetch_add, load_acquire, pause, store_release
from shm.kernel import kernel, load_i64, store_i64
from shm.layout import FRAME_HEADER_BYTES, FRAME_ORIGIN, FRAME_PUBLISH, FRAME_SEQUENCE, LENGTH_MASK, TYPE_SHIFT
from shm.slot import SLOTS_MAX, slot_claim, slot_commit, slot_poll
from tests.shm.processes import stop_here
from tests.shm.ring_traffic import fill, hesitate, mixed, size_of, word_of

SLOT_TALLY = np.dtype(
    [("received", "i8"), ("harmed", "i8"), ("disorder", "i8"), ("fresh", "i8"), ("last", "i8", (SLOTS_MAX,))],
    align=True,
)
KIND = 7
_LULL = 15
"""Pauses behind a publication, at most: a writer that never pauses leaves no moment to read in."""


@kernel
def claim_slot(writer, index):
    """`slot_claim`, from Python."""
    return slot_claim(writer, index)


@kernel
def commit_slot(writer, frame_bytes, origin_ns, publish_ns):
    """`slot_commit`, from Python."""
    return slot_commit(writer, KIND, frame_bytes, origin_ns, publish_ns)


@kernel
def poll_slot(reader):
    """`slot_poll`, from Python."""
    return slot_poll(reader)


@kernel
def publish(writer, index, value, frame_bytes):
    """Publish a frame full of one word; its sequence, or -1 for a slot out of range."""
    frame = slot_claim(writer, index)
    if frame == 0:
        return -1
    for at in range(frame + FRAME_HEADER_BYTES, frame + frame_bytes, 8):
        store_i64(at, value)
    return slot_commit(writer, KIND, frame_bytes, value, -value)


@kernel
def value_of(frame, frame_bytes):
    """The word that a whole frame is full of, or -1 where it is torn."""
    value = load_i64(frame + FRAME_ORIGIN)
    if load_i64(frame) != (KIND << TYPE_SHIFT) | frame_bytes or load_i64(frame + FRAME_PUBLISH) != -value:
        return -1
    for at in range(frame + FRAME_HEADER_BYTES, frame + (load_i64(frame) & LENGTH_MASK), 8):
        if load_i64(at) != value:
            return -1
    return value


@kernel
def slot_of(draw, slots):
    """The slot that a drawn publication goes to."""
    return ((draw >> 40) & 0xFFFF) % slots


@kernel
def publish_drawn(writer, slots, seed, size_max, value):
    """Publish frame number `value`: slot, size and words follow from its draw. One in 512 with a pause inside."""
    draw = mixed(seed, value, 0)
    frame_bytes = size_of(draw, size_max) & ~7
    words = (frame_bytes - FRAME_HEADER_BYTES) >> 3
    frame = slot_claim(writer, slot_of(draw, slots))
    fill(frame, frame_bytes, draw, 0, words >> 1)
    if (draw >> 33) & 0x1FF == 0:
        hesitate(draw)
    fill(frame, frame_bytes, draw, words >> 1, words)
    slot_commit(writer, KIND, frame_bytes, value, -value)
    for _ in range((draw >> 20) & _LULL):
        pause()


@kernel
def publish_many(writer, slots, seed, size_max, count, reading, progress, stop):
    """Publish values up to at least `count`, and until the word at `reading` is 0; then set the one at `stop`.

    The word at `progress` is the last value published. A successor goes on behind it and publishes at least once:
    what its predecessor was killed in is gone from its slot.
    """
    value = load_acquire(progress)
    while True:
        value += 1
        publish_drawn(writer, slots, seed, size_max, value)
        store_release(progress, value)
        if value >= count and load_acquire(reading) == 0:
            break
    store_release(stop, 1)


@kernel
def drawn_harm(frame, slots, seed, size_max):
    """0 for a frame that is in every bit what its value says, else a number that says what is not."""
    value = load_i64(frame + FRAME_ORIGIN)
    draw = mixed(seed, value, 0)
    frame_bytes = size_of(draw, size_max) & ~7
    if load_i64(frame) != (KIND << TYPE_SHIFT) | frame_bytes:
        return 1
    if load_i64(frame + FRAME_PUBLISH) != -value:
        return 2
    if load_i64(frame + FRAME_SEQUENCE) % SLOTS_MAX != slot_of(draw, slots):
        return 3
    wrong = 0
    for index in range((frame_bytes - FRAME_HEADER_BYTES) >> 3):
        wrong |= load_i64(frame + FRAME_HEADER_BYTES + 8 * index) ^ word_of(draw, index)
    return 4 if wrong != 0 else 0


@kernel
def look_again(reader):
    """Make every slot unseen: the next polls copy it whether or not it was published anew."""
    reader.publications = -1
    reader.next = reader.slots
    for index in range(reader.slots):
        reader.seen[index] = 0


@kernel
def read_many(reader, slots, seed, size_max, reads, reading, stop, tally):
    """Copy and check at least `reads` times, after which the word at `reading` counts down.

    Ends when then the word at `stop` is set and nothing is left.
    """
    while True:
        stopping = load_acquire(stop)
        frame = slot_poll(reader)
        if frame == 0:
            if tally.received < reads:
                look_again(reader)
            elif stopping:
                return
            continue
        tally.received += 1
        if tally.received == reads:
            fetch_add(reading, -1)
        index = load_i64(frame + FRAME_SEQUENCE) % SLOTS_MAX
        if drawn_harm(frame, slots, seed, size_max):
            tally.harmed += 1
            continue
        value = load_i64(frame + FRAME_ORIGIN)
        tally.disorder += value < tally.last[index]
        tally.fresh += value > tally.last[index]
        tally.last[index] = value


@kernel
def read_stepped(reader, frame_bytes, tally):
    """Forever: poll between two stops, then take what is there (see processes.interleave)."""
    while True:
        stop_here()
        frame = slot_poll(reader)
        stop_here()
        while frame != 0:
            tally.received += 1
            value = value_of(frame, frame_bytes)
            tally.harmed += value < 0
            tally.disorder += value <= tally.last[0]
            tally.last[0] = value
            frame = slot_poll(reader)


@kernel
def publish_stepped(writer, index, value, frame_bytes):
    """One publication between two stops (see processes.crash_images)."""
    stop_here()
    publish(writer, index, value, frame_bytes)
    stop_here()
