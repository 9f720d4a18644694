"""Rows of the transport suite: one producer to one, two and three consumers, each of which gets every frame.

    core 0   producer              a full ring: gives the core away, or spins where it has it to itself
    core 1   consumers, all        an empty ring: likewise

Every consumer is reliable and compares every frame: its sequence, and the words that follow from it. The rate of a
row is that of the slowest consumer.
"""

import functools

import numpy as np

from bench.harness import Bench
from bench.processes import in_all
from bench.results import RATE, Result, rate
from bench.shared import SharedRing, new_clock, shared_bytes
from shm.atomics import pause
from shm.clock import read_clock
from shm.doorbell import yield_core
from shm.kernel import address_of_array, inlined, kernel, load_i64, store_i64
from shm.layout import FRAME_HEADER_BYTES, FRAME_SEQUENCE, RING_CONSUMERS_MAX
from shm.ring import claim, commit, release_at, take

CAPACITY_BYTES = 1 << 20
FRAME_BYTES = 64
KIND = 5
RELEASE_EVERY = 256

PAUSES = 100
"""Who finds nothing waits about 2 us: both sides slow down when they touch neighbouring lines."""

WAITS_MAX = 20_000_000
"""Waits in a row, seconds of its own time, after which a process takes its partners for dead."""

ARRIVED = "every consumer got every frame"
LOST = "frames were lost or changed"

SPAN = np.dtype([("start_ns", "i8"), ("end_ns", "i8"), ("right", "i8")], align=True)
"""What a consumer tells: when its first and its last frame came, and how many were right."""


def broadcast_rows(bench: Bench) -> None:
    """`broadcast_throughput_1` to `_3`, on two cores however many processes there are."""
    for consumers in range(1, RING_CONSUMERS_MAX + 1):
        if consumers >= len(bench.cores):
            print(f"transport: {consumers + 1} processes on {len(bench.cores)} cores, the consumers take turns on one")
        bench.row(
            f"broadcast_throughput_{consumers}",
            unit=RATE,
            target=10e6,
            ours=functools.partial(our_broadcast, bench.size(1_000_000, 20_000), consumers, bench.cores),
            answer=ARRIVED,
        )


@inlined
def wait(sharing):
    """Let others run, or pause."""
    if sharing:
        yield_core()
    else:
        for _ in range(PAUSES):
            pause()


@kernel
def pour(writer, count, sharing):
    """Send `count` frames as fast as the slowest consumer lets it."""
    for number in range(count):
        frame = claim(writer, FRAME_BYTES)
        waits = 0
        while frame == 0:
            wait(sharing)
            waits += 1
            if waits > WAITS_MAX:
                return
            frame = claim(writer, FRAME_BYTES)
        body = frame + FRAME_HEADER_BYTES
        for word in range((FRAME_BYTES - FRAME_HEADER_BYTES) // 8):
            store_i64(body + 8 * word, number + word)
        commit(writer, KIND, FRAME_BYTES, 0, 0)


@kernel
def drain(reader, clock, count, sharing, span):
    """Take `count` frames in batches, each compared."""
    taken = right = waits = 0
    while taken < count and waits < WAITS_MAX:
        before, position = taken, reader.position
        while taken < count and taken - before < RELEASE_EVERY:
            frame, position = take(reader, position)
            if frame == 0:
                break
            wrong = load_i64(frame + FRAME_SEQUENCE) ^ taken
            for word in range((FRAME_BYTES - FRAME_HEADER_BYTES) // 8):
                wrong |= load_i64(frame + FRAME_HEADER_BYTES + 8 * word) ^ (taken + word)
            right += wrong == 0
            taken += 1
        if taken == before:
            wait(sharing)
            waits += 1
            continue
        if before == 0:
            span.start_ns = read_clock(clock)
        release_at(reader, position, taken)
        waits = 0
    span.end_ns = read_clock(clock)
    span.right = right


def our_broadcast(count: int, consumers: int, cores: tuple[int, int]) -> Result:
    """`count` frames to each of so many consumers."""
    ring, clock = SharedRing(CAPACITY_BYTES, consumers=consumers), new_clock()
    spans = shared_bytes(SPAN.itemsize * consumers).view(SPAN)

    def lead(frames: int) -> None:
        pour(ring.writer, frames, 0)

    def follow(index: int, frames: int) -> None:
        drain(ring.readers[index], address_of_array(clock), frames, int(consumers > 1), spans[index])

    lead(0)
    follow(0, 0)
    followers = [functools.partial(follow, index, count) for index in range(consumers)]
    in_all(lambda: lead(count), followers, cores=[cores[0]] + [cores[1]] * consumers)
    whole = all(span["right"] == count for span in spans)
    return rate(count, int((spans["end_ns"] - spans["start_ns"]).max()), ARRIVED if whole else LOST)
