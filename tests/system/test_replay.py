"""Recorded runs, replayed: identical whatever the placement, cores and batches; a changed byte or message is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from procs.affinity import available_cores
from procs.errors import OperatorError
from procs.journal import HEADER_BYTES, JournalFile
from procs.replay import ReplayResult, replay_run
from procs.topology import TRADING
from shm.checksum import crc_bytes
from shm.journal import INPUT, OUTPUT
from shm.kernel import address_of_array, kernel
from tests.system.observed import Observed
from tests.system.starting import Start

FLIPS = 20
"""Flipped bytes in each stage's journal."""

WAIT_S = 30.0
SEED = 20_240_808


@kernel
def record_crc(address, length):
    """The checksum that belongs into a record's second word."""
    return crc_bytes(0xFFFFFFFF, address + 8, length - 8)


def assert_identical(result: ReplayResult) -> None:
    """Every stage took and sent something, and nothing differs."""
    assert result.identical, result.first_difference
    assert [stage.stage for stage in result.stages] == list(TRADING)
    assert all(stage.inputs > 10 for stage in result.stages)
    assert all(stage.outputs > 0 for stage in result.stages), result.stages


@pytest.fixture
def recorded(process_run: Observed, tmp_path: Path) -> Path:
    """A copy of a recorded run that a test may harm."""
    return Path(shutil.copytree(process_run.out, tmp_path / "harmed"))


def journal_of(run_dir: Path, stage: str) -> Path:
    """A stage's first journal file."""
    return run_dir / "journal" / f"{stage}.0000.journal"


@pytest.mark.parametrize("batch", [1, 7, 1 << 20])
def test_batches_do_not_matter(process_run: Observed, fused_run: Observed, batch: int) -> None:
    for run in (process_run, fused_run):
        assert_identical(replay_run(run.out, batch=batch))


@pytest.mark.parametrize("placement", ["process", "fused"])
def test_a_recorded_run_replays_identically(request: pytest.FixtureRequest, start: Start, placement: str) -> None:
    run: Observed = request.getfixturevalue(f"{placement}_run")
    replay = start.command("replay", str(run.out))

    assert replay.wait(WAIT_S) == 0, replay.said
    assert replay.said.rstrip().endswith("identical")


def test_cores_do_not_matter(start: Start) -> None:
    cores = available_cores()
    if len(cores) < 2:
        pytest.skip("one core: there is no other plan")
    plan = {stage: cores[number % 2] for number, stage in enumerate(("exchange", *TRADING))}
    flags = [flag for stage, core in plan.items() for flag in ("--core", f"{stage}={core}")]
    run = start.run("--duration", "1s", *flags)
    run.until_quoting()

    assert {name: run.seen[name].cpu_affinity() for name in plan} == {name: [core] for name, core in plan.items()}
    assert run.wait(WAIT_S) == 0, run.said
    assert_identical(replay_run(run.out))


