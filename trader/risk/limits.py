"""Limits: what risk allows, as configured (RiskConfig) and as the integers that the checks compare (LIMITS).

Configured amounts are in lots and in whole units of the quote currency; a symbol that is not on the allow-list
has `allowed` 0 and nothing passes.
"""

import msgspec
import numpy as np

LOTS_MAX = 10**9
TICKS_MAX = 10**9
NOTIONAL_MAX = 10**9
ORDERS_MAX = 4096
BPS_MAX = 10_000
AGE_MS_MAX = 60_000
_E8 = 10**8

assert LOTS_MAX * TICKS_MAX < 2**62, "ticks times lots stays inside int64 before any check of its size"
assert 2 * TICKS_MAX * BPS_MAX < 2**62, "the collar is compared without a division"


class RiskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pre-trade limits, the same for each symbol. All are upper bounds that include the order asked for.

    symbols_allowed: symbols that may trade; empty means every symbol of the run.
    order_lots_max: size of one order. order_notional_max: price times size of one order, quote currency.
    position_lots_max: |position| if every open order on one side were filled.
    open_orders_max: own live orders of a symbol, both sides.
    price_collar_bps: distance of an order's price from the mid, in 1e-4 of the mid.
    book_age_ms_max: time since the newest top of book arrived here.
    """

    symbols_allowed: tuple[str, ...] = ()
    order_lots_max: int = 1_000
    order_notional_max: int = 200_000
    position_lots_max: int = 1_000
    open_orders_max: int = 64
    price_collar_bps: int = 500
    book_age_ms_max: int = 500

    def problems(self) -> list[str]:
        """What is out of range: key, what was found, what is allowed. Empty when all is well."""
        bounds = {
            "order_lots_max": LOTS_MAX,
            "order_notional_max": NOTIONAL_MAX,
            "position_lots_max": LOTS_MAX,
            "open_orders_max": ORDERS_MAX,
            "price_collar_bps": BPS_MAX,
            "book_age_ms_max": AGE_MS_MAX,
        }
        return [
            f"risk.{key}: found {getattr(self, key)}, allowed 1 to {most}"
            for key, most in bounds.items()
            if not 1 <= getattr(self, key) <= most
        ]


LIMITS = np.dtype(
    [
        ("allowed", "i8"),
        ("venue_id", "i8"),
        ("size_lots_min", "i8"),
        ("size_lots_max", "i8"),  # the venue's
        ("notional_units_min", "i8"),  # in ticks times lots
        ("order_lots_max", "i8"),
        ("notional_units_max", "i8"),
        ("price_collar_bps", "i8"),
        ("book_age_ns_max", "i8"),
        ("open_orders_max", "i8"),
        ("position_lots_max", "i8"),
        ("tick_value_e8", "i8"),
    ],
    align=True,
)
"""Limits of one symbol. All zero allows nothing."""


def fill_limits(limits: np.ndarray, config: RiskConfig, instrument: np.ndarray) -> None:
    """Put the limits for one instrument (a row of the instruments segment) into a LIMITS record (cold)."""
    value = int(instrument["tick_value_e8"])
    symbol = bytes(instrument["symbol"][: int(instrument["symbol_length"])]).decode()
    limits["allowed"] = int(value > 0 and (not config.symbols_allowed or symbol in config.symbols_allowed))
    limits["venue_id"] = instrument["venue_id"]
    limits["size_lots_min"] = max(1, int(instrument["size_lots_min"]))
    limits["size_lots_max"] = min(LOTS_MAX, int(instrument["size_lots_max"]) or LOTS_MAX)
    limits["notional_units_min"] = -(-int(instrument["notional_e8_min"]) // max(value, 1))
    limits["notional_units_max"] = config.order_notional_max * _E8 // max(value, 1)
    limits["order_lots_max"] = config.order_lots_max
    limits["price_collar_bps"] = config.price_collar_bps
    limits["book_age_ns_max"] = config.book_age_ms_max * 1_000_000
    limits["open_orders_max"] = config.open_orders_max
    limits["position_lots_max"] = config.position_lots_max
    limits["tick_value_e8"] = value
