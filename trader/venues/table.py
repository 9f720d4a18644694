"""The venues, one row each. A venue is a folder whose modules have the same names everywhere:

    facts        what decoded frames say of a recording, cold
    instruments  the venue's own list of instruments to INSTRUMENT rows, cold
    requests     what a session says to the venue, cold
    market       scan: one frame's bytes to a MARKET_SCANNER
    session      on_text, text_entry: what a frame means for the session

Nothing of a venue is imported, and nothing compiled, before it is asked for.
"""

from importlib import import_module
from types import ModuleType
from typing import NamedTuple


class Venue(NamedTuple):
    """`checks`: how its books prove themselves. `precision_counts`: checksums are over numbers with all decimals of the
    instrument's precision, so that units must be neither finer nor coarser."""

    name: str
    checks: str
    precision_counts: bool = False

    def module(self, name: str) -> ModuleType:
        """One of its modules: facts, instruments, requests, market, session."""
        return import_module(f"trader.venues.{self.name}.{name}")


# fmt: off
VENUES = (
    Venue("binance",      checks="best quotes by update id"),
    Venue("hyperliquid",  checks="order of every book; best quotes by time"),
    Venue("kraken",       checks="checksums of the top 10", precision_counts=True),
    Venue("kraken_v1",    checks="checksums of the top 10"),
    Venue("okx",          checks="checksums of the top 25"),
)
# fmt: on


def venue_named(name: str) -> Venue:
    """The row of a venue. Raises KeyError."""
    return {venue.name: venue for venue in VENUES}[name]
