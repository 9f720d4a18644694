"""The texts that a market-data client sends to OKX: subscriptions. Cold."""

import json
from typing import Any

from trader.feed.plan import SessionPlan, SilenceRule, SnapshotRule

PING_MS = 1_000
"""A quiet book says nothing for long: the answer to a ping is what shows that the venue is there."""


def subscription(operation: str, channel: str, symbol: str) -> bytes:
    """Subscribe to or unsubscribe from one channel of one instrument."""
    message = {"op": operation, "args": [{"channel": channel, "instId": symbol}]}
    return json.dumps(message, separators=(",", ":")).encode()


def session_plan(config: Any, symbols: list[str], *, market: str = "") -> SessionPlan:
    """The market session's plan: the 400-level book, every 100 ms, and the trades of every instrument."""
    return SessionPlan(
        path="/ws/v5/public",
        requests=[subscription("subscribe", "books", symbol) for symbol in symbols],
        cancels=[subscription("unsubscribe", "books", symbol) for symbol in symbols],
        greetings=[subscription("subscribe", "trades", symbol) for symbol in symbols],
        ping=b"ping",
        ping_ms=PING_MS,
        snapshot_rule=SnapshotRule.STREAMED,
        silence_rule=SilenceRule.CONNECTION,
    )
