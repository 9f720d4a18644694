"""Journal records: what is appended is read back; cut, torn or flipped anywhere, the sound prefix and nothing else."""

import ctypes
import random

import numpy as np

from shm.journal import (
    DENIED,
    INPUT,
    JOURNAL,
    OUTPUT,
    RECORD_BYTES,
    append,
    journal_room,
    next_record,
    record_key,
    record_kind,
    record_port,
    record_sequence,
)
from shm.kernel import address_of_array, kernel, new_record
from tests.shm.areas import Guarded, aligned, shared
from tests.shm.processes import crash_images, stop_here


@kernel
def append_one(journal, now_ns, kind, port, sequence, value, payload, payload_bytes):
    """`append`, from Python."""
    return append(journal, now_ns, record_key(kind, port, sequence), value, payload, payload_bytes)


@kernel
def append_stepped(journal, now_ns, key, value, payload, payload_bytes):
    """Two records between two stops (see processes.crash_images)."""
    stop_here()
    append(journal, now_ns, key, value, payload, payload_bytes)
    append(journal, now_ns + 1, key, value, 0, 0)
    stop_here()


@kernel
def room(journal):
    """`journal_room`, from Python."""
    return journal_room(journal)


@kernel
def key_parts(key):
    """(kind, port, sequence) of a record's third word."""
    return record_kind(key), record_port(key), record_sequence(key)


class OneJournal:
    """A journal in memory."""

    def __init__(self, capacity: int = 4096, *, in_shared: bool = False) -> None:
        self.content = (shared if in_shared else aligned)(capacity)[:capacity]
        self.record = new_record(JOURNAL)
        self.record[0]["base"] = address_of_array(self.content)
        self.record[0]["capacity"] = capacity

    def add(self, now_ns: int, kind: int, port: int, sequence: int, value: int, payload: bytes = b"") -> int:
        """Append one record."""
        data = np.frombuffer(payload or b"\0", np.uint8)
        return append_one(self.record[0], now_ns, kind, port, sequence, value, address_of_array(data), len(payload))

    @property
    def used(self) -> int:
        """Bytes of records."""
        return int(self.record[0]["position"])


def read(content: np.ndarray) -> tuple[list[tuple[int, ...]], list[bytes], int, int]:
    """(rows, payloads, where reading ended, the last length: 0 at the end, -1 at damage)."""
    base, position = address_of_array(content), 0
    rows, payloads = [], []
    while (length := next_record(base, position, content.size)) > 0:
        words = content[position : position + RECORD_BYTES].view(np.int64)
        rows.append((int(words[1]), *key_parts(int(words[2])), int(words[3])))
        payloads.append(ctypes.string_at(base + position + RECORD_BYTES, length - RECORD_BYTES))
        position += length
    return rows, payloads, position, length


def seeded(journal: OneJournal, count: int, seed: int = 1) -> tuple[list[tuple[int, ...]], list[bytes]]:
    """Append random records until `count` or the journal is full; what went in."""
    rng = random.Random(seed)
    rows, payloads = [], []
    for _ in range(count):
        row = (
            rng.getrandbits(62), rng.choice([INPUT, OUTPUT, DENIED]), rng.randrange(256), rng.getrandbits(48),
            rng.choice([0, -1, rng.getrandbits(63)]),
        )  # fmt: skip
        payload = rng.randbytes(rng.choice([0, 0, 1, 7, 8, 9, 60]))
        if not journal.add(*row, payload):
            break
        rows.append(row)
        payloads.append(payload + bytes(-len(payload) % 8))
    return rows, payloads


def test_what_is_appended_is_read_back() -> None:
    journal = OneJournal()
    rows, payloads = seeded(journal, 40)

    assert read(journal.content) == (rows, payloads, journal.used, 0)
    assert journal.record[0]["records"] == 40


