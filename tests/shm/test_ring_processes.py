"""The ring stepped an instruction at a time: either side killed at any of them, nothing lost or torn."""

import pytest

from tests.shm.one_ring import SEED, OneRing, position_of
from tests.shm.processes import crash_images, interleave
from tests.shm.ring_traffic import consume_endlessly, consume_stepped, produce_stepped


def near_the_wrap(*, lossy: tuple[int, ...] = ()) -> tuple[OneRing, int, int]:
    """A shared ring whose next frames wrap, with two frames unread: (ring, first unread, next sequence)."""
    ring = OneRing(4096, lossy=lossy, size_max=400, in_shared=True)
    writer, reader = ring.writer(), ring.reader()
    while 4096 - position_of(writer) % 4096 > 700:
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
        assert known <= first + len(seen) <= behind + 6
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
    assert resumed == behind
