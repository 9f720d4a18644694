"""The markets that a run can be on, one row each; `instrument.market` is a row's number.

A market that is traded has its words in the order path (trader.venues.binance.orders) and its exchange
(trader.exchange.templates), both in the order of this table. The others are watched: their recordings are served, feed
and book run on them, no order is sent.
"""

from typing import NamedTuple

from trader.venues.table import Venue, venue_named


class Market(NamedTuple):
    """`kind`: what the venue's own modules call it. `exchange_info`: where its instruments are listed; empty: nowhere.

    `has_listen_key`: the user stream's path holds a key that is asked for; otherwise the stream is an order API
    connection of its own that subscribes. `has_balances`: a position is a balance less what it was at the start.
    `decimals`: of every price and size that the venue writes, where they are always the same (0: those of the tick).
    """

    number: int
    name: str
    venue_name: str
    kind: str = ""
    is_traded: bool = False
    exchange_info: str = ""
    has_listen_key: bool = False
    has_balances: bool = False
    tick: str = "0.01"
    lot: str = "0.001"
    decimals: int = 0

    @property
    def venue(self) -> Venue:
        """The venue's row: where its modules are."""
        return venue_named(self.venue_name)


USDM, SPOT = range(2)

# fmt: off
MARKETS = (
    Market(USDM, "binance.usdm", "binance", "usdm", is_traded=True, exchange_info="/fapi/v1/exchangeInfo",
           has_listen_key=True, tick="0.1", lot="0.001"),
    Market(SPOT, "binance.spot", "binance", "spot", is_traded=True, exchange_info="/api/v3/exchangeInfo",
           has_balances=True, tick="0.01", lot="0.00001", decimals=8),
    Market(2, "hyperliquid", "hyperliquid"),
    Market(3, "kraken",      "kraken"),
    Market(4, "kraken_v1",   "kraken_v1"),
    Market(5, "okx",         "okx"),
)
# fmt: on
assert [market.number for market in MARKETS] == list(range(len(MARKETS)))

NAMES = tuple(market.name for market in MARKETS)


def market_named(name: str) -> Market:
    """The row of a market. Raises KeyError."""
    return {market.name: market for market in MARKETS}[name]