def test_a_sequence_keeps_48_bits_and_a_port_8() -> None:
    journal = OneJournal()
    journal.add(0, INPUT, 255, (1 << 48) - 1, 0)
    journal.add(0, INPUT, 0, 1 << 48, 0)

    assert [row[1:4] for row in read(journal.content)[0]] == [(INPUT, 255, (1 << 48) - 1), (INPUT, 0, 0)]


def test_a_full_journal_refuses_and_stays_as_it_was() -> None:
    journal = OneJournal(1024)
    rows, payloads = seeded(journal, 1000)
    before = journal.content.copy()

    assert 0 < len(rows) < 1000
    assert journal.add(1, INPUT, 0, 0, 0, bytes(room(journal.record[0]))) == 0
    assert np.array_equal(journal.content, before)
    assert read(journal.content)[:2] == (rows, payloads)


def test_a_record_ends_inside_the_journal_and_a_reader_stays_inside_too() -> None:
    guard = Guarded(1024)
    journal = OneJournal(1024)
    journal.record[0]["base"] = guard.end - 1024
    seeded(journal, 1000)
    image = guard.tail(1024)
    for cut in range(1024):
        base = guard.place(image[: 1024 - cut])
        position = 0
        while (length := next_record(base, position, 1024 - cut)) > 0:
            position += length
        assert position <= 1024 - cut


def test_a_file_cut_at_any_byte_of_its_last_records_is_an_exact_prefix() -> None:
    journal = OneJournal()
    rows, payloads = seeded(journal, 20)
    ends = np.cumsum([RECORD_BYTES + len(payload) for payload in payloads]).tolist()
    for cut in range(ends[14], journal.used):
        for rest in (0, 0xFF):
            content = aligned(4096)
            content[:] = rest
            content[:cut] = journal.content[:cut]
            # Zeros that were cut off where the rest is zero are not missed.
            whole = sum(bool(np.array_equal(content[:end], journal.content[:end])) for end in ends)
            assert whole - sum(end <= cut for end in ends) in (0, 1)
            found_rows, found_payloads, end, length = read(content)
            assert (found_rows, found_payloads) == (rows[:whole], payloads[:whole])
            assert (end, length) == (ends[whole - 1], 0 if rest == 0 and cut <= end else -1)


def test_every_single_flipped_bit_is_found_in_its_own_record() -> None:
    journal = OneJournal(1024)
    rows, _ = seeded(journal, 8)
    starts = [0, *np.cumsum([RECORD_BYTES + len(each) for each in read(journal.content)[1]]).tolist()]
    for bit in range(journal.used * 8):
        content = aligned(1024)
        content[:] = journal.content
        content[bit // 8] ^= 1 << bit % 8
        found, _, end, length = read(content)
        harmed = max(index for index, start in enumerate(starts) if start <= bit // 8)
        assert (len(found), end, length) == (harmed, starts[harmed], -1)
        assert found == rows[:harmed]


def test_a_writer_killed_at_any_instruction_leaves_whole_records_and_no_damage() -> None:
    """The length and the checksum go in last, in one word: a record is there whole, or it is not there."""
    journal = OneJournal(1024, in_shared=True)
    rows, _ = seeded(journal, 3)
    payload = np.arange(29, dtype=np.uint8)
    key = (INPUT << 56) | (3 << 48) | 77
    record = journal.record[0]
    images = crash_images(
        lambda: append_stepped(record, 500, key, 9, address_of_array(payload), payload.size), journal.content
    )

    counts = []
    for image in images:
        content = aligned(1024)
        content[:] = np.frombuffer(image, np.uint8)
        found, payloads, _, length = read(content)
        assert length == 0
        assert found == [*rows, (500, INPUT, 3, 77, 9), (501, INPUT, 3, 77, 9)][: len(found)]
        if len(found) > 3:
            assert payloads[3] == payload.tobytes() + bytes(3)
        counts.append(len(found))
    assert counts == sorted(counts) and set(counts) == {3, 4, 5}
