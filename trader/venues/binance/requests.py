"""The texts that a market-data client sends to Binance: stream paths and snapshot requests. Cold."""

from typing import Any, Literal

from trader.feed.plan import IdRule, SessionPlan

Market = Literal["usdm", "coinm", "spot"]
MARKETS: dict[str, tuple[str, IdRule, str]] = {
    "usdm": ("/fapi/v1/depth", IdRule.PREVIOUS, "0ms"),
    "coinm": ("/dapi/v1/depth", IdRule.PREVIOUS, "0ms"),
    "spot": ("/api/v3/depth", IdRule.SUCCESSOR, "100ms"),
}
"""For each market: where its snapshots are, what its update ids continue, and its fastest depth stream."""

SNAPSHOT_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
"""Levels a side that the futures venue grants in one snapshot."""


def stream_path(symbols: list[str], *, prefix: str = "/stream", depth_speed: str = "0ms") -> str:
    """Path of one combined market stream: depth, best quotes and trades of every symbol."""
    streams = [
        f"{symbol.lower()}@{stream}" for symbol in symbols for stream in (f"depth@{depth_speed}", "bookTicker", "trade")
    ]
    return f"{prefix}?streams={'/'.join(streams)}"


def snapshot_request(symbol: str, *, limit: int = 1000, market: Market = "usdm") -> bytes:
    """The REST request of one depth snapshot, in the form of a WireOut REQUEST."""
    return f"GET {MARKETS[market][0]}?symbol={symbol}&limit={limit}\n\n".encode()


def session_plan(config: Any, symbols: list[str], *, market: Market = "usdm") -> SessionPlan:
    """The market session's plan; `config` is a FeedConfig."""
    return SessionPlan(
        path=stream_path(symbols, prefix=config.stream_prefix, depth_speed=config.depth_speed or MARKETS[market][2]),
        requests=[snapshot_request(symbol, limit=config.snapshot_levels, market=market) for symbol in symbols],
        id_rule=MARKETS[market][1],
    )
