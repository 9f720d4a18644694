"""Recorded streams, mutated: after the first mutation every book is right or not LIVE, and comes back."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from procs.recorded_frames import FRAME_ROW, REST, STREAM
from shm.kernel import address_of_array, new_record
from tests.trader import mutation_truth as truth
from tests.trader import mutation_truth_proven as proven
from tests.trader.market_frames import instruments
from tests.trader.mutation_driver import DRIVER, MUTATIONS, Mutation, Wrong
from tests.trader.mutation_slices import run_slice, run_slices
from trader.book.state import BOOK, ClearCause, prepare_book
from trader.feed import FeedConfig, prepare_feed
from trader.feed.state import feed_dtype
from trader.venues.table import venue_named

QUICK, SLOW = 2_000, 100_000
STREAMS = ("usdm", "spot", "hyperliquid", "kraken_v1", "kraken", "okx", "okx_sequenced")


SEQUENCE, QUOTES = "GAP", "GAP REQUESTED SILENCE"
CHECKSUM, SILENCE = "GAP CROSSED MISMATCH", "SILENCE"
# fmt: off
DETECTED = {
    #                  dropped    doubled  told again  swapped    cut short  junk byte  a digit    frozen
    "usdm":           (QUOTES,    "",      "",         QUOTES,    QUOTES,    QUOTES,    QUOTES,    SILENCE),
    "spot":           (QUOTES,    "",      "",         QUOTES,    QUOTES,    QUOTES,    QUOTES,    SILENCE),
    "hyperliquid":    ("",        "",      SEQUENCE,   SEQUENCE,  "",        "",        CHECKSUM,  SILENCE),
    "kraken_v1":      (CHECKSUM,  "",      CHECKSUM,   CHECKSUM,  CHECKSUM,  CHECKSUM,  CHECKSUM,  SILENCE),
    "kraken":         (CHECKSUM,  "",      CHECKSUM,   CHECKSUM,  CHECKSUM,  CHECKSUM,  CHECKSUM,  SILENCE),
    "okx":            (CHECKSUM,  "",      CHECKSUM,   CHECKSUM,  CHECKSUM,  CHECKSUM,  CHECKSUM,  SILENCE),
    "okx_sequenced":  (SEQUENCE,  "",      "",         SEQUENCE,  SEQUENCE,  CHECKSUM,  CHECKSUM,  SILENCE),
}
# fmt: on
"""What may notice which mutation (ClearCause; REQUESTED: the book asks, because best quotes disagree or it is crossed).
Empty: nothing is lost by it. A doubled update changes nothing twice; one told again is known by its id. A Hyperliquid
book is whole each time, so a lost one is made good by the next; a digit changed in it shows by order, crossing or the
best quote, else it stands until the next book. Since 2026 OKX tells no checksum: a digit changed there may stay unseen.
Checksums cover the top 10 (Kraken) or 25 (OKX): what changes behind them shows when it comes into them."""
for _row in DETECTED:
    DETECTED[_row] = dict(zip(list(Mutation)[1:], DETECTED[_row], strict=True))


@cache
def stream_of(name: str, folder: Path) -> truth.Stream:
    """A recorded stream with its truth."""
    kraken = folder / "cryptofeed/KRAKEN.jsonl.zst"
    okx = folder / "cryptofeed/OKX.jsonl.zst"
    match name:
        case "usdm":
            return truth.binance(folder / "binance/usdm_btcusdt_20240808.gz", "usdm", 5_000)
        case "spot":
            return truth.binance(folder / "binance/spot_btcusdt_20240808.gz", "spot", 4_000)
        case "hyperliquid":
            return truth.hyperliquid(folder / "hyperliquid/hyperliquid_btcusd_20250126.gz")
        case "kraken_v1":
            return proven.kraken_v1(kraken, "XMR/USD", 500)
        case "kraken":
            return proven.kraken(stream_of("kraken_v1", folder))
        case _:
            return proven.okx(okx, "BTC-USDT", sequenced=name == "okx_sequenced")


class Driver:
    """One stream in the compiled driver's form."""

    def __init__(self, name: str, folder: Path) -> None:
        self.stream = stream = stream_of(name, folder)
        self.record = new_record(DRIVER)
        own = self.record[0]
        replies = sorted(stream.replies)
        texts = [*stream.frames, *(stream.replies[place] for place in replies)]
        self.rows = np.zeros(len(texts), dtype=FRAME_ROW)
        self.rows["length"] = [len(text) for text in texts]
        self.rows["offset"][1:] = np.cumsum(self.rows["length"])[:-1]
        self.rows["now_ns"][: len(stream.frames)] = stream.times_ns
        self.rows["connection"] = STREAM
        if stream.venue == "binance":
            self.rows["connection"][len(stream.frames) :] = REST
        self.text = np.frombuffer(b"".join(texts), dtype=np.uint8)
        self.places = np.full(len(stream.frames), -1, dtype=np.int64)
        self.places[replies] = np.arange(len(stream.frames), len(texts))
        self.feed, self.fresh = new_record(feed_dtype(1)), new_record(feed_dtype(1))
        self.book = new_record(BOOK)
        prepare_book(self.book[0])
        rows = instruments(stream.symbol, price=(stream.decimals[0], 1), size=(stream.decimals[1], 1))
        config, venue = FeedConfig(), venue_named(stream.venue)
        market = {"market": stream.market} if stream.market else {}
        prepare_feed(
            self.fresh[0], config, rows, venue.module("requests").session_plan(config, [stream.symbol], **market)
        )
        own["entry"] = venue.module("session").text_entry.address
        for field, array in (
            ("feed", self.feed), ("feed_fresh", self.fresh), ("book_fresh", self.book), ("text", self.text),
            ("rows", self.rows), ("steps", stream.steps), ("truth", stream.truth), ("replies", self.places),
        ):  # fmt: skip
            own[field] = address_of_array(array)
        own["feed_bytes"] = self.feed.nbytes
        own["count"] = len(stream.frames)
        steps_a_frame = stream.steps.mean()
        own["slice_frames"] = min(len(stream.frames), int(60 / steps_a_frame))
        own["silent_digits"] = {"usdm": 1, "spot": 1, "okx_sequenced": 2}.get(name, 0)
        own["whole_books"] = stream.venue == "hyperliquid"
        if stream.venue == "hyperliquid":
            own["silent_digits"] = 1

    def run(self, count: int, *, first: int = 0) -> None:
        """Run slices; fails with the first one whose book was wrong while LIVE."""
        own = self.record[0]
        done = run_slices(own, first, count)
        mutation = Mutation(1 + (first + done) % (MUTATIONS - 1))
        assert done == count, (
            f"slice {first + done}, {mutation.name}: {Wrong(int(own['wrong'])).name} at {own['wrong_at']}"
        )


