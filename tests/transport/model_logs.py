"""Log rings and journals of the shipped source on a weak memory: records are whole, in order, and counted."""

import numpy as np

from shm.journal import INPUT, RECORD_BYTES
from shm.log_ring import EVENT_BITS, log_ring_bytes
from shm.log_ring import RECORD_BYTES as LOG_BYTES
from tests.transport.interpreted import Interpreted, Patch, Record
from tests.transport.weak_memory import Actor, Machine

BASE = 1 << 20


class LogModel:
    """A writer that never waits, and a drain that finds every record whole and counts those that are not there."""

    RECORDS, NUMBERS, ROOM = 4, 24, 3

    def __init__(self, seed: int, *, stale: float = 0.3, patch: Patch | None = None) -> None:
        self.machine = Machine(seed, stale=stale)
        self.code = Interpreted(self.machine, patch)
        self.log = self.code.module("log_ring")
        self.number = self.kept = self.floor = 0
        self.through = False
        self.drained: list[int] = []
        self.sequences: list[int] = []
        self.writer, self.reader = Actor(self.write_all), Actor(lambda: self.reader.relive(self.drain))

    def run(self) -> None:
        """Both side by side; what was kept is drained, once and in order, and the last sequence tells what was not."""
        self.machine.run(self.writer, self.reader)
        again = 1 if self.reader.killed else 0
        assert len(self.sequences) - len(set(self.sequences)) <= again * self.ROOM
        assert sorted(set(self.drained)) == [*dict.fromkeys(self.drained)], "out of order"
        unknown = 1 if self.writer.killed else 0
        assert self.kept <= len(set(self.drained)) <= self.kept + unknown
        assert self.NUMBERS - unknown <= self.machine.newest(BASE + self.log.SEQUENCE) <= self.NUMBERS

    def write_all(self) -> None:
        """The writer's life and its successor's."""
        self.writer.relive(self.write)
        self.through = True

    def write(self) -> None:
        """Records up to the last; a pause now and then, so that some find room and some do not."""
        writer = Record(self.log.LOG_WRITER)
        content = self.machine.image(BASE, log_ring_bytes(self.RECORDS))
        self.log.open_log_writer(writer, content)
        writer.ring = BASE
        while self.number < self.NUMBERS:
            self.number += 1
            number = self.number
            self.kept += self.log.log_record(writer, 5, number, number, -number, number, number, number, ~number)
            if number % 6 == 0:
                self.machine.let_others_go_first()

    def drain(self) -> None:
        """Until the writer is through and nothing is left."""
        reader, out = Record(self.log.LOG_READER), self.code.room(self.RECORDS * LOG_BYTES)
        self.log.open_log_reader(reader, self.machine.image(BASE, log_ring_bytes(self.RECORDS)))
        reader.ring = BASE
        self.floor = 0
        while True:
            ending = self.through
            if ending:
                self.reader.learn(self.writer.view)
            count = self.log.drain_log(reader, out, self.ROOM)
            assert count >= 0, "the ring's words cannot be true"
            for at in range(out, out + count * LOG_BYTES, LOG_BYTES):
                self.check([self.machine.newest(at + 8 * index) for index in range(8)])
            if count < self.ROOM:
                self.floor = reader.tried
            if count == 0:
                if ending:
                    return
                self.machine.let_others_go_first()

    def check(self, words: list[int]) -> None:
        """One record whole, numbered in order, and none of those that an earlier drain has told to be dropped."""
        number = words[1]
        assert words[2:] == [number, -number, number, number, number, ~number], "torn"
        assert words[0] & ((1 << EVENT_BITS) - 1) == 5, "event"
        sequence = words[0] >> EVENT_BITS
        assert not self.sequences or self.reader.killed or sequence > self.sequences[-1], "out of order"
        assert sequence >= self.floor, "told to be dropped"
        self.sequences.append(sequence)
        self.drained.append(number)


class JournalModel:
    """A writer that is killed at an access of an append; whoever reads finds whole records, and no damage."""

    CAPACITY, RECORDS, PAYLOAD = 1024, 5, 24

    def __init__(self, seed: int, *, patch: Patch | None = None) -> None:
        self.machine = Machine(seed, stale=0)
        self.code = Interpreted(self.machine, patch)
        self.journal = self.code.module("journal")
        self.appended = 0
        self.writer = Actor(self.append_all)

    def run(self) -> None:
        """Append, perhaps up to a kill; then read all that is there."""
        self.machine.run(self.writer)
        reader = Actor(self.read)
        reader.learn(self.writer.view)
        self.machine.run(reader)

    def append_all(self) -> None:
        """Records with payloads of none to three words."""
        record = Record(self.journal.JOURNAL)
        record.base, record.capacity = BASE, self.CAPACITY
        payload = self.code.room(self.PAYLOAD)
        self.machine.put(payload, np.arange(1, 4, dtype=np.int64).tobytes())
        for number in range(self.RECORDS):
            key = self.journal.record_key(INPUT, 3, number)
            assert self.journal.append(record, 100 + number, key, -number, payload, number % 4 * 8) == 1
            self.appended += 1

    def read(self) -> None:
        """As many records as were appended, or one more, and an end without damage."""
        position = found = 0
        while (length := self.journal.next_record(BASE, position, self.CAPACITY)) > 0:
            words = [self.machine.load(BASE + position + at) for at in range(8, length, 8)]
            head = [100 + found, self.journal.record_key(INPUT, 3, found), -found]
            assert words == [*head, *range(1, found % 4 + 1)]
            assert length == RECORD_BYTES + found % 4 * 8
            position += length
            found += 1
        assert length == 0, "damage"
        assert self.appended <= found <= self.appended + self.writer.killed
