"""The texts that a market-data client sends to Binance: stream paths and snapshot requests. Cold."""

SNAPSHOT_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
"""Levels a side that the futures venue grants in one snapshot."""


def stream_path(symbols: list[str], *, prefix: str = "/stream", depth_speed: str = "0ms") -> str:
    """Path of one combined market stream: depth, best quotes and trades of every symbol."""
    streams = [
        f"{symbol.lower()}@{stream}" for symbol in symbols for stream in (f"depth@{depth_speed}", "bookTicker", "trade")
    ]
    return f"{prefix}?streams={'/'.join(streams)}"


def snapshot_request(symbol: str, *, limit: int = 1000) -> bytes:
    """The REST request of one depth snapshot, in the form of a WireOut REQUEST."""
    return f"GET /fapi/v1/depth?symbol={symbol}&limit={limit}\n\n".encode()