def test_several_symbols_replay_though_their_newest_values_are_read_out_of_order(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "three.toml"
    config.write_text('symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]\n')
    run = start.run("--duration", "3s", "--config", str(config))

    assert run.wait(WAIT_S) == 0, run.said
    assert_identical(replay_run(run.out))


@pytest.mark.parametrize("stage", TRADING)
def test_a_flipped_byte_is_named_with_its_file_and_place(recorded: Path, stage: str) -> None:
    path = journal_of(recorded, stage)
    whole = path.read_bytes()
    end = JournalFile(path).end + HEADER_BYTES
    rng = np.random.default_rng(SEED)
    places = [*rng.integers(0, len(whole), FLIPS), *rng.integers(0, 500, 3), *rng.integers(end - 500, len(whole), 5)]
    for at in places:
        flipped = bytearray(whole)
        flipped[at] ^= int(rng.integers(1, 256))
        path.write_bytes(flipped)
        with pytest.raises(OperatorError, match=rf"journal {path}: damaged \w+ at offset \d+") as found:
            replay_run(recorded)
        named = int(str(found.value).rpartition(" ")[2])
        assert named <= at, f"byte {at} flipped, {found.value}"


def test_a_flipped_byte_is_told_to_the_operator(recorded: Path, start: Start) -> None:
    path = journal_of(recorded, "strategy")
    flipped = bytearray(path.read_bytes())
    flipped[-200] ^= 1
    path.write_bytes(flipped)
    replay = start.command("replay", str(recorded))

    assert replay.wait(WAIT_S) == 2, replay.said
    assert f"trader: journal {path}: damaged record at offset" in replay.said
    assert "Traceback" not in replay.said


def forge(path: Path, kind: int, number: int, at: int, change: int) -> int:
    """Alter the n-th record of a kind `at` bytes into it and mend its checksum; returns the record's sequence."""
    file = JournalFile(path)
    position, words, seen = file.start, file.records.view(np.int64), 0
    while position < file.end:
        length = int(words[position // 8]) & 0xFFFFFFFF
        key = int(words[position // 8 + 2])
        if key >> 56 == kind and (kind != INPUT or length > at):
            seen += 1
            if seen == number:
                file.records[position + at] ^= change
                crc = int(record_crc(address_of_array(file.records) + position, length))
                words[position // 8] = np.uint64((crc & 0xFFFFFFFF) << 32 | length).astype(np.int64)
                whole = bytearray(path.read_bytes())
                whole[HEADER_BYTES:] = file.records[: len(whole) - HEADER_BYTES].tobytes()
                path.write_bytes(whole)
                return key & ((1 << 48) - 1)
        position += length
    raise AssertionError(f"{path} has {seen} such records, not {number}")


@pytest.mark.parametrize("stage", TRADING)
def test_a_recorded_message_that_was_not_sent_so_is_named(recorded: Path, stage: str) -> None:
    number = 1 if stage == "tail_risk" else 5  # which says no more than its first word while the market is calm
    sequence = forge(journal_of(recorded, stage), OUTPUT, number, 24, 1)
    result = replay_run(recorded)

    assert not result.identical
    assert result.first_difference.startswith(f"{stage}: ")
    assert f"sequence {sequence} differs from the recorded frame" in result.first_difference


def test_a_forged_venue_frame_shows_in_the_first_message_that_it_changes(recorded: Path, start: Start) -> None:
    path = journal_of(recorded, "feed")
    price = path.read_bytes().rindex(b'"b":"', 0, path.read_bytes().rindex(b'"e":"bookTicker"') + 200) + len('"b":"')
    last_digit = price + path.read_bytes()[price:].index(b".") - 1
    file = JournalFile(path)
    position, number = input_around(file, last_digit - HEADER_BYTES)
    forge(path, INPUT, number, last_digit - HEADER_BYTES - position, 1)
    replay = start.command("replay", str(recorded))

    assert replay.wait(WAIT_S) == 1, replay.said
    assert "feed: feed_book sequence" in replay.said.splitlines()[-1]
    assert "differs from the recorded frame, sent on input port" in replay.said


def test_a_venue_frame_that_now_says_nothing_leaves_its_recorded_messages_unrepeated(recorded: Path) -> None:
    path = journal_of(recorded, "feed")
    text = path.read_bytes()
    event = text.rindex(b'"e":"bookTicker"') + len('"e":"')
    file = JournalFile(path)
    position, number = input_around(file, event - HEADER_BYTES)
    forge(path, INPUT, number, event - HEADER_BYTES - position, 1)
    result = replay_run(recorded)

    assert "feed: feed_book sequence" in result.first_difference
    assert result.first_difference.endswith("the recorded output was not repeated")


def input_around(file: JournalFile, place: int) -> tuple[int, int]:
    """(position, number) of the input record that holds a byte; numbers count inputs that reach so far."""
    words = file.records.view(np.int64)
    position, inputs = file.start, []
    while position < file.end:
        length = int(words[position // 8]) & 0xFFFFFFFF
        if int(words[position // 8 + 2]) >> 56 == INPUT:
            inputs.append((position, length))
        position += length
    start = next(at for at, length in inputs if at <= place < at + length)
    return start, sum(at <= start and length > place - start for at, length in inputs)


def test_without_a_journal_the_missing_file_is_named(recorded: Path, start: Start) -> None:
    journal_of(recorded, "risk").unlink()
    replay = start.command("replay", str(recorded))

    assert replay.wait(WAIT_S) == 2
    assert "journal of stage risk: no risk.NNNN.journal" in replay.said
