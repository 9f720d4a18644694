"""Log ring: whole records in order, drops counted to the last, whoever is killed, whatever stands in its memory."""

import random
from collections import deque
from functools import partial

import numpy as np
import pytest
from numba import from_dtype, types

from shm.kernel import address_of_array, kernel, new_record
from shm.log_ring import (
    HEAD,
    LOG_READER,
    LOG_RECORD,
    LOG_RECORDS,
    LOG_WRITER,
    POSITION,
    SEQUENCE,
    as_word,
    drain_log,
    log_record,
    log_ring_bytes,
)
from tests.shm.areas import shared_record
from tests.shm.log_traffic import (
    LOG_TALLY,
    LogRing,
    drain_stepped,
    drain_with_pauses,
    log_forever,
    log_many,
    log_stepped,
    log_with_pauses,
    numbers_of,
    sequences_of,
)
from tests.shm.processes import Child, crash_images, interleave
from tests.shm.test_memory_orders import events, once


@kernel
def log_mixed(writer, count, share, flag):
    return log_record(writer, 5, 1, count, share, flag, -share, share * 0.0, -count)


@kernel
def word_of(value):
    return as_word(value)


def log_on(ring: LogRing, first: int) -> None:
    """A child's life: log until killed."""
    log_forever(ring.writer()[0], first)


@pytest.mark.parametrize("records", [0, 1, 3, 100_000])
def test_a_number_of_records_that_is_no_power_of_two_is_refused(records: int) -> None:
    with pytest.raises(ValueError, match=f"found {records}, allowed a power of two"):
        log_ring_bytes(records)


def test_a_ring_holds_a_hundred_thousand_records_and_drops_what_is_more() -> None:
    ring = LogRing(LOG_RECORDS)
    assert LOG_RECORDS >= 100_000

    assert log_many(ring.writer()[0], 0, LOG_RECORDS + 5) == LOG_RECORDS
    assert numbers_of(ring.drain(ring.reader())) == list(range(LOG_RECORDS))


def test_integers_floats_and_bools_come_back_as_they_were() -> None:
    ring = LogRing(2)
    log_mixed(ring.writer()[0], -(1 << 62), 0.1, True)

    (record,) = ring.drain(ring.reader())
    assert record["values"][[0, 2, 5]].tolist() == [-(1 << 62), 1, 1 << 62]
    assert record["values"].view(np.float64)[[1, 3, 4]].tolist() == [0.1, -0.1, 0.0]
    assert word_of(np.float32(0.5)) == np.float64(0.5).view(np.int64)


def test_random_traffic_agrees_with_a_deque_and_every_drop_is_counted() -> None:
    rng = random.Random(3)
    for records in (2, 8, 64):
        ring = LogRing(records)
        writer, reader = ring.writer(), ring.reader()
        model: deque[int] = deque()
        number = kept = 0
        for _ in range(500):
            count = rng.randrange(records * 2)
            room = min(count, records - len(model))
            model += range(number, number + room)
            assert log_many(writer[0], number, count) == room
            number += count
            kept += room
            for _ in range(rng.randrange(3)):
                taken = ring.drain(reader, rng.randrange(1, records + 1))
                # Numbered by what was tried: what is missing between two sequences, and up to `tried`, was dropped.
                assert numbers_of(taken) == sequences_of(taken) == [model.popleft() for _ in range(len(taken))]
                assert reader[0]["tried"] == number
            if rng.random() < 0.1:
                writer = ring.writer()
            if rng.random() < 0.1:
                reader = ring.reader()
        assert kept < number


def test_drops_stand_before_the_next_record_and_behind_the_last() -> None:
    ring = LogRing(4)
    writer, reader = ring.writer(), ring.reader()
    assert log_many(writer[0], 0, 7) == 4
    assert sequences_of(ring.drain(reader)) == [0, 1, 2, 3]
    assert reader[0]["tried"] == 7

    assert log_many(writer[0], 7, 6) == 4
    assert sequences_of(ring.drain(reader)) == [7, 8, 9, 10]
    assert reader[0]["tried"] == 13


def test_what_is_unread_is_never_overwritten() -> None:
    ring = LogRing(8)
    log_many(ring.writer()[0], 0, 8)
    before = ring.content.tobytes()[256:]
    log_many(ring.writer()[0], 100, 3)

    assert ring.content.tobytes()[256:] == before


def test_a_writer_killed_at_any_instruction_leaves_whole_records_and_a_successor_goes_on() -> None:
    ring = LogRing(4, in_shared=True)
    writer = ring.writer()
    log_many(writer[0], 0, 6)  # two dropped
    ring.drain(ring.reader(), 3)
    images = crash_images(lambda: log_stepped(writer[0], 6), ring.content)
    assert len(images) > 8
    for image in images:
        found = LogRing(4, image=image)
        reader = found.reader()
        taken = found.drain(reader)
        assert numbers_of(taken) in ([3], [3, 6])
        assert sequences_of(taken) in ([3], [3, 6])
        assert reader[0]["tried"] <= 6 + numbers_of(taken).count(6)
        log_many(found.writer()[0], 8, 1)
        after = found.drain(reader)
        assert numbers_of(after) == [8]
        assert sequences_of(after) == [6 + numbers_of(taken).count(6)]


