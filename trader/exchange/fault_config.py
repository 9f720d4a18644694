"""Knobs of the exchange's faults: what goes wrong, how often, and when it ends."""

import math

import msgspec

FOREVER_S = 86_400.0


class FaultsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[exchange.faults]: all off by default. Shares are of 1; rates are a mean count per second; 0 is off.

    The ledger is never wrong: what a fault keeps from a client is found by status queries, open orders and trades.

    after_s, heal_after_s: faults begin and end so long after the start (0: at once; never).
    delay, delay_ms: share of requests, replies and user events that come up to so much later, in order.
    late, late_ms: share of order requests, and of executions and acknowledgements on the user stream, that others
    overtake by up to so much.
    reorder: share of user events that swap places with the next.
    duplicate: share of user events that are told again, up to delay_ms later.
    drop: share of user events that are never told.
    lose_request, lose_reply: share of order requests that never arrive; that are carried out and never answered.
    doubt: share of order requests answered "status unknown" (-1006, -1007), half of which were carried out.
    reject: share of new orders refused for no reason of theirs.
    fill_at_once: share of resting orders that are filled, in part or whole, before anything is said of them.
    fill_before_cancel: share of cancels that come too late: the order was filled, in part or whole.
    deny_fill: share of such partial fills that the cancel's answers deny; they are told late_ms later at most. This is
    the one fault in which the venue says what is not so.
    rest_error, rest_lost: share of HTTP requests answered 503; answered after five seconds with 504.
    silence_per_s, silence_s: connections that go silent in both directions, without an end; then they are reset.
    hang_per_s, hang_ms: the exchange answers nothing for a while.
    cut_per_s: connections that end in the middle of a frame.
    halt_per_s, halt_ms: an instrument that does not trade for a while: new orders are refused, nobody else's come.
    restart_per_s, restart_ms: all connections end, and no new one stands for a while. Orders stay.
    orders_per_10s: new orders allowed in ten seconds; more are answered 429, -1015.
    weight_per_minute: requests allowed in a minute, by weight; more are answered 429, -1003, then, if they go on,
    418 for ban_s. Both name the time to retry after.
    """

    seed: int = 1
    after_s: float = 0.0
    heal_after_s: float = 0.0
    delay: float = 0.0
    delay_ms: float = 50.0
    late: float = 0.0
    late_ms: float = 1_000.0
    reorder: float = 0.0
    duplicate: float = 0.0
    drop: float = 0.0
    lose_request: float = 0.0
    lose_reply: float = 0.0
    doubt: float = 0.0
    reject: float = 0.0
    fill_at_once: float = 0.0
    fill_before_cancel: float = 0.0
    deny_fill: float = 0.0
    rest_error: float = 0.0
    rest_lost: float = 0.0
    silence_per_s: float = 0.0
    silence_s: float = 5.0
    hang_per_s: float = 0.0
    hang_ms: float = 500.0
    cut_per_s: float = 0.0
    restart_per_s: float = 0.0
    restart_ms: float = 500.0
    halt_per_s: float = 0.0
    halt_ms: float = 2_000.0
    orders_per_10s: int = 0
    weight_per_minute: int = 0
    ban_s: int = 2

    @property
    def is_active(self) -> bool:
        """Whether anything at all can go wrong."""
        return any(getattr(self, name) for name in (*SHARES, *RATES, *LIMITS))

    def problems(self) -> list[str]:
        """Every value that cannot be used: key, what was found, what is allowed."""
        ranges: list[tuple[str, float, float]] = [(name, 0, 1) for name in SHARES]
        ranges += [(name, 0, 1_000) for name in RATES]
        ranges += [(name, 0, 1_000_000) for name in LIMITS]
        ranges += [("seed", 0, 2**62), ("after_s", 0, FOREVER_S), ("heal_after_s", 0, FOREVER_S), ("ban_s", 1, 600)]
        ranges += [(name, 1, 60_000) for name in ("delay_ms", "late_ms", "hang_ms", "restart_ms", "halt_ms")]
        ranges += [("silence_s", 0.1, 600)]
        found = [
            f"exchange.faults.{name}: found {getattr(self, name):g}, allowed {low:g} to {high:g}"
            for name, low, high in ranges
            if not (math.isfinite(getattr(self, name)) and low <= getattr(self, name) <= high)
        ]
        if 0 < self.heal_after_s <= self.after_s:
            found.append(
                f"exchange.faults.heal_after_s: found {self.heal_after_s:g}, allowed 0 or more than after_s,"
                f" {self.after_s:g}"
            )
        return found


SHARES = (
    "delay", "late", "reorder", "duplicate", "drop", "lose_request", "lose_reply", "doubt", "reject", "fill_at_once",
    "fill_before_cancel", "deny_fill", "rest_error", "rest_lost",
)  # fmt: skip
"""Each the chance of one message."""

RATES = ("silence_per_s", "hang_per_s", "cut_per_s", "restart_per_s", "halt_per_s")
"""Each the mean count of one kind of event in a second."""

LIMITS = ("orders_per_10s", "weight_per_minute")
"""What the venue allows; 0 is no limit."""
