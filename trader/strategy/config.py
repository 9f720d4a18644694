"""[strategy]: which strategy quotes, what the built-in one is made of, when the desk acts."""

import math

import msgspec

from trader.ranges import out_of_range
from trader.strategy.door import LEVELS_MAX


class StrategyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Knobs of the strategy stage. Down to `surprise_kept` they are the built-in strategy's own."""

    levels: int = 3
    """Quotes a side."""
    size_lots: int = 2
    """Size of each quote; also the unit in which inventory is counted for the skew."""
    level_spacing: float = 0.6
    """Distance from one level to the next, in half spreads, so that it grows with volatility too."""
    risk_aversion_per_bps: float = 0.2
    """Gamma of the closed form: more widens the spread and leans harder against inventory."""
    arrival_decay_per_bps: float = 5.0
    """Kappa: how fast the chance of a fill falls with distance from the mid; 1/kappa is the spread's floor."""
    arrivals_per_s: float = 1.0
    """A: fills a second of a quote at the mid."""
    half_spread_ticks_min: int = 1
    """No quote stands nearer to the reservation price."""
    improve_ticks_max: int = 0
    """How far a quote may better the touch; 0 joins it at best."""
    caution: float = 0.5
    """Deviations of the posterior's outlook above its median at which the first level reckons with volatility."""
    caution_per_level: float = 0.25
    """So many deviations more at every further level."""
    horizon_windows: int = 40
    """Windows of the estimate over which a fill is held: how far the outlook looks ahead."""
    volatility_bps_full: float = 6.0
    """Sizes are cut in proportion where the outlook's 95th percentile is above this (bps per square-root second)."""
    size_share_min: float = 0.25
    """A level of which less than this share of its size is left is not quoted."""
    surprise_tail: float = 1e-2
    """A window to which the estimate gave less chance than this raises an alarm: quotes widen and are cut."""
    surprise_kept: float = 0.8
    """Share of the alarm that is left a window later."""

    file: str = ""
    """A strategy file of the user's own instead of the built-in one; empty: built in."""
    parameters: dict[str, float] = {}
    """Values for scalar fields of that strategy's STATE; they win over its CONFIG."""

    requote_ticks: int = 8
    """A resting order is replaced when the wanted price is more than this away from it."""
    position_lots_max: int = 100
    """Quotes are cut so that, all filled, the position stays within; the strategy's own, risk has its own too."""
    refusal_pause_ms: int = 100
    """A level that risk refused, or the router denied, waits this long before its next try."""
    reject_pause_ms: int = 2
    """A level that the venue rejected waits this long: its price met a touch that had moved."""
    cancel_retry_ms: int = 250
    """A cancel that nothing has answered is asked for again."""
    book_age_ms_max: int = 5_000
    """Quotes are pulled when the book has been silent for longer."""
    belief_age_ms_max: int = 5_000
    """Quotes are pulled while the newest estimate is older than the book by more (venue time)."""

    def problems(self) -> list[str]:
        """Every value that is out of its range, one line each; empty when all is well."""
        rules = (
            ("levels", 1, LEVELS_MAX),
            ("size_lots", 1, 10**9),
            ("level_spacing", 0.01, 100),
            ("risk_aversion_per_bps", 1e-6, 1e3),
            ("arrival_decay_per_bps", 1e-3, 1e3),
            ("arrivals_per_s", 1e-6, 1e6),
            ("half_spread_ticks_min", 0, 10**6),
            ("improve_ticks_max", 0, 10**6),
            ("caution", 0, 10),
            ("caution_per_level", 0, 10),
            ("horizon_windows", 1, 10**6),
            ("volatility_bps_full", 1e-3, 1e6),
            ("size_share_min", 0, 1),
            ("surprise_tail", 0, 0.5),
            ("surprise_kept", 0, 0.9999),
            ("requote_ticks", 0, 10**6),
            ("position_lots_max", 1, 10**9),
            ("refusal_pause_ms", 0, 60_000),
            ("reject_pause_ms", 0, 60_000),
            ("cancel_retry_ms", 10, 60_000),
            ("book_age_ms_max", 10, 600_000),
            ("belief_age_ms_max", 10, 600_000),
        )
        found = out_of_range("strategy", self, rules)
        found += [
            f"strategy.parameters.{name}: found {value}, allowed a finite number"
            for name, value in self.parameters.items()
            if not math.isfinite(value)
        ]
        return found
