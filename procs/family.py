"""The processes of a run as the supervisor has them: forked, heard of, commanded, killed.

spawn -> nursery -> Spawned(pid) ... Exited(code), by pidfd; heartbeats and answers stand in the control cells
"""

import os
import signal
import time
from collections.abc import Callable, Iterable

import numpy as np
import psutil

from procs.exchange_market import first_command
from procs.nursery import Exited, Loading, Nursery, Spawned, how_it_ended
from procs.plan import SUCCESSOR, LaunchPlan
from procs.run_segments import RunSegments
from procs.wiring import doorbell_address
from shm.clock import now_ns
from shm.control import DONE, FAILED
from shm.doorbell import wake
from trader.enums import Command

HANG_NS = 1_000_000_000
"""A work loop that has not beaten for so long is taken for hung."""

KILLED_S = 2.0
"""How long the end of a killed process is awaited: one that sleeps in the kernel cannot be replaced."""


class RunError(Exception):
    """The run ended for a reason that is not an operator's mistake; the text names stage and cause."""


class Family:
    """`pids`: of each process, by its group's name; `exits`: codes of those that have ended."""

    def __init__(self, plan: LaunchPlan, load: Callable[[], Iterable[tuple[str, int, int]]], run: Callable) -> None:
        """Forks the nursery at once; see procs.nursery.Nursery for `load` and `run`."""
        self.plan = plan
        self.nursery = Nursery(load, run)
        self.segments: RunSegments | None = None
        self.pids: dict[str, int] = {}
        self.exits: dict[str, int] = {}
        self.orphaned = False
        self.failure = ""
        """What was noticed while nobody could be told; the first one stays."""
        self.loaded = False
        self.on_loading: Callable[[str, int, int], None] = lambda name, done, total: None
        self._scratch = np.zeros(2, dtype=np.int64)

    @property
    def memory(self) -> RunSegments:
        """The run's segments."""
        assert self.segments is not None
        return self.segments

    def now_ns(self) -> int:
        """The run's clock."""
        return int(now_ns(self.memory.clock_address))

    def spawn(self, group: str, generation: int) -> None:
        """Have a process forked, in place of one of that name that has ended."""
        for stage in self.plan.group(group).stages:
            self.memory.cell(stage).reset()
        self.exits.pop(group, None)
        self.nursery.spawn(group, generation)

    def hear(self, timeout_s: float) -> None:
        """Take what the nursery tells. Raises RunError when the nursery has ended."""
        if self.orphaned:
            self._look_for_ends(timeout_s)
            return
        try:
            replies = self.nursery.replies(timeout_s)
        except ConnectionError as error:
            self.orphaned = True
            raise RunError(str(error)) from None
        for reply in replies:
            if isinstance(reply, Loading):
                self.on_loading(reply.name, reply.done, reply.total)
                self.loaded = reply.done == reply.total
            elif isinstance(reply, Spawned):
                self.pids[reply.group] = reply.pid
            elif isinstance(reply, Exited) and self.pids.get(reply.group) == reply.pid:
                self.exits[reply.group] = reply.code

    def _look_for_ends(self, timeout_s: float) -> None:
        """Without the nursery nobody tells of exits: its processes have got SIGTERM and leave one by one."""
        time.sleep(timeout_s)
        for group, pid in self.pids.items():
            if group not in self.exits and _has_ended(pid):
                self.exits[group] = -signal.SIGTERM

    def await_quietly(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until something is so; False when time is over. What else happens is only noted."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                return False
            try:
                self.hear(0.002)
            except RunError as error:
                self.failure = self.failure or str(error)
        return True

    def command(self, stage: str, command: Command, argument: int = 0) -> None:
        """Give a command and wake the process that must hear it. RUN names the hash of what all processes run."""
        self.memory.cell(stage).issue(command, self.plan.config.build if command == Command.RUN else argument)
        self.wake(self.home(stage))

    def let_run(self, stage: str) -> None:
        """RUN, the same at the start and after a replacement; a strategy whose market is only watched stays off."""
        self.command(stage, first_command(self.plan.config, stage))

    def ask(self, stage: str, command: Command, timeout_s: float, argument: int = 0) -> bool:
        """Give a command and wait for its acknowledgement; False when it did not come."""
        cell = self.memory.cell(stage)
        if cell.state in (DONE, FAILED) or self.home(stage) in self.exits:
            return False
        self.command(stage, command, argument)
        self.await_quietly(lambda: cell.acknowledged(command) or cell.state in (DONE, FAILED), timeout_s)
        return cell.acknowledged(command)

    def wake(self, group: str) -> None:
        """Get a process out of its sleep."""
        first = self.plan.group(group).stages[0]
        wake(doorbell_address(self.memory.cell(first).address), self._scratch.ctypes.data)

    def home(self, stage: str) -> str:
        """Name of the process that a stage lives in now."""
        return SUCCESSOR if stage == "router" and SUCCESSOR in self.pids else self.plan.home_of(stage).name

    def is_done(self, stage: str) -> bool:
        """Whether a stage has left in order."""
        return self.memory.cell(stage).state == DONE

    def is_hung(self, stage: str) -> bool:
        """Whether its work loop should have beaten meanwhile."""
        beat = self.memory.cell(stage).heartbeat_ns
        return bool(beat) and self.now_ns() - beat > HANG_NS

    def cause(self, group: str) -> str:
        """Why a process of ours is to be given up: how it ended, or which stage hangs; empty while all is well."""
        stages = self.plan.group(group).stages
        if group in self.exits:
            codes = [(stage, self.memory.cell(stage).failure) for stage in stages]
            failed = "".join(f"; the step of {stage} returned {code}" for stage, code in codes if code)
            return f"stage {group}: {how_it_ended(self.exits[group])}{failed}"
        hung = next((stage for stage in stages if self.is_hung(stage)), "")
        return f"stage {hung}: hung, its work loop has not beaten for {HANG_NS / 1e9:g} s" if hung else ""

    def kill(self, group: str) -> bool:
        """SIGKILL, which a stopped process gets as well, and wait for its end. False: it does not end."""
        if group in self.pids and group not in self.exits:
            self.signal(group, signal.SIGKILL)
            return self.await_quietly(lambda: group in self.exits, KILLED_S)
        return True

    def signal(self, group: str, number: int) -> None:
        """Send a signal to a process, if it is there."""
        try:
            os.kill(self.pids[group], number)
        except ProcessLookupError:
            return

    def close(self, number: int) -> None:
        """End whoever is left: by `number` first, then by SIGKILL; then the nursery."""
        for group in list(self.pids):
            if group not in self.exits:
                self.signal(group, number)
        self.await_quietly(lambda: set(self.pids) <= set(self.exits), 0.5)
        for group in list(self.pids):
            self.kill(group)
        self.nursery.close()


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
