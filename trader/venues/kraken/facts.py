"""What decoded frames of Kraken say of a recording: pair, prices and quantities, or a pair's own precision. Cold."""

from decimal import Decimal
from typing import Any

from trader.venues.facts import Facts, texts_of


def facts_of(message: Any) -> list[Facts]:
    """The book that one frame tells of; or, of the `instrument` channel, the precision of each pair."""
    if not isinstance(message, dict) or message.get("type") not in ("snapshot", "update"):
        return []
    data = message.get("data")
    if message.get("channel") == "instrument" and isinstance(data, dict):
        return [_precision(pair) for pair in data.get("pairs", []) if "price_precision" in pair]
    if message.get("channel") != "book" or not isinstance(data, list):
        return []
    found = []
    for book in data:
        if not isinstance(book, dict) or not isinstance(book.get("symbol"), str):
            return []
        sides = [texts_of(book.get(side), "price", "qty") for side in ("bids", "asks")]
        found.append(Facts(book["symbol"], "", sides[0][0] + sides[1][0], sides[0][1] + sides[1][1]))
    return found


def _precision(pair: dict[str, Any]) -> Facts:
    """Numbers that show how many decimals a pair's prices and quantities have."""
    price, size = (format(Decimal(1).scaleb(-int(pair[name])), "f") for name in ("price_precision", "qty_precision"))
    return Facts(str(pair.get("symbol")), "", [price], [size], book=False)


def snapshot_symbol(url: str) -> str:
    """No snapshot of this venue is asked for by REST."""
    return ""
