"""What a recording is about: its venue, its market, its symbols, and units that hold all their prices and sizes.

The venue is the one whose `facts` module understands the most of the first frames. Units come from what is written;
where a later frame needs finer ones, or tells of a symbol that was not seen yet, the whole recording is surveyed.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

import msgspec
import numpy as np

from procs.recorded_frames import Batch
from trader.instrument import INSTRUMENT
from trader.venues.facts import Units, decode_frame
from trader.venues.scanner import SCANNER_SYMBOLS_MAX
from trader.venues.table import VENUES, Venue

SAMPLE_FRAMES = 400
"""Looked at first: some dozens of updates and, as a rule, a snapshot of thousands of levels."""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """`instruments`: INSTRUMENT rows of `symbols`, which stand in the order of their appearance; `units` by symbol.

    `left_out`: symbols beyond the SCANNER_SYMBOLS_MAX that one session takes.
    """

    venue: Venue
    market: str
    symbols: list[str]
    units: dict[str, Units]
    instruments: np.ndarray
    left_out: int


def survey(batches: Iterable[Batch], *, whole: bool = False, sample_frames: int = SAMPLE_FRAMES) -> Survey | None:
    """What the batches tell of; None if no frame of them is a book of any venue."""
    payloads = _payloads(batches)
    sample = list(islice(payloads, sample_frames))
    venue = _venue_of(sample)
    if venue is None:
        sample += payloads
        venue = _venue_of(sample)
    if venue is None:
        return None
    facts = venue.module("facts")
    units: dict[str, Units] = {}
    streamed: dict[str, None] = {}
    unnamed = Units()
    market = ""
    for payload, url in chain(sample, payloads if whole or venue.precision_counts else ()):
        named = facts.snapshot_symbol(url) if url else ""
        if url and not named:
            continue
        for found in facts.facts_of(decode_frame(payload)):
            symbol = found.symbol or named
            market = market or found.market
            if symbol and not url and found.book:
                streamed[symbol] = None
            (units.setdefault(symbol, Units(exact=venue.precision_counts)) if symbol else unnamed).add(
                found.prices, found.sizes
            )
    for own in units.values():
        own.include(unnamed)
    symbols = list(streamed)[:SCANNER_SYMBOLS_MAX]
    rows = [units[symbol].instrument(symbol) for symbol in symbols]
    return Survey(
        venue=venue,
        market=market,
        symbols=symbols,
        units=units,
        instruments=np.concatenate(rows) if rows else np.zeros(0, dtype=INSTRUMENT),
        left_out=len(streamed) - len(symbols),
    )


def _payloads(batches: Iterable[Batch]) -> Iterator[tuple[bytes, str]]:
    for batch in batches:
        yield from batch.payloads()


def _venue_of(payloads: list[tuple[bytes, str]]) -> Venue | None:
    """The venue that understands most of these frames, None if none does any."""
    messages = [decode_frame(payload) for payload, url in payloads if not url]
    scores = [(sum(bool(venue.module("facts").facts_of(message)) for message in messages), venue) for venue in VENUES]
    best, venue = max(scores, key=lambda score: score[0])
    return venue if best > 0 else None
