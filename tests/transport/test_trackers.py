"""Python's resource tracker, which unlinks what it should not: on the interpreter that runs, it never learns of ours.

Each case has a control: a plain SharedMemory in the same place is unlinked, so the case could fail.
"""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from shm.segment import FOLDER, Segment, new_run, segment_name

ROOT = Path(__file__).resolve().parents[2]
LAYOUT = 0x78
_TRACKED = "from multiprocessing import resource_tracker, shared_memory; resource_tracker.ensure_running();"
_PID = "import os; print(resource_tracker._resource_tracker._pid, flush=True);"
_KILLED = "os.kill(os.getpid(), 9)"

PLAIN = {
    "create": "kept = shared_memory.SharedMemory({name!r}, create=True, size=4096);",
    "attach": "kept = shared_memory.SharedMemory({name!r});",
}
OURS = {
    "create": "from shm.segment import Segment; kept = Segment.create({name!r}, 3968, layout_hash=120);",
    "attach": "from shm.segment import Segment; kept = Segment.attach({name!r}, layout_hash=120);",
}


def left_after(name: str, action: str, *, killed: bool) -> bool:
    """Whether the name is there when a process that did `action`, and its tracker, are gone."""
    code = _TRACKED + _PID + action.format(name=name) + (_KILLED if killed else "")
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    tracker = os.pidfd_open(int(process.stdout.readline()))
    code_left = process.wait(60)
    poller = select.poll()
    poller.register(tracker, select.POLLIN)
    assert poller.poll(60_000), "the tracker has not ended"
    os.close(tracker)
    process.stdout.close()
    assert code_left == (-9 if killed else 0)
    return (FOLDER / name).exists()


@pytest.fixture
def name() -> str:
    """A name of this process's own run."""
    return segment_name(new_run(), 1, "noun")


def test_a_segment_outlives_its_killed_creator_and_that_ones_tracker(name: str) -> None:
    left = left_after(name, OURS["create"], killed=True)
    (FOLDER / name).unlink(missing_ok=True)

    assert left
    assert not left_after(name, PLAIN["create"], killed=True), "the control: this tracker unlinks what it knows"


def test_a_segment_outlives_whoever_attached_to_it_and_ended(name: str) -> None:
    made = Segment.create(name, 3968, layout_hash=LAYOUT)
    left = left_after(name, OURS["attach"], killed=False)
    control = not left_after(name, PLAIN["attach"], killed=False)
    made.unlink()
    made.close()

    assert left
    assert control, "the control: this tracker unlinks what it knows"
