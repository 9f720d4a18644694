"""The texts that a market-data client sends to Hyperliquid: subscriptions. Cold."""

import json
from typing import Any

from trader.feed.plan import SessionPlan, SnapshotRule

PING_MS = 30_000
"""The venue closes a connection on which it has sent nothing for 60 s."""


def subscription(method: str, kind: str, coin: str, **options: Any) -> bytes:
    """Subscribe to or unsubscribe from one stream of one coin."""
    subject = {"type": kind, "coin": coin, **options}
    return json.dumps({"method": method, "subscription": subject}, separators=(",", ":")).encode()


def session_plan(config: Any, symbols: list[str], *, market: str = "") -> SessionPlan:
    """The market session's plan: fast books (5 levels, twice a second), best quotes and trades of every coin."""
    return SessionPlan(
        path="/ws",
        requests=[subscription("subscribe", "l2Book", coin, fast=True) for coin in symbols],
        cancels=[subscription("unsubscribe", "l2Book", coin, fast=True) for coin in symbols],
        greetings=[b"\n".join(subscription("subscribe", kind, coin) for kind in ("bbo", "trades")) for coin in symbols],
        ping=b'{"method":"ping"}',
        ping_ms=PING_MS,
        snapshot_rule=SnapshotRule.STREAMED,
    )