def test_no_drop_is_claimed_and_no_record_torn_by_a_writer_after_any_instruction_of_a_drain() -> None:
    ring, out = LogRing(8, in_shared=True), LogRing(8, in_shared=True)
    writer, reader = ring.writer(), shared_record(LOG_READER)
    reader[:] = ring.reader()
    logged, position = 0, 0

    def log_next() -> None:
        nonlocal logged
        log_many(writer[0], logged, 1)
        logged += 1

    def prepare() -> None:
        nonlocal position
        count = int(reader[0]["position"]) - position
        drained = out.content.view(LOG_RECORD)[:count]
        assert numbers_of(drained) == list(range(position, position + count))
        assert reader[0]["tried"] <= reader[0]["position"]
        position += count
        log_next()

    step = partial(drain_stepped, reader[0], address_of_array(out.content), 8)
    assert interleave(step, prepare, log_next) > 20
    assert position > 20


def test_a_record_is_whole_before_it_counts_and_its_place_is_free_only_behind_the_copy() -> None:
    of = from_dtype(LOG_WRITER), from_dtype(LOG_READER)

    written = events(log_record, of[0], *[types.int64] * 8)
    assert once(written) == ["load acquire", "store release"]
    assert written[-2:] == ["store release"] * 2
    assert once(events(drain_log, of[1], types.int64, types.int64)) == ["load acquire", "copy", "store release"]


@pytest.mark.parametrize(
    ("records", "count"),
    [(64, 500_000), (LOG_RECORDS, 1_000_000), pytest.param(4096, 100_000_000, marks=pytest.mark.slow)],
)
def test_every_word_is_right_and_every_drop_counted_between_two_processes_that_pause_as_they_like(
    records: int, count: int
) -> None:
    ring, tally = LogRing(records, in_shared=True), new_record(LOG_TALLY)
    room = min(records, 4096)
    kept = shared_record(np.dtype([("kept", "i8")]))

    def write() -> int:
        kept["kept"] = log_with_pauses(ring.writer()[0], count, 7)
        return 0

    writing = Child(write)
    assert drain_with_pauses(ring.reader()[0], address_of_array(ring.out), room, count, 8, tally[0]) == 0
    assert writing.wait() == 0

    assert tally[0]["harmed"] == tally[0]["disorder"] == 0
    assert tally[0]["taken"] == kept[0]["kept"] > 0
    assert tally[0]["taken"] + tally[0]["missing"] == count


@pytest.mark.parametrize("kills", [10, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_killed_writers_records_are_drained_and_its_successor_is_heard(kills: int) -> None:
    ring = LogRing(1024, in_shared=True)
    reader = ring.reader()
    taken: list[int] = []
    sequences: list[int] = []
    first = 0
    rng = random.Random(4)
    for _ in range(kills):
        child = Child(partial(log_on, ring, first))
        target = len(taken) + rng.randrange(1, 3000)
        while len(taken) < target:
            found = ring.drain(reader)
            taken += numbers_of(found)
            sequences += sequences_of(found)
        child.kill()
        found = ring.drain(reader)
        taken += numbers_of(found)
        sequences += sequences_of(found)
        first = taken[-1] + 1_000_000

    assert taken == sorted(set(taken))
    assert sequences == sorted(set(sequences))
    assert int(ring.words[POSITION // 8]) == len(taken)
    assert int(ring.words[SEQUENCE // 8]) >= sequences[-1]


def test_a_ring_whose_words_cannot_be_true_is_refused_and_any_record_is_copied() -> None:
    rng = np.random.default_rng(5)
    ring = LogRing(8)
    log_many(ring.writer()[0], 0, 5)
    for position in (-1, 9, 1 << 40, -(1 << 63), (1 << 63) - 1):
        reader = ring.reader()
        ring.words[POSITION // 8] = position
        with pytest.raises(ValueError, match="cannot be true"):
            ring.drain(reader)
    for _ in range(200):
        ring.content[:] = rng.integers(0, 256, ring.content.size, dtype=np.uint8)
        ring.words[HEAD // 8] = int(rng.integers(0, 1 << 50))
        reader = ring.reader()
        ring.words[POSITION // 8] = ring.words[HEAD // 8] + int(rng.integers(0, 9))
        waiting = int(ring.words[POSITION // 8] - ring.words[HEAD // 8])
        assert len(ring.drain(reader)) == waiting
