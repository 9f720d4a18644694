"""The ring against a list: claim, commit, give up, poll, advance, release and reopen in any order."""

import ctypes
import random

import hypothesis.strategies as st
import numpy as np
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from shm.kernel import address_of_array, new_record
from shm.layout import FRAME_HEADER_BYTES, LENGTH_MASK, TYPE_SHIFT, frame_bytes_max
from shm.ring import READER, WRITER, format_ring, open_reader, open_writer, ring_bytes
from tests.shm.areas import aligned
from tests.shm.ring_traffic import advance_frame, claim_frame, commit_frame, has_room, poll_frame, release_frames

CAPACITY = 4096
LARGEST = frame_bytes_max(CAPACITY)
LINE = 64


def rounded(frame_bytes: int) -> int:
    """What a frame takes in the ring."""
    return (frame_bytes + LINE - 1) // LINE * LINE


class Consumer:
    """One consumer and what the list says of it: `next` frame to read, `released` frames given back."""

    def __init__(self, ring: int, number: int, lossy: bool) -> None:
        self.number, self.lossy = number, lossy
        self.buffer = aligned(LARGEST)
        self.next = self.released = 0
        self.reader = self.opened(ring)

    def opened(self, ring: int) -> np.ndarray:
        """A fresh READER at the last release."""
        reader = new_record(READER)
        open_reader(reader[0], ring, self.number, address_of_array(self.buffer) if self.lossy else 0)
        self.next = self.released
        return reader


class RingMachine(RuleBasedStateMachine):
    """A list of (type, body) is the oracle; the ring must say the same through any history."""

    @initialize(count=st.integers(1, 3), mask=st.integers(0, 7))
    def make(self, count: int, mask: int) -> None:
        self.content = aligned(ring_bytes(CAPACITY))
        self.ring = address_of_array(self.content)
        lossy = tuple(index for index in range(count) if mask >> index & 1)
        format_ring(self.content, CAPACITY, consumers=count, lossy=lossy)
        self.writer = new_record(WRITER)
        open_writer(self.writer[0], self.ring)
        self.consumers = [Consumer(self.ring, index, index in lossy) for index in range(count)]
        self.sent: list[tuple[int, bytes]] = []
        self.claimed: tuple[int, int] | None = None
        self.random = random.Random(mask * 8 + count)

    def held(self) -> int:
        """Bytes of the frames that the slowest reliable consumer has not given back, paddings aside."""
        slowest = min((each.released for each in self.consumers if not each.lossy), default=len(self.sent))
        return self.bytes_from(slowest)

    def bytes_from(self, first: int) -> int:
        return sum(rounded(FRAME_HEADER_BYTES + len(body)) for _, body in self.sent[first:])

    @rule(frame_bytes=st.one_of(st.integers(FRAME_HEADER_BYTES, LARGEST), st.sampled_from([32, 33, 64, 65, 511, 512])))
    def claim(self, frame_bytes: int) -> None:
        granted = has_room(self.writer[0], frame_bytes)
        frame = claim_frame(self.writer[0], frame_bytes)
        if self.held() + 2 * rounded(frame_bytes) + LARGEST + LINE <= CAPACITY:
            assert frame != 0, "there was room"
        if self.held() + rounded(frame_bytes) + LINE > CAPACITY:
            assert frame == 0, "there was no room"
        assert frame != 0 or not granted, "room_for promised what claim refused"
        self.claimed = (frame, frame_bytes) if frame else None
        if frame:
            self.write(frame, b"\xa5" * (frame_bytes - FRAME_HEADER_BYTES))

    @rule(frame_bytes=st.integers(LARGEST + 1, 4 * CAPACITY))
    def claim_of_more_than_an_eighth_is_refused(self, frame_bytes: int) -> None:
        assert claim_frame(self.writer[0], frame_bytes) == 0

    @staticmethod
    def write(frame: int, body: bytes) -> None:
        ctypes.memmove(frame + FRAME_HEADER_BYTES, body, len(body))

    @precondition(lambda self: self.claimed)
    @rule()
    def commit(self) -> None:
        assert self.claimed is not None
        frame, frame_bytes = self.claimed
        kind, body = self.random.randrange(1, 200), self.random.randbytes(frame_bytes - FRAME_HEADER_BYTES)
        self.write(frame, body)
        commit_frame(self.writer[0], kind, frame_bytes, 7, 9)
        self.sent.append((kind, body))
        self.claimed = None

    @rule()
    def reopen_writer(self) -> None:
        self.claimed = None
        self.writer = new_record(WRITER)
        open_writer(self.writer[0], self.ring)
        assert self.writer[0]["sequence"] == len(self.sent)

    @rule(pick=st.integers(0, 2))
    def read(self, pick: int) -> None:
        consumer = self.consumers[pick % len(self.consumers)]
        waiting = len(self.sent) - consumer.next
        # A given-up claim may have written two more of the largest frames behind the newest.
        lapped = consumer.lossy and self.bytes_from(consumer.next) + 4 * LARGEST + LINE > CAPACITY
        frame = poll_frame(consumer.reader[0])
        if frame == 0:
            assert waiting == 0 or lapped, "a frame was there"
            return
        words = np.frombuffer(ctypes.string_at(frame, FRAME_HEADER_BYTES), np.int64)
        sequence = int(words[1])
        assert sequence == consumer.next or lapped
        kind, body = self.sent[sequence]
        assert int(words[0]) == kind << TYPE_SHIFT | (FRAME_HEADER_BYTES + len(body))
        assert int(words[0]) & LENGTH_MASK == FRAME_HEADER_BYTES + len(body)
        assert words[2:].tolist() == [7, 9]
        assert ctypes.string_at(frame + FRAME_HEADER_BYTES, len(body)) == body
        assert advance_frame(consumer.reader[0], frame) == sequence - consumer.next
        consumer.next = sequence + 1

    @rule(pick=st.integers(0, 2))
    def release(self, pick: int) -> None:
        consumer = self.consumers[pick % len(self.consumers)]
        release_frames(consumer.reader[0])
        consumer.released = consumer.next

    @rule(pick=st.integers(0, 2))
    def reopen_reader(self, pick: int) -> None:
        consumer = self.consumers[pick % len(self.consumers)]
        consumer.reader = consumer.opened(self.ring)

    @rule(pick=st.integers(0, 2))
    def read_all(self, pick: int) -> None:
        consumer = self.consumers[pick % len(self.consumers)]
        before = -1
        while before != consumer.next:
            before = consumer.next
            self.read(pick)
        if not consumer.lossy:
            assert consumer.next == len(self.sent)
        self.release(pick)


TestRing = RingMachine.TestCase
TestRing.settings = settings(settings.get_profile("house"), max_examples=80, stateful_step_count=60)
