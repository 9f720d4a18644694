"""The kill switch, and the latches of a run: what stops trading at once and stays so until a person re-arms it.

    state_dir/kill, SIGUSR1 -> router CANCEL_ALL, risk HALT -> latch "kill-switch" on disk         within a second
    risk halts or reduces by itself                        -> latch on disk
    latch of an earlier run                                -> HALT or REDUCE before the first quote
    latch taken off (trader arm)                           -> risk REARM, router RUN

The supervisor polls it about fifty times a second; strategy, book and feed have no part in it. Orders are stopped
first and the latch written then: syncing may take longer than an order may live. The file stays until that is done.
"""

import logging
import time
from typing import Any

from procs.family import Family
from procs.readings import record_of
from procs.state_dir import StateDir
from trader.enums import Command
from trader.risk.state import HaltCause

KILL = "kill-switch"
LOSS_SOFT = "loss-soft"
LATCHES = {
    "overfill": HaltCause.OVERFILL,
    "position-mismatch": HaltCause.POSITION_MISMATCH,
    "loss": HaltCause.LOSS,
    "executions": HaltCause.EXECUTIONS,
    "rejects": HaltCause.REJECTS,
    KILL: HaltCause.KILL_SWITCH,
    "tail-risk": HaltCause.TAIL_RISK,
}
"""Halts that outlive the run, by the name of their latch; "loss-soft" reduces. Other names are of other programs: they
halt, too."""

DAY_EVERY_S = 5.0
ACKNOWLEDGED_S = 0.1
"""How long risk may take to hear: it is looked at again at the next poll."""

log = logging.getLogger("trader")


def today() -> str:
    """The date, UTC: days of losses are counted by it."""
    return time.strftime("%Y-%m-%d", time.gmtime())


class KillSwitch:
    """One run's. `family` has its processes, and the memory that risk's state is read from once there is one."""

    def __init__(self, kept: StateDir, family: Family) -> None:
        self._kept = kept
        self._family = family
        self._pressed = ""
        self._in_force: dict[str, str] = {}
        self._unwritten: set[str] = set()
        self._next_day_s = 0.0

    @property
    def in_force(self) -> dict[str, str]:
        """Latches that this run obeys, with their reasons."""
        return dict(self._in_force)

    def press(self, who: str) -> None:
        """From a signal handler: acted on at the next poll."""
        self._pressed = who

    def poll(self) -> None:
        """Look at the switch, at risk, at the latches on disk, and act."""
        reason = self._kept.pressed_kill()
        if reason is not None or self._pressed:
            self._press_now(reason or f"pressed by {self._pressed}")
        self._write_down()
        self.obey()
        if time.monotonic() >= self._next_day_s:
            self._next_day_s = time.monotonic() + DAY_EVERY_S
            self.keep_day()

    def _press_now(self, reason: str) -> None:
        self._pressed = ""
        if KILL not in self._in_force:
            self._impose(KILL)  # a disk may be slow
            self._latch(KILL, reason)
        try:
            self._kept.release_kill()
        except OSError as error:
            log.error("the kill file stays: %s", error)

    def keep_day(self) -> None:
        """Write down what the day has made so far, at the worse touch."""
        risk = self._risk()
        base = int(risk["day_base_e8"])
        worse = int(risk["pnl_e8"]) - int(risk["touch_cost_e8"])
        try:
            self._kept.keep_day(today(), worse - base, int(risk["peak_e8"]) - base)
        except OSError as error:
            log.error("the day's loss could not be written down: %s", error)

    def _write_down(self) -> None:
        """What risk has latched by itself."""
        risk = self._risk()
        halts, reductions = int(risk["halts"]), int(risk["reductions"])
        for name, cause in LATCHES.items():
            if (halts >> cause) & 1 and name not in self._in_force:
                self._latch(name, f"risk halted: {cause.name}")
        if (reductions >> HaltCause.LOSS) & 1 and LOSS_SOFT not in self._in_force:
            self._latch(LOSS_SOFT, "risk reduces: the day's loss or drawdown is past its soft limit")

    def _latch(self, name: str, reason: str) -> None:
        """On disk first; a disk that refuses keeps nothing from being stopped now."""
        log.error("latched '%s': %s; 'trader arm %s' takes it off", name, reason, name)
        self._in_force[name] = reason
        try:
            self._kept.latch(name, reason)
        except OSError as error:
            self._unwritten.add(name)
            log.error("the latch '%s' is not on disk, it holds for this run only: %s", name, error)

    def obey(self) -> None:
        """Bring the run in line with the latches on disk; at the start once risk has heard RUN, before the strategy.

        Every latch in force is looked for in risk's own state, so that a successor of risk is told as well.
        """
        found = self._kept.latches()
        for name, reason in found.items():
            if name not in self._in_force:
                log.error("latched by '%s' (%s): nothing is quoted until 'trader arm %s'", name, reason, name)
                self._in_force[name] = reason
        taken_off = [name for name in self._in_force if name not in found and name not in self._unwritten]
        for name in taken_off:
            log.warning("'%s' was taken off by a person", name)
            del self._in_force[name]
            self._family.ask("risk", Command.REARM, ACKNOWLEDGED_S, int(cause_of(name)))
        for name in self._in_force:
            if not self._is_imposed(name):
                self._impose(name)
        if taken_off and set(self._in_force) <= {LOSS_SOFT}:
            self._family.command("router", Command.RUN)

    def _risk(self) -> Any:
        return record_of(self._family.memory, "risk", "RISK")

    def _is_imposed(self, name: str) -> bool:
        risk = self._risk()
        bits = int(risk["reductions"]) if name == LOSS_SOFT else int(risk["halts"])
        return bool((bits >> cause_of(name)) & 1)

    def _impose(self, name: str) -> None:
        """The router first: it cancels even when risk no longer answers."""
        if name == LOSS_SOFT:
            self._family.ask("risk", Command.REDUCE, ACKNOWLEDGED_S, int(HaltCause.LOSS))
            return
        self._family.command("router", Command.CANCEL_ALL)
        self._family.ask("risk", Command.HALT, ACKNOWLEDGED_S, int(cause_of(name)))


def cause_of(name: str) -> HaltCause:
    """What a latch of that name means to risk."""
    return HaltCause.LOSS if name == LOSS_SOFT else LATCHES.get(name, HaltCause.EARLIER_RUN)
