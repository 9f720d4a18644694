"""The monitor finds the running system in shared memory, shows it, and leaves no trace."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from procs.errors import OperatorError
from procs.monitor import chosen_run, running_systems, watch
from shm.segment import FOLDER
from tests.procs.one_run import one_run, trade_a_little


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host on which nothing runs: neighbours' segments are out of sight."""
    monkeypatch.setattr("shm.segment.FOLDER", tmp_path)
    return tmp_path


def test_when_nothing_runs_it_says_so(empty_folder: Path) -> None:
    with pytest.raises(OperatorError, match="no system is running here: start one with 'trader run'"):
        watch(None)


def test_a_dead_runs_leftovers_are_no_running_system(empty_folder: Path) -> None:
    (empty_folder / "trader-999999.1.abcdef-1-run").touch()
    assert running_systems() == []


def test_two_systems_must_be_chosen_from(empty_folder: Path) -> None:
    started = Path(f"/proc/{os.getpid()}/stat").read_text().rsplit(")", 1)[1].split()[19]
    names = [f"{os.getpid()}.{started}.{letters}" for letters in ("aaaaaa", "bbbbbb")]
    for name in names:
        (empty_folder / f"trader-{name}-1-run").touch()

    with pytest.raises(OperatorError, match="2 systems are running: choose with --run, one of ") as found:
        chosen_run(None)
    assert all(name in str(found.value) for name in names)
    assert chosen_run(names[1]) == names[1]


def test_a_run_that_does_not_exist_is_named(empty_folder: Path) -> None:
    with pytest.raises(OperatorError, match="--run: found '77', allowed nothing, because no system is running here"):
        chosen_run("77")


def test_a_run_is_chosen_by_its_supervisors_pid() -> None:
    with one_run() as memory:
        assert chosen_run(str(os.getpid())) == memory.run


def test_one_look_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with one_run() as memory:
        trade_a_little(memory)
        watch(memory.run, once=True)

    (line,) = capsys.readouterr().out.splitlines()
    assert "events 41000" in line and "BTCUSDT LIVE 60000.0/60000.1" in line and "pos 0.005" in line


def test_watching_writes_nothing() -> None:
    with one_run() as memory:
        trade_a_little(memory)
        before = {noun: bytes(segment.bytes_view()) for noun, segment in memory.segments.items()}
        watch(memory.run, once=True)
        after = {noun: bytes(segment.bytes_view()) for noun, segment in memory.segments.items()}

    assert after == before


def test_segments_of_another_version_are_refused() -> None:
    with one_run() as memory:
        with (FOLDER / memory.segments["run"].name).open("r+b") as file:
            file.seek(8)
            file.write(b"\x01" * 8)
        with pytest.raises(OperatorError, match=f"run {memory.run} cannot be watched: segment .*: layout"):
            watch(memory.run, once=True)


def forked(body: Callable[[], None]) -> int:
    """A child process that ends after `body`; 0 if nothing went wrong."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            body()
            code = 0
        finally:
            os._exit(code)
    return pid


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_it_ends_with_its_run_and_with_ctrl_c(tmp_path: Path) -> None:
    name, views = tmp_path / "name", [tmp_path / "first", tmp_path / "second"]

    def own() -> None:
        with one_run() as memory:
            name.write_text(memory.run)
            signal.pause()

    def look(view: Path) -> None:
        sys.stdout = view.open("w", buffering=1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        watch(name.read_text())

    owner = forked(own)
    until(lambda: name.exists() and bool(name.read_text()))
    watchers = [forked(lambda view=view: look(view)) for view in views]
    try:
        until(lambda: all(view.exists() and "events 0" in view.read_text() for view in views))
        os.kill(watchers[0], signal.SIGINT)
        assert os.waitpid(watchers[0], 0)[1] == 0
    finally:
        os.kill(owner, signal.SIGKILL)
        os.waitpid(owner, 0)
        for path in FOLDER.glob(f"trader-{name.read_text()}-*"):
            path.unlink()
    assert os.waitpid(watchers[1], 0)[1] == 0
    assert views[1].read_text().splitlines()[-1] == f"run {name.read_text()} has ended"
