"""What decoded frames of Kraken's first stream say of a recording: pair, prices and volumes. Cold."""

from typing import Any

from trader.venues.facts import Facts, texts_of
from trader.venues.kraken_v1.fields import BOOKS


def facts_of(message: Any) -> list[Facts]:
    """The book that one frame tells of."""
    if not isinstance(message, list) or len(message) < 4 or message[-2] not in BOOKS:
        return []
    prices, sizes = [], []
    for contents in message[1:-2]:
        for side in ("as", "bs", "a", "b"):
            found = texts_of(contents.get(side) if isinstance(contents, dict) else None)
            prices += found[0]
            sizes += found[1]
    return [Facts(str(message[-1]), "", prices, sizes)]


def snapshot_symbol(url: str) -> str:
    """No snapshot of this venue is asked for by REST."""
    return ""
