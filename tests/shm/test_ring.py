"""What a ring promises, case by case: bounds, wrapping, several consumers, losing exactly what was missed."""

import ctypes

import numpy as np
import pytest

from shm.layout import FRAME_HEADER_BYTES, RING_HEADS, RING_INTENT, RING_TAIL, frame_bytes_max
from shm.ring import format_ring, ring_bytes
from tests.shm.areas import Guarded, aligned
from tests.shm.one_ring import SEED, OneRing, position_of
from tests.shm.ring_batches import abort_claim, take_batch
from tests.shm.ring_traffic import (
    advance_frame,
    claim_frame,
    commit_frame,
    has_room,
    poll_frame,
    release_frames,
    scribble,
)


@pytest.mark.parametrize("capacity", [0, 2048, 4095, 5000, 1 << 31])
def test_a_capacity_that_is_no_power_of_two_in_range_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match=f"found {capacity}, allowed a power of two"):
        ring_bytes(capacity)


@pytest.mark.parametrize("consumers", [0, 4])
def test_a_number_of_consumers_out_of_range_is_refused(consumers: int) -> None:
    with pytest.raises(ValueError, match=f"found {consumers}, allowed 1 to 3"):
        format_ring(aligned(ring_bytes(4096)), 4096, consumers=consumers)


def test_the_largest_frame_is_an_eighth_of_the_capacity_even_when_the_ring_is_empty() -> None:
    ring = OneRing(4096)
    writer = ring.writer()

    assert claim_frame(writer[0], frame_bytes_max(4096)) != 0
    assert claim_frame(writer[0], frame_bytes_max(4096) + 1) == 0


def test_frames_begin_on_cache_lines_and_carry_sequence_and_stamps() -> None:
    ring = OneRing(4096)
    writer, reader = ring.writer(), ring.reader()
    for index in range(3):
        frame = claim_frame(writer[0], 40)
        assert frame % 64 == 0
        commit_frame(writer[0], 5, 40, 100 + index, 200 + index)

    for index in range(3):
        frame = poll_frame(reader[0])
        words = np.frombuffer(ctypes.string_at(frame, FRAME_HEADER_BYTES), np.int64).tolist()
        assert words == [5 << 32 | 40, index, 100 + index, 200 + index]
        assert advance_frame(reader[0], frame) == 0


@pytest.mark.parametrize("said", [False, True])
def test_a_claim_that_is_given_up_is_never_seen_and_its_place_is_used_again(said: bool) -> None:
    ring = OneRing(4096)
    writer, reader = ring.writer(), ring.reader()
    given_up = claim_frame(writer[0], 512)
    scribble(given_up, 512, -1)
    if said:
        abort_claim(writer[0])

    assert poll_frame(reader[0]) == 0
    assert claim_frame(writer[0], 64) == given_up
    assert ring.send(writer, 3) == 3
    assert ring.take(reader) == [0, 1, 2]


def test_a_polled_frame_stays_until_it_is_released_and_then_gives_room() -> None:
    ring = OneRing(4096, size_max=512)
    writer, reader = ring.writer(), ring.reader()
    held = ring.send(writer, 1000)
    assert held < 1000
    ring.take(reader, give_back=False)

    assert ring.send(writer, 1) == 0
    release_frames(reader[0])
    assert ring.send(writer, 1) == 1
    assert ring.take(reader) == [held]


@pytest.mark.parametrize("size_max", [64, 100, 200])
def test_a_ring_that_is_kept_full_loses_nothing_at_any_of_its_ends(size_max: int) -> None:
    ring = OneRing(4096, size_max=size_max)
    writer, reader = ring.writer(), ring.reader()
    taken: list[int] = []
    for count in [1, 2, 3, 5, 8, 13, 21] * 40:
        ring.send(writer, 1000)
        taken += ring.take(reader, count)
    assert taken == list(range(53 * 40))


def test_every_reliable_consumer_gates_and_a_lossy_one_does_not() -> None:
    ring = OneRing(4096, consumers=3, lossy=(1,))
    writer, first, lossy, last = ring.writer(), ring.reader(0), ring.reader(1), ring.reader(2)
    ring.take(lossy, 0)
    sent = ring.send(writer, 1000)

    assert ring.take(first) == list(range(sent))
    assert ring.send(writer, 1000) == 0
    assert ring.take(last) == list(range(sent))
    assert ring.send(writer, 1000) > 0
    assert ring.take(lossy) == []


def test_a_lapped_consumer_counts_exactly_what_it_missed() -> None:
    ring = OneRing(4096, lossy=(0,))
    writer, reader = ring.writer(), ring.reader()
    ring.send(writer, 5)
    seen = ring.take(reader)
    ring.send(writer, 1000)

    assert ring.take(reader) == []  # lapped: it goes to the newest, of which there is none yet
    ring.send(writer, 1)
    frame = poll_frame(reader[0])
    assert advance_frame(reader[0], frame) == 1000
    assert seen == [0, 1, 2, 3, 4]
    assert reader[0]["sequence"] == 1006


def test_a_larger_claim_that_was_given_up_does_not_pass_as_the_frame_it_overwrote() -> None:
    ring = OneRing(4096, lossy=(0,), size_max=64)
    writer, reader = ring.writer(), ring.reader()
    ring.send(writer, 62)
    ring.take(reader, 3)
    scribble(claim_frame(writer[0], 512), 512, 0x0000_0001_0000_0040)  # over frames 0 to 7, in the shape of a frame
    for successor in (writer, ring.writer()):
        # A smaller claim behind it must not take back that they were overwritten.
        assert claim_frame(successor[0], 64) != 0
        assert poll_frame(reader[0]) == 0


