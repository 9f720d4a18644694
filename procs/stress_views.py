"""What signals and tail risk say of a running system, as plain values: read from shared memory, without a lock.

signals stage      told[symbol]               panic, fair price, aggressiveness
tail_risk stage    told[symbol]               what is asked for, and why
                   history                    a ring: assessment n stands at n modulo its length, count is last
"""

from dataclasses import dataclass

import numpy as np

from procs.readings import Memory
from trader.tail_risk.assessment import HISTORY_LENGTH
from trader.tail_risk.recommendation import REASONS, WHOLE

MARGIN = 16
"""Records of the ring that its writer may reach while it is copied."""


@dataclass(frozen=True)
class StressView:
    """One symbol's. `confidence` of panic, `aggressiveness`, `level`: 0 to 1; `direction`: -1, 0, 1; `fragility`: -1 to
    1; sizes and distances are thousandths of what they would be."""

    panic: bool
    confidence: float
    direction: int
    shift_bps: float
    aggressiveness: float
    alert: bool
    level: float
    size_permille: int
    spread_permille: int
    halt: bool
    reasons: tuple[str, ...]
    fragility: float
    tail_alpha: float

    @property
    def text(self) -> str:
        """In a line: what is asked for and why, or what is seen."""
        way = {-1: " down", 0: "", 1: " up"}[self.direction]
        seen = f"panic{way} {self.confidence:.0%}" if self.panic else f"fair {self.shift_bps:+.2f} bps"
        if not self.alert:
            return f"{seen}, aggressive {self.aggressiveness:.0%}, tail calm"
        asked = f"size {self.size_permille / 10:.0f}%, spread x{self.spread_permille / WHOLE:.1f}"
        return f"ALERT {'halt' if self.halt else asked} ({', '.join(self.reasons) or 'releasing'}), {seen}"


CALM = StressView(False, 0.0, 0, 0.0, 1.0, False, 0.0, WHOLE, WHOLE, False, (), 0.0, 0.0)


def stress_of(memory: Memory, symbol_id: int) -> StressView:
    """What is said of a symbol now."""
    signal = memory.state("signals")[0]["told"][symbol_id]
    advice = memory.state("tail_risk")[0]["told"][symbol_id]
    asked = int(advice["reasons"])
    return StressView(
        panic=bool(signal["panic"]),
        confidence=float(signal["confidence"]),
        direction=int(signal["direction"]),
        shift_bps=float(signal["shift_bps"]),
        aggressiveness=float(signal["aggressiveness"]),
        alert=bool(advice["is_alert"]),
        level=float(advice["level"]),
        size_permille=int(advice["size_permille"]),
        spread_permille=int(advice["spread_permille"]),
        halt=bool(advice["halt"]),
        reasons=tuple(name for bit, name in REASONS.items() if asked & bit),
        fragility=float(advice["fragility"]),
        tail_alpha=float(advice["tail_alpha"]),
    )


def past_assessments(memory: Memory) -> np.ndarray:
    """ASSESSMENT records of all symbols, oldest first, at most a thousand: a copy, while the stage goes on writing.

    A record that its writer reaches meanwhile is left out, so each one is whole.
    """
    history = memory.state("tail_risk")[0]["history"]
    before = int(history["count"])
    records = history["records"].copy()
    after = int(history["count"])
    first = max(after - HISTORY_LENGTH + MARGIN, 0)
    return records[np.arange(first, max(before, first)) % HISTORY_LENGTH]
