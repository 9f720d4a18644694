"""Traffic over a ring whose every word is known: kernels that produce it, and that take and check it.

A frame's size, type, stamps and words all follow from (seed, sequence), so a producer can be killed and
replaced, and any reader can tell a whole frame from a torn, stale or foreign one.
"""

import numpy as np

from shm.atomics import load_acquire, pause, store_release
from shm.doorbell import yield_core
from shm.kernel import kernel, load_i64, load_u8, store_i64, store_u8
from shm.layout import (
    FRAME_HEADER_BYTES,
    FRAME_ORIGIN,
    FRAME_PUBLISH,
    FRAME_SEQUENCE,
    LENGTH_MASK,
    TYPE_SHIFT,
)
from shm.ring import advance, claim, commit, poll, release, room_for
from tests.shm.processes import stop_here

TALLY = np.dtype(
    [("received", "i8"), ("missed", "i8"), ("harmed", "i8"), ("seen", "i8"), ("released", "i8"), ("disorder", "i8")],
    align=True,
)
"""`seen`: sequence behind the last one looked at; `released`: sequence behind the last one given back."""

_BATCH_MAX = 32
_SPINS = 64


@kernel
def mixed(seed, sequence, index):
    """64 bits that look random."""
    x = seed + sequence * 0x1E3779B97F4A7C15 + index * 0x3F58476D1CE4E5B9
    x = (x ^ (x >> 30)) * 0x3F58476D1CE4E5B9
    return x ^ (x >> 27)


@kernel
def size_of(seed, sequence, size_max):
    """Frame bytes, header included: FRAME_HEADER_BYTES to size_max."""
    return FRAME_HEADER_BYTES + (mixed(seed, sequence, -1) & 0x7FFF_FFFF) % (size_max - FRAME_HEADER_BYTES + 1)


@kernel
def kind_of(sequence):
    """A frame's type: 1 to 100."""
    return 1 + sequence % 100


@kernel
def fill(frame, frame_bytes, seed, sequence):
    """Write a frame's body."""
    words = (frame_bytes - FRAME_HEADER_BYTES) >> 3
    for index in range(words):
        store_i64(frame + FRAME_HEADER_BYTES + 8 * index, mixed(seed, sequence, index))
    for at in range(frame + FRAME_HEADER_BYTES + 8 * words, frame + frame_bytes):
        store_u8(at, mixed(seed, sequence, words) & 0xFF)


@kernel
def harm(frame, seed, size_max):
    """0 for a frame that is in every bit what its sequence says, else a number that says what is not."""
    word = load_i64(frame)
    sequence = load_i64(frame + FRAME_SEQUENCE)
    frame_bytes = word & LENGTH_MASK
    if frame_bytes != size_of(seed, sequence, size_max):
        return 1
    if word >> TYPE_SHIFT != kind_of(sequence):
        return 2
    if load_i64(frame + FRAME_ORIGIN) != sequence * 3 or load_i64(frame + FRAME_PUBLISH) != -sequence:
        return 3
    words = (frame_bytes - FRAME_HEADER_BYTES) >> 3
    for index in range(words):
        if load_i64(frame + FRAME_HEADER_BYTES + 8 * index) != mixed(seed, sequence, index):
            return 4
    for at in range(frame + FRAME_HEADER_BYTES + 8 * words, frame + frame_bytes):
        if load_u8(at) != mixed(seed, sequence, words) & 0xFF:
            return 5
    return 0


@kernel
def send_one(writer, seed, size_max):
    """Send the next frame; 1 when it is in, 0 when there is no room."""
    sequence = writer.sequence
    frame_bytes = size_of(seed, sequence, size_max)
    frame = claim(writer, frame_bytes)
    if frame == 0:
        return 0
    fill(frame, frame_bytes, seed, sequence)
    commit(writer, kind_of(sequence), frame_bytes, sequence * 3, -sequence)
    return 1


@kernel
def produce(writer, count, seed, size_max, progress):
    """Send `count` frames, waiting for room; the word at `progress` is the sequence behind the last one sent."""
    for _ in range(count):
        idle = 0
        while not send_one(writer, seed, size_max):
            idle += 1
            if idle > _SPINS:
                yield_core()
            pause()
        store_release(progress, writer.sequence)
        if mixed(seed, writer.sequence, -2) & 0x3FF == 0:
            yield_core()


@kernel
def consume(reader, seed, size_max, until, stop, tally):
    """Take and check frames up to sequence `until`, or until the word at `stop` is set and nothing is left."""
    idle = 0
    while reader.sequence < until:
        stopping = load_acquire(stop)
        taken = 0
        while taken < _BATCH_MAX:
            frame = poll(reader)
            if frame == 0:
                break
            _check(frame, reader, seed, size_max, tally)
            taken += 1
        if taken:
            release(reader)
            tally.released = reader.sequence
            idle = 0
            if mixed(seed, reader.sequence, -3) & 0x3FF == 0:
                yield_core()
        elif stopping:
            return
        else:
            idle += 1
            if idle > _SPINS:
                yield_core()
            pause()


@kernel
def _check(frame, reader, seed, size_max, tally):
    if harm(frame, seed, size_max):
        tally.harmed += 1
    missed = advance(reader, frame)
    tally.missed += missed
    tally.disorder += missed < 0
    tally.received += 1
    tally.seen = reader.sequence


@kernel
def produce_stepped(writer, count, seed, size_max):
    """Send `count` frames between two stops (see processes.crash_images)."""
    stop_here()
    for _ in range(count):
        send_one(writer, seed, size_max)
    stop_here()


@kernel
def consume_stepped(reader, count, seed, size_max, tally):
    """Take `count` frames, released one by one, between two stops."""
    stop_here()
    for _ in range(count):
        frame = poll(reader)
        if frame != 0:
            _check(frame, reader, seed, size_max, tally)
            release(reader)
    stop_here()


@kernel
def consume_endlessly(reader, seed, size_max, tally):
    """Forever: poll between two stops, then take what is there (see processes.interleave)."""
    while True:
        stop_here()
        frame = poll(reader)
        stop_here()
        while frame != 0:
            _check(frame, reader, seed, size_max, tally)
            release(reader)
            frame = poll(reader)


@kernel
def claim_frame(writer, frame_bytes):
    """`claim`, from Python."""
    return claim(writer, frame_bytes)


@kernel
def scribble(frame, frame_bytes, value):
    """Write a claimed frame's body full of one word, and do not commit."""
    for at in range(frame + FRAME_HEADER_BYTES, frame + frame_bytes - 7, 8):
        store_i64(at, value)


@kernel
def commit_frame(writer, kind, frame_bytes, origin_ns, publish_ns):
    """`commit`, from Python."""
    commit(writer, kind, frame_bytes, origin_ns, publish_ns)


@kernel
def poll_frame(reader):
    """`poll`, from Python."""
    return poll(reader)


@kernel
def advance_frame(reader, frame):
    """`advance`, from Python."""
    return advance(reader, frame)


@kernel
def release_frames(reader):
    """`release`, from Python."""
    release(reader)


@kernel
def has_room(writer, frame_bytes):
    """`room_for`, from Python."""
    return room_for(writer, frame_bytes)