@pytest.mark.parametrize("name", STREAMS)
def test_an_unmutated_stream_stays_live(name, trader_data):
    driver = Driver(name, trader_data)
    own = driver.record[0]
    own["slice_frames"] = own["count"]
    assert run_slice(own, 1, 0) == 0
    assert (own["left_live"], own["was_live"]) == (0, 1)


def test_every_stream_has_its_row():
    assert set(DETECTED) == set(STREAMS)


@pytest.mark.parametrize("name", STREAMS)
def test_after_a_mutation_a_book_is_right_or_not_live(name, trader_data):
    driver = Driver(name, trader_data)
    driver.run(QUICK)
    own = driver.record[0]
    for mutation in list(Mutation)[1:]:
        slices, noticed = int(own["slices"][mutation]), int(own["noticed"][mutation])
        causes = {ClearCause(code).name for code in np.flatnonzero(own["causes"][mutation])}
        expected = DETECTED[name][mutation]
        assert slices == QUICK // (MUTATIONS - 1), "every slice came to its mutation"
        assert causes <= set(expected.split()), (mutation.name, causes)
        assert (noticed > 0) == bool(expected), (mutation.name, noticed)
        assert mutation != Mutation.FREEZE or noticed == slices


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMS)
def test_after_a_hundred_thousand_mutations_books_are_right_or_not_live(name, trader_data):
    Driver(name, trader_data).run(SLOW, first=QUICK)
