"""Router configuration: how long silence is borne, and whether the router may place orders at all."""

import msgspec


class RouterConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Timeouts and modes of the router.

    placement_timeout_ms: silence after which an order's outcome is UNKNOWN and is asked for.
    cancel_retry_ms: silence after which a cancel is sent again.
    owed_fills_ms: how long fills that the venue has counted may be missing before they are fetched.
    reconnect_ms_min, reconnect_ms_max: back-off after a lost connection, doubled each time, jittered.
    listen_key_minutes: how often the user stream's key is renewed; it dies after 60.
    cancel_only: cancel everything at the start and deny every order: the successor of a router that died.
    """

    placement_timeout_ms: int = 100
    cancel_retry_ms: int = 500
    owed_fills_ms: int = 500
    reconnect_ms_min: int = 100
    reconnect_ms_max: int = 5_000
    listen_key_minutes: int = 30
    cancel_only: bool = False

    def problems(self) -> list[str]:
        """What is out of range: key, what was found, what is allowed. Empty when all is well."""
        bounds = {
            "placement_timeout_ms": (10, 10_000),
            "cancel_retry_ms": (50, 60_000),
            "owed_fills_ms": (50, 60_000),
            "reconnect_ms_min": (10, 60_000),
            "reconnect_ms_max": (self.reconnect_ms_min, 600_000),
            "listen_key_minutes": (1, 55),
        }
        return [
            f"router.{key}: found {getattr(self, key)}, allowed {least} to {most}"
            for key, (least, most) in bounds.items()
            if not least <= getattr(self, key) <= most
        ]
