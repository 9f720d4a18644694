"""A stage's way out: what is sent, refused, told, journaled, and compared while a recorded run is replayed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from procs.journal import load_word
from procs.ports import MISMATCH_DAMAGED, MISMATCH_EXTRA, MISMATCH_FRAME, MISMATCH_NONE, MISMATCH_OUTBOX
from shm.checksum import digest, digest_i64
from shm.journal import DENIED, INPUT, OUTPUT
from shm.kernel import address_of_array
from tests.procs.one_duty import SYMBOLS, OneDuty, relay_table, trade
from tests.procs.relay_stage import BAD_FRAME, OUT_CANCELS, OUT_DENY, OUT_HALT, OUT_LATEST, OUT_WAIT
from tests.shm.test_journal import append_one, read
from trader.messages import BookResync, Trade

pytestmark = pytest.mark.usefixtures(relay_table.__name__)


def records(duty: OneDuty) -> list[tuple[int, ...]]:
    """(now_ns, kind, port, sequence, value) of all that was journaled behind the snapshot."""
    journal = duty.ports["journal"]
    content = np.zeros(int(journal["position"]), np.uint8)
    for at in range(0, content.size, 8):
        content[at : at + 8].view(np.int64)[0] = load_word(int(journal["base"]) + at)
    return read(content)[0][1:]


def test_a_message_arrives_as_it_was_sent_on_every_kind_of_link() -> None:
    duty = OneDuty()
    for number, outbox in enumerate((OUT_WAIT, OUT_HALT, OUT_DENY, OUT_LATEST)):
        duty.give("in_wait", trade(number, outbox, 2))
    duty.give("in_wait", trade(1 << 50, OUT_CANCELS, slot=77))
    duty.run()

    for number, link in enumerate(("out_wait", "out_halt", "out_deny")):
        sent = duty.taken(link)
        assert [message.trade_id for message in sent] == [number, number]
        assert all(isinstance(message, Trade) for message in sent)
    assert duty.taken("out_latest") == [BookResync(0, 0, 0, 4, 0)]
    assert duty.taken("out_cancels") == [(77, 1 << 50)]
    assert duty.ports["outboxes"]["sent"][:5].tolist() == [2, 2, 2, 2, 1]


@pytest.mark.parametrize("symbol", [-1, SYMBOLS, 1 << 40])
def test_a_slot_out_of_range_is_refused_and_touches_nothing(symbol: int) -> None:
    duty = OneDuty()
    before = duty.memory["out_latest"].copy()
    duty.give("in_wait", Trade(symbol, 0, 0, 5, OUT_LATEST, 0, 1))
    duty.run()

    assert duty.state[0]["denied"] == duty.ports["outboxes"][OUT_LATEST]["refused"] == 1
    assert np.array_equal(duty.memory["out_latest"], before)


def test_a_cancel_of_no_slot_is_refused_and_all_is_one_request() -> None:
    duty = OneDuty()
    duty.give("in_wait", trade(1, OUT_CANCELS, slot=-1))
    duty.run()
    assert duty.taken("out_cancels") == [(-1, 0)]
    duty.give("in_wait", trade(1, OUT_CANCELS, slot=4096))
    duty.run()

    assert duty.row["failure"] == BAD_FRAME


def test_a_frame_that_cannot_be_decoded_is_the_steps_to_refuse() -> None:
    duty = OneDuty()
    duty.give("in_wait", trade(1))
    body = duty.memory["in_wait"][1024 + 32 :]
    body[1] = 99
    duty.run()

    assert (duty.row["failure"], duty.notes()) == (BAD_FRAME, [])


def test_everything_taken_and_sent_is_journaled_in_its_order(tmp_path: Path) -> None:
    duty = OneDuty()
    writer = duty.journal_into(tmp_path)
    duty.give("in_wait", trade(5, OUT_WAIT, 2), origin_ns=11)
    duty.give("in_halt", trade(6, OUT_CANCELS, slot=9), origin_ns=12)
    duty.run(now_ns=7000)
    found = records(duty)
    writer.close(0)

    assert [row[:4] for row in found] == [
        (7000, INPUT, 1, 0), (7000, OUTPUT, OUT_CANCELS, 1),
        (7000, INPUT, 3, 0), (7000, OUTPUT, OUT_WAIT, 0), (7000, OUTPUT, OUT_WAIT, 1),
    ]  # fmt: skip
    assert [row[4] for row in found if row[1] == INPUT] == [12, 11]
    word = int(duty.memory["out_wait"][1024:1032].view(np.int64)[0])
    sent = duty.state["trade"]  # the message that the step has sent last
    assert found[4][4] == digest(digest_i64(word, 11), address_of_array(sent), sent.nbytes)


def test_what_was_denied_is_journaled_with_its_outbox(tmp_path: Path) -> None:
    duty = OneDuty()
    writer = duty.journal_into(tmp_path)
    duty.give("in_wait", trade(1, OUT_DENY, 100))
    duty.run()
    kinds = [(row[1], row[2]) for row in records(duty)[1:]]
    writer.close(0)

    sent = int(duty.ports["outboxes"][OUT_DENY]["sent"])
    assert kinds == [(OUTPUT, OUT_DENY)] * sent + [(DENIED, OUT_DENY)] * (100 - sent)


def test_the_hash_of_all_outputs_is_the_same_for_the_same_messages_only() -> None:
    def hash_of(outbox: int, copies: int, origin_ns: int) -> int:
        duty = OneDuty()
        duty.give("in_wait", trade(1, outbox, copies, slot=3), origin_ns=origin_ns)
        duty.run()
        return int(duty.ports["outputs_hash"])

    cases = [(OUT_DENY, 2, 7), (OUT_DENY, 3, 7), (OUT_DENY, 2, 8), (OUT_CANCELS, 0, 7)]
    assert [hash_of(*case) for case in cases] == [hash_of(*case) for case in cases]
    assert len({0, *(hash_of(*case) for case in cases)}) == 5


def logged(duty: OneDuty, rows: list[tuple[int, int, int, int]]) -> np.ndarray:
    """Bind a recorded journal of (kind, port, sequence, value) to a duty, as a replay does."""
    content = np.zeros(4096, np.uint8)
    log = duty.ports["log"]
    log["base"], log["position"], log["capacity"] = address_of_array(content), 0, content.size
    writer = duty.ports["log"].copy()
    for kind, port, sequence, value in rows:
        append_one(writer, 1000, kind, port, sequence, value, 0, 0)
    return content


def outputs(folder: Path, copies: int) -> list[tuple[int, int, int, int]]:
    """What a duty sends for one message, as records."""
    duty = OneDuty()
    writer = duty.journal_into(folder)
    duty.give("in_wait", trade(1, OUT_DENY, copies))
    duty.run()
    rows = [row[1:] for row in records(duty) if row[1] != INPUT]
    writer.close(0)
    return rows


@pytest.mark.parametrize(
    ("change", "mismatch"),
    [
        (lambda rows: rows, MISMATCH_NONE),
        (lambda rows: rows[:2], MISMATCH_NONE),  # the recording ended there: killed inside the step
        (lambda rows: [rows[0], (*rows[1][:3], rows[1][3] ^ 1), rows[2]], MISMATCH_FRAME),
        (lambda rows: [rows[0], (OUTPUT, OUT_HALT, *rows[1][2:]), rows[2]], MISMATCH_OUTBOX),
        (lambda rows: [rows[0], (OUTPUT, OUT_DENY, 7, rows[1][3]), rows[2]], MISMATCH_OUTBOX),
        (lambda rows: [rows[0], (INPUT, 3, 1, 0), rows[2]], MISMATCH_EXTRA),
    ],
)
def test_a_sent_frame_is_held_against_the_next_record_of_the_log(
    change: Callable[[list[tuple[int, ...]]], list[tuple[int, ...]]], mismatch: int, tmp_path: Path
) -> None:
    rows = change(outputs(tmp_path, 3))
    duty = OneDuty()
    keep = logged(duty, rows)
    duty.give("in_wait", trade(1, OUT_DENY, 3))
    duty.run()

    assert duty.ports["mismatch"] == mismatch
    if mismatch != MISMATCH_NONE:
        assert (duty.ports["mismatch_outbox"], duty.ports["mismatch_sequence"], duty.ports["compared"]) == (
            OUT_DENY,
            1,
            1,
        )
    else:
        assert duty.ports["compared"] == len(rows)
    assert keep.any()


def test_a_damaged_log_is_a_difference_of_its_own(tmp_path: Path) -> None:
    rows = outputs(tmp_path, 3)
    duty = OneDuty()
    keep = logged(duty, rows)
    keep[32 + 20] ^= 1
    duty.give("in_wait", trade(1, OUT_DENY, 3))
    duty.run()

    assert duty.ports["mismatch"] == MISMATCH_DAMAGED


def test_what_was_refused_then_is_refused_now_although_there_is_room(tmp_path: Path) -> None:
    rows = outputs(tmp_path, 3)
    duty = OneDuty()
    keep = logged(duty, [rows[0], (DENIED, OUT_DENY, 1, 0), rows[1]])
    duty.give("in_wait", trade(1, OUT_DENY, 3))
    duty.run()

    assert (duty.ports["mismatch"], duty.ports["compared"], duty.state[0]["denied"]) == (MISMATCH_NONE, 2, 1)
    assert len(duty.taken("out_deny")) == 2
    assert keep.any()
