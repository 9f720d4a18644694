"""A recorded session replays to the same state and the same outputs; whatever differs is named."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from procs.journal import JournalFile, describe, read_journal
from procs.ports import MISMATCH_FRAME, MISMATCH_NONE
from procs.replay_cycle import BLOCKED, DIFFERENT, FAILED, FINISHED, MISSING, PROGRESS, WAITING, replay_slice
from shm.journal import INPUT, OUTPUT
from shm.kernel import address_of_array, new_record
from shm.ring import READER, WRITER, format_ring, open_reader, open_writer, ring_bytes
from tests.procs.one_duty import INBOXES, STAGE, SYMBOLS, OneDuty, push, record_of, relay_table, trade
from tests.procs.relay_stage import FAIL, OUT_CANCELS, OUT_DENY, OUT_HALT, OUT_LATEST, OUT_WAIT
from tests.shm.areas import aligned
from tests.shm.test_journal import OneJournal, read
from trader.messages import GAP, BookResync, Message, WireIn

pytestmark = pytest.mark.usefixtures(relay_table.__name__)
QUEUE_BYTES = 1 << 20


@dataclass
class Session:
    """A recorded run: the stage as it ended, its journal, and the frames that came over links."""

    duty: OneDuty
    files: list[JournalFile]
    frames: list[tuple[str, Message, int]] = field(default_factory=list)


def session(folder: Path, *, actions: int = 400, seed: int = 1, rotate: bool = False) -> Session:
    """A seeded run with everything that a journal knows."""
    rng = random.Random(seed)
    duty = OneDuty()
    duty.row["timer_ns"] = 90
    writer = duty.journal_into(folder)
    frames: list[tuple[str, Message, int]] = []
    publications = [0] * SYMBOLS
    for number in range(actions):
        link = rng.choice([*INBOXES, "in_wait", "in_wait", "command"])
        outbox = rng.choice([OUT_WAIT, OUT_HALT, OUT_DENY, OUT_LATEST, OUT_CANCELS])
        if link == "in_cancels":
            duty.cancel(rng.randrange(-1, 4096), number)
        elif link == "command":
            duty.cell.issue(rng.randrange(1, 7), number)
        elif link == "in_wire":
            duty.give(link, WireIn(number, 1, 200, rng.randbytes(rng.randrange(200))), origin_ns=number)
        elif link == "in_latest":
            symbol = rng.randrange(SYMBOLS)
            publications[symbol] += 1
            message: Message = BookResync(symbol, 0, 0, number, 0)
            duty.give(link, message, origin_ns=number)
            frames.append((link, message, publications[symbol] * 64 + symbol))
        else:
            for copy in range(80 if link == "in_drop" and rng.random() < 0.2 else 1):
                message = trade(1000 * number + copy, outbox, rng.randrange(4), slot=rng.randrange(4096))
                duty.give(link, message, origin_ns=number)
                frames.append((link, message, -1))
        duty.run(now_ns=2000 + 17 * number)
        if rng.random() < 0.6:
            drain(duty, denied=number % 250 == 0)
        if rotate and number % 100 == 99:
            writer.rotate(2000 + 17 * number)
    writer.close(1)
    return Session(duty, read_journal(folder, STAGE), frames)


def drain(duty: OneDuty, *, denied: bool = True) -> None:
    """Take what gates the stage; `denied`: also what would be refused."""
    for link in ("out_wait", "out_halt", "out_deny")[: 3 if denied else 2]:
        duty.taken(link)
    duty.memory["out_halt"][384:400] = duty.memory["out_halt"][512:528]  # the other consumer, at the same place


class Replay:
    """A fresh stage over a log, its links filled as the replayed producers would fill them."""

    def __init__(self, recorded: Session, log: np.ndarray, *, state: np.ndarray | None = None) -> None:
        self.duty = OneDuty()
        self.log = np.concatenate([log, np.zeros(64, np.uint8)])
        if state is not None:
            self.duty.state.view(np.uint8)[:] = state
        record = self.duty.ports["log"]
        record["base"], record["position"], record["capacity"] = address_of_array(self.log), 0, self.log.size
        self.progress = new_record(PROGRESS)
        self.queues = {name: self._queue(name) for name in ("in_halt", "in_latest", "in_wait", "in_drop")}
        for link, message, sequence in recorded.frames:
            self.feed(link, message, sequence)

    def _queue(self, name: str) -> np.ndarray:
        """A reliable ring in the place of a link, as a replay has it for slots and lossy links too."""
        content = aligned(ring_bytes(QUEUE_BYTES))
        format_ring(content, QUEUE_BYTES, consumers=1)
        reader, writer = new_record(READER), new_record(WRITER)
        open_reader(reader[0], address_of_array(content), 0, 0)
        open_writer(writer[0], address_of_array(content))
        self.duty.row["inboxes"][INBOXES.index(name)]["ring"] = reader[0]
        self.duty.keep.append(content)
        return writer

    def feed(self, link: str, message: Message, sequence: int = -1) -> None:
        """What a replayed producer sends; a slot's publication under its own sequence."""
        writer = self.queues[link][0]
        if sequence >= 0:
            writer["sequence"] = sequence
        record = record_of(message, self.duty.keep)
        assert push(writer, record[0], origin_of(message), 0)

    def run(self, inputs_max: int = 64) -> int:
        """Until it stops for good; the reason."""
        while True:
            before = int(self.progress[0]["inputs"])
            replay_slice(self.duty.station.address, self.progress[0], inputs_max)
            reason = int(self.progress[0]["reason"])
            drain(self.duty)
            if reason not in (0, BLOCKED) or (reason == BLOCKED and self.progress[0]["inputs"] == before):
                return reason


