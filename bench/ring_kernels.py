"""The measured loops over rings: 64-byte frames, header included, whose four words of body follow from a number.

bench/c/ring_loops.c has the same loops over the same memory in C. What one side sends, the other checks word for
word. Every wait is bounded, so that a partner that died ends the loop.
"""

from shm.atomics import load_acquire, pause, store_release
from shm.clock import read_clock
from shm.kernel import inlined, kernel, load_i64, store_pair
from shm.layout import FRAME_HEADER_BYTES
from shm.ring import advance, claim, commit, poll, release, release_at, take

FRAME_BYTES = 64
KIND = 5
TRIPS_A_SAMPLE = 4
"""The counter that time is read from moves in steps of up to 10 ns."""

SPINS_MAX = 50_000_000
"""A partner that does not answer for so long is not running: about a second."""

MEETING_SPINS_MAX = 20 * SPINS_MAX
"""Between two contests it may be busy with Python, or kept from its core."""


@inlined
def await_room(writer, frame_bytes):
    """Room for the next frame; 0 when there is none for about a second."""
    frame = claim(writer, frame_bytes)
    spins = 0
    while frame == 0:
        pause()
        spins += 1
        if spins > SPINS_MAX:
            return 0
        frame = claim(writer, frame_bytes)
    return frame


@inlined
def put(writer, number):
    """Send one frame; 0 when the ring stays full."""
    frame = await_room(writer, FRAME_BYTES)
    if frame == 0:
        return 0
    body = frame + FRAME_HEADER_BYTES
    store_pair(body, number, number + 1)
    store_pair(body + 16, number + 2, number + 3)
    commit(writer, KIND, FRAME_BYTES, 0, 0)
    return 1


@inlined
def harm(frame, number):
    """0 for the frame of a number, else something else."""
    body = frame + FRAME_HEADER_BYTES
    first, last = load_i64(body) ^ number, load_i64(body + 24) ^ (number + 3)
    return first | (load_i64(body + 8) ^ (number + 1)) | (load_i64(body + 16) ^ (number + 2)) | last


@inlined
def await_frame(reader):
    """The next frame; 0 when none comes."""
    frame = poll(reader)
    spins = 0
    while frame == 0:
        pause()
        spins += 1
        if spins > SPINS_MAX:
            return 0
        frame = poll(reader)
    return frame


@kernel
def ping(writer, reader, clock, samples):
    """Round trips; a sample is the mean of a few, halved, in picoseconds. Returns how many came back unharmed."""
    right = 0
    for index in range(len(samples)):
        start_ns = read_clock(clock)
        for trip in range(index * TRIPS_A_SAMPLE, (index + 1) * TRIPS_A_SAMPLE):
            if put(writer, trip) == 0:
                return right
            frame = await_frame(reader)
            if frame == 0:
                return right
            right += harm(frame, trip) | advance(reader, frame) == 0
            release(reader)
        samples[index] = (read_clock(clock) - start_ns) * 1000 // (2 * TRIPS_A_SAMPLE)
    return right


@kernel
def pong(writer, reader, samples):
    """Send each number of as many samples back."""
    for _ in range(samples * TRIPS_A_SAMPLE):
        frame = await_frame(reader)
        if frame == 0 or put(writer, load_i64(frame + FRAME_HEADER_BYTES)) == 0:
            return
        advance(reader, frame)
        release(reader)


@kernel
def pour(writer, count):
    """Send `count` frames as fast as the ring takes them."""
    for number in range(count):
        if put(writer, number) == 0:
            return


@kernel
def drain(reader, count, batch, pauses, clock, span):
    """Take `count` frames in batches; `span` gets the time of the first and of the last.

    A reader that finds nothing pauses `pauses` times, so that the producer gets ahead: both slow down when they
    touch neighbouring lines. Returns how many frames there were, 0 if one was harmed.
    """
    if await_frame(reader) == 0:
        return 0
    span[0] = read_clock(clock)
    taken = _drain(reader, count, batch, pauses)
    span[1] = read_clock(clock)
    return taken


@kernel
def _drain(reader, count, batch, pauses):
    wrong = taken = spins = 0
    while taken < count:
        before, until = taken, taken + batch
        position = reader.position
        while taken < until:
            frame, position = take(reader, position)
            if frame == 0:
                break
            wrong |= harm(frame, taken) | (load_i64(frame + 8) ^ taken)
            taken += 1
        if taken != before:
            release_at(reader, position, taken)
            spins = 0
            continue
        for _ in range(pauses):
            pause()
        spins += 1
        if spins > SPINS_MAX:
            return 0
    return 0 if wrong else taken


@kernel
def meet(own_word, other_word, number):
    """Wait until the other side has come to the same number; 0 when it does not."""
    store_release(own_word, number)
    spins = 0
    while load_acquire(other_word) < number:
        pause()
        spins += 1
        if spins > MEETING_SPINS_MAX:
            return 0
    return 1
