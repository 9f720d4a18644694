"""What decoded frames of OKX say of a recording: instrument, prices and sizes. Cold."""

from typing import Any

from trader.venues.facts import Facts, texts_of

BOOKS = ("books", "books-l2-tbt", "books50-l2-tbt")


def facts_of(message: Any) -> list[Facts]:
    """The book that one frame tells of."""
    if not isinstance(message, dict) or not isinstance(arg := message.get("arg"), dict):
        return []
    symbol, data = arg.get("instId"), message.get("data")
    if arg.get("channel") not in BOOKS or not isinstance(symbol, str) or not isinstance(data, list):
        return []
    prices, sizes = [], []
    for book in data:
        for side in ("bids", "asks"):
            found = texts_of(book.get(side) if isinstance(book, dict) else None)
            prices += found[0]
            sizes += found[1]
    return [Facts(symbol, "", prices, sizes)]


def snapshot_symbol(url: str) -> str:
    """No snapshot of this venue is asked for by REST."""
    return ""
