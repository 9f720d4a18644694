"""[volatility]: which estimate is made, of what windows, from what prior, and what of it is kept."""

from typing import Literal

import msgspec

from trader.ranges import out_of_range

REALISED_MS_MAX = 50


class VolatilityConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[volatility]: how the estimate is made. Volatilities are bps of the price per square-root second."""

    window_ms: int = 150
    """Length of a window on the venue's clock."""
    half_life_s: float = 20.0
    """After this long a return counts half."""
    early_tail: float = 1e-2
    """A movement within a window that a filter gave less chance is published at once; 0: at windows' ends only."""
    warm_windows: int = 40
    """Windows before the estimate replaces the prior."""
    silence_ms_max: int = 3_000
    """A longer silence is missing data, not calm."""
    volatility_bps_min: float = 0.02
    """Floor of what is published: a market that stands still is not without risk."""
    prior_bps: float = 1.5
    """Believed until the estimate is warm."""
    prior_bps_p95: float = 4.0
    """95th percentile of the prior, which quotes use meanwhile; the 5th is its mirror on the log scale."""
    volume_half_life_s: float = 60.0
    """After this long a trade counts half in the traded volume that is published beside the volatility."""
    method: Literal["particle", "joint", "ewma"] = "particle"
    """A particle filter that learns the parameters (trader.volatility.settings), or a decaying mean."""
    particle_count: int = 7_000
    """Of each symbol's filter; all of them together need room, see procs/volatility_state.py."""
    observed: Literal["auto", "return", "realised"] = "auto"
    """What a filter is told of a window: its return, or its realised variance and of how many movements that is.

    auto: what measured better on recorded futures, realised variances for windows below 50 ms, else returns.
    """
    degrees_of_freedom: float = 5.0
    """Of the filters' Student-t returns."""
    memory_windows: int = 2_000
    """Windows with a movement that the filters' parameters remember."""
    keep: bool = True
    """Whether what was learned is kept in the state folder for the next run; never while a recording is replayed."""
    keep_every_s: float = 10.0
    """How often it is written while running."""
    kept_age_s_max: float = 3_600.0
    """What was learned longer ago is not used."""

    @property
    def is_realised(self) -> bool:
        """Whether filters are told realised variances."""
        if self.method == "ewma" or self.observed == "return":
            return False
        return self.observed == "realised" or self.window_ms < REALISED_MS_MAX

    def problems(self) -> list[str]:
        """Every value that is out of its range, one line each; empty when all is well."""
        rules = (
            ("window_ms", 1, 60_000),
            ("half_life_s", 0.01, 86_400),
            ("early_tail", 0, 0.5),
            ("warm_windows", 2, 1_000_000),
            ("silence_ms_max", self.window_ms, 3_600_000),
            ("volatility_bps_min", 1e-6, 1_000),
            ("prior_bps", 1e-6, 10_000),
            ("prior_bps_p95", self.prior_bps, 100_000),
            ("volume_half_life_s", 1, 86_400),
            ("particle_count", 128, 1_000_000),
            ("degrees_of_freedom", 2.1, 10_000),
            ("memory_windows", 100, 100_000_000),
            ("keep_every_s", 0.1, 86_400),
            ("kept_age_s_max", 0, 31_536_000),
        )
        return out_of_range("volatility", self, rules)
