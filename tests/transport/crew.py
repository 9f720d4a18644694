"""A crew of processes on two cores, watched while it works: who stalls or breaks ends the test, not the day."""

import os
import time
from collections.abc import Callable

import numpy as np

from tests.shm.areas import shared
from tests.shm.processes import Child

STALL_S = 90.0
_LOOK_S, _GLANCE_S = 0.25, 0.001
_TENTHS = 10

Report = Callable[[str], None]
"""Shows one line while a long test works."""


def words(count: int = 1) -> np.ndarray:
    """Zeroed shared int64 words."""
    return shared(8 * count).view(np.int64)


class Crew:
    """Children, each pinned to one of the first two cores that this process may use.

        with Crew(report) as crew:
            crew.start(lambda: ..., core=0)
            crew.finish(progress, total, "what")

    A child still alive at the end of the block is killed.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.children: list[Child] = []

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            child.kill()

    def start(self, action: Callable[[], int | None], *, core: int) -> Child:
        """Fork a child that runs `action` on core 0 or 1."""
        cores = sorted(os.sched_getaffinity(0))

        def pinned() -> int | None:
            os.sched_setaffinity(0, {cores[core % len(cores)]})
            return action()

        child = Child(pinned)
        self.children.append(child)
        return child

    def kill(self, child: Child) -> None:
        """Kill -9 and reap one child."""
        self.children.remove(child)
        child.kill()

    def watch(self, done: Callable[[], bool], what: str) -> None:
        """Look on until `done`. Raises AssertionError after STALL_S, or when a child has ended."""
        end_s = time.monotonic() + STALL_S
        while not done():
            assert time.monotonic() < end_s, f"{what}: not after {STALL_S:.0f} s"
            self.children[0].ended(_GLANCE_S)
            ended = any(child.ended(0) for child in self.children)
            assert not ended or done(), f"{what}: a child has ended"

    def join(self, *children: Child) -> None:
        """Wait for children that must leave with 0. Raises AssertionError when one stalls or leaves with another."""
        for child in children:
            assert child.ended(STALL_S), f"a child is still not through after {STALL_S:.0f} s"
            self.children.remove(child)
            code = child.wait()
            assert code == 0, f"a child left with {code}"

    def finish(self, progress: np.ndarray, total: int, what: str) -> float:
        """Wait until all are through; seconds taken. Reports each tenth of `total` that the sum of `progress` passes.

        Raises AssertionError when nothing moves for STALL_S, or a child leaves with anything but 0.
        """
        start_s = moved_s = time.monotonic()
        seen = tenth = 0
        while self.children:
            through = [child for child in self.children if child.ended(0)]
            self.join(*through)
            if through:
                continue
            now, now_s = int(progress.sum()), time.monotonic()
            if now != seen:
                seen, moved_s = now, now_s
            assert now_s - moved_s < STALL_S, f"{what}: nothing moved for {STALL_S:.0f} s at {now} of {total}"
            if now * _TENTHS // total > tenth:
                tenth = now * _TENTHS // total
                self.report(f"{what}: {tenth * 10} %, {now / (now_s - start_s) / 1e6:.2f} M/s")
            self.children[0].ended(_LOOK_S)
        took_s = time.monotonic() - start_s
        self.report(f"{what}: {total} in {took_s:.1f} s, {total / took_s / 1e6:.2f} M/s")
        return took_s
