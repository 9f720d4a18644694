"""IdlePoll: which cores are kept awake, and a thread that polls while the market moves and naps while it does not."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from procs.affinity import plan_cores
from procs.idle_poll import AWAKE_NS, IdlePoll, cores_kept_awake, is_metered
from shm.clock import virtual_clock
from shm.kernel import address_of_array

TWO, EIGHT = plan_cores({}, range(2)), plan_cores({}, range(8))


def test_a_core_that_sleeping_stages_share_is_kept_awake() -> None:
    assert cores_kept_awake("auto", "auto", TWO, metered=False) == (TWO["feed"],)
    assert cores_kept_awake("auto", "auto", plan_cores({}, range(2), fused=True), metered=False) == (TWO["feed"],)


def test_cores_on_which_stages_spin_need_nobody() -> None:
    assert cores_kept_awake("auto", "auto", EIGHT, metered=False) == ()
    assert cores_kept_awake("poll", "spin", TWO, metered=False) == ()


@pytest.mark.parametrize(
    ("idle", "wait", "metered"), [("halt", "auto", False), ("auto", "futex", False), ("auto", "auto", True)]
)
def test_nothing_polls_where_it_is_not_wanted(idle: str, wait: str, metered: bool) -> None:
    assert cores_kept_awake(idle, wait, TWO, metered=metered) == ()


def test_who_asks_for_polling_by_name_gets_it() -> None:
    assert cores_kept_awake("poll", "futex", EIGHT, metered=True) == tuple(
        sorted({EIGHT[stage] for stage in ("feed", "book", "strategy", "risk", "router")})
    )


@pytest.mark.parametrize(
    ("text", "metered"), [("max 100000", False), ("150000 100000", True), ("-1", False), ("50000", True), ("", False)]
)
def test_a_quota_of_cpu_time_is_found(tmp_path: Path, text: str, metered: bool) -> None:
    (tmp_path / "quota").write_text(text)
    assert is_metered([tmp_path / "absent", tmp_path / "quota"]) is metered


class Watched:
    """An IdlePoll, the word and the virtual clock that it watches, and what the kernel says of its thread."""

    def __init__(self) -> None:
        self.moves, self.clock = np.zeros(1, dtype=np.int64), virtual_clock(10**9)
        self.poll = IdlePoll(min(os.sched_getaffinity(0)), address_of_array(self.moves), address_of_array(self.clock))
        self.poll.start()
        await_condition(lambda: bool(idle_threads()))
        (self.thread,) = idle_threads()

    def naps(self) -> int:
        """How often the thread has gone to sleep by itself."""
        status = Path(f"/proc/self/task/{self.thread}/status").read_text()
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])


@pytest.fixture
def watched() -> Iterator[Watched]:
    """One that runs."""
    one = Watched()
    yield one
    one.poll.stop()
    await_condition(lambda: not idle_threads())


def await_condition(condition: Callable[[], bool]) -> None:
    """Look again and again, for a minute at most."""
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        os.sched_yield()


def idle_threads() -> list[int]:
    """Threads of this process that the scheduler runs when nothing else wants to."""
    return [task for task in map(int, os.listdir("/proc/self/task")) if _policy(task) == os.SCHED_IDLE]


def _policy(task: int) -> int:
    try:
        return os.sched_getscheduler(task)
    except ProcessLookupError:
        return -1


def test_only_its_thread_is_pinned_and_has_idle_priority(watched: Watched) -> None:
    assert os.sched_getaffinity(watched.thread) == {watched.poll.core}
    assert len(os.sched_getaffinity(0)) >= 1 and os.sched_getscheduler(0) == os.SCHED_OTHER


def test_it_polls_while_the_market_moves_and_naps_once_it_has_stood_still(watched: Watched) -> None:
    await_condition(lambda: watched.naps() >= 2)  # nothing has moved yet
    watched.moves[0] += 1
    before_s = watched.poll.cpu_s
    await_condition(lambda: watched.poll.cpu_s > before_s + 0.01)
    naps = watched.naps()
    await_condition(lambda: watched.poll.cpu_s > before_s + 0.02)
    assert watched.naps() == naps, "time stands still, so the move is new and nobody naps"

    watched.clock[0]["now_ns"] += AWAKE_NS
    await_condition(lambda: watched.naps() >= naps + 2)


def test_what_it_has_spent_is_still_told_when_it_has_ended(watched: Watched) -> None:
    watched.moves[0] += 1
    await_condition(lambda: watched.poll.cpu_s > 0.001)
    watched.poll.stop()
    assert watched.poll.cpu_s == watched.poll.cpu_s > 0.001
