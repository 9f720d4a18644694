"""Knobs of the simulated exchange, their ranges, and its fixed capacities."""

import math
from typing import Literal

import msgspec

from trader.exchange.fault_config import FaultsConfig

SYMBOLS_MAX = 4
"""Markets of one exchange. The state grows by about 5 MB with each."""


class ExchangeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the simulated exchange behaves. Fees are in 1e-8 of the notional (40_000 = 4 basis points).

    `recorded`: the market comes from a recording, not from the order flow. `flow_paused`: background orders
    stop while everything else goes on. Volatilities are of the fair price that the background orders follow:
    `volatility_bps` in basis points per square-root second on average; its log-variance is an
    Ornstein-Uhlenbeck process with standard deviation `log_variance_sd` and half-life
    `volatility_half_life_s`. Arrivals are a Hawkes process: `clustering` is its branching ratio (0: Poisson),
    `cluster_ms` how long an arrival excites others. `shock_at_s` after the opening (0: never) volatility is multiplied
    by `shock_factor` for `shock_for_s` (0: for good), and more orders arrive. `stress`: "crash", "whale" or
    "flash_spread" (trader.exchange.stress), from `stress_at_s` after the opening for `stress_for_s`. `wallet_base`:
    units of each base asset that a spot account has at the start.
    """

    seed: int = 1
    recorded: bool = False
    flow_paused: bool = False
    events_per_second: float = 600.0
    clustering: float = 0.6
    cluster_ms: float = 50.0
    volatility_bps: float = 1.0
    log_variance_sd: float = 0.8
    volatility_half_life_s: float = 20.0
    shock_at_s: float = 0.0
    shock_for_s: float = 0.0
    shock_factor: float = 10.0
    stress: Literal["", "crash", "whale", "flash_spread"] = ""
    stress_at_s: float = 60.0
    stress_for_s: float = 5.0
    price_start: float = 60_000.0
    price_start_by_symbol: dict[str, float] = {}
    resting_orders: int = 800
    order_lots_median: float = 120.0
    depth_interval_ms: int = 10
    fee_maker_e8: int = 20_000
    fee_taker_e8: int = 50_000
    wallet_usd: float = 1_000_000.0
    wallet_base: float = 10.0
    cancel_on_disconnect: bool = False
    faults: FaultsConfig = FaultsConfig()

    def problems(self) -> list[str]:
        """Every value that cannot be used: key, what was found, what is allowed."""
        ranges: list[tuple[str, float, float, float]] = [
            ("seed", self.seed, 0, 2**62),
            ("events_per_second", self.events_per_second, 0, 20_000),
            ("clustering", self.clustering, 0, 0.95),
            ("cluster_ms", self.cluster_ms, 1, 60_000),
            ("volatility_bps", self.volatility_bps, 0, 50),
            ("log_variance_sd", self.log_variance_sd, 0, 3),
            ("volatility_half_life_s", self.volatility_half_life_s, 0.1, 86_400),
            ("shock_at_s", self.shock_at_s, 0, 1e6),
            ("shock_for_s", self.shock_for_s, 0, 1e6),
            ("shock_factor", self.shock_factor, 0.01, 1_000),
            ("stress_at_s", self.stress_at_s, 0, 1e6),
            ("stress_for_s", self.stress_for_s, 0.001, 1e6),
            ("price_start", self.price_start, 1e-8, 1e9),
            ("resting_orders", self.resting_orders, 100, 4_000),
            ("order_lots_median", self.order_lots_median, 1, 1e6),
            ("depth_interval_ms", self.depth_interval_ms, 1, 1_000),
            ("fee_maker_e8", self.fee_maker_e8, -1_000_000, 10_000_000),
            ("fee_taker_e8", self.fee_taker_e8, -1_000_000, 10_000_000),
            ("wallet_usd", self.wallet_usd, 0, 1e9),
            ("wallet_base", self.wallet_base, 0, 1e9),
        ]
        ranges += [
            (f"price_start_by_symbol.{name}", value, 1e-8, 1e9) for name, value in self.price_start_by_symbol.items()
        ]
        found = [
            f"exchange.{key}: found {value}, allowed {low:g} to {high:g}"
            for key, value, low, high in ranges
            if not (math.isfinite(value) and low <= value <= high)
        ]
        if self.fee_taker_e8 < -self.fee_maker_e8:
            found.append(
                f"exchange.fee_taker_e8: found {self.fee_taker_e8}, allowed at least {-self.fee_maker_e8}"
                " (the venue would pay for every trade)"
            )
        return found + self.faults.problems()
