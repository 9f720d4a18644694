"""Latest-value slots: the newest of each symbol, never torn, and a killed writer wedges nobody."""

import numpy as np
import pytest

from shm.kernel import address_of_array, new_record
from shm.slot import SLOT_READER, SLOT_WRITER, SLOTS_MAX, open_slot_reader, open_slot_writer, slot_stride, slots_bytes
from tests.shm.areas import aligned, shared, shared_record
from tests.shm.processes import crash_images, interleave
from tests.shm.slot_traffic import (
    SLOT_TALLY,
    claim_slot,
    poll_slot,
    publish,
    publish_stepped,
    read_stepped,
    value_of,
)

FRAME = 32 + 8 * 20


class Slots:
    """A row of slots with ways to open its two sides."""

    def __init__(self, slots: int, *, in_shared: bool = False, image: bytes = b"") -> None:
        self.slots = slots
        self.content = (shared if in_shared else aligned)(slots_bytes(slots, FRAME))
        if image:
            self.content[:] = np.frombuffer(image, np.uint8)
        self.keep: list[np.ndarray] = []

    def writer(self) -> np.ndarray:
        writer = new_record(SLOT_WRITER)
        open_slot_writer(writer[0], address_of_array(self.content), slot_stride(FRAME), self.slots)
        return writer

    def reader(self) -> np.ndarray:
        reader, buffer = new_record(SLOT_READER), aligned(slot_stride(FRAME))
        self.keep.append(buffer)
        open_slot_reader(
            reader[0], address_of_array(self.content), slot_stride(FRAME), self.slots, address_of_array(buffer)
        )
        return reader


def taken(reader: np.ndarray) -> list[int]:
    """Values of everything unseen."""
    values = []
    while frame := poll_slot(reader[0]):
        values.append(value_of(frame, FRAME))
    return values


@pytest.mark.parametrize("slots", [0, SLOTS_MAX + 1])
def test_a_number_of_slots_out_of_range_is_refused(slots: int) -> None:
    with pytest.raises(ValueError, match=f"found {slots}, allowed 1 to {SLOTS_MAX}"):
        slots_bytes(slots, FRAME)


def test_a_reader_gets_only_the_newest_of_each_symbol_and_each_once() -> None:
    slots = Slots(3)
    writer, reader = slots.writer(), slots.reader()
    assert taken(reader) == []
    for index, value in [(0, 10), (2, 20), (0, 30), (0, 40)]:
        publish(writer[0], index, value, FRAME)

    assert taken(reader) == [40, 20]
    assert taken(reader) == []
    publish(writer[0], 2, 50, FRAME)
    assert taken(reader) == [50]


def test_what_was_published_before_a_reader_came_is_unseen_also_by_a_reader_record_used_again() -> None:
    slots = Slots(2)
    writer, reader = slots.writer(), slots.reader()
    publish(writer[0], 1, 5, FRAME)
    assert taken(reader) == [5]

    open_slot_reader(reader[0], address_of_array(slots.content), slot_stride(FRAME), 2, address_of_array(slots.keep[0]))
    assert taken(reader) == [5]


def test_a_reader_without_a_buffer_is_given_the_slot_itself_and_each_publication_once() -> None:
    slots = Slots(2)
    writer, reader = slots.writer(), slots.reader()
    open_slot_reader(reader[0], address_of_array(slots.content), slot_stride(FRAME), 2, 0)
    publish(writer[0], 1, 7, FRAME)
    frame = poll_slot(reader[0])
    assert frame == claim_slot(slots.writer()[0], 1)
    assert value_of(frame, FRAME) == 7
    assert taken(reader) == []
    claim_slot(writer[0], 1)
    assert taken(reader) == []

    publish(writer[0], 1, 8, FRAME)
    publish(writer[0], 0, 9, FRAME)
    assert taken(reader) == [9, 8]


def test_random_publications_over_many_symbols_agree_with_a_dict() -> None:
    rng = np.random.default_rng(8)
    slots = Slots(SLOTS_MAX)
    writer, readers = slots.writer(), [slots.reader() for _ in range(2)]
    unseen: list[dict[int, int]] = [{}, {}]
    for value in range(1, 3000):
        index = int(rng.integers(SLOTS_MAX))
        sequence = publish(writer[0], index, value, FRAME)
        assert sequence % SLOTS_MAX == index
        for each in unseen:
            each[index] = value
        for reader, each in zip(readers, unseen, strict=True):
            if rng.random() < 0.05:
                assert sorted(taken(reader)) == sorted(each.values())
                each.clear()


@pytest.mark.parametrize("index", [-1, 4])
def test_a_slot_out_of_range_is_refused(index: int) -> None:
    assert claim_slot(Slots(4).writer()[0], index) == 0


def test_a_claim_without_commit_hides_the_slot_until_the_next_commit() -> None:
    slots = Slots(1)
    writer, reader = slots.writer(), slots.reader()
    publish(writer[0], 0, 1, FRAME)
    claim_slot(writer[0], 0)
    assert taken(reader) == []
    claim_slot(writer[0], 0)
    assert taken(reader) == []

    publish(writer[0], 0, 2, FRAME)
    assert taken(reader) == [2]


def test_no_read_is_torn_by_a_publication_after_any_of_its_instructions() -> None:
    slots, tally = Slots(1, in_shared=True), shared_record(SLOT_TALLY)
    writer, reader = slots.writer(), slots.reader()
    values = iter(range(1, 100_000))

    def publish_next() -> None:
        publish(writer[0], 0, next(values), FRAME)

    instructions = interleave(lambda: read_stepped(reader[0], FRAME, tally[0]), publish_next, publish_next)
    assert instructions > 50
    assert tally[0]["harmed"] == 0 and tally[0]["disorder"] == 0
    assert tally[0]["received"] >= instructions


def test_a_writer_killed_at_any_instruction_leaves_the_old_or_the_new_and_its_successor_publishes_again() -> None:
    slots = Slots(2, in_shared=True)
    writer = slots.writer()
    publish(writer[0], 0, 11, FRAME)
    publish(writer[0], 1, 12, FRAME)
    images = crash_images(lambda: publish_stepped(writer[0], 1, 13, FRAME), slots.content)
    assert len(images) > 10

    seen = []
    for image in images:
        crashed = Slots(2, image=image)
        early = crashed.reader()
        before = taken(early)
        assert before in ([11, 12], [11], [11, 13])
        seen.append(before)
        successor = crashed.writer()
        after = taken(early)
        # A publication that was committed is seen now at the latest; one in the middle of it is gone for good.
        assert after in ([], [13])
        publish(successor[0], 1, 14, FRAME)
        publish(successor[0], 0, 15, FRAME)
        assert taken(early) == [15, 14]
        assert taken(crashed.reader()) == [15, 14]
    assert seen[0] == [11, 12] and [11] in seen and seen[-1] == [11, 13]
    assert seen == sorted(seen, key=[[11, 12], [11], [11, 13]].index)


def test_a_publication_whose_writer_died_before_counting_it_is_seen_when_the_successor_opens() -> None:
    slots = Slots(1)
    writer, reader = slots.writer(), slots.reader()
    publish(writer[0], 0, 1, FRAME)
    assert taken(reader) == [1]
    publish(writer[0], 0, 2, FRAME)
    slots.content[:8].view(np.int64)[0] -= 1
    assert taken(reader) == []

    slots.writer()
    assert taken(reader) == [2]
