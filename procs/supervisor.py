"""Starts a run, watches it, stops it in order, and says how it went.

    nursery forked -> segments -> exchange -> instruments -> stages, consumers first -> START done by all -> RUN
    QUOTES_OFF -> CANCEL_ALL confirmed -> DRAIN in flow order -> DONE by all -> result -> segments unlinked

A process that exits (pidfd, told by the nursery) or whose work loop stops beating is replaced (procs.recovery). Where
that is not allowed any more, or not possible, the run ends: cancel-all goes out, by a successor router in cancel-only
mode when the router itself is gone, and the run exits non-zero with the cause named.
"""

import os
import signal
import time
from collections.abc import Callable
from functools import partial

from procs.build import other_builds
from procs.errors import OperatorError
from procs.exchange_market import venue_instruments
from procs.family import Family, RunError, cpu_seconds
from procs.idle_poll import IdlePoll, cores_kept_awake, is_metered
from procs.kernels import load_kernels
from procs.kill_switch import KillSwitch
from procs.launch import run_process
from procs.logs import LogQueues, attach_logging
from procs.nursery import how_it_ended
from procs.placement import groups
from procs.plan import SUCCESSOR, LaunchPlan
from procs.recovery import Recovery
from procs.restarts import RestartPolicy
from procs.run_segments import PORT, READY, RECORDING_DONE, SESSION, RunSegments, layout_hash
from procs.state_dir import StateDir, state_dir_of
from procs.topology import TRADING
from shm.clock import calibrate
from shm.control import BOOT
from shm.kernel import address_of_array
from shm.segment import SegmentError, sweep
from trader.enums import Command

__all__ = ["RunError", "Supervisor"]

START_S = 30.0
KERNELS_S = 900.0
"""Compiling everything on a host that is busy with other things takes minutes, and is seen to go on."""

CANCEL_S = 1.5
DRAIN_S = 5.0
POLL_S = 0.05
"""Between two looks at what nobody tells: hung loops, latches, the watcher. Exits are told at once."""
_RECORDING_REST_S = 1.0


