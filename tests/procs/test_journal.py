"""Journal files: snapshots at each head, sound prefixes after a kill, no damage unseen, no want of room hidden."""

import ctypes
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from procs.errors import OperatorError
from procs.journal import (
    HEADER_BYTES,
    ROTATE_BELOW_BYTES,
    JournalFile,
    JournalWriter,
    describe,
    read_journal,
)
from procs.mapped_file import AHEAD_BYTES
from shm.journal import CLOSED, INPUT
from tests.procs.one_duty import STAGE, OneDuty, relay_table, trade
from tests.procs.relay_stage import OUT_DENY
from tests.shm.processes import Child
from tests.shm.test_journal import read
from trader.messages import WireIn

pytestmark = pytest.mark.usefixtures(relay_table.__name__)
SMALL = 4096


def recorded(folder: Path, messages: int = 12) -> tuple[OneDuty, JournalWriter]:
    """A stage that has journaled some messages."""
    duty = OneDuty()
    writer = duty.journal_into(folder)
    for number in range(messages):
        duty.give("in_wait", trade(number, OUT_DENY, 1))
        duty.give("in_wire", WireIn(number, 2, 3, b"payload" * number))
        duty.run(now_ns=1000 + number)
    return duty, writer


def test_a_closed_file_is_read_back_whole(tmp_path: Path) -> None:
    duty, writer = recorded(tmp_path)
    writer.close(5)
    file = JournalFile(writer.files[0])
    rows, payloads, _, _ = read(np.concatenate([file.log, np.zeros(8, np.uint8)]))

    assert file.closed == 1 and file.count == len(rows) == 36
    assert (file.header.stage, file.header.index, file.header.symbols) == (STAGE, 0, 4)
    assert not file.state.any(), "the snapshot is the state before the first message"
    frames = [payload for row, payload in zip(rows, payloads, strict=True) if row[1] == INPUT and row[2] == 5]
    assert [len(frame) for frame in frames] == [(32 + 5 + 3 * 9 + 7 * number + 2 + 7) // 8 * 8 for number in range(12)]
    assert all(b"payload" * number in frame for number, frame in enumerate(frames))
    assert duty.ports["journal"]["base"] == 0
    assert writer.files[0].stat().st_mode & 0o777 == 0o600


def test_a_file_of_a_killed_process_ends_at_its_last_whole_record(tmp_path: Path) -> None:
    def stage() -> None:
        _, writer = recorded(tmp_path)
        assert writer.files
        os.kill(os.getpid(), 9)

    assert Child(stage).wait() == -9
    file = read_journal(tmp_path, STAGE)[0]
    assert (file.closed, file.count) == (0, 36)


def test_a_file_cut_at_a_record_is_a_prefix_and_cut_elsewhere_is_named_with_the_offset(tmp_path: Path) -> None:
    _, writer = recorded(tmp_path, 4)
    writer.close(5)
    path = writer.files[0]
    whole = path.read_bytes()
    file = JournalFile(path)
    rows = read(np.concatenate([file.log, np.zeros(8, np.uint8)]))[0]
    ends = record_ends(file)
    for cut in range(ends[-4], len(whole)):
        path.write_bytes(whole[:cut])
        # Zeros that were cut off are not missed.
        kept = [end for end in ends if whole[:cut].ljust(end, b"\0")[:end] == whole[:end]]
        reason = f"damaged record at offset {kept[-1]}"
        found = opened_or_reason(path)
        if isinstance(found, str):
            assert reason in found and cut not in ends
        else:
            assert found.count == len(kept) - 1
            assert read(np.concatenate([found.log, np.zeros(8, np.uint8)]))[0] == rows[: found.count]


def opened_or_reason(path: Path) -> JournalFile | str:
    """The file, or why it is refused."""
    try:
        return JournalFile(path)
    except OperatorError as error:
        return str(error)


def record_ends(file: JournalFile) -> list[int]:
    """File offsets of the ends of the snapshot and of each record behind it."""
    ends = [HEADER_BYTES + file.start]
    for payload in read(np.concatenate([file.log, np.zeros(8, np.uint8)]))[1]:
        ends.append(ends[-1] + 32 + len(payload))
    return ends


def test_every_flipped_byte_of_a_closed_file_is_found_and_its_record_is_named(tmp_path: Path) -> None:
    _, writer = recorded(tmp_path, 2)
    writer.close(5)
    path = writer.files[0]
    whole = bytearray(path.read_bytes())
    ends = record_ends(JournalFile(path))
    snapshot = range(HEADER_BYTES, ends[0])
    rng = np.random.default_rng(1)
    some_of_the_state = rng.choice(np.arange(HEADER_BYTES, ends[0]), 60, replace=False).tolist()
    for at in [*snapshot[:40], *some_of_the_state, *range(ends[0], len(whole))]:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        start = max(end for end in [HEADER_BYTES, *ends] if end <= at)
        what = "snapshot" if start == HEADER_BYTES else "record"
        with pytest.raises(OperatorError, match=f"{path}: damaged {what} at offset {start}"):
            JournalFile(path)


def test_a_damaged_header_is_named(tmp_path: Path) -> None:
    _, writer = recorded(tmp_path, 1)
    writer.close(5)
    path = writer.files[0]
    whole = path.read_bytes()
    for bad, where in ((b"x" + whole[1:], "offset 0"), (whole[:4000] + b"x" + whole[4001:], "offset 4000")):
        path.write_bytes(bad)
        with pytest.raises(OperatorError, match=f"damaged header at {where}"):
            JournalFile(path)
    path.write_bytes(whole[:100])
    with pytest.raises(OperatorError, match="100 bytes, a header alone has 4096"):
        JournalFile(path)


def test_each_file_begins_with_the_state_as_it_was_when_it_began(tmp_path: Path) -> None:
    duty = OneDuty()
    writer = duty.journal_into(tmp_path)
    states = [duty.state.tobytes()]
    for number in range(3):
        duty.give("in_wait", trade(number))
        duty.run()
        states.append(duty.state.tobytes())
        assert writer.rotate(2000 + number)
    duty.give("in_wait", trade(9))
    duty.run()
    writer.close(1)
    files = read_journal(tmp_path, STAGE)

    assert [file.header.index for file in files] == [0, 1, 2, 3]
    assert [file.state.tobytes() for file in files] == states
    assert [(file.count, file.closed) for file in files] == [(1, 0), (1, 0), (1, 0), (1, 1)]


def test_a_file_with_little_room_left_is_followed_by_the_next(tmp_path: Path) -> None:
    duty = OneDuty()
    writer = duty.journal_into(tmp_path, bytes_max=ROTATE_BELOW_BYTES + 2000)
    assert writer.keep_room(1) and len(writer.files) == 1
    for number in range(40):
        duty.give("in_wait", trade(number, OUT_DENY, 1))
    duty.run()
    assert writer.keep_room(2) and len(writer.files) == 2
    writer.close(3)

    assert sum(file.count for file in read_journal(tmp_path, STAGE)) == 80


def test_the_pages_that_come_next_are_mapped_before_they_are_written(tmp_path: Path) -> None:
    duty = OneDuty()
    writer = duty.journal_into(tmp_path, bytes_max=8 * AHEAD_BYTES)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    address = int(duty.ports["journal"]["base"]) + int(duty.ports["journal"]["position"])
    ctypes.memset(address, 1, AHEAD_BYTES // 2)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults < 50
    writer.close(1)


def test_a_stage_without_room_in_its_journal_takes_no_more_and_still_takes_cancels(tmp_path: Path) -> None:
    duty = OneDuty()
    writer = duty.journal_into(tmp_path, bytes_max=SMALL)
    duty.give("in_wait", trade(1))
    assert duty.run() == 0
    duty.cancel(5, 50)
    assert duty.run() == 1
    writer.close(1)


def test_a_file_that_cannot_be_had_is_an_answer_and_the_old_one_goes_on(tmp_path: Path) -> None:
    def stage() -> int:
        duty = OneDuty()
        writer = duty.journal_into(tmp_path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
        refused = not writer.rotate(1)
        base = int(duty.ports["journal"]["base"])
        duty.give("in_wait", trade(1))
        duty.run()
        writer.close(2)
        return not (refused and "0001.journal: " in writer.failure and base and len(writer.files) == 1)

    assert Child(stage).wait() == 0
    files = read_journal(tmp_path, STAGE)
    assert [(file.count, file.closed) for file in files] == [(1, 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{STAGE}.0000.journal"]


def test_a_missing_or_misplaced_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=f"journal of stage {STAGE}: no {STAGE}.NNNN.journal in {tmp_path}"):
        read_journal(tmp_path, STAGE)
    duty = OneDuty()
    writer = duty.journal_into(tmp_path)
    writer.rotate(1)
    writer.close(2)
    writer.files[0].unlink()
    with pytest.raises(OperatorError, match=f"0001.journal: is number 1 of {STAGE}, expected 0"):
        read_journal(tmp_path, STAGE)


def test_a_record_is_described_in_words() -> None:
    assert describe(INPUT << 56 | 3 << 48 | 77) == "input port 3 sequence 77"
    assert describe(CLOSED << 56) == "closed port 0 sequence 0"
    assert describe(99 << 56) == "kind 99 port 0 sequence 0"
