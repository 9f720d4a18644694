"""A writer and a reader of one structure in shared memory, each a process that may be killed and replaced."""

import numpy as np

from shm.cancels import CANCEL_READER, CANCELS_BYTES, IDS, open_cancel_reader
from shm.journal import JOURNAL
from shm.kernel import address_of_array, new_record
from shm.layout import DOORBELL_BYTES
from shm.log_ring import (
    HEAD,
    LOG_READER,
    LOG_RECORD,
    LOG_WRITER,
    POSITION,
    SEQUENCE,
    log_ring_bytes,
    open_log_reader,
    open_log_writer,
)
from shm.order_arena import ARENA, SLOTS, format_arena, give_back, resume, taken
from shm.slot import SLOT_READER, SLOT_WRITER, open_slot_reader, open_slot_writer, slot_stride, slots_bytes
from tests.shm.areas import aligned, shared, shared_record
from tests.shm.ring_traffic import mixed
from tests.shm.slot_traffic import SLOT_TALLY, publish_many, read_many, slot_of
from tests.transport import lives
from tests.transport.crew import words

ENDLESS = 1 << 60
SEED = 77


class Pair:
    """`write` and `read` are lives, the latter only where there is `reads`; `count`: numbers to write.

    The writer ends at its count or when the word `halt` is set, and then sets `stop`; the reader ends when nothing is
    left behind that.
    """

    reads = True

    def __init__(self, count: int = ENDLESS) -> None:
        self.count = count
        self.progress, self.halt, self.stop = words(), words(), words()
        self.tally = shared_record(lives.TALLY)

    def write(self) -> None:
        """A writer's life."""
        raise NotImplementedError

    def read(self) -> None:
        """A reader's life."""
        raise NotImplementedError

    def end(self) -> None:
        """Let the writer end, and behind it the reader."""
        self.halt[0] = 1

    @classmethod
    def compile(cls) -> None:
        """Live both lives once and shortly: what is forked from here has them compiled."""
        pair = cls()
        pair.end()
        pair.stop[0] = 1
        pair.write()
        if cls.reads:
            pair.read()
        pair.after_kill()

    def moved(self) -> int:
        """Grows when the reader moves."""
        return int(self.tally[0]["received"])

    def after_kill(self) -> None:
        """Check what a victim left, before it is replaced."""
        assert self.tally[0]["harmed"] == 0 and self.tally[0]["disorder"] == 0

    def at_end(self) -> None:
        """Check what both left when they are through."""
        self.after_kill()


class SlotPair(Pair):
    """Eight slots of random sizes."""

    FRAME, ROW = 32 + 8 * 20, 8

    def __init__(self, count: int = ENDLESS, *, slots: int = ROW, reads: int = ENDLESS) -> None:
        super().__init__(count)
        self.slots, self.copies = slots, reads
        self.stride = slot_stride(self.FRAME)
        self.content = shared(slots_bytes(slots, self.FRAME))
        self.tally = shared_record(SLOT_TALLY)
        self.reading = words()
        self.reading[0] = count == ENDLESS or reads != ENDLESS

    def write(self) -> None:
        writer = new_record(SLOT_WRITER)
        open_slot_writer(writer[0], address_of_array(self.content), self.stride, self.slots)
        publish_many(
            writer[0], self.slots, SEED, self.FRAME, 0 if self.count == ENDLESS else self.count,
            address_of_array(self.reading), address_of_array(self.progress), address_of_array(self.stop),
        )  # fmt: skip

    def read(self) -> None:
        reader, buffer = new_record(SLOT_READER), aligned(self.stride)
        base = address_of_array(self.content)
        open_slot_reader(reader[0], base, self.stride, self.slots, address_of_array(buffer))
        self.tally[0]["last"] = 0  # a predecessor may have been killed between a copy and its note
        copies = 0 if self.copies == ENDLESS else self.copies
        read_many(
            reader[0], self.slots, SEED, self.FRAME, copies, address_of_array(self.reading),
            address_of_array(self.stop), self.tally[0],
        )  # fmt: skip

    def end(self) -> None:
        self.reading[0] = 0

    def at_end(self) -> None:
        """The reader ended with the newest value of each slot."""
        self.after_kill()
        value, newest = int(self.progress[0]), {}
        while len(newest) < min(self.slots, int(self.progress[0])) and value > 0:
            newest.setdefault(slot_of(mixed(SEED, value, 0), self.slots), value)
            value -= 1
        assert {index: int(self.tally[0]["last"][index]) for index in newest} == newest


