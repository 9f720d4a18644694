"""[tail_risk]: what is usual, what is extreme, and how much of it asks for how much."""

import msgspec

from trader.ranges import not_rising, out_of_range
from trader.tail_risk.recommendation import SPREAD_MAX, WHOLE


class TailRiskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Knobs of the tail-risk engine. A ramp is a pair: 0 up to the first value, 1 from the second on."""

    window_ms: int = 150
    """Length of the windows whose returns are watched, on the venue's clock."""
    silence_ms_max: int = 3_000
    """A longer silence is missing data, not calm."""
    memory_windows: int = 20_000
    """Windows that moments, tail and the base distribution remember."""
    recent_windows: int = 200
    """Windows that the current distribution remembers."""
    warm_windows: int = 400
    """Nothing but panic and whales asks for anything before."""
    tail_share: float = 0.05
    """Of the windows with a movement, how many are the tail."""
    cell_bps: float = 0.5
    """Return of one unit of the distributions' cells."""
    deviation_bps_min: float = 0.05
    """A window's usual deviation is never taken for less."""

    whale_memory: int = 2_000
    """Trades that a usual size is made of."""
    whale_warm: int = 100
    whale_deviations: float = 3.25
    """A trade is a whale from so many deviations of log lots on."""
    whale_ms: float = 5_000.0
    """A whale's share falls to 1/e after this long."""

    extreme_deviations: tuple[float, float] = (6.0, 15.0)
    """Ramp of a window's |return| in usual deviations."""
    extreme_digits: tuple[float, float] = (3.0, 6.0)
    """Ramp of -log10 of the tail's probability of such a return; the smaller of both ramps counts."""
    extreme_ms: float = 10_000.0
    """An extreme move's share falls to 1/e after this long."""
    outlook_bps: float = 50.0
    outlook_s: float = 60.0
    """A window's move that would hurt, and the time in which its probability counts."""
    regime_change: tuple[float, float] = (0.1, 0.5)
    """Ramp of 1 - fidelity of the current and the base distribution."""

    weight_whale: float = 0.3
    weight_extreme: float = 0.8
    weight_outlook: float = 0.5
    weight_regime: float = 0.5
    weight_panic: float = 0.9
    """The level is 1 - product of (1 - weight x share)."""
    enter: float = 0.5
    """Level from which anything is recommended."""
    leave: float = 0.2
    """Level below which it must have stayed for `hold_ms` until nothing is any more."""
    hold_ms: float = 3_000.0
    release_ms: float = 2_000.0
    """While it is recommended, the level falls by half in this long at most."""

    size_permille_min: int = 200
    """Size at level 1, with a fragile position; a robust one keeps half of the difference."""
    spread_permille_max: int = 3_000
    """Spread at level 1."""
    halt_level: float = 2.0
    """Level from which a halt is recommended, which a person has to lift; above 1: never."""

    stress: float = 0.5
    """Antifragility: volatility more and less by this share."""
    robust: float = 0.1
    """Scores within it are neither fragile nor antifragile."""
    look_ahead_s: float = 10.0
    """Moves that antifragility looks at are those of so long."""

    def problems(self) -> list[str]:
        """Every value that is out of its range, one line each; empty when all is well."""
        rules = (
            ("window_ms", 1, 60_000),
            ("silence_ms_max", self.window_ms, 3_600_000),
            ("memory_windows", 100, 100_000_000),
            ("recent_windows", 10, self.memory_windows),
            ("warm_windows", 2, 100_000_000),
            ("tail_share", 0.001, 0.5),
            ("cell_bps", 1e-6, 1e4),
            ("deviation_bps_min", 1e-9, 1e4),
            ("whale_memory", 10, 100_000_000),
            ("whale_warm", 2, 100_000_000),
            ("whale_deviations", 1, 100),
            ("whale_ms", 1, 3_600_000),
            ("extreme_ms", 1, 3_600_000),
            ("outlook_bps", 1e-3, 1e5),
            ("outlook_s", 0.001, 86_400),
            *((f"weight_{name}", 0, 1) for name in ("whale", "extreme", "outlook", "regime", "panic")),
            ("enter", 0.01, 1),
            ("leave", 0, self.enter),
            ("hold_ms", 0, 3_600_000),
            ("release_ms", 1, 3_600_000),
            ("size_permille_min", 0, WHOLE),
            ("spread_permille_max", WHOLE, SPREAD_MAX),
            ("halt_level", self.enter, 10),
            ("stress", 0.01, 0.99),
            ("robust", 0, 1),
            ("look_ahead_s", 0.001, 86_400),
        )
        return out_of_range("tail_risk", self, rules) + not_rising(
            "tail_risk", self, ("extreme_deviations", "extreme_digits", "regime_change")
        )
