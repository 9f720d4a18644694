"""Seeded schedules of kill -9: producers and consumers of a ring killed at random instants, and replaced."""

import random
import time

import pytest

from shm.kernel import address_of_array
from tests.shm.one_ring import SEED, OneRing, compile_traffic
from tests.shm.processes import Child
from tests.shm.ring_traffic import consume, produce
from tests.transport.crew import Crew, Report, words

FOREVER = 1 << 40
QUICK, LONG = 6, 1000
PRODUCER = -1
AFTER_NS_MAX = 2_000_000


class Schedule:
    """One ring with one to three consumers; victims, instants and sizes follow from the seed."""

    def __init__(self, seed: int, crew: Crew) -> None:
        self.rng, self.crew = random.Random(seed), crew
        consumers = self.rng.choice([1, 1, 2, 3])
        self.lossy = tuple(number for number in range(consumers) if consumers > 1 and self.rng.random() < 0.4)
        capacity = self.rng.choice([4096, 8192, 1 << 16])
        size_max = self.rng.choice([64, 200, 512])
        self.ring = OneRing(capacity, consumers=consumers, lossy=self.lossy, size_max=size_max, in_shared=True)
        self.progress, self.stop = words(), words()
        self.tallies = [self.ring.tally() for _ in range(consumers)]
        self.first = [0] * consumers
        self.children = {number: self.start(number) for number in range(PRODUCER, consumers)}

    def start(self, number: int) -> Child:
        """A producer, or the consumer of that number, with a tally of its own."""
        if number == PRODUCER:
            return self.crew.start(self.send, core=0)
        self.tallies[number] = self.ring.tally()
        return self.crew.start(lambda: self.take(number), core=number + 1)

    def send(self) -> None:
        """A producer's life."""
        produce(self.ring.writer()[0], FOREVER, SEED, self.ring.size_max, address_of_array(self.progress))

    def take(self, number: int) -> None:
        """A consumer's life."""
        reader, tally, stop = self.ring.reader(number), self.tallies[number], address_of_array(self.stop)
        consume(reader[0], SEED, self.ring.size_max, FOREVER, stop, tally[0])

    def run(self) -> int:
        """Kill and replace one to four of them, then let the rest finish; frames sent."""
        for _ in range(self.rng.randrange(1, 5)):
            victim = self.rng.randrange(PRODUCER, len(self.tallies))
            self.pass_time()
            self.crew.kill(self.children[victim])
            if victim == PRODUCER:
                self.check_producer()
            else:
                self.check_consumer(victim)
            self.children[victim] = self.start(victim)
        self.go_on(self.rng.randrange(1, 500))
        self.crew.kill(self.children[PRODUCER])
        sent = self.check_producer()
        self.stop[0] = 1
        self.crew.join(*self.crew.children)
        for number, tally in enumerate(self.tallies):
            self.check_tally(number, killed=False)
            assert number in self.lossy or int(tally[0]["seen"]) == sent
        return sent

    def pass_time(self) -> None:
        """Mostly until some frames more are sent, sometimes not even until the new process has begun; then a moment."""
        if self.rng.random() < 0.8:
            self.go_on(self.rng.randrange(1, 2000))
        end_ns = time.perf_counter_ns() + self.rng.randrange(AFTER_NS_MAX) // self.rng.choice([1, 10, 100])
        while time.perf_counter_ns() < end_ns:
            pass

    def go_on(self, frames: int) -> None:
        """Until so many frames more are sent, and the reliable consumers have seen them: nobody hangs."""
        target = int(self.progress[0]) + frames
        reliable = [tally for number, tally in enumerate(self.tallies) if number not in self.lossy]
        self.crew.watch(
            lambda: self.progress[0] >= target and all(tally[0]["seen"] >= target for tally in reliable),
            "frames go on",
        )

    def check_producer(self) -> int:
        """A dead producer has sent what it knew of and at most one frame more; the next sequence."""
        behind = int(self.ring.writer()[0]["sequence"])
        assert 0 <= behind - int(self.progress[0]) <= 1
        return behind

    def check_consumer(self, number: int) -> None:
        """A dead consumer is continued behind a release of its own, and not behind what it has seen."""
        self.check_tally(number, killed=True)
        tally, resumed = self.tallies[number][0], int(self.ring.reader(number)[0]["sequence"])
        if number not in self.lossy:
            released = max(int(tally["released"]), self.first[number])
            assert released <= resumed <= max(int(tally["seen"]), self.first[number])
        self.first[number] = resumed

    def check_tally(self, number: int, *, killed: bool) -> None:
        """Frames were whole and in order, from the first expected one on, with an exact count of those missed."""
        tally, lossy = self.tallies[number][0], number in self.lossy
        assert tally["harmed"] == 0 and tally["disorder"] == 0
        assert lossy or tally["missed"] == 0
        if killed and (lossy or tally["seen"] == 0):
            return  # between two words of its tally, or before the first
        assert lossy or tally["first"] == self.first[number]
        assert abs(int(tally["seen"] - tally["first"] - tally["received"] - tally["missed"])) <= killed


@pytest.mark.parametrize(
    "schedules",
    [QUICK, pytest.param(LONG, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
    ids=["quick", "slow"],
)
def test_whoever_is_killed_frames_stay_whole_and_the_successor_goes_on_where_it_ended(
    schedules: int, report: Report
) -> None:
    sent = 0
    compile_traffic()
    for seed in range(schedules):
        with Crew(report) as crew:
            sent += Schedule(seed, crew).run()
        if (seed + 1) % max(schedules // 10, 1) == 0:
            report(f"kill -9 on rings: {seed + 1} schedules, {sent} frames")
    assert sent > schedules
