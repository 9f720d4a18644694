"""Ways through a ring that few callers need: a claim given up, a batch taken with its place in a register."""

from shm.kernel import kernel, load_i64
from shm.layout import FRAME_SEQUENCE
from shm.ring import abort, release_at, take
from tests.shm.ring_traffic import harm


@kernel
def abort_claim(writer):
    """`abort`, from Python."""
    abort(writer)


@kernel
def take_batch(reader, count, seed, size_max):
    """(harmed, taken): `take` up to `count` frames, check them, and give them back with `release_at`."""
    position, sequence = reader.position, reader.sequence
    harmed = taken = 0
    while taken < count:
        frame, position = take(reader, position)
        if frame == 0:
            break
        harmed += harm(frame, seed, size_max) != 0 or load_i64(frame + FRAME_SEQUENCE) != sequence + taken
        taken += 1
    release_at(reader, position, sequence + taken)
    return harmed, taken
