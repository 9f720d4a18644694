"""What decoded frames of Hyperliquid say of a recording: coin, prices and sizes. Cold."""

from typing import Any

from trader.venues.facts import Facts, texts_of


def facts_of(message: Any) -> list[Facts]:
    """The book or best quote that one frame tells of."""
    if not isinstance(message, dict) or not isinstance(data := message.get("data"), dict):
        return []
    coin = data.get("coin")
    sides = data.get("levels") if message.get("channel") == "l2Book" else data.get("bbo")
    if not isinstance(coin, str) or not isinstance(sides, list):
        return []
    if message["channel"] == "bbo":
        sides = [[level] for level in sides if level is not None]
    prices, sizes = [], []
    for levels in sides:
        found = texts_of(levels, "px", "sz")
        prices += found[0]
        sizes += found[1]
    return [Facts(coin, "", prices, sizes)]


def snapshot_symbol(url: str) -> str:
    """No snapshot of this venue comes by REST."""
    return ""
