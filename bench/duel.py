"""Contestants that take turns in short rounds between two pinned processes, forked once.

    round   floor | each contestant, a millisecond or so | floor
    kept    the rounds whose two floors agree with each other and with those of most rounds

The floor is a bare counter handed from core to core. On a virtual machine it jumps several times a second, because
the host moves our cores: between threads of one core, cores of one cache and cores of two (25, 45 and 170 ns on the
machine where this was written), and everything that crosses cores jumps with it. Only rounds of one kind compare.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.host import ROUNDS_A_SAMPLE, answer, hand_over_and_wait
from bench.processes import PartnerFailed, in_both
from bench.results import Contestant, Result, times
from bench.ring_kernels import meet
from bench.shared import new_clock, shared_bytes
from shm.kernel import address_of_array

FLOOR_SAMPLES = 4
ALIKE = 1.25
"""Floors within this factor are of one kind."""


@dataclass(frozen=True)
class Contest:
    """One contestant: `reset` before each round, then `lead` here and `follow` in the other process.

    `lead` returns a Result of times, or of one rate.
    """

    name: str
    reset: Callable[[], None]
    lead: Callable[[], Result]
    follow: Callable[[], None]


class Duel:
    """Runs all contests together, whoever is asked first, and hands each its own result."""

    def __init__(self, contests: Sequence[Contest], *, rounds: int, cores: tuple[int, int]) -> None:
        self._contests, self._rounds, self._cores = contests, rounds, cores
        self._results: dict[str, deque[Result]] = {contest.name: deque() for contest in contests}
        self.floors_ns: list[float] = []
        """The floor of the rounds that were kept, one for each run."""

    def contestant(self, name: str) -> Contestant:
        """What the harness runs for one of the contests."""

        def run() -> Result:
            if not self._results[name]:
                self._run()
            return self._results[name].popleft()

        return run

    def floor(self) -> float:
        """The floor of the newest run, ns one way: what the harness is given for rows that cross cores."""
        return self.floors_ns[-1]

    def _run(self) -> None:
        floor = _floor()
        words = shared_bytes(256)
        own, other = address_of_array(words), address_of_array(words) + 128
        meet(own, own, 0)
        found: list[list[Result]] = []

        def play(side: int) -> None:
            number = 0
            for _ in range(self._rounds):
                row = []
                for contest in (floor, *self._contests, floor):
                    if side == 0:
                        contest.reset()
                    number += 1
                    if not meet((own, other)[side], (other, own)[side], number):
                        raise PartnerFailed(f"{contest.name}: the other process did not come")
                    if side == 0:
                        row.append(contest.lead())
                    else:
                        contest.follow()
                found.append(row)

        in_both(lambda: play(0), lambda: play(1), cores=self._cores)
        floors = np.array([[_median(row[end]) for end in (0, -1)] for row in found])
        kept = comparable(floors)
        self.floors_ns.append(float(np.median(floors[kept])))
        for index, contest in enumerate(self._contests, start=1):
            self._results[contest.name].append(together([found[round_][index] for round_ in kept]))


def comparable(floors: np.ndarray) -> list[int]:
    """Rounds to keep, by their floors before and behind (rounds, 2): those of the kind that is most frequent."""
    steady = [index for index, pair in enumerate(floors) if pair.max() <= ALIKE * pair.min()] or list(
        range(len(floors))
    )
    means = floors.mean(axis=1)

    def alike(first: int) -> list[int]:
        return [index for index in steady if means[first] <= means[index] <= ALIKE * means[first]]

    return max((alike(first) for first in steady), key=len)


def together(results: Sequence[Result]) -> Result:
    """Rounds as one run: all their times, or the median of their rates; an answer that differs comes through."""
    answers = [result.answer for result in results]
    said: Any = next((given for given in answers if given != answers[0]), answers[0])
    rates = [result.rate for result in results if result.rate is not None]
    if rates:
        return Result(rate=float(np.median(rates)), answer=said)
    return times(np.concatenate([result.samples_ns for result in results if result.samples_ns is not None]), said)


def _median(result: Result) -> float:
    assert result.samples_ns is not None
    return float(np.median(result.samples_ns))


def _floor() -> Contest:
    """A counter handed back and forth."""
    words, clock, measured = shared_bytes(256), new_clock(), np.zeros(FLOOR_SAMPLES, dtype=np.int64)
    # Compiled before the fork.
    hand_over_and_wait(0, address_of_array(clock), measured[:0])
    answer(0, 0)

    def reset() -> None:
        words[:] = 0

    def lead() -> Result:
        hand_over_and_wait(address_of_array(words), address_of_array(clock), measured)
        return times(measured / (2 * ROUNDS_A_SAMPLE))

    def follow() -> None:
        answer(address_of_array(words), FLOOR_SAMPLES * ROUNDS_A_SAMPLE)

    return Contest("floor", reset, lead, follow)
