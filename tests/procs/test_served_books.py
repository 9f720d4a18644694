"""Late subscribers of a served recording: their snapshot and what follows is a book that the checksums prove."""

import json
from pathlib import Path

import pytest

from procs.served_books import ServedBooks
from procs.verify import verify_recording
from tests.system.recorded_slices import written
from tests.trader.mutation_truth import hyperliquid
from tests.trader.mutation_truth_proven import cryptofeed, kraken, kraken_v1
from tests.trader.venue_frames import packed
from trader.enums import WireKind
from trader.feed.plan import SessionPlan
from trader.venues.table import venue_named

FRAME, LOST = int(WireKind.FRAME), int(WireKind.LOST)
CLIENT, OTHER = 3, 4
VENUES = {
    "hyperliquid": ("hyperliquid/hyperliquid_btcusd_20250126.gz", "BTC", 150),
    "kraken_v1": ("cryptofeed/KRAKEN.jsonl.zst", "XMR/USD", 500),
    "kraken": ("cryptofeed/KRAKEN.jsonl.zst", "XMR/USD", 500),
    "okx": ("cryptofeed/OKX.jsonl.zst", "", 300),
}


@pytest.fixture(params=VENUES)
def market(request) -> str:
    return request.param


def played(market: str, data: Path) -> tuple[str, list[bytes]]:
    """A symbol and the frames that tell of its book, the whole book at the head."""
    name, symbol, count = VENUES[market]
    path = data / name
    if not path.exists():
        pytest.skip(f"no recording {path}: set TRADER_DATA")
    if market == "hyperliquid":
        return symbol, hyperliquid(path).frames[:count]
    if market == "okx":
        frames = [frame for _, frame in cryptofeed(path) if b'"books"' in frame and b'"data"' in frame]
        symbol = json.loads(frames[0])["arg"]["instId"]
        return symbol, [frame for frame in frames if json.loads(frame)["arg"]["instId"] == symbol][:count]
    first = kraken_v1(path, symbol, count)
    return symbol, (first if market == "kraken_v1" else kraken(first)).frames


def plan_of(market: str, symbol: str) -> SessionPlan:
    """What our own feed says to the venue."""
    return venue_named(market).module("requests").session_plan(None, [symbol])


def request(market: str, symbol: str) -> bytes:
    """What it asks for a book with."""
    return plan_of(market, symbol).requests[0]


def test_a_snapshot_and_the_frames_after_it_are_the_whole_book(market, trader_data, tmp_path):
    symbol, frames = played(market, trader_data)
    served = ServedBooks(market)
    ask = request(market, symbol)
    assert served.answers(CLIENT, FRAME, ask) == []
    checks = []
    for place, frame in enumerate(frames):
        served.note(frame)
        if place % (len(frames) // 6) != 5:
            continue
        assert served.answers(OTHER + place, FRAME, request(market, "NONE")) == []
        (snapshot,) = served.answers(OTHER + place, FRAME, ask)
        rest = written(tmp_path / f"from-{place}", [snapshot, *frames[place + 1 :]])
        proved = verify_recording(rest)
        assert (proved.mismatched, proved.gaps, proved.resyncs) == (0, 0, 0)
        checks.append(proved.checked)
    assert len(checks) >= 6
    if market != "hyperliquid":
        assert min(checks) > 10
        assert checks == sorted(checks, reverse=True)


def test_a_client_from_the_beginning_gets_a_snapshot_only_where_it_asks_again(market, trader_data):
    symbol, frames = played(market, trader_data)
    served = ServedBooks(market)
    ask = request(market, symbol)
    assert served.answers(CLIENT, FRAME, ask) == []
    for frame in frames[:20]:
        served.note(frame)
    second = request(market, "another")
    assert served.answers(CLIENT, FRAME, second) == []
    assert served.answers(CLIENT, FRAME, plan_of(market, symbol).ping) == []
    for leaving in plan_of(market, symbol).cancels:
        assert served.answers(CLIENT, FRAME, leaving) == []
    assert len(served.answers(CLIENT, FRAME, ask)) == 1
    assert served.answers(CLIENT, LOST, b"") == []
    assert len(served.answers(CLIENT, FRAME, ask)) == 1, "a new connection under the old number"


def test_frames_that_are_no_books_are_none_of_its_business(market):
    served = ServedBooks(market)
    for frame in (b"", b"pong", b"{", b"[]", b"[1]", b"{}", b"null", b"7", b'"x"', packed({"channel": "book"})):
        served.note(frame)
    assert served.answers(CLIENT, FRAME, request(market, "BTC")) == []
