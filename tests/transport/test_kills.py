"""Seeded schedules of kill -9: both sides of every other structure killed at random instants, and replaced."""

import random
import time

import pytest

from tests.transport.crew import Crew, Report
from tests.transport.pairs import ArenaPair, BellPair, CancelPair, JournalPair, LogPair, Pair, SlotPair

QUICK, LONG = 3, 1000
AFTER_NS_MAX = 1_000_000


class Schedule:
    """One pair; victims and instants follow from the seed."""

    def __init__(self, seed: int, pair: Pair, crew: Crew) -> None:
        self.random, self.pair, self.crew = random.Random(seed), pair, crew
        self.lives = [pair.write, pair.read] if pair.reads else [pair.write]
        self.children = [crew.start(life, core=core) for core, life in enumerate(self.lives)]

    def run(self) -> None:
        """Kill and replace one to three of them, then let both finish."""
        for _ in range(self.random.randrange(1, 4)):
            victim = self.random.randrange(len(self.lives))
            self.pass_time()
            self.crew.kill(self.children[victim])
            self.pair.after_kill()
            self.children[victim] = self.crew.start(self.lives[victim], core=victim)
        self.go_on()
        if not self.pair.reads:
            self.crew.kill(self.children[0])
        self.pair.end()
        self.crew.join(*self.crew.children)
        self.pair.at_end()

    def pass_time(self) -> None:
        """Mostly until both have moved, sometimes not even until the new process has begun; then a moment."""
        if self.random.random() < 0.7:
            self.go_on()
        end_ns = time.perf_counter_ns() + self.random.randrange(AFTER_NS_MAX) // self.random.choice([1, 10, 100])
        while time.perf_counter_ns() < end_ns:
            pass

    def go_on(self) -> None:
        """Until the reader, or a writer alone, has moved: nobody hangs."""
        pair, before = self.pair, self.pair.moved()
        if pair.reads:
            self.crew.watch(lambda: pair.moved() > before, "the reader moves")
        else:
            self.crew.watch(lambda: int(pair.progress[0]) > 0, "the writer moves")


@pytest.mark.parametrize(
    "schedules",
    [QUICK, pytest.param(LONG, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
    ids=["quick", "slow"],
)
@pytest.mark.parametrize("pair", [SlotPair, LogPair, CancelPair, ArenaPair, JournalPair, BellPair])
def test_whoever_is_killed_nothing_is_torn_and_nobody_hangs(pair: type[Pair], schedules: int, report: Report) -> None:
    pair.compile()
    for seed in range(schedules):
        with Crew(report) as crew:
            Schedule(seed, pair(), crew).run()
        if (seed + 1) % max(schedules // 10, 1) == 0:
            report(f"{pair.__name__}: {seed + 1} schedules of kill -9")
