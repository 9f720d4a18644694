"""[signals]: horizons, what counts as panic, and the weights that make a fair price and aggressiveness of signals."""

import msgspec

from trader.ranges import not_rising, out_of_range

DEPTH_LEVELS_MAX = 10


class SignalsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Knobs of the signals. A ramp is a pair (calm, panic): 0 up to the first value, 1 from the second on."""

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

    one_sided: tuple[float, float] = (0.7, 1.0)
    """Ramp of |buyers' - sellers'| over all lots of the fast horizon."""
    surge: tuple[float, float] = (2.0, 8.0)
    """Ramp of lots a second, fast over slow; one-sided flow counts only as far as it is a surge."""
    spread_ratio: tuple[float, float] = (2.0, 6.0)
    """Ramp of the spread, fast over slow."""
    depth_ratio: tuple[float, float] = (2.0, 6.0)
    """Ramp of the depth, slow over fast."""
    volatility_ratio: tuple[float, float] = (3.0, 8.0)
    """Ramp of the mid's volatility, fast over slow."""
    run_deviations: tuple[float, float] = (4.0, 9.0)
    """Ramp of the mid's drift over the fast horizon, in usual deviations."""
    volatility_bps_min: float = 0.2
    """Usual volatility is never taken for less (bps per square-root second): one tick in a still market is no panic."""
    weight_flow: float = 0.5
    weight_spread: float = 0.6
    weight_depth: float = 0.5
    weight_volatility: float = 0.6
    """Of a jump or a run. Confidence is 1 - product of (1 - weight x ramp): no one sign of the four suffices."""
    enter: float = 0.7
    """Confidence from which it is a panic."""
    leave: float = 0.3
    """Confidence below which it must have stayed for `hold_ms` until it is none any more."""
    hold_ms: float = 2_000.0

    momentum: float = 0.0
    reversion: float = 0.0
    flow: float = 0.05
    pressure: float = 0.5
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
            ("weight_flow", 0, 1),
            ("weight_spread", 0, 1),
            ("weight_depth", 0, 1),
            ("weight_volatility", 0, 1),
            ("enter", 0.01, 1),
            ("leave", 0, self.enter),
            ("hold_ms", 0, 600_000),
            ("momentum", -10, 10),
            ("reversion", -10, 10),
            ("flow", -10, 10),
            ("pressure", -10, 10),
            ("horizon_ms", 1, 600_000),
            ("shift_bps_max", 0, 1_000),
            ("caution", 0, 1),
            ("wariness", 0, 1),
        )
        return out_of_range("signals", self, rules) + not_rising(
            "signals", self, ("one_sided", "surge", "spread_ratio", "depth_ratio", "volatility_ratio", "run_deviations")
        )
