"""Starts a run, watches it, stops it in order, and says how it went.

    nursery forked -> segments -> exchange -> instruments -> stages, consumers first -> START done by all -> RUN
    QUOTES_OFF -> CANCEL_ALL confirmed -> DRAIN in flow order -> DONE by all -> result -> segments unlinked

A process that exits (pidfd, told by the nursery) or whose work loop stops beating ends the run: cancel-all goes
out, by a successor router in cancel-only mode when the router itself is gone, and the run exits non-zero with the
cause named.
"""

import os
import signal
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import psutil

from procs.errors import OperatorError
from procs.kernels import load_kernels
from procs.launch import run_process
from procs.logs import LogQueues, attach_logging
from procs.nursery import Exited, Loading, Nursery, Spawned
from procs.placement import groups
from procs.plan import SUCCESSOR, LaunchPlan
from procs.run_segments import PORT, READY, RECORDING_DONE, RunSegments, layout_hash
from procs.topology import STAGES, TRADING
from procs.venue_facts import fetch_instruments
from procs.wiring import doorbell_address
from shm.clock import calibrate, now_ns
from shm.control import DONE, FAILED
from shm.doorbell import wake
from shm.segment import SegmentError, sweep
from trader.enums import Command

HANG_NS = 1_000_000_000
"""A work loop that has not beaten for so long is taken for hung."""

START_S = 30.0
KERNELS_S = 900.0
"""Compiling everything on a host that is busy with other things takes minutes, and is seen to go on."""

CANCEL_S = 1.5
DRAIN_S = 5.0
POLL_S = 0.02
_RECORDING_REST_S = 1.0


class RunError(Exception):
    """The run ended for a reason that is not an operator's mistake; the text names stage and cause."""


