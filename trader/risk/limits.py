"""Limits: what risk allows, as configured (RiskConfig) and as the integers that the checks compare (LIMITS, BOUNDS).

Configured amounts are in lots and in whole units of the quote currency. UNSET is the default of every limit and
allows nothing: `problems()` names each one that nobody has set, and a symbol that is not on the allow-list has
`allowed` 0 and nothing passes.

    LIMITS   of one symbol      configured once; what the checks read may be tightened (see advice), never loosened
    BOUNDS   of the account
"""

import msgspec
import numpy as np

UNSET = 0
LOTS_MAX = 10**9
TICKS_MAX = 10**9
NOTIONAL_MAX = 10**9
ORDERS_MAX = 4096
BPS_MAX = 10_000
AGE_MS_MAX = 60_000
RATE_MAX = 10**6
EXECUTIONS_MAX = 1 << 12
_E8 = 10**8
_MS = 1_000_000

AGE_UNBOUNDED_NS = 1 << 61
"""Instead of a limit of venue time, where a recording runs slower than it was recorded."""

WORST_E8_MAX = 14 * 10**16
"""A symbol's worst case counts for no more than this, above every limit: the sum over all symbols stays in int64."""

assert LOTS_MAX * TICKS_MAX < 2**62, "ticks times lots stays inside int64 before any check of its size"
assert 2 * TICKS_MAX * BPS_MAX < 2**62, "the collar is compared without a division"
assert 2 * LOTS_MAX * 2 * TICKS_MAX < 2**62, "twice the worst case at twice the mid"
assert NOTIONAL_MAX * _E8 < WORST_E8_MAX < 2**63 // 64, "a cap above each limit, INSTRUMENTS_MAX of which fit"


class RiskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pre-trade limits. All are upper bounds that include the order asked for; UNSET (0) is refused.

    One order: order_lots_max; order_notional_max, price times size in the quote currency.
    Orders: open_orders_max of a symbol, open_orders_side_max of one side of it, account_orders_max of all symbols;
    open_notional_max, price times what is left of all live orders.
    Position if every open order on one side were filled: position_lots_max, position_notional_max of a symbol,
    account_notional_max summed over all symbols.
    Price: price_collar_bps, distance from the mid in 1e-4 of it; price_travel_bps, how far the mid may have gone in
    the last minute; slippage_bps_max, expected cost of an order that takes.
    Age: book_age_ms_max since the newest top of book came; event_age_ms_max of the venue's own time, beyond the
    least delay seen; mark_age_ms_max of the venue's mark price, which stands in where a book is not to be used;
    book_epochs_max,
    changes of the book since the decision; balance_age_ms_max of the venue's word on the collateral.
    Margin: margin_bps, initial margin of a position; margin_buffer_bps, part of the free collateral left alone.
    Pace: orders_per_s_max and orders_burst_max; duplicate_ms, within which the same order is not sent twice;
    executions_max in executions_window_ms, and rejects_max in a row, after which a person has to look.
    Quotes are pulled (see `pulling`) when the touch has run through them by more than pull_through_ticks, or the mid
    has gone farther within pull_window_ms than pull_deviations deviations of the volatility believed in; they may come
    back after pull_hold_ms.
    Losses in the quote currency, marked at the worse touch, fees in: loss_soft_max and loss_hard_max since the day
    (UTC) began, drawdown_soft_max and drawdown_hard_max since the day's best; soft reduces, hard halts.

    symbols_allowed: symbols that may trade; empty means every symbol of the run.
    """

    symbols_allowed: tuple[str, ...] = ()
    order_lots_max: int = UNSET
    order_notional_max: int = UNSET
    open_orders_max: int = UNSET
    open_orders_side_max: int = UNSET
    account_orders_max: int = UNSET
    open_notional_max: int = UNSET
    position_lots_max: int = UNSET
    position_notional_max: int = UNSET
    account_notional_max: int = UNSET
    price_collar_bps: int = UNSET
    price_travel_bps: int = UNSET
    slippage_bps_max: int = UNSET
    book_age_ms_max: int = UNSET
    event_age_ms_max: int = UNSET
    mark_age_ms_max: int = UNSET
    book_epochs_max: int = UNSET
    balance_age_ms_max: int = UNSET
    margin_bps: int = UNSET
    margin_buffer_bps: int = UNSET
    orders_per_s_max: int = UNSET
    orders_burst_max: int = UNSET
    duplicate_ms: int = UNSET
    executions_max: int = UNSET
    executions_window_ms: int = UNSET
    rejects_max: int = UNSET
    pull_through_ticks: int = UNSET
    pull_deviations: int = UNSET
    pull_window_ms: int = UNSET
    pull_hold_ms: int = UNSET
    loss_soft_max: int = UNSET
    loss_hard_max: int = UNSET
    drawdown_soft_max: int = UNSET
    drawdown_hard_max: int = UNSET

    def problems(self) -> list[str]:
        """What is unset, out of range or reversed: key, what was found, what is allowed. Empty when all is well."""
        found = []
        for key, most in _MOST.items():
            value = getattr(self, key)
            if not 1 <= value <= most:
                said = "unset" if value == UNSET else value
                found.append(f"risk.{key}: found {said}, allowed 1 to {most}")
        for low, high in _ORDERED:
            if not getattr(self, low) <= getattr(self, high):
                found.append(f"risk.{low}: found {getattr(self, low)}, allowed at most {high} ({getattr(self, high)})")
        return found


_MOST = {
    "order_lots_max": LOTS_MAX,
    "order_notional_max": NOTIONAL_MAX,
    "open_orders_max": ORDERS_MAX,
    "open_orders_side_max": ORDERS_MAX,
    "account_orders_max": ORDERS_MAX,
    "open_notional_max": NOTIONAL_MAX,
    "position_lots_max": LOTS_MAX,
    "position_notional_max": NOTIONAL_MAX,
    "account_notional_max": NOTIONAL_MAX,
    "price_collar_bps": BPS_MAX,
    "price_travel_bps": BPS_MAX,
    "slippage_bps_max": BPS_MAX,
    "book_age_ms_max": AGE_MS_MAX,
    "event_age_ms_max": AGE_MS_MAX,
    "mark_age_ms_max": AGE_MS_MAX,
    "book_epochs_max": 10**6,
    "balance_age_ms_max": AGE_MS_MAX,
    "margin_bps": BPS_MAX,
    "margin_buffer_bps": BPS_MAX - 1,
    "orders_per_s_max": RATE_MAX,
    "orders_burst_max": RATE_MAX,
    "duplicate_ms": AGE_MS_MAX,
    "executions_max": EXECUTIONS_MAX,
    "executions_window_ms": 3_600_000,
    "rejects_max": 1_000,
    "pull_through_ticks": TICKS_MAX,
    "pull_deviations": 1_000,
    "pull_window_ms": AGE_MS_MAX,
    "pull_hold_ms": AGE_MS_MAX,
    "loss_soft_max": NOTIONAL_MAX,
    "loss_hard_max": NOTIONAL_MAX,
    "drawdown_soft_max": NOTIONAL_MAX,
    "drawdown_hard_max": NOTIONAL_MAX,
}

_ORDERED = (
    ("loss_soft_max", "loss_hard_max"),
    ("drawdown_soft_max", "drawdown_hard_max"),
)
"""What has to come first, before what."""


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
        ("price_travel_bps", "i8"),
        ("book_age_ns_max", "i8"),
        ("event_age_ns_max", "i8"),
        ("mark_age_ns_max", "i8"),
        ("book_epochs_max", "i8"),
        ("duplicate_ns", "i8"),
        ("open_orders_max", "i8"),
        ("open_orders_side_max", "i8"),
        ("position_lots_max", "i8"),
        ("position_units2_max", "i8"),  # lots times twice the mid in ticks
        ("slippage_bps_max", "i8"),
        ("tick_value_e8", "i8"),
        ("worst_units_max", "i8"),  # what WORST_E8_MAX comes to
        ("pull_through_ticks", "i8"),
        ("pull_deviations", "i8"),
        ("pull_window_ns", "i8"),
        ("pull_hold_ns", "i8"),
    ],
    align=True,
)
"""Limits of one symbol. All zero allows nothing."""

BOUNDS = np.dtype(
    [
        ("orders_max", "i8"),
        ("open_e8_max", "i8"),
        ("worst_e8_max", "i8"),
        ("balance_age_ns_max", "i8"),
        ("order_interval_ns", "i8"),  # between orders at the sustained rate
        ("order_burst_ns", "i8"),  # how far ahead of that rate a burst may run
        ("margin_bps", "i8"),
        ("margin_buffer_bps", "i8"),
        ("executions_max", "i8"),
        ("executions_window_ns", "i8"),
        ("rejects_max", "i8"),
        ("loss_soft_e8", "i8"),
        ("loss_hard_e8", "i8"),
        ("drawdown_soft_e8", "i8"),
        ("drawdown_hard_e8", "i8"),
    ],
    align=True,
)
"""Limits of the account. All zero allows nothing."""


def fill_limits(limits: np.ndarray, config: RiskConfig, instrument: np.ndarray, *, speed: float = 1.0) -> None:
    """Put the limits for one instrument (a row of the instruments segment) into a LIMITS record (cold).

    `speed`: how many times faster than recorded a recording runs; 1 for a live market, 0 as fast as it goes.
    """
    value = int(instrument["tick_value_e8"])
    symbol = bytes(instrument["symbol"][: int(instrument["symbol_length"])]).decode()
    limits["allowed"] = int(value > 0 and (not config.symbols_allowed or symbol in config.symbols_allowed))
    limits["venue_id"] = instrument["venue_id"]
    limits["size_lots_min"] = max(1, int(instrument["size_lots_min"]))
    limits["size_lots_max"] = min(LOTS_MAX, int(instrument["size_lots_max"]) or LOTS_MAX)
    limits["notional_units_min"] = -(-int(instrument["notional_e8_min"]) // max(value, 1))
    limits["notional_units_max"] = config.order_notional_max * _E8 // max(value, 1)
    limits["position_units2_max"] = min(2 * config.position_notional_max * _E8 // max(value, 1), 2**62)
    limits["worst_units_max"] = WORST_E8_MAX // max(value, 1)
    limits["tick_value_e8"] = value
    for name in ("order_lots_max", "open_orders_max", "open_orders_side_max", "position_lots_max"):
        limits[name] = getattr(config, name)
    for name in ("price_collar_bps", "price_travel_bps", "slippage_bps_max", "book_epochs_max"):
        limits[name] = getattr(config, name)
    for name in ("pull_through_ticks", "pull_deviations"):
        limits[name] = getattr(config, name)
    limits["pull_window_ns"] = config.pull_window_ms * _MS
    limits["pull_hold_ns"] = config.pull_hold_ms * _MS
    limits["book_age_ns_max"] = config.book_age_ms_max * _MS
    limits["mark_age_ns_max"] = config.mark_age_ms_max * _MS
    limits["event_age_ns_max"] = AGE_UNBOUNDED_NS if 0 < speed < 1 else config.event_age_ms_max * _MS
    limits["duplicate_ns"] = config.duplicate_ms * _MS


def fill_bounds(bounds: np.ndarray, config: RiskConfig) -> None:
    """Put the limits of the account into a BOUNDS record (cold)."""
    bounds["orders_max"] = config.account_orders_max
    bounds["open_e8_max"] = config.open_notional_max * _E8
    bounds["worst_e8_max"] = config.account_notional_max * _E8
    bounds["balance_age_ns_max"] = config.balance_age_ms_max * _MS
    bounds["margin_bps"] = config.margin_bps
    bounds["margin_buffer_bps"] = config.margin_buffer_bps
    interval_ns = 10**9 // config.orders_per_s_max if config.orders_per_s_max else AGE_UNBOUNDED_NS
    bounds["order_interval_ns"] = interval_ns
    bounds["order_burst_ns"] = (config.orders_burst_max - 1) * min(interval_ns, 10**9)
    bounds["executions_max"] = config.executions_max
    bounds["executions_window_ns"] = config.executions_window_ms * _MS
    bounds["rejects_max"] = config.rejects_max
    for name in ("loss_soft", "loss_hard", "drawdown_soft", "drawdown_hard"):
        bounds[f"{name}_e8"] = getattr(config, f"{name}_max") * _E8
