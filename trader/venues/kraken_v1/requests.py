"""The texts that a market-data client sends to Kraken's first stream: subscriptions. Cold."""

import json
from typing import Any

from trader.feed.plan import SessionPlan, SilenceRule, SnapshotRule

DEPTH = 100
"""Levels a side: one of 10, 25, 100, 500, 1000."""

PING_MS = 30_000
"""The venue sends a heartbeat every second by itself."""


def subscription(event: str, name: str, symbol: str, **options: Any) -> bytes:
    """Subscribe to or unsubscribe from one channel of one pair."""
    message = {"event": event, "pair": [symbol], "subscription": {"name": name, **options}}
    return json.dumps(message, separators=(",", ":")).encode()


def session_plan(config: Any, symbols: list[str], *, market: str = "") -> SessionPlan:
    """The market session's plan: books and trades of every pair."""
    return SessionPlan(
        path="/",
        requests=[subscription("subscribe", "book", symbol, depth=DEPTH) for symbol in symbols],
        cancels=[subscription("unsubscribe", "book", symbol, depth=DEPTH) for symbol in symbols],
        greetings=[subscription("subscribe", "trade", symbol) for symbol in symbols],
        ping=b'{"event":"ping"}',
        ping_ms=PING_MS,
        snapshot_rule=SnapshotRule.STREAMED,
        silence_rule=SilenceRule.CONNECTION,
    )
