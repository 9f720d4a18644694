"""Rings under full traffic: frames of random sizes, random pauses on both sides, every word checked."""

import pytest

from shm.kernel import address_of_array
from tests.shm.one_ring import SEED, OneRing, compile_traffic
from tests.shm.ring_traffic import consume, produce
from tests.transport.crew import Crew, Report, words

QUICK, LONG = 100_000, 100_000_000
FOREVER = 1 << 40
SEEN_MIN = 100
"""Frames that even a lossy consumer must have had before the producer may end."""

AMOUNTS = pytest.mark.parametrize(
    "messages",
    [QUICK, pytest.param(LONG, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
    ids=["quick", "slow"],
)


def run_traffic(ring: OneRing, consumers: int, lossy: tuple[int, ...], messages: int, report: Report) -> None:
    """Send at least `messages` from core 0 to consumers on cores 1, 0, 1, and check what each of them had."""
    compile_traffic()
    tallies, progress, stop = [ring.tally() for _ in range(consumers)], words(), words()

    def send() -> None:
        writer, count = ring.writer(), messages
        while count == messages or any(tally[0]["received"] < SEEN_MIN for tally in tallies):
            produce(writer[0], count, SEED, ring.size_max, address_of_array(progress))
            count = 1000
        stop[0] = 1

    def take(number: int) -> None:
        consume(ring.reader(number)[0], SEED, ring.size_max, FOREVER, address_of_array(stop), tallies[number][0])

    with Crew(report) as crew:
        for number in range(consumers):
            crew.start(lambda number=number: take(number), core=number + 1)
        crew.start(send, core=0)
        crew.finish(progress, messages, f"ring of {ring.capacity} bytes to {consumers}, of them lossy {len(lossy)}")
    sent = int(progress[0])
    assert sent >= messages
    for number, tally in enumerate(tallies):
        if number in lossy:
            # Whole frames in order, and of the others an exact count.
            assert tally[0]["harmed"] == 0 and tally[0]["disorder"] == 0
            assert SEEN_MIN <= tally[0]["received"] == tally[0]["seen"] - tally[0]["missed"]
            assert tally[0]["seen"] <= sent
        else:
            # Every frame, once, whole and in order.
            assert tally[0].tolist() == (sent, 0, 0, sent, sent, 0, 0)


@AMOUNTS
@pytest.mark.parametrize(("capacity", "size_max"), [(4096, 512), (1 << 16, 300)])
def test_every_word_arrives_in_order_between_two_processes(
    messages: int, capacity: int, size_max: int, report: Report
) -> None:
    run_traffic(OneRing(capacity, size_max=size_max, in_shared=True), 1, (), messages, report)


@AMOUNTS
def test_broadcast_gives_reliable_consumers_everything_and_lossy_ones_an_exact_count_of_what_they_missed(
    messages: int, report: Report
) -> None:
    ring = OneRing(1 << 14, consumers=3, lossy=(1,), size_max=256, in_shared=True)
    run_traffic(ring, 3, (1,), messages, report)


@AMOUNTS
def test_a_ring_of_lossy_consumers_alone_never_stops_its_producer_and_no_torn_frame_passes(
    messages: int, report: Report
) -> None:
    ring = OneRing(1 << 15, consumers=2, lossy=(0, 1), size_max=512, in_shared=True)
    run_traffic(ring, 2, (0, 1), messages, report)
