"""The control cell: commands and answers pass, a dead process's answers are forgotten, counts see everything once."""

import os

from shm.control import (
    ACKNOWLEDGED,
    ARGUMENT,
    COMMAND,
    CONTROL_BYTES,
    DOORBELL,
    FAILED,
    FAILURE,
    HALTED,
    HEARTBEAT,
    PID,
    RUNNING,
    STATE,
    ControlCell,
    acknowledge_command,
    control_cells,
    load_word,
    store_word,
)
from shm.kernel import address_of_array, kernel
from shm.layout import DOORBELL_BYTES, WORD_SPACING_BYTES
from tests.shm.areas import aligned, shared
from tests.shm.processes import Child


@kernel
def answer(control, command):
    """`acknowledge_command`, from Python."""
    acknowledge_command(control, command)


def test_a_command_carries_its_argument_and_counts_up_so_that_the_same_one_is_seen_again() -> None:
    content = aligned(CONTROL_BYTES)
    cell = ControlCell(address_of_array(content))
    cell.issue(3, 77)
    first = load_word(cell.address + COMMAND)
    cell.issue(3, 78)
    second = load_word(cell.address + COMMAND)

    assert first & 0xFF == second & 0xFF == 3
    assert second >> 8 == (first >> 8) + 1
    assert load_word(cell.address + ARGUMENT) == 78


def test_an_answer_counts_for_its_own_command_only_and_not_for_the_next() -> None:
    content = aligned(CONTROL_BYTES)
    cell = ControlCell(address_of_array(content))
    cell.issue(4)
    assert not cell.acknowledged(4)
    answer(cell.address, 4)
    assert cell.acknowledged(4)
    assert not cell.acknowledged(5)

    cell.issue(4)
    assert not cell.acknowledged(4)


def test_another_process_sees_what_a_stage_writes() -> None:
    content = shared(CONTROL_BYTES)
    cell = ControlCell(address_of_array(content))

    def stage() -> None:
        for word, value in [(STATE, RUNNING), (HEARTBEAT, 5), (PID, os.getpid()), (FAILURE, -3), (HALTED, 1)]:
            store_word(cell.address + word, value)

    child = Child(stage)
    assert child.wait() == 0
    assert (cell.state, cell.heartbeat_ns, cell.pid, cell.failure, cell.halted) == (RUNNING, 5, child.pid, -3, True)


def test_a_reset_forgets_the_answers_of_a_dead_process_and_keeps_the_command() -> None:
    content = aligned(CONTROL_BYTES)
    cell = ControlCell(address_of_array(content))
    cell.issue(2, 9)
    for word in (ACKNOWLEDGED, HEARTBEAT, PID, FAILURE, HALTED):
        store_word(cell.address + word, 1)
    store_word(cell.address + STATE, FAILED)
    command = load_word(cell.address + COMMAND)
    cell.reset()

    assert (cell.state, cell.heartbeat_ns, cell.pid, cell.failure, cell.halted) == (0, 0, 0, 0, False)
    assert not cell.acknowledged(1)
    assert load_word(cell.address + COMMAND) == command


def test_words_of_different_writers_keep_their_distance() -> None:
    assert ACKNOWLEDGED - ARGUMENT >= WORD_SPACING_BYTES - 8
    assert DOORBELL - HALTED >= WORD_SPACING_BYTES // 2
    assert DOORBELL + DOORBELL_BYTES <= CONTROL_BYTES
    assert control_cells(3) == 3 * CONTROL_BYTES
