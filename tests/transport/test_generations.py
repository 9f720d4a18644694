"""A writer that was stopped, replaced and revived: it goes on in segments that nobody uses any more.

old writer      sends ....SIGSTOP                        SIGCONT sends sends
generation 1    |==========|  names unlinked              ==================   still mapped by the old writer
generation 2                |  made |=================================|
new writer                          sends sends sends sends sends
reader                              every frame the new writer's
"""

import os
import random
import signal
from contextlib import closing

import numpy as np
import pytest

from shm.cancels import CANCELS_BYTES
from shm.kernel import address_of_array, new_record
from shm.ring import READER, WRITER, format_ring, open_reader, open_writer, ring_bytes
from shm.segment import FOLDER, Segment, SegmentError, new_run, segment_name
from shm.slot import SLOT_WRITER, open_slot_writer, slot_stride, slots_bytes
from tests.shm.areas import shared_record
from tests.shm.one_ring import compile_traffic
from tests.shm.ring_traffic import TALLY, consume, send_one
from tests.shm.slot_traffic import publish
from tests.transport.crew import Crew, Report, words
from tests.transport.lives import ask_cancel

LAYOUT, CAPACITY, SIZE_MAX = 0x77, 1 << 14, 300
OLD, NEW = 11, 12
"""Seeds: a frame of the one is a harmed frame to a reader of the other."""

FRAME = 32 + 8 * 8
SIZES = {"ring": ring_bytes(CAPACITY), "slots": slots_bytes(2, FRAME), "cancels": CANCELS_BYTES}
FOREVER = 1 << 40
"""The ring's consumer is lossy: nothing holds the old writer back."""


def make(run: str, generation: int) -> dict[str, Segment]:
    """Fresh segments of a generation."""
    made = {
        noun: Segment.create(segment_name(run, generation, noun), size, layout_hash=LAYOUT, generation=generation)
        for noun, size in SIZES.items()
    }
    format_ring(made["ring"].bytes_view(), CAPACITY, consumers=1, lossy=(0,))
    return made


def attach(run: str, generation: int) -> dict[str, Segment]:
    """The segments of a generation, by name."""
    return {noun: Segment.attach(segment_name(run, generation, noun), layout_hash=LAYOUT) for noun in SIZES}


def write(run: str, generation: int, seed: int, progress: np.ndarray, halt: np.ndarray) -> None:
    """A writer's life: attach, then frames, publications and cancels until `halt`."""
    segments = attach(run, generation)
    writer, slots = new_record(WRITER), new_record(SLOT_WRITER)
    open_writer(writer[0], segments["ring"].address)
    open_slot_writer(slots[0], segments["slots"].address, slot_stride(FRAME), 2)
    while not halt[0]:
        assert send_one(writer[0], seed, SIZE_MAX) == 1
        publish(slots[0], int(progress[0]) % 2, seed, FRAME)
        ask_cancel(segments["cancels"].address, int(progress[0]) % 4096, seed)
        progress[0] += 1


def read(run: str, generation: int, stop: np.ndarray, tally: np.ndarray) -> None:
    """A reader's life: every frame must be the new writer's."""
    segments, reader, buffer = attach(run, generation), new_record(READER), np.zeros(SIZE_MAX, np.uint8)
    open_reader(reader[0], segments["ring"].address, 0, address_of_array(buffer))
    consume(reader[0], NEW, SIZE_MAX, FOREVER, address_of_array(stop), tally[0])


def image(segments: dict[str, Segment]) -> bytes:
    """All bytes of a generation."""
    return b"".join(segments[noun].bytes_view().tobytes() for noun in SIZES)


def unlink(segments: dict[str, Segment]) -> None:
    """Take the names away; who has them mapped keeps them."""
    for segment in segments.values():
        segment.unlink()


class Handover:
    """A run in which the writer is stopped at a random instant, replaced, and revived."""

    def __init__(self, seed: int, crew: Crew) -> None:
        self.random, self.crew, self.run = random.Random(seed), crew, new_run()
        compile_traffic()
        self.halt, self.stop = words(), words()
        self.old_sent, self.new_sent, self.tally = words(), words(), shared_record(TALLY)
        self.segments: list[dict[str, Segment]] = []

    def close(self) -> None:
        """Leave nothing behind."""
        for segments in self.segments:
            unlink(segments)
            for segment in segments.values():
                segment.close()

    def stop_old(self) -> int:
        """Start the old writer in generation 1 and stop it at a random instant; its process."""
        self.segments.append(make(self.run, 1))
        old = self.crew.start(lambda: write(self.run, 1, OLD, self.old_sent, words()), core=0)
        self.wait_for(self.old_sent, self.random.randrange(1, 2000))
        os.kill(old.pid, signal.SIGSTOP)
        return old.pid

    def replace(self, generation: int) -> None:
        """A new writer and a reader, in segments of their own or, for a control, in those of generation 1."""
        if generation > 1:
            unlink(self.segments[0])
            self.segments.append(make(self.run, generation))
        self.new = self.crew.start(lambda: write(self.run, generation, NEW, self.new_sent, self.halt), core=0)
        self.wait_for(self.new_sent, 100)
        self.reading = self.crew.start(lambda: read(self.run, generation, self.stop, self.tally), core=1)

    def wait_for(self, progress: np.ndarray, more: int) -> None:
        """Until a writer has sent so many more."""
        target = int(progress[0]) + more
        self.crew.watch(lambda: int(progress[0]) >= target, "a writer goes on")

    def end_new(self) -> None:
        """The new writer ends, then the reader, when nothing is left."""
        self.halt[0] = 1
        self.crew.join(self.new)
        self.stop[0] = 1
        self.crew.join(self.reading)


@pytest.mark.parametrize("seeds", [2, pytest.param(200, marks=pytest.mark.slow)], ids=["quick", "slow"])
def test_a_revived_old_writer_touches_nothing_of_the_new_generation(seeds: int, report: Report) -> None:
    for seed in range(seeds):
        with Crew(report) as crew, closing(Handover(seed, crew)) as handover:
            old = handover.stop_old()
            handover.replace(2)
            os.kill(old, signal.SIGCONT)
            handover.wait_for(handover.old_sent, 500)
            handover.wait_for(handover.new_sent, 500)
            handover.end_new()
            before = image(handover.segments[1])
            handover.wait_for(handover.old_sent, 500)

            assert image(handover.segments[1]) == before
            assert handover.tally[0]["harmed"] == 0 and handover.tally[0]["disorder"] == 0
            with pytest.raises(SegmentError, match="not found"):
                attach(handover.run, 1)
            assert {each.generation for each in handover.segments[1].values()} == {2}
    report(f"{seeds} writers stopped, replaced and revived")


def test_without_a_new_generation_a_revived_old_writer_is_noticed(report: Report) -> None:
    with Crew(report) as crew, closing(Handover(1, crew)) as handover:
        old = handover.stop_old()
        handover.replace(1)
        os.kill(old, signal.SIGCONT)
        handover.wait_for(handover.old_sent, 500)
        handover.end_new()
        before = image(handover.segments[0])
        handover.wait_for(handover.old_sent, 500)

        assert image(handover.segments[0]) != before


def test_a_generation_that_was_used_is_not_made_again() -> None:
    run = new_run()
    made = make(run, 3)
    with pytest.raises(SegmentError, match="already exists"):
        make(run, 3)
    unlink(made)
    names = [path.name for path in FOLDER.glob(f"*{run}*")]
    for segment in made.values():
        segment.close()

    assert names == []