class Supervisor:
    """One run, from fork to unlink. `on_tick` is called about twenty times a second while it trades."""

    def __init__(self, plan: LaunchPlan, logs: LogQueues) -> None:
        def run(group: str, generation: int) -> int:
            attach_logging(logs.of(group), group)
            return run_process(plan, group, generation)

        self.plan = plan
        self.logs = logs
        self.family = Family(plan, partial(load_kernels, plan.config.market), run)
        state = StateDir(state_dir_of(plan.config))
        self.kill_switch = KillSwitch(state, self.family)
        self.recovery = Recovery(self.family, RestartPolicy(plan.config.restarts), state)
        self.recovery.tend = self._tend
        self.recovery.before_quotes = self.kill_switch.obey
        self.cpu_at_run: dict[str, float] = {}
        self.idle_polls: list[IdlePoll] = []
        self.stopping = False
        self.interrupted = ""
        self.running_ns = 0

    @property
    def memory(self) -> RunSegments:
        """The run's segments."""
        return self.family.memory

    @property
    def failure(self) -> str:
        """Why the run is not in order; empty while it is."""
        return self.family.failure

    def start(self) -> None:
        """Everything up to RUN. Raises RunError or OperatorError; then nothing is left running."""
        sweep()
        family = self.family
        try:
            family.segments = RunSegments.create(self.plan.run, symbols=len(self.plan.config.symbols))
        except SegmentError as error:
            raise OperatorError(str(error)) from None
        calibrate(self.memory.clock())
        self._await(lambda: family.loaded, "the kernels", KERNELS_S)
        self.logs.announce_rings(layout_hash())
        for group in groups(self.plan.config.placement):
            family.spawn(group.name, 1)
        self._await(lambda: self.memory.word(PORT) != 0, "the exchange's port")
        rows = venue_instruments(self.plan.config, f"http://127.0.0.1:{self.memory.word(PORT)}")
        self.memory.instruments()[: len(rows)] = rows
        self.memory.set_word(READY, 1)
        for stage in ("exchange", *reversed(TRADING)):
            self._await(partial(self.memory.cell(stage).acknowledged, Command.START), f"stage {stage}")
        if differing := other_builds(self.memory, self.plan.config.build):
            raise RunError(f"stage {differing[0]}: runs other code or another configuration than the supervisor")
        self._keep_awake()
        family.let_run("exchange")
        self.recovery.run_all()
        self.running_ns = self.recovery.began_ns = family.now_ns()
        self.cpu_at_run = {name: cpu_seconds(pid) for name, pid in {**family.pids, "supervisor": os.getpid()}.items()}

    def _keep_awake(self) -> None:
        config, cores = self.plan.config, self.plan.cores
        tops = self.memory.state("book")["tops"]  # in memory that stays where it is, whoever is replaced
        for core in cores_kept_awake(config.idle, config.wait, cores, metered=is_metered()):
            self.idle_polls.append(IdlePoll(core, address_of_array(tops), self.memory.clock_address))
            self.idle_polls[-1].start()

    def trade(self, duration_s: float, on_tick: Callable[[], None] = lambda: None) -> None:
        """Watch until the duration or the recording is over, somebody interrupts, or something fails."""
        end = time.monotonic() + duration_s if duration_s else float("inf")
        rest = 0.0
        while time.monotonic() < end and not self.interrupted:
            self.family.hear(POLL_S)
            self._look()
            self.kill_switch.poll()
            lost = self.recovery.lost()
            if lost and not self.interrupted:
                self.recovery.recover(lost)
            self.recovery.note_quoting()
            on_tick()
            if self.plan.config.replay and self.memory.word(RECORDING_DONE):
                rest = rest or time.monotonic() + _RECORDING_REST_S
                end = min(end, rest)

    def stop(self) -> None:
        """Quotes off, everything cancelled and confirmed, each stage drained in flow order."""
        self.stopping = True
        self.family.ask("strategy", Command.QUOTES_OFF, CANCEL_S)
        self.family.ask("router", Command.CANCEL_ALL, CANCEL_S)
        drained: set[str] = set()
        for stage in (*TRADING, "exchange"):
            home = self.plan.home_of(stage)
            self.family.command(stage, Command.DRAIN)
            drained.add(stage)
            if drained.issuperset(home.stages):
                self._await_drained(stage, home.name)

    def _await_drained(self, stage: str, home: str) -> None:
        """Wait until a process has left in order; what it did instead is the run's failure."""
        family = self.family
        family.await_quietly(lambda: family.is_done(stage) or home in family.exits, DRAIN_S)
        if not family.is_done(stage):
            how = how_it_ended(family.exits[home]) if home in family.exits else f"not drained after {DRAIN_S:g} s"
            self._fail(f"stage {home}: {how} while the run stopped")

    def abort(self, cause: str) -> None:
        """No new orders, cancel everything, by a cancel-only successor if the router is gone."""
        self._fail(cause)
        self.stopping = True
        family, home = self.family, self.plan.home_of("router").name
        if "exchange" in family.exits or home not in family.pids:
            return  # there is nobody to cancel with, or nothing to cancel yet
        family.ask("risk", Command.HALT, 0.1)
        cell = self.memory.cell("router")
        if home not in family.exits and cell.state == BOOT:
            # One that has just been forked cancels everything by itself, and hears nothing before.
            family.await_quietly(lambda: cell.acknowledged(Command.START) or home in family.exits, CANCEL_S)
        if home in family.exits or family.is_hung("router"):
            family.kill(home)
            self._succeed_router()
        family.ask("router", Command.CANCEL_ALL, CANCEL_S)

    def _succeed_router(self) -> None:
        """A new router process, cancel-only, with the same key: its own START cancels and reconciles."""
        if self.family.orphaned:
            return  # nobody is left to fork it
        cell = self.memory.cell("router")
        self.family.spawn(SUCCESSOR, self.memory.word(SESSION) + 1)
        self.family.await_quietly(lambda: cell.acknowledged(Command.START), CANCEL_S)

    def close(self) -> None:
        """Nothing of the run is left afterwards: processes, threads, segments, descriptors."""
        for idle_poll in self.idle_polls:
            idle_poll.stop()
        self.family.close(signal.SIGTERM if self.stopping else signal.SIGKILL)
        if self.family.segments is not None:
            self.memory.unlink()
            self.memory.close()
        for descriptor in (*self.plan.eventfds.values(), self.plan.key_descriptor):
            os.close(descriptor)

    def _fail(self, cause: str) -> None:
        self.family.failure = self.family.failure or cause

    def _tend(self) -> None:
        """While a process is being replaced: what else ends the run. Raises RunError with the cause."""
        self._look()
        if self.interrupted:
            raise RunError(f"interrupted by {self.interrupted} while a stage was being replaced")

    def _look(self) -> None:
        """What no replacement mends. Raises RunError with the cause."""
        cause = self.family.cause("exchange")
        if cause:
            raise RunError(cause)
        for stage in TRADING:
            if self.memory.cell(stage).halted:
                raise RunError(f"stage {stage}: an outbox or a journal that must not lose was full")

    def _await(self, condition: Callable[[], bool], what: str, timeout_s: float = START_S) -> None:
        """Wait during the start. Raises RunError when a process ends, or time is over."""
        end = time.monotonic() + timeout_s
        while not condition():
            self.family.hear(0.002)
            for group, code in self.family.exits.items():
                raise RunError(f"stage {group}: {how_it_ended(code)} during start")
            if self.interrupted:
                raise RunError(f"interrupted by {self.interrupted} during start")
            if time.monotonic() > end:
                raise RunError(f"{what}: not ready after {timeout_s:g} s")
