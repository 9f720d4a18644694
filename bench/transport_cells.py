"""Rows of the transport suite for one process alone: a small message through the codec, and a slot that is read.

Between encoding and decoding stands a fence: without it the compiler would see through both and keep nothing of
them, as no reader in another process lets it.
"""

import functools
import multiprocessing
import struct
import time
from collections.abc import Callable

import msgspec
import numpy as np

from bench.harness import Bench
from bench.results import TIME, Result, times
from bench.shared import SharedSlots, new_clock, shared_bytes
from shm.atomics import fence_acquire, fence_release
from shm.clock import read_clock
from shm.codec import decode, encode, record_dtype
from shm.kernel import address_of_array, kernel, load_i64, new_record, store_i64
from shm.layout import FRAME_HEADER_BYTES
from shm.slot import (
    SLOTS_MAX,
    slot_claim,
    slot_commit,
    slot_poll,
)

BATCH = 100
KIND = 5
PAYLOAD_BYTES = 56
PAYLOAD_WORDS = PAYLOAD_BYTES // 8
FRAME_BYTES = FRAME_HEADER_BYTES + PAYLOAD_BYTES

CAME_BACK = "every field came back"
FRESH = "every read saw the newest publication, whole"
WRONG = "fields were lost or changed"


class Six(msgspec.Struct, array_like=True, tag=100):
    """Six integers, as the smallest messages about orders have."""

    first: int
    second: int
    third: int
    fourth: int
    fifth: int
    sixth: int


SIX = record_dtype(Six)
MESSAGE = Six(0, 1 << 40, 70_000, -300, 99, 1)


def codec_roundtrip(bench: Bench) -> None:
    """`codec_roundtrip`: six integers encoded and decoded."""
    bench.row(
        "codec_roundtrip",
        unit=TIME,
        target=5,
        ours=functools.partial(our_codec, bench.size(5_000, 5)),
        rivals={"msgspec": functools.partial(msgspec_codec, bench.size(500, 5))},
        answer=CAME_BACK,
    )


def slot_read(bench: Bench) -> None:
    """`slot_read`: a publication of 56 bytes that was not read before, taken out of its slot by its only reader.

    Of the rivals, Value carries 8 bytes, and unpack_from has no lock and could read a torn payload.
    """
    few = bench.size(500, 5)
    bench.row(
        "slot_read",
        unit=TIME,
        target=10,
        ours=functools.partial(our_slots, bench.size(5_000, 5)),
        rivals={
            "multiprocessing.Value, 8 bytes": functools.partial(value_read, few),
            "multiprocessing.Array": functools.partial(array_read, few),
            "struct.unpack_from, no lock": functools.partial(unpack_read, few),
        },
        answer=FRESH,
    )


@kernel
def round_trips(message, echo, body, clock, measured, batch):
    """Encode and decode, `batch` times a sample, another message each time. Returns the sum of all decoded fields."""
    total = 0
    for index in range(len(measured)):
        start_ns = read_clock(clock)
        for number in range(index * batch, (index + 1) * batch):
            message.first = number
            length = encode(message, body)
            fence_release()
            fence_acquire()
            if decode(body, length, echo) != 0:
                return -1
            total += echo.first + echo.second + echo.third + echo.fourth + echo.fifth + echo.sixth
        measured[index] = (read_clock(clock) - start_ns) / batch
    return total


def our_codec(samples: int) -> Result:
    """The compiled codec, from record to bytes to record."""
    message, echo, body = new_record(SIX), new_record(SIX), np.zeros(256, dtype=np.uint8)
    clock, measured, trips = new_clock(), np.zeros(samples), samples * BATCH
    message[0] = msgspec.structs.astuple(MESSAGE)
    total = round_trips(message[0], echo[0], address_of_array(body), address_of_array(clock), measured, BATCH)
    expected = trips * (trips - 1) // 2 + trips * sum(msgspec.structs.astuple(MESSAGE)[1:])
    return times(measured, CAME_BACK if total == expected and echo[0] == message[0] else WRONG)


def msgspec_codec(samples: int) -> Result:
    """msgspec, from object to bytes to object."""
    encode_it, decode_it = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Six).decode
    measured, right = np.zeros(samples), 0
    for index in range(samples):
        start_ns = time.perf_counter_ns()
        for _ in range(BATCH):
            echo = decode_it(encode_it(MESSAGE))
        measured[index] = (time.perf_counter_ns() - start_ns) / BATCH
        right += echo == MESSAGE
    return times(measured, CAME_BACK if right == samples else WRONG)


@kernel
def publish_all(writer, number):
    """A publication in every slot; its words follow from its number and its slot."""
    for index in range(SLOTS_MAX):
        body = slot_claim(writer, index) + FRAME_HEADER_BYTES
        for word in range(PAYLOAD_WORDS):
            store_i64(body + 8 * word, number + index + word)
        slot_commit(writer, KIND, FRAME_BYTES, number, number)


@kernel
def read_all(writer, reader, clock, measured):
    """Publish in all slots, then read all: only the reads are timed. How many reads were right."""
    right = 0
    for number in range(len(measured)):
        publish_all(writer, number)
        start_ns = read_clock(clock)
        for index in range(SLOTS_MAX):
            frame = slot_poll(reader)
            if frame == 0:
                return -1
            wrong = 0
            for word in range(PAYLOAD_WORDS):
                wrong |= load_i64(frame + FRAME_HEADER_BYTES + 8 * word) ^ (number + index + word)
            right += wrong == 0
        measured[number] = (read_clock(clock) - start_ns) / SLOTS_MAX
        if slot_poll(reader) != 0:
            return -1
    return right


def our_slots(samples: int) -> Result:
    """`slot_poll` on all the slots that a reader may have, every word compared."""
    slots, clock, measured = SharedSlots(FRAME_BYTES), new_clock(), np.zeros(samples)
    right = read_all(slots.writer, slots.reader, address_of_array(clock), measured)
    return times(measured, FRESH if right == samples * SLOTS_MAX else WRONG)


def value_read(samples: int) -> Result:
    """A number under multiprocessing's lock."""
    value = multiprocessing.get_context("fork").Value("q")

    def write(number: int) -> None:
        value.value = number

    return _python_reads(samples, write, lambda: value.value, lambda number: number)


def array_read(samples: int) -> Result:
    """As many bytes as ours under multiprocessing's lock."""
    array = multiprocessing.get_context("fork").Array("q", PAYLOAD_WORDS)

    def write(number: int) -> None:
        array[:] = [number] * PAYLOAD_WORDS

    return _python_reads(samples, write, lambda: array[:], lambda number: [number] * PAYLOAD_WORDS)


def unpack_read(samples: int) -> Result:
    """As many bytes as ours out of shared memory."""
    memory, words = shared_bytes(PAYLOAD_BYTES).data, struct.Struct(f"{PAYLOAD_WORDS}q")

    def write(number: int) -> None:
        words.pack_into(memory, 0, *[number] * PAYLOAD_WORDS)

    return _python_reads(samples, write, lambda: words.unpack_from(memory), lambda number: (number,) * PAYLOAD_WORDS)


def _python_reads(
    samples: int, write: Callable[[int], None], read: Callable[[], object], expected: Callable[[int], object]
) -> Result:
    """A batch of reads after each write; the last of a batch is compared."""
    measured, right = np.zeros(samples), 0
    for number in range(samples):
        write(number)
        start_ns = time.perf_counter_ns()
        for _ in range(BATCH):
            found = read()
        measured[number] = (time.perf_counter_ns() - start_ns) / BATCH
        right += found == expected(number)
    return times(measured, FRESH if right == samples else WRONG)