class LogPair(Pair):
    """A log ring that its writer overruns now and then."""

    RECORDS = 1 << 12

    def __init__(self, count: int = ENDLESS) -> None:
        super().__init__(count)
        self.content = shared(log_ring_bytes(self.RECORDS))[: log_ring_bytes(self.RECORDS)]
        self.words = self.content[:256].view(np.int64)

    def write(self) -> None:
        writer = new_record(LOG_WRITER)
        open_log_writer(writer[0], self.content)
        halt, progress = address_of_array(self.halt), address_of_array(self.progress)
        lives.log_until(writer[0], self.count, SEED, halt, progress)
        self.stop[0] = 1

    def read(self) -> None:
        reader, out = new_record(LOG_READER), np.zeros(self.RECORDS, LOG_RECORD)
        open_log_reader(reader[0], self.content)
        self.tally[0]["next"] = 0  # what was copied and not released is copied again
        lives.drain_until(reader[0], address_of_array(out), SEED, address_of_array(self.stop), self.tally[0])

    def at_end(self) -> None:
        """Everything that found room was drained, and the last number says how many did not."""
        self.after_kill()
        assert self.words[HEAD // 8] == self.words[POSITION // 8] >= self.progress[0]
        assert self.tally[0]["next"] == self.words[SEQUENCE // 8]


class CancelPair(Pair):
    """A cancel set: all of its slots, asked in a random order."""

    def __init__(self, count: int = ENDLESS) -> None:
        super().__init__(count)
        self.content = shared(CANCELS_BYTES)
        self.asked, self.taken = words(SLOTS), words(SLOTS)

    def write(self) -> None:
        base, halt, progress = (address_of_array(each) for each in (self.content, self.halt, self.progress))
        lives.ask_until(base, self.count, SEED, address_of_array(self.asked), halt, progress)
        self.stop[0] = 1

    def read(self) -> None:
        reader = new_record(CANCEL_READER)
        open_cancel_reader(reader[0], address_of_array(self.content), 0)
        lives.take_until(reader[0], SEED, address_of_array(self.taken), address_of_array(self.stop), self.tally[0])

    def at_end(self) -> None:
        """The newest request of every slot was handed over, and none is left; a bit may be, that leads nowhere."""
        self.after_kill()
        assert np.array_equal(self.asked, self.taken)
        assert self.tally[0]["missed"] > 0 or self.progress[0] < 2048
        assert not self.content[IDS:].any()


class ArenaPair(Pair):
    """An order arena, its owner, and a process that watches its words."""

    def __init__(self, count: int = ENDLESS) -> None:
        super().__init__(count)
        self.arena = shared_record(ARENA)
        format_arena(self.arena[0])
        self.seen = words(SLOTS)

    def write(self) -> None:
        arena, held = self.arena[0], np.zeros(SLOTS, np.int64)
        resume(arena)
        for handle in taken(arena):
            assert give_back(arena, handle) == 1
        halt, progress = address_of_array(self.halt), address_of_array(self.progress)
        wrong = lives.churn_until(arena, self.count, SEED, address_of_array(held), halt, progress)
        self.stop[0] = 1
        assert wrong == 0
        assert taken(arena) == sorted(held[held > 0].tolist())

    def read(self) -> None:
        base, seen, stop = (address_of_array(each) for each in (self.arena, self.seen, self.stop))
        lives.watch_until(base, seen, stop, self.tally[0])

    def after_kill(self) -> None:
        """Each word is of its own slot, taken or free."""
        super().after_kill()
        held = self.arena[0]["words"].copy()  # its owner may be alive
        assert np.array_equal(np.abs(held[held != 0]) % SLOTS, np.flatnonzero(held))


class JournalPair(Pair):
    """A journal; who reads it comes when its writer is dead."""

    reads = False
    CAPACITY = 1 << 21

    def __init__(self, count: int = ENDLESS) -> None:
        super().__init__(count)
        self.content = shared(self.CAPACITY)

    def write(self) -> None:
        journal, payload = new_record(JOURNAL), np.zeros(8, np.int64)
        journal[0]["base"], journal[0]["capacity"] = address_of_array(self.content), self.CAPACITY
        lives.journal_until(journal[0], SEED, address_of_array(payload), address_of_array(self.progress))

    def after_kill(self) -> None:
        """All that the victim knew to be appended is there, at most one record more, and no damage behind it."""
        whole, harmed, last = lives.read_journal(address_of_array(self.content), self.CAPACITY, SEED)
        assert (harmed, last) == (0, 0)
        assert self.progress[0] <= whole <= self.progress[0] + 1
        self.content[:] = 0  # a successor has a journal of its own
        self.progress[0] = 0


class BellPair(Pair):
    """Two sides that answer each other in turn and sleep in futexes in between."""

    TIMEOUT_NS = 20_000_000

    def __init__(self, count: int = ENDLESS) -> None:
        super().__init__(count)
        self.content = shared(2 * 128 + 2 * DOORBELL_BYTES)

    def _answer(self, side: int) -> None:
        base, scratch = address_of_array(self.content), np.zeros(2, np.int64)
        own, other = base + 128 * side, base + 128 * (1 - side)
        lives.answer_until(
            side == 0, own, other, own + 256, other + 256, SEED, self.TIMEOUT_NS, address_of_array(self.halt),
            address_of_array(scratch),
        )  # fmt: skip

    def write(self) -> None:
        self._answer(0)

    def read(self) -> None:
        self._answer(1)

    def moved(self) -> int:
        """Turns of the second side."""
        return int(self.content[128:136].view(np.int64)[0])

    def after_kill(self) -> None:
        """The first is level with the second, or one ahead."""
        first, second = int(self.content[:8].view(np.int64)[0]), self.moved()
        assert 0 <= first - second <= 1

    def at_end(self) -> None:
        """Both took turns."""
        self.after_kill()
        assert self.moved() > 0
