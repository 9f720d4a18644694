"""Whether a process that died is replaced: so many restarts in a while, over all stages, and then no more.

                 died, one is left                     recovered
      TRADING ----------------------> RECOVERING ------------------> TRADING
         |                              |    ^ |
         |  died, none is left          |    +-+ another died, one is left
         +------------------------------+---------> HALTED, for good

Knows no processes and no clock: deaths and times are told.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgspec

LIMIT_MAX = 1_000
WINDOW_S_MAX = 86_400.0


class Standing(IntEnum):
    """Where a session stands with its restarts."""

    TRADING = 0
    RECOVERING = 1
    HALTED = 2


class RestartsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[restarts]: how often a stage that was killed or hangs is replaced while the session goes on.

    limit: restarts within `window_s` over all stages; with the next death everything is cancelled and the run ends.
    0: the first death ends it. window_s: seconds.
    """

    limit: int = 3
    window_s: float = 60.0

    def problems(self) -> list[str]:
        """Every value that is out of its range, one line each."""
        found = []
        if not 0 <= self.limit <= LIMIT_MAX:
            found.append(f"restarts.limit: found {self.limit}, allowed 0 to {LIMIT_MAX}")
        if not 1 <= self.window_s <= WINDOW_S_MAX:
            found.append(f"restarts.window_s: found {self.window_s:g}, allowed 1 to {WINDOW_S_MAX:g}")
        return found


class Restart(msgspec.Struct):
    """One process that was replaced. `at_s`: since trading began; `quoting_after_s`: from its end until an order
    of ours rested again, null while none has."""

    stage: str
    cause: str
    at_s: float
    quoting_after_s: float | None = None


@dataclass(frozen=True)
class RestartView:
    """Processes that were replaced: how many, the last one's first stage ("" for none), whether that is under way, and
    after how many seconds an order of ours rested again (0: not yet)."""

    count: int = 0
    stage: str = ""
    recovering: bool = False
    quoting_after_s: float = 0.0

    @classmethod
    def of(cls, row: Any, stages: list[str]) -> "RestartView":
        """Of a RESTARTS record (procs.run_segments)."""
        count = int(row["count"])
        stage = stages[int(row["stage"])] if count else ""
        return cls(count, stage, bool(row["recovering"]), int(row["quoting_ns"]) / 1e9)

    @property
    def text(self) -> str:
        """In one phrase; empty when nothing was replaced."""
        if not self.count:
            return ""
        after = f"quoting again after {self.quoting_after_s:.2f} s" if self.quoting_after_s else "no quote since"
        return f"{self.count} {'restart' if self.count == 1 else 'restarts'}, last {self.stage}: {after}"


NO_RESTARTS = RestartView()


class RestartPolicy:
    """Counts restarts. `standing` moves as drawn; HALTED is never left."""

    def __init__(self, config: RestartsConfig) -> None:
        self.config = config
        self.standing = Standing.TRADING
        self._window_ns = round(config.window_s * 1e9)
        self._restarts: list[int] = []

    def died(self, now_ns: int) -> bool:
        """A process is gone at `now_ns`, never before an earlier one: whether it is to be replaced."""
        if self.standing is Standing.HALTED or self.left(now_ns) == 0:
            self.standing = Standing.HALTED
            return False
        self._restarts.append(now_ns)
        self.standing = Standing.RECOVERING
        return True

    def recovered(self) -> None:
        """Everything is reconciled and trades again."""
        if self.standing is Standing.RECOVERING:
            self.standing = Standing.TRADING

    def left(self, now_ns: int) -> int:
        """Restarts that are still allowed at `now_ns`: one is free again when its window is over."""
        self._restarts = [at for at in self._restarts if now_ns - at < self._window_ns]
        return self.config.limit - len(self._restarts)

    @property
    def exhausted(self) -> str:
        """Why there is no other restart, in words."""
        if self.config.limit == 0:
            return "restarts are switched off"
        return f"{self.config.limit} restarts within {self.config.window_s:g} s have been used up"
