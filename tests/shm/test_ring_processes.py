"""The ring between real processes: every word checked, either side killed at any moment, nothing lost or torn."""

import os
import random

import numpy as np
import pytest

from shm.kernel import address_of_array
from shm.ring import depth_bytes
from tests.shm.areas import shared
from tests.shm.one_ring import SEED, OneRing
from tests.shm.processes import Child, crash_images, interleave
from tests.shm.ring_traffic import consume, consume_endlessly, consume_stepped, produce, produce_stepped

MESSAGES = 200_000
FOREVER = 1 << 40
KILLS = 24


def producer(ring: OneRing, count: int, progress: np.ndarray) -> Child:
    """A process that opens the ring's writer and sends."""

    def run() -> None:
        produce(ring.writer()[0], count, SEED, ring.size_max, address_of_array(progress))

    return Child(run)


def consumer(ring: OneRing, number: int, until: int, stop: np.ndarray, tally: np.ndarray) -> Child:
    """A process that opens a reader and checks what it takes."""

    def run() -> None:
        consume(ring.reader(number)[0], SEED, ring.size_max, until, address_of_array(stop), tally[0])

    return Child(run)


def words(count: int = 1) -> np.ndarray:
    """Shared int64 words."""
    return shared(8 * count).view(np.int64)


@pytest.mark.parametrize(("capacity", "size_max"), [(4096, 512), (1 << 16, 300)])
def test_every_word_arrives_in_order_between_two_processes(capacity: int, size_max: int) -> None:
    ring = OneRing(capacity, size_max=size_max, in_shared=True)
    tally, stop, progress = ring.tally(), words(), words()
    taking = consumer(ring, 0, MESSAGES, stop, tally)
    sending = producer(ring, MESSAGES, progress)

    assert sending.wait() == 0
    assert taking.wait() == 0
    assert tally[0].tolist()[:4] == (MESSAGES, 0, 0, MESSAGES)