def origin_of(message: Any) -> int:
    """The origin that `session` gave a message."""
    return int(message.epoch if isinstance(message, BookResync) else message.trade_id // 1000)


def rows_of(log: np.ndarray) -> list[tuple[tuple[int, ...], bytes]]:
    """Records of a log with their payloads."""
    rows, payloads, _, _ = read(np.concatenate([log, np.zeros(8, np.uint8)]))
    return list(zip(rows, payloads, strict=True))


def log_of(rows: list[tuple[tuple[int, ...], bytes]]) -> np.ndarray:
    """A sound log of records."""
    journal = OneJournal(1 << 20)
    for row, payload in rows:
        assert journal.add(*row, payload)
    return journal.content[: journal.used]


def outputs_in(rows: list[tuple[tuple[int, ...], bytes]]) -> list[int]:
    """Positions of the outputs."""
    return [index for index, (row, _) in enumerate(rows) if row[1] == OUTPUT]


@pytest.mark.parametrize("inputs_max", [1, 7, 4096])
def test_a_session_replays_to_the_same_outputs_and_the_same_state(tmp_path: Path, inputs_max: int) -> None:
    recorded = session(tmp_path)
    rows = rows_of(recorded.files[0].log)
    replay = Replay(recorded, recorded.files[0].log)

    assert replay.run(inputs_max) == FINISHED
    ports = replay.duty.ports
    assert ports["mismatch"] == MISMATCH_NONE
    assert ports["compared"] == len(outputs_in(rows)) > 300
    assert replay.progress[0]["inputs"] == sum(row[1] == INPUT for row, _ in rows) > 400
    assert ports["outputs_hash"] == recorded.duty.ports["outputs_hash"]
    same = [name for name in recorded.duty.state.dtype.names if name != "wire"]
    for name in same:
        assert replay.duty.state[0][name].tobytes() == recorded.duty.state[0][name].tobytes(), name
    kinds = {kind for kind, _ in recorded.duty.notes()}
    assert len(kinds) == 7 and GAP in kinds
    assert recorded.duty.state[0]["denied"] > 0


def test_all_files_of_a_rotated_journal_replay_as_one(tmp_path: Path) -> None:
    recorded = session(tmp_path, rotate=True)
    assert len(recorded.files) > 3
    replay = Replay(recorded, np.concatenate([file.log for file in recorded.files]))

    assert replay.run() == FINISHED
    assert replay.duty.ports["outputs_hash"] == recorded.duty.ports["outputs_hash"]


@pytest.mark.parametrize("which", [0, 50, -1])
def test_one_altered_output_is_named_and_nothing_goes_on_behind_it(tmp_path: Path, which: int) -> None:
    recorded = session(tmp_path)
    rows = rows_of(recorded.files[0].log)
    index = outputs_in(rows)[which]
    row, payload = rows[index]
    rows[index] = ((*row[:4], row[4] ^ 1), payload)
    replay = Replay(recorded, log_of(rows))

    assert replay.run(1) == DIFFERENT
    ports = replay.duty.ports
    assert ports["mismatch"] == MISMATCH_FRAME
    assert (ports["mismatch_outbox"], ports["mismatch_sequence"]) == (row[2], row[3])
    assert ports["compared"] == outputs_in(rows).index(index)


def test_an_altered_input_shows_in_an_output(tmp_path: Path) -> None:
    recorded = session(tmp_path)
    at = next(index for index, each in enumerate(recorded.frames) if each[0] == "in_wait")
    link, message, sequence = recorded.frames[at]
    recorded.frames[at] = (link, trade(message.trade_id, message.side, message.size_lots + 1), sequence)

    assert Replay(recorded, recorded.files[0].log).run() == DIFFERENT


def test_a_recorded_output_that_is_not_sent_now_is_missing_and_named(tmp_path: Path) -> None:
    recorded = session(tmp_path)
    rows = rows_of(recorded.files[0].log)
    first_input_behind = next(
        index for index in range(outputs_in(rows)[0] + 1, len(rows)) if rows[index][0][1] == INPUT
    )
    extra = ((1, OUTPUT, OUT_DENY, 77, 5), b"")
    rows.insert(first_input_behind, extra)
    replay = Replay(recorded, log_of(rows))

    assert replay.run(1) == MISSING
    assert describe(int(replay.progress[0]["key"])) == f"output port {OUT_DENY} sequence 77"


def test_a_stage_waits_for_what_its_producer_has_not_sent_yet_and_goes_on_when_it_comes(tmp_path: Path) -> None:
    recorded = session(tmp_path)
    frames, recorded.frames = recorded.frames, []
    replay = Replay(recorded, recorded.files[0].log)
    assert replay.run() == WAITING
    waited = int(replay.progress[0]["inputs"])
    for each in frames[:50]:
        replay.feed(*each)
    assert replay.run() == WAITING
    assert replay.progress[0]["inputs"] > waited
    for each in frames[50:]:
        replay.feed(*each)

    assert replay.run() == FINISHED
    assert replay.duty.ports["outputs_hash"] == recorded.duty.ports["outputs_hash"]


def test_a_step_that_fails_is_said_to_have_failed(tmp_path: Path) -> None:
    duty = OneDuty()
    writer = duty.journal_into(tmp_path)
    message = trade(3000, FAIL, 4)
    duty.give("in_wait", message, origin_ns=3)
    duty.run()
    writer.close(0)
    recorded = Session(duty, read_journal(tmp_path, STAGE), [("in_wait", message, -1)])

    assert Replay(recorded, recorded.files[0].log).run() == FAILED


def test_a_log_cut_by_a_kill_replays_as_far_as_it_goes(tmp_path: Path) -> None:
    recorded = session(tmp_path)
    log = recorded.files[0].log
    replay = Replay(recorded, log[: log.size // 2])

    assert replay.run() == FINISHED
    assert 100 < replay.progress[0]["inputs"] < 300
    assert replay.duty.ports["mismatch"] == MISMATCH_NONE