class Supervisor:
    """One run, from fork to unlink. `on_tick` is called about fifty times a second while it trades."""

    def __init__(self, plan: LaunchPlan, logs: LogQueues) -> None:
        def run(group: str, generation: int) -> int:
            attach_logging(logs.of(group), group)
            return run_process(plan, group, generation)

        self.plan = plan
        self.logs = logs
        self.nursery = Nursery(load_kernels, run)
        self.cpu_at_run: dict[str, float] = {}
        self.segments: RunSegments | None = None
        self.pids: dict[str, int] = {}
        self.exits: dict[str, int] = {}
        self.stopping = False
        self.orphaned = False
        self.interrupted = ""
        self.failure = ""
        self.on_loading: Callable[[str, int, int], None] = lambda name, done, total: None
        self.loaded = False
        self.running_ns = 0
        self._scratch = np.zeros(2, dtype=np.int64)

    def start(self) -> None:
        """Everything up to RUN. Raises RunError or OperatorError; then nothing is left running."""
        sweep()
        try:
            self.segments = RunSegments.create(self.plan.run, symbols=len(self.plan.config.symbols))
        except SegmentError as error:
            raise OperatorError(str(error)) from None
        calibrate(self.segments.clock())
        self._await(lambda: self.loaded, "the kernels", KERNELS_S)
        self.logs.announce_rings(layout_hash())
        for group in groups(self.plan.config.placement):
            self.nursery.spawn(group.name, 1)
        self._await(lambda: self.memory.word(PORT) != 0, "the exchange's port")
        rows = fetch_instruments(f"http://127.0.0.1:{self.memory.word(PORT)}", self.plan.config.symbols)
        self.memory.instruments()[: len(rows)] = rows
        self.memory.set_word(READY, 1)
        for stage in ("exchange", *reversed(TRADING)):
            self._await(partial(self.memory.cell(stage).acknowledged, Command.START), f"stage {stage}")
        for stage in ("exchange", *reversed(TRADING)):
            self._command(stage, Command.RUN)
        self.running_ns = int(now_ns(self.memory.clock_address))
        self.cpu_at_run = {name: _cpu_seconds(pid) for name, pid in {**self.pids, "supervisor": os.getpid()}.items()}

    @property
    def memory(self) -> RunSegments:
        """The run's segments."""
        assert self.segments is not None
        return self.segments

    def trade(self, duration_s: float, on_tick: Callable[[], None] = lambda: None) -> None:
        """Watch until the duration or the recording is over, somebody interrupts, or something fails."""
        end = time.monotonic() + duration_s if duration_s else float("inf")
        rest = 0.0
        while time.monotonic() < end and not self.interrupted:
            self._watch()
            on_tick()
            if self.plan.config.replay and self.memory.word(RECORDING_DONE):
                rest = rest or time.monotonic() + _RECORDING_REST_S
                end = min(end, rest)

    def stop(self) -> None:
        """Quotes off, everything cancelled and confirmed, each stage drained in flow order."""
        self.stopping = True
        self._ask("strategy", Command.QUOTES_OFF, CANCEL_S)
        self._ask("router", Command.CANCEL_ALL, CANCEL_S)
        drained: set[str] = set()
        for stage in (*TRADING, "exchange"):
            home = self.plan.home_of(stage)
            self._command(stage, Command.DRAIN)
            drained.add(stage)
            if drained.issuperset(home.stages):
                self._await_drained(stage, home.name)

    def _await_drained(self, stage: str, home: str) -> None:
        """Wait until a process has left in order; what it did instead is the run's failure."""
        self._await_quietly(lambda: self._is_done(stage) or home in self.exits, DRAIN_S)
        if not self._is_done(stage):
            how = _how_it_ended(self.exits[home]) if home in self.exits else f"not drained after {DRAIN_S:g} s"
            self.failure = self.failure or f"stage {home}: {how} while the run stopped"

    def abort(self, cause: str) -> None:
        """Something died or hung: no new orders, cancel everything, by a successor if the router is gone."""
        self.failure = self.failure or cause
        self.stopping = True
        home = self.plan.home_of("router").name
        if "exchange" in self.exits or home not in self.pids:
            return  # there is nobody to cancel with, or nothing to cancel yet
        self._ask("risk", Command.HALT, 0.1)
        if home in self.exits or self._is_hung("router"):
            self._kill(home)
            self._succeed_router(home)
        self._ask("router", Command.CANCEL_ALL, CANCEL_S)

    def _succeed_router(self, home: str) -> None:
        """A new router process, cancel-only, with the same key: its own START cancels and reconciles."""
        if self.orphaned:
            return  # nobody is left to fork it
        cell = self.memory.cell("router")
        cell.reset()
        self.nursery.spawn(SUCCESSOR, 2)
        self._await_quietly(lambda: cell.acknowledged(Command.START), CANCEL_S)

    def close(self) -> None:
        """Nothing of the run is left afterwards: processes, segments, descriptors."""
        for group in list(self.pids):
            if group not in self.exits:
                self._signal(group, signal.SIGTERM if self.stopping else signal.SIGKILL)
        self._await_quietly(lambda: set(self.pids) <= set(self.exits), 0.5)
        for group in list(self.pids):
            self._kill(group)
        self._await_quietly(lambda: set(self.pids) <= set(self.exits), 1.0)
        self.nursery.close()
        if self.segments is not None:
            self.segments.unlink()
            self.segments.close()
        for descriptor in (*self.plan.eventfds.values(), self.plan.key_descriptor):
            os.close(descriptor)

    def _ask(self, stage: str, command: Command, timeout_s: float) -> bool:
        """Give a command and wait for its acknowledgement; False when it did not come."""
        cell = self.memory.cell(stage)
        if cell.state in (DONE, FAILED) or self._home(stage) in self.exits:
            return False
        self._command(stage, command)
        self._await_quietly(lambda: cell.acknowledged(command) or cell.state in (DONE, FAILED), timeout_s)
        return cell.acknowledged(command)

    def _is_done(self, stage: str) -> bool:
        return self.memory.cell(stage).state == DONE

    def _home(self, stage: str) -> str:
        """Name of the process that a stage lives in now."""
        return SUCCESSOR if stage == "router" and SUCCESSOR in self.pids else self.plan.home_of(stage).name

    def _command(self, stage: str, command: Command) -> None:
        """Give a command and wake the process that must hear it."""
        self.memory.cell(stage).issue(command)
        first = self.plan.group(self._home(stage)).stages[0]
        wake(doorbell_address(self.memory.cell(first).address), self._scratch.ctypes.data)

    def _watch(self) -> None:
        """Hear of exits and look at heartbeats. Raises RunError with the cause."""
        self._hear(POLL_S)
        for group, code in self.exits.items():
            raise RunError(f"stage {group}: {_how_it_ended(code)}{self._step_code(group)}")
        for stage in STAGES:
            if self._is_hung(stage.name):
                raise RunError(f"stage {stage.name}: hung, its work loop has not beaten for {HANG_NS / 1e9:g} s")
            if stage.name in TRADING and self.memory.cell(stage.name).halted:
                raise RunError(f"stage {stage.name}: an outbox or a journal that must not lose was full")

    def _is_hung(self, stage: str) -> bool:
        beat = self.memory.cell(stage).heartbeat_ns
        return bool(beat) and int(now_ns(self.memory.clock_address)) - beat > HANG_NS

    def _step_code(self, group: str) -> str:
        codes = [(stage, self.memory.cell(stage).failure) for stage in self.plan.group(group).stages]
        return "".join(f"; the step of {stage} returned {code}" for stage, code in codes if code)

    def _hear(self, timeout_s: float) -> None:
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

    def _await(self, condition: Callable[[], bool], what: str, timeout_s: float = START_S) -> None:
        """Wait during the start. Raises RunError when a process ends, or time is over."""
        end = time.monotonic() + timeout_s
        while not condition():
            self._hear(0.002)
            for group, code in self.exits.items():
                raise RunError(f"stage {group}: {_how_it_ended(code)} during start")
            if self.interrupted:
                raise RunError(f"interrupted by {self.interrupted} during start")
            if time.monotonic() > end:
                raise RunError(f"{what}: not ready after {timeout_s:g} s")

    def _await_quietly(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                return False
            try:
                self._hear(0.002)
            except RunError as error:
                self.failure = self.failure or str(error)
        return True

    def _kill(self, group: str) -> None:
        if group in self.pids and group not in self.exits:
            self._signal(group, signal.SIGKILL)
            self._await_quietly(lambda: group in self.exits, 1.0)

    def _signal(self, group: str, number: int) -> None:
        try:
            os.kill(self.pids[group], number)
        except ProcessLookupError:
            return


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exited with code {code}"
