"""What a recording is about: its symbol, its continuity rule, and units that hold all its prices and sizes."""

import math
from decimal import Decimal

import msgspec
import numpy as np

from trader.feed.state import IdRule
from trader.instrument import INSTRUMENT
from trader.venues.decimals import DECIMALS_MAX

SAMPLE_LINES = 400
"""Lines looked at: some dozens of depth updates and, as a rule, a snapshot of thousands of levels."""


def find_instrument(text: bytes, *, exact_prices: bool = False) -> tuple[np.ndarray | None, IdRule]:
    """One INSTRUMENT row and the id rule of the first symbol in a recording; (None, ...) without a depth update.

    Sizes keep every decimal that is written. The tick is the largest power of ten that divides all prices
    seen: finer ones may follow, then the caller asks again with `exact_prices`, every decimal that is written.
    """
    symbol = ""
    rule = IdRule.SUCCESSOR
    prices: list[str] = []
    sizes: list[str] = []
    for line in text.split(b"\n", SAMPLE_LINES)[:SAMPLE_LINES]:
        frame = line.partition(b" ")[2]
        try:
            message = msgspec.json.decode(frame)
        except msgspec.DecodeError:
            continue
        if not isinstance(message, dict):
            continue
        event = message.get("data", message)
        if not isinstance(event, dict):
            continue
        if event.get("e") == "depthUpdate" and not symbol:
            symbol = str(event.get("s", ""))
            rule = IdRule.PREVIOUS if "pu" in event else IdRule.SUCCESSOR
        for side in ("b", "a", "bids", "asks"):
            levels = event.get(side)
            if isinstance(levels, list):
                prices += [level[0] for level in levels]
                sizes += [level[1] for level in levels]
    if not symbol:
        return None, rule
    row = np.zeros(1, dtype=INSTRUMENT)
    row["price_decimals"], row["tick_multiple"] = _unit(prices, exact=exact_prices)
    row["size_decimals"], row["lot_multiple"] = _unit(sizes, exact=True)
    row["symbol_length"] = len(symbol)
    row["symbol"][0][: len(symbol)] = np.frombuffer(symbol.encode(), dtype=np.uint8)
    return row, rule


def _unit(texts: list[str], *, exact: bool) -> tuple[int, int]:
    """(decimals, multiple) of all that is written, or of the largest power of ten that divides every text."""
    decimals = min(DECIMALS_MAX, max((len(text.partition(".")[2]) for text in texts), default=0))
    divisor = math.gcd(*(int(Decimal(text).scaleb(decimals)) for text in texts)) or 1
    while not exact and decimals > 0 and divisor % 10 == 0:
        decimals, divisor = decimals - 1, divisor // 10
    return decimals, 1
