"""Faults of real processes by seed: who is hit, at which moment, with what. Several are played in one running system.

    .venv/bin/python -m tests.system.schedules PLACEMENT FIRST LAST      again, in one system

Each seed is one schedule: it waits for its moment, hits, and waits until orders rest again. At the end of a session the
run stops in order, and the universal conditions are held against the exchange's ledger.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from procs.placement import groups
from procs.readings import ledger_of
from procs.run_segments import EPOCH
from tests.faults.conditions import always, at_rest, nothing_open
from tests.system.command import Trader
from tests.system.starting import Start

SCHEDULE_S = 5.0
"""No schedule takes longer, from its fault until orders rest again."""

MOMENT_S = 1.0
"""A moment that has not come by then is skipped: the fault comes at once."""

PAUSE_S = 0.2
"""A process that is stopped for so long is borne with."""

HANG_S = 1.0
STOP_S = 20.0
CONFIG = "[restarts]\nlimit = 1000\n"
FAULTS = ("SIGKILL", "SIGKILL", "SIGKILL", "SIGKILL", "SIGSEGV", "SIGTERM", "pause", "hang")
MOMENTS = ("at once", "orders", "fill", "a while")
STAGES = ("feed", "book", "strategy", "risk", "router", "volatility", "signals", "tail_risk")


@dataclass(frozen=True)
class Schedule:
    """One fault: a process by one of its stages, when, and what happens to it."""

    seed: int
    victim: str
    moment: str
    wait: int
    fault: str

    @classmethod
    def of(cls, seed: int) -> "Schedule":
        """The schedule of a seed."""
        chance = random.Random(seed)
        return cls(seed, chance.choice(STAGES), chance.choice(MOMENTS), chance.randrange(1, 40), chance.choice(FAULTS))

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.fault} to {self.victim}, {self.moment} ({self.wait})"


class Session:
    """One running system that is hit again and again."""

    def __init__(self, start: Start, placement: str, seeds: range) -> None:
        self.placement = placement
        self.seeds = seeds
        self.run: Trader = start.trading(placement, config=CONFIG)
        self.first_epoch = self._epoch()
        self.replaced = 0
        self.replaced_stages: set[str] = set()

    def play(self) -> list[str]:
        """Every schedule, then the end; what went wrong, with the seed and the command that replays it."""
        for seed in self.seeds:
            schedule = Schedule.of(seed)
            try:
                found = self._hit(schedule)
            except AssertionError as error:
                found = [str(error)]
            if found:
                return [f"{schedule}; {self._again(seed)}", *found]
        found = self._end()
        return [f"at the end; {self._again(self.seeds[-1])}", *found] if found else []

    def _again(self, last: int) -> str:
        return f"again: .venv/bin/python -m tests.system.schedules {self.placement} {self.seeds[0]} {last}"

    def _hit(self, schedule: Schedule) -> list[str]:
        group = next(group for group in groups(self.placement) if schedule.victim in group.stages)
        process = self.run.processes()[group.name]
        self._await_moment(schedule)
        if schedule.fault == "pause":
            process.suspend()
            time.sleep(PAUSE_S)  # the fault itself
            process.resume()
            placed = self.run.placed()
            self.run.until(lambda: self.run.placed() > placed, SCHEDULE_S, "trading goes on")
            return self._now()
        hangs = schedule.fault == "hang"
        os.kill(process.pid, signal.SIGSTOP if hangs else signal.Signals[schedule.fault])
        self.replaced += 1
        self.replaced_stages |= set(group.stages)
        self.run.until(self._is_back, SCHEDULE_S + HANG_S * hangs, f"{group.name} is replaced, orders rest")
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            return [f"{group.name}: pid {process.pid} still lives"]
        self.run.seen |= self.run.processes()
        return self._now()

    def _await_moment(self, schedule: Schedule) -> None:
        run = self.run
        began, placed, fills = time.monotonic(), run.placed(), self._fills()
        reached: dict[str, Callable[[], bool]] = {
            "at once": lambda: True,
            "orders": lambda: run.placed() >= placed + schedule.wait // 4 + 1,
            "fill": lambda: self._fills() > fills,
            "a while": lambda: time.monotonic() - began > schedule.wait / 100,
        }
        late = time.monotonic() + MOMENT_S
        run.until(lambda: reached[schedule.moment]() or time.monotonic() > late, SCHEDULE_S, "the moment")

    def _fills(self) -> int:
        return int(ledger_of(self.run.memory, 0)["fills"])

    def _is_back(self) -> bool:
        return self.run.replaced() == self.replaced and self.run.resting() > 0

    def _epoch(self) -> int:
        memory = self.run.memory
        return memory.word(EPOCH) or int(memory.state("router")[0]["router"]["epoch"])

    def _now(self) -> list[str]:
        """Conditions that hold at any moment."""
        return always(self.run.memory.state, 1, epochs=tuple(range(self.first_epoch, self._epoch() + 1)))

    def _end(self) -> list[str]:
        """Stop in order: everything agrees, nothing is left."""
        run = self.run
        run.signal(signal.SIGINT)
        code = run.wait(STOP_S)
        states = run.memory.state
        booked = tuple(stage for stage in ("risk", "router") if stage not in self.replaced_stages)
        found = [*self._now(), *at_rest(states, 1, booked=booked), *nothing_open(states, 1)]
        if code != 0:
            found.append(f"exit code {code}: {run.result['problems']}")
        found += [f"left: {path}" for path in run.segments()]
        return found


def main(placement: str, first: str, last: str) -> None:
    """Play seeds again and tell."""
    from procs.kernels import load_kernels

    for _ in load_kernels():
        pass
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        os.environ["TRADER_STATE_DIR"] = f"{folder}/state"
        session = Session(Start(Path(folder), stack), placement, range(int(first), int(last) + 1))
        found = session.play()
        sys.stdout.write("\n".join(found or ["all conditions hold"]) + "\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
