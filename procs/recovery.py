"""Replaces processes that died or hang while the others go on (drawn in ARCHITECTURE, "A stage that dies").

    pause     risk refuses everything until an account of the next epoch; the router cancels all; the strategy is quiet
    end       SIGKILL, awaited by pidfd: from here on nobody can touch what the dead had mapped
    rewire    fresh segments for every link that the dead wrote or read; who lives goes over (procs.rewiring)
    start     a successor each; a router's cancels everything before it connects
    reconcile the router proves that nothing is open and that fills and position agree, and tells the account
    run       quotes again

Whoever dies meanwhile is one more of the dead, and it begins anew. Every pass takes a new epoch of order ids, synced to
disk first, so that no account of an earlier pass opens a gate.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial

from procs.errors import OperatorError
from procs.family import Family, RunError
from procs.plan import SUCCESSOR
from procs.readings import orders_of
from procs.restarts import Restart, RestartPolicy
from procs.run_segments import EPOCH, SESSION, SHARED_LINKS
from procs.state_dir import StateDir
from procs.topology import STAGES, TRADING
from shm.segment import SegmentError
from trader.enums import Command

REWIRE_S = 5.0
START_S = 15.0
RISK_RUNS_S = 1.0
RECONCILE_S = 30.0
"""A venue that cannot be asked for so long ends the run."""

POLL_S = 0.005
LATCH = "restarts"

log = logging.getLogger("trader")


class Recovery:
    """The procedure, and what has been replaced so far in `restarts`. `tend`: called while it waits."""

    def __init__(self, family: Family, policy: RestartPolicy, state: StateDir) -> None:
        self.family = family
        self.policy = policy
        self.state = state
        self.restarts: list[Restart] = []
        self.began_ns = 0
        self.tend: Callable[[], None] = lambda: None
        self.before_quotes: Callable[[], None] = lambda: None
        self._down: list[str] = []
        self._died_ns = 0

    def lost(self) -> dict[str, str]:
        """Processes of ours that have ended or hang, with the cause."""
        family = self.family
        groups = [group for group in family.pids if group not in (*self._down, "exchange", SUCCESSOR)]
        return {group: cause for group in groups if (cause := family.cause(group))}

    def recover(self, lost: dict[str, str]) -> None:
        """Replace them, and whoever dies meanwhile. Raises RunError when that is not allowed, or not possible."""
        self._died_ns = self.family.now_ns()
        while lost:
            self._count(lost)
            epoch = self._next_epoch()
            self._pause(lost, epoch)
            self._end(lost)
            lost = self._rewire()
            if lost:
                continue
            started = self._down
            lost = self._start()
            if not lost and not any(self._home("router") == group for group in started):
                lost = self._reconcile(epoch)
        self.run_all()
        self.policy.recovered()
        self._tell_watchers(recovering=0)

    def run_all(self) -> None:
        """RUN, consumers first; between risk and the strategy there is time to halt again what is latched."""
        for stage in reversed(TRADING):
            self.family.let_run(stage)
            if stage == "risk" and self._await(partial(self._has_run, stage), RISK_RUNS_S):
                self.before_quotes()

    def _has_run(self, stage: str) -> bool:
        return bool(self.lost()) or self.family.memory.cell(stage).acknowledged(Command.RUN)

    def note_quoting(self) -> None:
        """Look whether an order rests again, after a recovery."""
        waiting = [restart for restart in self.restarts if restart.quoting_after_s is None]
        if not waiting or not orders_of(self.family.memory).open:
            return
        after_ns = self.family.now_ns() - self._died_ns
        for restart in waiting:
            restart.quoting_after_s = round(after_ns / 1e9, 3)
        self.family.memory.restarts()[0]["quoting_ns"] = after_ns
        log.info("quoting again %.3f s after %s was lost", after_ns / 1e9, waiting[-1].stage)

    def _count(self, lost: dict[str, str]) -> None:
        now_ns = self.family.now_ns()
        for group, cause in lost.items():
            if not self.policy.died(now_ns):
                reason = f"{cause}; {self.policy.exhausted}"
                if self.policy.config.limit:
                    self.state.latch(LATCH, reason)
                raise RunError(reason)
            self.restarts.append(Restart(group, cause, round((now_ns - self.began_ns) / 1e9, 3)))
            log.warning("%s: it is replaced, %d more in this window", cause, self.policy.left(now_ns))
        self._tell_watchers(recovering=1)

    def _tell_watchers(self, *, recovering: int) -> None:
        row = self.family.memory.restarts()[0]
        if recovering:
            row["quoting_ns"] = 0  # before the count: these are not the quotes of the last replacement
        first = self.family.plan.group(self.restarts[-1].stage).stages[0]
        row["stage"] = [stage.name for stage in STAGES].index(first)
        row["recovering"] = recovering
        row["died_ns"] = self._died_ns
        row["count"] = len(self.restarts)

    def _next_epoch(self) -> int:
        try:
            epoch = self.state.next_epoch()
        except OperatorError as error:
            raise RunError(f"no epoch for new order ids: {error}") from None
        self.family.memory.set_word(EPOCH, epoch)
        return epoch

    def _pause(self, lost: Iterable[str], epoch: int) -> None:
        """Tell everybody who lives, and wait for nobody."""
        commands = (("risk", Command.PAUSE), ("router", Command.CANCEL_ALL), ("strategy", Command.QUOTES_OFF))
        for stage, command in commands:
            if self._home(stage) not in (*lost, *self._down):
                self.family.command(stage, command, epoch)

    def _end(self, lost: Iterable[str]) -> None:
        for group in lost:
            if not self.family.kill(group):
                raise RunError(f"stage {group}: does not end after SIGKILL, so nothing of it can be given to another")
            self._down.append(group)

    def _rewire(self) -> dict[str, str]:
        """Fresh segments; returns who was lost before everybody who lives had gone over to them."""
        memory = self.family.memory
        dead = [stage for group in self._down for stage in self.family.plan.group(group).stages]
        links = [link.name for link in SHARED_LINKS if {link.producer, *link.consumers} & set(dead)]
        try:
            generation = memory.renew(links, dead)
        except SegmentError as error:
            raise RunError(str(error)) from None
        living = [stage for stage in TRADING if stage not in dead]
        for stage in living:
            self.family.wake(self._home(stage))
        lost: dict[str, str] = {}

        def gone_over(stage: str) -> bool:
            return self._home(stage) in lost or memory.is_rewired(stage, generation)

        def all_gone_over() -> bool:
            for group, cause in self.lost().items():
                if group not in lost:
                    lost[group] = cause
                    # Only the dead fill nothing any more: a process that hangs is ended before others go on.
                    self.family.kill(group)
                    for stage in self.family.plan.group(group).stages:
                        memory.tell_writers_rewired(stage, generation)
            return all(gone_over(stage) for stage in living)

        if not self._await(all_gone_over, REWIRE_S):
            for stage in living:
                if not gone_over(stage):
                    lost[self._home(stage)] = f"stage {stage}: did not take up its links within {REWIRE_S:g} s"
        return lost

    def _start(self) -> dict[str, str]:
        """Fork a successor for each of the dead; returns those that were lost before everybody was ready."""
        generation = self.family.memory.word(SESSION)
        starting = [(group, stage) for group in self._down for stage in self.family.plan.group(group).stages]
        for group in self._down:
            self.family.spawn(group, generation)
        self._down = []

        def ready(group: str, stage: str) -> bool:
            return self.family.memory.cell(stage).acknowledged(Command.START)

        # Nobody is told anything else before: a command that is not acknowledged is overridden by the next.
        lost: dict[str, str] = {}

        def settled() -> bool:
            lost.update(self.lost())
            return all(group in lost or ready(group, stage) for group, stage in starting)

        if not self._await(settled, START_S):
            late = {group: stage for group, stage in starting if group not in lost and not ready(group, stage)}
            lost.update({group: f"stage {stage}: not ready after {START_S:g} s" for group, stage in late.items()})
        if not lost and any(stage == "feed" for _, stage in starting):
            self.family.let_run("feed")
        return lost

    def _reconcile(self, epoch: int) -> dict[str, str]:
        """Nothing open, fills and position agreed, the account told; returns who was lost meanwhile."""
        cell = self.family.memory.cell("router")
        self.family.command("router", Command.RECONCILE, epoch)
        lost: dict[str, str] = {}

        def settled() -> bool:
            lost.update(self.lost())
            return bool(lost) or cell.acknowledged(Command.RECONCILE)

        if not self._await(settled, RECONCILE_S):
            raise RunError(f"stage router: not reconciled within {RECONCILE_S:g} s after a stage was replaced")
        return lost

    def _await(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait while the run is looked after. Raises what `tend` raises."""
        end_ns = self.family.now_ns() + round(timeout_s * 1e9)
        while not condition():
            if self.family.now_ns() > end_ns:
                return False
            self.family.hear(POLL_S)
            self.tend()
        return True

    def _home(self, stage: str) -> str:
        return self.family.plan.home_of(stage).name
