"""What outlives a run: epochs never repeat, latches hold until a person takes them off."""

import subprocess
import sys
from pathlib import Path

import pytest

from procs.errors import OperatorError
from procs.state_dir import EPOCH_MAX, StateDir


def test_each_run_takes_the_next_epoch(tmp_path: Path) -> None:
    assert [StateDir(tmp_path / "state").next_epoch() for _ in range(3)] == [1, 2, 3]
    assert StateDir(tmp_path / "state").epoch() == 3


def test_processes_that_start_together_never_share_an_epoch(tmp_path: Path) -> None:
    code = "import pathlib, sys, procs.state_dir as s; print(s.StateDir(pathlib.Path(sys.argv[1])).next_epoch())"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]

    taken = sorted(int(run.communicate()[0]) for run in runs)

    assert taken == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "99999999", "\x00"])
def test_an_unreadable_epoch_is_an_error_and_never_a_fresh_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "epoch").write_text(text)

    with pytest.raises(OperatorError, match="write one above every epoch ever used"):
        StateDir(tmp_path).next_epoch()


def test_epochs_end_before_they_leave_the_order_id(tmp_path: Path) -> None:
    (tmp_path / "epoch").write_text(str(EPOCH_MAX))

    with pytest.raises(OperatorError, match=f"found {EPOCH_MAX}"):
        StateDir(tmp_path).next_epoch()
    assert EPOCH_MAX << 44 < 2**63


def test_a_latch_keeps_its_first_reason_until_it_is_taken_off(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.latch("halt", "position differs from the venue's")
    state.latch("halt", "something later")

    assert StateDir(tmp_path).latches() == {"halt": "position differs from the venue's"}

    state.take_off("halt")

    assert state.latches() == {}
    with pytest.raises(OperatorError, match="latch 'halt': not set, set are: none"):
        state.take_off("halt")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OperatorError, match="allowed a writable folder"):
        StateDir(tmp_path / "file" / "state")


def test_nothing_half_written_is_left_beside_the_files(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.next_epoch()
    state.latch("halt", "x")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["acts.jsonl", "epoch", "latch-halt", "lock"]
