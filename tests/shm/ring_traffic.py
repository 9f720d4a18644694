"""Traffic over a ring whose every word is known: kernels that produce it, and that take and check it.

A frame's size, type, stamps and words all follow from (seed, sequence), so a producer can be killed and
replaced, and any reader can tell a whole frame from a torn, stale or foreign one.
"""

import numpy as np
from numba import types

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
    [
        ("received", "i8"),
        ("missed", "i8"),
        ("harmed", "i8"),
        ("seen", "i8"),
        ("released", "i8"),
        ("disorder", "i8"),
        ("first", "i8"),
    ],
    align=True,
)
"""Sequences: `first` expected at the start; `seen` behind the last one taken; `released` behind the last release."""

_BATCH_MAX = 32
_SPINS = 64
_STRIDE = 0x2545F4914F6CDD1D
_usleep = types.ExternalFunction("usleep", types.int32(types.int32))


@kernel
def mixed(seed, sequence, index):
    """64 bits that look random."""
    x = seed + sequence * 0x1E3779B97F4A7C15 + index * 0x3F58476D1CE4E5B9
    x = (x ^ (x >> 30)) * 0x3F58476D1CE4E5B9
    return x ^ (x >> 27)


@kernel
def size_of(draw, size_max):
    """Frame bytes, header included, by a message's draw: FRAME_HEADER_BYTES to size_max."""
    return FRAME_HEADER_BYTES + (((draw & 0x7FFF_FFFF) * (size_max - FRAME_HEADER_BYTES + 1)) >> 31)


@kernel
def kind_of(sequence):
    """A frame's type: 1 to 100."""
    return 1 + sequence % 100


@kernel
def word_of(draw, index):
    """One word of a body."""
    return draw + index * _STRIDE


@kernel
def fill(frame, frame_bytes, draw, first, last):
    """Write words `first` to `last` of a frame's body, and with its last whole word the bytes behind it."""
    words = (frame_bytes - FRAME_HEADER_BYTES) >> 3
    for index in range(first, last):
        store_i64(frame + FRAME_HEADER_BYTES + 8 * index, word_of(draw, index))
    if last == words:
        for at in range(frame + FRAME_HEADER_BYTES + 8 * words, frame + frame_bytes):
            store_u8(at, draw & 0xFF)


@kernel
def harm(frame, seed, size_max):
    """0 for a frame that is in every bit what its sequence says, else a number that says what is not."""
    word = load_i64(frame)
    sequence = load_i64(frame + FRAME_SEQUENCE)
    frame_bytes = word & LENGTH_MASK
    draw = mixed(seed, sequence, 0)
    if frame_bytes != size_of(draw, size_max):
        return 1
    if word >> TYPE_SHIFT != kind_of(sequence):
        return 2
    if load_i64(frame + FRAME_ORIGIN) != sequence * 3 or load_i64(frame + FRAME_PUBLISH) != -sequence:
        return 3
    words = (frame_bytes - FRAME_HEADER_BYTES) >> 3
    wrong = 0
    for index in range(words):
        wrong |= load_i64(frame + FRAME_HEADER_BYTES + 8 * index) ^ word_of(draw, index)
    if wrong != 0:
        return 4
    for at in range(frame + FRAME_HEADER_BYTES + 8 * words, frame + frame_bytes):
        if load_u8(at) != draw & 0xFF:
            return 5
    return 0


@kernel
def hesitate(draw):
    """Spin up to 12 us, yield, or sleep up to a quarter of a millisecond, as random bits say."""
    kind = (draw >> 8) & 0x3F
    if kind < 48:
        for _ in range((draw >> 14) & 0x1FF):
            pause()
    elif kind < 63:
        yield_core()
    else:
        _usleep(types.int32((draw >> 14) & 0xFF))


@kernel
def send_one(writer, seed, size_max):
    """Send the next frame; 1 when it is in, 0 when there is no room. One in 256 is sent with a pause in between."""
    sequence = writer.sequence
    draw = mixed(seed, sequence, 0)
    frame_bytes = size_of(draw, size_max)
    frame = claim(writer, frame_bytes)
    if frame == 0:
        return 0
    words = (frame_bytes - FRAME_HEADER_BYTES) >> 3
    place = (draw >> 33) & 0x3FF
    fill(frame, frame_bytes, draw, 0, words >> 1)
    if place == 0:
        hesitate(draw)
    fill(frame, frame_bytes, draw, words >> 1, words)
    if place == 1:
        hesitate(draw)
    commit(writer, kind_of(sequence), frame_bytes, sequence * 3, -sequence)
    if place == 2 or place == 3:
        hesitate(draw)
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


@kernel
def consume(reader, seed, size_max, until, stop, tally):
    """Take and check frames up to sequence `until`, or until the word at `stop` is set and nothing is left.

    One frame in 256 is taken with a pause: before it is checked, behind it, before or behind the release.
    """
    tally.first = tally.seen = tally.released = reader.sequence
    idle = 0
    place = -1
    while reader.sequence < until:
        stopping = load_acquire(stop)
        taken = 0
        while taken < _BATCH_MAX:
            frame = poll(reader)
            if frame == 0:
                break
            draw = mixed(seed, reader.sequence, 1)
            place = (draw >> 33) & 0x3FF
            if place == 0:
                hesitate(draw)
            _check(frame, reader, seed, size_max, tally)
            taken += 1
            if place == 1:
                hesitate(draw)
            if place == 2 or place == 3:
                break
        if taken:
            if place == 2:
                hesitate(draw)
            release(reader)
            tally.released = reader.sequence
            idle = 0
            if place == 3:
                hesitate(draw)
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
