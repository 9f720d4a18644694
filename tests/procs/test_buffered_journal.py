"""A journal that is written in pieces holds, byte for byte, what one in a mapped file holds."""

import ctypes
import errno
import os
from pathlib import Path

import numpy as np
import pytest

from procs.journal import BufferedJournalWriter, JournalHeader, JournalWriter, append_record, read_journal
from procs.mapped_file import PIECE_BYTES, BufferedFile
from shm.journal import INPUT, JOURNAL
from shm.kernel import address_of_array, new_record

BYTES_MAX = 8 << 20


def header() -> JournalHeader:
    """A stage's."""
    return JournalHeader(
        format=1, run="r", stage="book", generation=1, index=0, state_bytes=4096, schema="0", target="t", symbols=1,
        batch_max=64, inboxes=["a"], outboxes=["b"], config="c",
    )  # fmt: skip


def write(folder: Path, kind: type[JournalWriter], records: int) -> list[bytes]:
    """The files of a writer after so many records of a thousand bytes."""
    folder.mkdir()
    journal, state = new_record(JOURNAL), np.arange(512, dtype=np.int64)
    payload = np.random.default_rng(1).integers(0, 256, 1_000, dtype=np.uint8)
    writer = kind(folder, header(), journal[0], state, bytes_max=BYTES_MAX)
    assert writer.rotate(1)
    for number in range(records):
        appended = append_record(journal[0], number, INPUT, 0, number, 0, address_of_array(payload), len(payload))
        assert appended == 1
        if number % 100 == 0:
            assert writer.keep_room(number)
    writer.close(records)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_its_files_are_those_of_a_mapped_one_over_rotations_too(tmp_path: Path) -> None:
    mapped = write(tmp_path / "mapped", JournalWriter, 12_000)

    assert write(tmp_path / "buffered", BufferedJournalWriter, 12_000) == mapped
    assert len(mapped) > 2
    files = read_journal(tmp_path / "buffered", "book")
    assert [file.closed for file in files] == [0] * (len(files) - 1) + [1]


def test_what_was_told_is_written_in_pieces_and_the_rest_at_the_end(tmp_path: Path) -> None:
    content = np.random.default_rng(2).integers(0, 256, 3 * PIECE_BYTES, dtype=np.uint8).tobytes()
    file = BufferedFile(tmp_path / "file", content[:64], BYTES_MAX)
    for used in (64, PIECE_BYTES // 2, 2 * PIECE_BYTES, len(content) - 1):
        ctypes.memmove(file.address, content, used)
        file.map_ahead(used)

    file.end(len(content) - 1)
    assert (tmp_path / "file").read_bytes() == content[:-1]


def test_what_could_not_be_written_is_said_by_the_next_look_or_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, content: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    file = BufferedFile(tmp_path / "file", b"head", BYTES_MAX)
    file.map_ahead(4)

    with pytest.raises(OSError, match="No space left"):
        file.end(8)
    with pytest.raises(OSError, match="No space left"):
        file.map_ahead(8)


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    journal, state = new_record(JOURNAL), np.zeros(8, dtype=np.int64)
    writer = BufferedJournalWriter(tmp_path / "absent", header(), journal[0], state, bytes_max=BYTES_MAX)

    assert not writer.rotate(1)
    assert "No such file or directory" in writer.failure