def test_broadcast_gives_reliable_consumers_everything_and_lossy_ones_an_exact_count_of_what_they_missed() -> None:
    ring = OneRing(1 << 14, consumers=3, lossy=(1,), size_max=256, in_shared=True)
    tallies, stop, progress = [ring.tally() for _ in range(3)], words(), words()
    taking = [
        consumer(ring, index, MESSAGES // 2 if index != 1 else FOREVER, stop, tallies[index]) for index in range(3)
    ]
    assert producer(ring, MESSAGES // 2, progress).wait() == 0
    assert [taking[index].wait() for index in (0, 2)] == [0, 0]
    stop[0] = 1
    assert taking[1].wait() == 0

    for index in (0, 2):
        assert tallies[index][0].tolist()[:3] == (MESSAGES // 2, 0, 0)
    lossy = tallies[1][0]
    assert lossy["harmed"] == 0 and lossy["disorder"] == 0
    assert lossy["received"] + lossy["missed"] == lossy["seen"] <= MESSAGES // 2


def test_a_ring_of_lossy_consumers_alone_never_stops_its_producer_and_no_torn_frame_passes() -> None:
    ring = OneRing(4096, lossy=(0,), size_max=512, in_shared=True)
    tally, stop, progress = ring.tally(), words(), words()
    taking = consumer(ring, 0, FOREVER, stop, tally)
    assert producer(ring, MESSAGES, progress).wait() == 0
    stop[0] = 1
    assert taking.wait() == 0

    assert progress[0] == MESSAGES
    assert tally[0]["harmed"] == 0 and tally[0]["disorder"] == 0
    assert tally[0]["received"] + tally[0]["missed"] == tally[0]["seen"]


def run_until(word: np.ndarray, value: int) -> None:
    """Look on until a shared word has reached a value."""
    while int(word[0]) < value:
        os.sched_yield()


def test_a_killed_producer_leaves_whole_frames_only_and_its_successor_goes_on_at_the_next_sequence() -> None:
    rng = random.Random(5)
    ring = OneRing(1 << 13, size_max=400, in_shared=True)
    tally, stop, progress = ring.tally(), words(), words()
    taking = consumer(ring, 0, FOREVER, stop, tally)
    for _ in range(KILLS):
        victim = producer(ring, FOREVER, progress)
        run_until(progress, int(progress[0]) + rng.randrange(1, 2000))
        victim.kill()
        # Committed at least what the victim knew that it had sent, and at most one more.
        assert 0 <= int(ring.writer()[0]["sequence"]) - int(progress[0]) <= 1
    total = int(ring.writer()[0]["sequence"])
    stop[0] = 1

    assert taking.wait() == 0
    assert tally[0].tolist() == (total, 0, 0, total, total, 0)


def test_a_killed_consumer_is_replaced_at_its_last_release_and_nothing_is_lost() -> None:
    rng = random.Random(6)
    ring = OneRing(1 << 13, size_max=400, in_shared=True)
    stop, progress = words(), words()
    sending = producer(ring, FOREVER, progress)
    released = 0
    for _ in range(KILLS):
        tally = ring.tally()
        victim = consumer(ring, 0, FOREVER, stop, tally)
        run_until(tally["seen"], released + rng.randrange(1, 2000))
        victim.kill()
        successor = int(ring.reader()[0]["sequence"])
        assert tally[0]["harmed"] == 0 and tally[0]["missed"] == 0
        assert released <= int(tally[0]["released"]) <= successor <= int(tally[0]["seen"])
        released = successor
    sending.kill()
    last = int(ring.writer()[0]["sequence"])

    assert ring.take(ring.reader()) == list(range(released, last))


def near_the_wrap(*, lossy: tuple[int, ...] = ()) -> tuple[OneRing, int, int]:
    """A shared ring whose next frames wrap, with two frames unread: (ring, first unread, next sequence)."""
    ring = OneRing(4096, lossy=lossy, size_max=400, in_shared=True)
    writer, reader = ring.writer(), ring.reader()
    while 4096 - int(writer[0]["position"]) % 4096 > 700:
        ring.send(writer, 1)
        ring.take(reader)
    ring.send(writer, 2)
    return ring, int(reader[0]["sequence"]), int(writer[0]["sequence"])


@pytest.mark.parametrize("lossy", [(), (0,)])
def test_a_producer_killed_at_any_instruction_leaves_a_ring_that_a_successor_continues(lossy: tuple[int, ...]) -> None:
    ring, first, behind = near_the_wrap(lossy=lossy)
    writer = ring.writer()
    images = crash_images(lambda: produce_stepped(writer[0], 6, SEED, 400), ring.content)
    assert len(images) > 6 * 6

    known = behind
    for image in images:
        crashed = OneRing(4096, size_max=400, image=image)
        seen = crashed.take(crashed.reader(), give_back=False)
        assert seen == list(range(first, first + len(seen)))
        # A lossy consumer goes by the tail, which is stored behind the commit word.
        assert known - len(lossy) <= first + len(seen) <= behind + 6
        known = max(known, first + len(seen))
        successor = crashed.writer()
        assert known <= int(successor[0]["sequence"]) <= known + len(lossy)
        assert crashed.send(successor, 3) == 3
        assert crashed.take(crashed.reader()) == list(range(first, int(successor[0]["sequence"])))
    assert known == behind + 6


@pytest.mark.parametrize("overrun", [1, 14, 40])
def test_no_frame_is_torn_by_a_producer_that_goes_on_after_any_instruction_of_a_lossy_consumer(overrun: int) -> None:
    """The oldest frame is taken while the producer comes near, overwrites it, or laps several times."""
    ring = OneRing(4096, lossy=(0,), size_max=400, in_shared=True)
    writer, reader, tally = ring.writer(), ring.reader(), ring.tally()
    instructions = interleave(
        lambda: consume_endlessly(reader[0], SEED, 400, tally[0]),
        lambda: ring.send(writer, 8),
        lambda: ring.send(writer, overrun),
    )

    assert instructions > 100
    assert tally[0]["harmed"] == 0 and tally[0]["disorder"] == 0
    assert tally[0]["received"] + tally[0]["missed"] == tally[0]["seen"]
    assert (tally[0]["missed"] > 0) == (overrun > 1)


def test_a_consumer_killed_at_any_instruction_is_continued_without_loss_or_gap() -> None:
    ring, first, behind = near_the_wrap()
    behind += ring.send(ring.writer(), 4)
    reader, tally = ring.reader(), ring.tally()
    images = crash_images(lambda: consume_stepped(reader[0], 6, SEED, 400, tally[0]), ring.content)
    assert tally[0]["received"] == behind - first == 6

    resumed = first
    for image in images:
        crashed = OneRing(4096, size_max=400, image=image)
        successor = crashed.reader()
        assert resumed <= int(successor[0]["sequence"]) <= behind
        resumed = int(successor[0]["sequence"])
        assert crashed.take(successor) == list(range(resumed, behind))
        assert depth_bytes(successor[0]) == 0
    assert resumed == behind