def test_an_overwritten_length_never_sends_a_copy_past_the_end_of_the_ring() -> None:
    ring = OneRing(4096, lossy=(0,), size_max=64)
    guard = Guarded(ring_bytes(4096))
    writer = ring.writer()
    ring.send(writer, 63)
    reader = ring.reader()
    ring.take(reader, 63)
    ring.send(writer, 1)
    last_line = ring.content.size - 64
    ring.content[last_line : last_line + 8].view(np.int64)[0] = 1 << 32 | 512
    address = guard.place(ring.content.tobytes())
    moved = address - ring.address
    for field in ("ring", "data", "head"):
        reader[0][field] += moved

    assert poll_frame(reader[0]) == 0


def test_room_for_a_sum_of_frames_is_room_for_each_of_them_in_turn() -> None:
    rng = np.random.default_rng(3)
    for _ in range(300):
        ring = OneRing(4096)
        writer, reader = ring.writer(), ring.reader()
        for _ in range(int(rng.integers(0, 40))):
            ring.send(writer, int(rng.integers(1, 4)))
            ring.take(reader, int(rng.integers(0, 4)))
        sizes = [int(size) for size in rng.integers(FRAME_HEADER_BYTES + 1, 300, int(rng.integers(1, 12)))]
        if has_room(writer[0], sum(sizes)):
            for size in sizes:
                assert claim_frame(writer[0], size) != 0
                commit_frame(writer[0], 1, size, 0, 0)


def test_a_writer_opened_behind_a_commit_whose_tail_was_never_stored_counts_that_frame() -> None:
    ring = OneRing(4096)
    writer = ring.writer()
    ring.send(writer, 6)
    words = ring.content[:1024].view(np.int64)
    tail = words[RING_TAIL // 8 : RING_TAIL // 8 + 2].copy()
    ring.send(writer, 2)
    words[RING_TAIL // 8 : RING_TAIL // 8 + 2] = tail

    successor = ring.writer()
    assert successor[0]["sequence"] == 8
    ring.send(successor, 2)
    assert ring.take(ring.reader()) == list(range(10))


def test_a_consumer_killed_inside_release_gets_its_frames_again_and_misses_none() -> None:
    ring = OneRing(4096)
    writer, reader = ring.writer(), ring.reader()
    ring.send(writer, 6)
    ring.take(reader, 2)
    ring.content[:1024].view(np.int64)[RING_HEADS // 8 + 1] = 5  # the sequence was stored, the position not

    assert ring.take(ring.reader()) == [2, 3, 4, 5]


def test_intent_never_goes_back_and_is_ahead_of_all_that_a_commit_may_touch() -> None:
    ring = OneRing(4096, lossy=(0,))
    writer = ring.writer()
    intent = ring.content[:1024].view(np.int64)[RING_INTENT // 8 :]
    claim_frame(writer[0], 512)
    largest = int(intent[0])
    claim_frame(writer[0], 64)

    assert int(intent[0]) == largest >= 2 * 512 + 64
    for sent in range(1, 200):
        ring.send(writer, 1)
        assert int(intent[0]) >= position_of(writer) + 64, sent


def test_a_ring_of_reliable_consumers_alone_announces_nothing() -> None:
    ring = OneRing(4096)
    ring.send(ring.writer(), 3)

    assert int(ring.content[:1024].view(np.int64)[RING_INTENT // 8]) == 0


def test_a_commit_touches_nothing_that_a_consumer_still_holds() -> None:
    for count in range(60, 64):
        ring = OneRing(4096, size_max=64)
        writer, reader = ring.writer(), ring.reader()
        before = ring.send(writer, count)
        held = ring.content[1024 : 1024 + 64 * before].copy()
        ring.send(writer, 10)

        assert ring.content[1024 : 1024 + 64 * before].tolist() == held.tolist()
        assert ring.take(reader) == list(range(int(writer[0]["sequence"])))


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_a_batch_taken_in_a_register_is_what_polls_would_have_given(batch: int) -> None:
    ring = OneRing(4096)
    writer, reader = ring.writer(), ring.reader()
    taken: list[int] = []
    while len(taken) < 500:
        sent = int(writer[0]["sequence"]) + ring.send(writer, 5)
        harmed, count = take_batch(reader[0], batch, SEED, ring.size_max)
        assert harmed == 0
        taken += range(len(taken), len(taken) + count)
        assert len(taken) == int(reader[0]["sequence"]) <= sent
        assert count == min(batch, count) > 0
    while take_batch(reader[0], batch, SEED, ring.size_max)[1]:
        pass
    assert int(reader[0]["sequence"]) == int(writer[0]["sequence"])
    assert poll_frame(reader[0]) == 0


def test_a_tail_that_is_behind_still_leads_a_successor_to_the_end() -> None:
    ring = OneRing(1 << 14, size_max=100)
    writer, reader = ring.writer(), ring.reader()
    lags = set()
    for _ in range(400):
        ring.send(writer, 1)
        ring.take(reader)
        position = position_of(writer)
        lags.add(position - int(ring.content[:1024].view(np.int64)[RING_TAIL // 8]))
        successor = ring.writer()
        assert (position_of(successor), int(successor[0]["sequence"])) == (position, writer[0]["sequence"])
    assert max(lags) <= (1 << 10) + 128


def test_the_sole_consumer_leaves_every_byte_as_it_was() -> None:
    ring = OneRing(4096)
    writer, reader = ring.writer(), ring.reader()
    ring.send(writer, 1000)
    before = ring.content[1024:].copy()
    ring.take(reader, give_back=False)

    assert ring.content[1024:].tolist() == before.tolist()
