"""What decoded frames of Binance say of a recording: symbol, market, prices and sizes. Cold."""

import re
from typing import Any

from trader.venues.facts import Facts, texts_of

_SNAPSHOT_URL = re.compile(r"/depth\?(?:.*&)?symbol=([A-Za-z0-9_]+)")


def facts_of(message: Any) -> list[Facts]:
    """The book that one frame, or one snapshot, tells of. Snapshots of spot and USD-M name no symbol: ""."""
    if not isinstance(message, dict):
        return []
    event = message.get("data", message)
    if not isinstance(event, dict):
        return []
    if event.get("e") == "depthUpdate" and isinstance(event.get("s"), str):
        market = ("coinm" if "ps" in event else "usdm") if "pu" in event else "spot"
        return [_facts(event["s"], market, event.get("b"), event.get("a"))]
    if "lastUpdateId" in event and "bids" in event:
        return [_facts(str(event.get("symbol", "")), "", event["bids"], event.get("asks"))]
    return []


def _facts(symbol: str, market: str, bids: Any, asks: Any) -> Facts:
    (bid_prices, bid_sizes), (ask_prices, ask_sizes) = texts_of(bids), texts_of(asks)
    return Facts(symbol, market, bid_prices + ask_prices, bid_sizes + ask_sizes)


def snapshot_symbol(url: str) -> str:
    """The symbol whose depth snapshot a URL asks for, else ""."""
    found = _SNAPSHOT_URL.search(url)
    return found.group(1).upper() if found else ""
