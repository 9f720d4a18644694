"""One ring with its writer and its readers, in private or in shared memory, for tests."""

import numpy as np

from shm.kernel import address_of_array, new_record
from shm.layout import frame_bytes_max
from shm.ring import READER, WRITER, format_ring, open_reader, open_writer, ring_bytes
from tests.shm.areas import aligned, shared, shared_record
from tests.shm.ring_traffic import TALLY, advance_frame, consume, harm, poll_frame, produce, release_frames, send_one

SEED = 11


def position_of(writer: np.ndarray) -> int:
    """Bytes since the ring's beginning that a producer has behind it."""
    return int(writer[0]["frame"] + writer[0]["base"])


class OneRing:
    """A ring and what is needed to drive it. `image`: content that a killed process left."""

    def __init__(
        self,
        capacity: int = 4096,
        *,
        consumers: int = 1,
        lossy: tuple[int, ...] = (),
        size_max: int = 0,
        in_shared: bool = False,
        image: bytes = b"",
    ) -> None:
        self.capacity = capacity
        self.size_max = size_max or frame_bytes_max(capacity)
        self.content = (shared if in_shared else aligned)(ring_bytes(capacity))
        if image:
            self.content[:] = np.frombuffer(image, dtype=np.uint8)
        else:
            format_ring(self.content, capacity, consumers=consumers, lossy=lossy)
        self.address = address_of_array(self.content)
        self.keep: list[np.ndarray] = []

    def writer(self) -> np.ndarray:
        """A producer's side, opened now."""
        writer = new_record(WRITER)
        open_writer(writer[0], self.address)
        return writer

    def reader(self, consumer: int = 0) -> np.ndarray:
        """A consumer's side, opened now."""
        reader = new_record(READER)
        buffer = aligned(self.size_max)
        self.keep.append(buffer)
        open_reader(reader[0], self.address, consumer, address_of_array(buffer))
        return reader

    @staticmethod
    def tally() -> np.ndarray:
        """A TALLY that survives the process that counts in it."""
        return shared_record(TALLY)

    def send(self, writer: np.ndarray, count: int) -> int:
        """Send known frames until `count` or no room; how many went in."""
        return next((sent for sent in range(count) if not send_one(writer[0], SEED, self.size_max)), count)

    def take(self, reader: np.ndarray, count: int = 1 << 30, *, give_back: bool = True) -> list[int]:
        """Take and check known frames; their sequences. Raises AssertionError for a harmed one or a wrong gap."""
        taken: list[int] = []
        while len(taken) < count and (frame := poll_frame(reader[0])):
            assert harm(frame, SEED, self.size_max) == 0
            expected = int(reader[0]["sequence"])
            missed = advance_frame(reader[0], frame)
            taken.append(int(reader[0]["sequence"]) - 1)
            assert missed == taken[-1] - expected
        if give_back:
            release_frames(reader[0])
        return taken


def compile_traffic() -> None:
    """Send and take a few frames here: what is forked from here has it compiled."""
    ring, word = OneRing(), np.ones(1, np.int64)
    tally = OneRing.tally()
    produce(ring.writer()[0], 3, SEED, ring.size_max, address_of_array(word))
    consume(ring.reader()[0], SEED, ring.size_max, 1 << 40, address_of_array(word), tally[0])
    assert tally[0]["received"] == 3
