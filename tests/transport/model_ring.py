"""A ring of the shipped source on a weak memory: producers and consumers that check every word of every frame."""

from collections.abc import Callable

import numpy as np

from shm.layout import (
    FRAME_HEADER_BYTES,
    FRAME_ORIGIN,
    FRAME_PUBLISH,
    FRAME_SEQUENCE,
    LENGTH_MASK,
    RING_HEADER_BYTES,
    TYPE_SHIFT,
)
from tests.transport.interpreted import Interpreted, Patch, Record
from tests.transport.weak_memory import Actor, Machine

CAPACITY = 1024
SIZE_MAX = CAPACITY // 8
FRAMES = 24
BASE = 1 << 20
KIND = 9


def frame_bytes_of(sequence: int) -> int:
    """Header and up to twelve words: one line or two, in an order that wraps differently each time."""
    return FRAME_HEADER_BYTES + 8 * (sequence * 7 % 13)


def word_of(sequence: int, index: int) -> int:
    """One word of a body."""
    return (sequence + 1) << 8 | index


class RingModel:
    """One machine with one ring. Frames are numbered; all in them follows from the number."""

    def __init__(
        self,
        seed: int,
        *,
        consumers: int = 1,
        lossy: tuple[int, ...] = (),
        stale: float = 0.3,
        patch: Patch | None = None,
    ) -> None:
        self.machine = Machine(seed, stale=stale)
        self.code = Interpreted(self.machine, patch)
        self.ring = self.code.module("ring")
        self.ring.STRETCH_SHIFT = 1 + seed % 4
        self.in_batches = seed // 4 % 2 == 0
        self.lossy = lossy
        content = np.zeros(RING_HEADER_BYTES + CAPACITY, np.uint8)
        self.ring.format_ring(content, CAPACITY, consumers=consumers, lossy=lossy)
        self.machine.put(BASE, content.tobytes())
        self.through = False
        self.producer = Actor(self.produce)
        self.consumers = [Actor(self.consumer(number)) for number in range(consumers)]

    def run(self) -> None:
        """All side by side until every frame is sent and taken. Raises AssertionError for a harmed or lost one."""
        self.machine.run(self.producer, *self.consumers)
        for number, consumer in enumerate(self.consumers):
            assert number in self.lossy or consumer.result == FRAMES

    def produce(self) -> int:
        """Send all frames."""
        sent = int(self.producer.relive(self.send))
        self.through = True
        return sent

    def send(self) -> int:
        """One producer's life."""
        writer = Record(self.ring.WRITER)
        self.ring.open_writer(writer, BASE)
        while writer.sequence < FRAMES:
            self.send_one(writer)
        return writer.sequence

    def send_one(self, writer: Record) -> None:
        """The next frame, when there is room; now and then a larger claim is given up first."""
        sequence = writer.sequence
        frame_bytes = frame_bytes_of(sequence)
        if sequence % 5 == 3 and (frame := self.ring.claim(writer, SIZE_MAX)):
            for offset in range(FRAME_HEADER_BYTES, SIZE_MAX, 8):
                self.machine.store(frame + offset, KIND << TYPE_SHIFT | 64)
            if sequence % 2:
                self.ring.abort(writer)
        frame = self.ring.claim(writer, frame_bytes)
        if frame == 0:
            self.machine.let_others_go_first()
            return
        assert BASE + RING_HEADER_BYTES <= frame <= BASE + RING_HEADER_BYTES + CAPACITY - frame_bytes
        for index in range((frame_bytes - FRAME_HEADER_BYTES) // 8):
            self.machine.store(frame + FRAME_HEADER_BYTES + 8 * index, word_of(sequence, index))
        self.ring.commit(writer, KIND, frame_bytes, sequence * 3, -sequence)

    def consumer(self, number: int) -> Callable[[], object]:
        """What consumer `number` does."""
        return lambda: self.consumers[number].relive(lambda: self.take(number))

    def take(self, number: int) -> int:
        """One consumer's life; the sequence behind the last frame. A lossy one ends where the producer did."""
        reader = Record(self.ring.READER)
        self.ring.open_reader(reader, BASE, number, self.code.room(SIZE_MAX))
        assert number in self.lossy or reader.sequence <= FRAMES
        while reader.sequence < FRAMES:
            last = self.through
            if last:
                self.consumers[number].learn(self.producer.view)
            behind, reliable = 0, number not in self.lossy
            if self.in_batches and reliable:
                frame, behind = self.ring.take(reader, reader.position)
            else:
                frame = self.ring.poll(reader)
            if frame == 0:
                if last and not reliable:
                    break
                self.ring.release(reader)
                self.machine.let_others_go_first()
                continue
            self.check(frame)
            expected, sequence = reader.sequence, self.machine.newest(frame + FRAME_SEQUENCE)
            if behind:
                assert sequence == expected
                self.ring.release_at(reader, behind, sequence + 1)
                continue
            missed = self.ring.advance(reader, frame)
            assert missed == reader.sequence - 1 - expected
            assert missed == 0 or (not reliable and missed > 0), f"{missed} missed at {expected}"
            if reader.sequence % 3 == 0:
                self.ring.release(reader)
        self.ring.release(reader)
        return reader.sequence

    def check(self, frame: int) -> None:
        """Every word of a frame is what its sequence says."""
        load = self.machine.load
        word, sequence = load(frame), load(frame + FRAME_SEQUENCE)
        frame_bytes = frame_bytes_of(sequence)
        assert word >> TYPE_SHIFT == KIND and word & LENGTH_MASK == frame_bytes, "commit word"
        assert load(frame + FRAME_ORIGIN) == sequence * 3 and load(frame + FRAME_PUBLISH) == -sequence, "stamps"
        for index in range((frame_bytes - FRAME_HEADER_BYTES) // 8):
            assert load(frame + FRAME_HEADER_BYTES + 8 * index) == word_of(sequence, index), "torn"
