"""[signals]: horizons, what counts as panic, and the weights that make a fair price and aggressiveness of signals."""

import msgspec

from trader.ranges import out_of_range

DEPTH_LEVELS_MAX = 10


class SignalsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Knobs of the signals. A sign of panic is a pair (allowance, limit): what may be at any time, and how much more,
    added up, is all of it (trader.signals.panic)."""

    fast_ms: float = 500.0
    """Horizon of what happens now; the venue's clock, as all times here."""
    medium_ms: float = 10_000.0
    """Horizon of where it comes from."""
    slow_ms: float = 120_000.0
    """Horizon of what is usual."""
    warm_ms: float = 30_000.0
    """No panic is told before so much has been seen."""
    depth_levels: int = 5
    """Levels a side whose lots are the depth, as far as they are near."""

    block_ms: float = 50.0
    """Length of the blocks in which the usual is learned."""
    one_sided: tuple[float, float] = (1.5, 1.5)
    """Of signed lots, in their usual deviations of a second: allowance a second, and limit."""
    run: tuple[float, float] = (6.0, 6.0)
    """Of the mid's moves one way, likewise."""
    jumps: tuple[float, float] = (6.0, 40.0)
    """Of the mid's squared moves, in usual ones of a block: allowance a block, and limit."""
    spread: tuple[float, float] = (1.75, 0.5)
    """Of the spread's distance above the usual, in usual deviations: allowance, and limit in deviations x seconds."""
    depth: tuple[float, float] = (1.75, 0.5)
    """Of the depth's distance below the usual, likewise."""
    volatility_bps_min: float = 0.2
    """Usual volatility is never taken for less (bps per square-root second): one tick in a still market is no panic."""
    distance_min: float = 0.35
    """Usual deviation of spread and depth from their means, as distances in [-1, 1], is never taken for less."""
    signs_needed: float = 1.6
    """Signs, of four, at which panic is as likely as not: no one of them suffices."""
    certainty: float = 6.0
    """Log odds of a whole sign."""
    enter: float = 0.7
    """Confidence from which it is a panic."""
    leave: float = 0.3
    """Confidence below which it must have stayed for `hold_ms` until it is none any more."""
    hold_ms: float = 2_000.0
    freeze_ms: float = 30_000.0
    """What lasts longer in a panic becomes usual."""

    momentum: float = 0.0
    reversion: float = 0.0
    flow: float = 0.0
    pressure: float = 0.15
    """Weights: expected move over `horizon_ms`, in its usual deviation, of a signal at 1."""
    horizon_ms: float = 1_000.0
    """What the fair price looks ahead."""
    shift_bps_max: float = 2.0
    """The fair price never stands farther from the mid."""
    caution: float = 0.3
    """How much of the aggressiveness one-sided flow takes, at most."""
    wariness: float = 1.0
    """How much of it a panic takes, by its confidence."""

    def problems(self) -> list[str]:
        """Every value that is out of its range, one line each; empty when all is well."""
        rules = (
            ("fast_ms", 1, 60_000),
            ("medium_ms", self.fast_ms, 600_000),
            ("slow_ms", self.medium_ms, 86_400_000),
            ("warm_ms", 0, 86_400_000),
            ("depth_levels", 1, DEPTH_LEVELS_MAX),
            ("volatility_bps_min", 1e-6, 1_000),
            ("block_ms", 1, 10_000),
            ("distance_min", 1e-3, 1),
            ("signs_needed", 0, 4),
            ("certainty", 0.1, 100),
            ("enter", 0.01, 1),
            ("leave", 0, self.enter),
            ("hold_ms", 0, 600_000),
            ("freeze_ms", 0, 86_400_000),
            ("momentum", -10, 10),
            ("reversion", -10, 10),
            ("flow", -10, 10),
            ("pressure", -10, 10),
            ("horizon_ms", 1, 600_000),
            ("shift_bps_max", 0, 1_000),
            ("caution", 0, 1),
            ("wariness", 0, 1),
        )
        pairs = ("one_sided", "run", "jumps", "spread", "depth")
        return out_of_range("signals", self, rules) + [
            f"signals.{name}: found {value}, allowed an allowance of 0 to 1000 and a limit of 0.001 to 1000000"
            for name in pairs
            for value in (getattr(self, name),)
            if not (0 <= value[0] <= 1_000 and 1e-3 <= value[1] <= 1e6)
        ]
