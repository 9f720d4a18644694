"""Router configuration: how long silence is borne, what is asked how often, and whether orders may be placed at all."""

import msgspec

from trader.pacing import PacingConfig


class RouterConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Timeouts and modes of the router.

    placement_timeout_ms: silence after which an order's outcome is UNKNOWN and is asked for.
    cancel_retry_ms: silence after which a cancel is sent again.
    owed_fills_ms: how long fills that the venue has counted may be missing before they are fetched.
    reconnect_ms_min, reconnect_ms_max: back-off after a lost connection, doubled each time, jittered.
    listen_key_minutes: how often the user stream's key is renewed; it dies after 60.
    orders_check_ms: how often the venue's open orders are compared with ours; 0: never.
    position_check_ms: the same for trades and positions.
    dead_man_ms: the venue cancels everything when it has not heard of us for so long; 0: off.
    dead_man_refresh_ms: how often it hears of us.
    breaker_failures: lost connections, 5xx and missing answers in a row after which no order is sent for
    breaker_open_ms; then breaker_probes orders in all must succeed. breaker_timeout_ms: an answer that takes longer is
    missing; the placement timeout is shorter, and what comes between the two is a success.
    batch_window_ms: orders wait so long for others, batch_size_max of which leave together; 0: none waits.
    pacing: requests a second, see PacingConfig.
    balance_refresh_ms: how often the free collateral is asked for; 0: never, and risk refuses every order.
    status_refresh_ms: how often the venue is asked whether it trades each instrument; 0: never, and risk refuses every
    order. mark_refresh_ms: the same for mark prices; 0: never, and only a LIVE book is a reference for prices.
    cancel_only: cancel everything at the start and deny every order: the successor of a router that died.
    trades_from: for each symbol the trade id from which on a predecessor has perhaps not told the fills: a successor
    tells them, so that positions stay the sum of fills; empty or 0: begin with the venue's position.
    """

    placement_timeout_ms: int = 100
    cancel_retry_ms: int = 500
    owed_fills_ms: int = 500
    reconnect_ms_min: int = 100
    reconnect_ms_max: int = 5_000
    listen_key_minutes: int = 30
    orders_check_ms: int = 5_000
    position_check_ms: int = 30_000
    dead_man_ms: int = 10_000
    dead_man_refresh_ms: int = 2_000
    breaker_failures: int = 5
    breaker_open_ms: int = 60_000
    breaker_probes: int = 3
    breaker_timeout_ms: int = 1_000
    batch_window_ms: int = 0
    batch_size_max: int = 50
    pacing: PacingConfig = PacingConfig()
    balance_refresh_ms: int = 2_000
    status_refresh_ms: int = 5_000
    mark_refresh_ms: int = 1_000
    cancel_only: bool = False
    trades_from: tuple[int, ...] = ()

    def problems(self) -> list[str]:
        """What is out of range: key, what was found, what is allowed. Empty when all is well."""
        bounds = {
            "placement_timeout_ms": (10, 10_000),
            "cancel_retry_ms": (50, 60_000),
            "owed_fills_ms": (50, 60_000),
            "reconnect_ms_min": (10, 60_000),
            "reconnect_ms_max": (self.reconnect_ms_min, 600_000),
            "listen_key_minutes": (1, 55),
            "orders_check_ms": (0, 600_000),
            "position_check_ms": (0, 600_000),
            "dead_man_ms": (0, 3_600_000),
            "dead_man_refresh_ms": (100, max(100, self.dead_man_ms // 2) if self.dead_man_ms else 3_600_000),
            "breaker_failures": (1, 1_000),
            "breaker_open_ms": (1, 3_600_000),
            "breaker_probes": (1, 16),
            "breaker_timeout_ms": (self.placement_timeout_ms, 60_000),
            "batch_window_ms": (0, 1_000),
            "batch_size_max": (1, 100),
            "balance_refresh_ms": (0, 60_000),
            "status_refresh_ms": (0, 600_000),
            "mark_refresh_ms": (0, 60_000),
        }
        found = [
            f"router.{key}: found {getattr(self, key)}, allowed {least} to {most}"
            for key, (least, most) in bounds.items()
            if not least <= getattr(self, key) <= most
        ]
        if any(trade_id < 0 for trade_id in self.trades_from):
            found.append(f"router.trades_from: found {min(self.trades_from)}, allowed 0 or a trade id")
        return found + self.pacing.problems()
