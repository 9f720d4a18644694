"""Traffic over latest-value slots whose every word is known: kernels that publish it, and that take and check it."""

import numpy as np

from shm.atomics import load_acquire, store_release
from shm.kernel import kernel, load_i64, store_i64
from shm.layout import FRAME_HEADER_BYTES, FRAME_ORIGIN, FRAME_PUBLISH, FRAME_SEQUENCE, LENGTH_MASK, TYPE_SHIFT
from shm.slot import SLOTS_MAX, slot_claim, slot_commit, slot_poll
from tests.shm.processes import stop_here

SLOT_TALLY = np.dtype(
    [("received", "i8"), ("harmed", "i8"), ("disorder", "i8"), ("last", "i8", (SLOTS_MAX,))], align=True
)
KIND = 7


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
def publish_many(writer, slots, count, frame_bytes, stop):
    """Publish growing values, slot by slot, then set the word at `stop`."""
    for value in range(1, count + 1):
        publish(writer, value % slots, value, frame_bytes)
    store_release(stop, 1)


@kernel
def read_many(reader, frame_bytes, polls_min, stop, tally):
    """Poll at least `polls_min` times and until the word at `stop` is set and nothing is left."""
    polls = 0
    while True:
        stopping = load_acquire(stop)
        frame = slot_poll(reader)
        polls += 1
        if frame == 0:
            if stopping and polls >= polls_min:
                return polls
            continue
        tally.received += 1
        value = value_of(frame, frame_bytes)
        index = load_i64(frame + FRAME_SEQUENCE) % SLOTS_MAX
        if value < 0:
            tally.harmed += 1
        elif value <= tally.last[index]:
            tally.disorder += 1
        else:
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
