"""A recorded market: passed on as it came, and our orders filled by the conservative queue rule."""

import gzip
import json
import os
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.trader.exchange_desk import MARKET, USER, Desk, price_of

RECORDING = Path(os.environ.get("TRADER_DATA", "../shared/data")) / "binance/usdm_btcusdt_20240808.gz"
BASE_MS = 1_723_161_256_000


class Tape:
    """Frames of a market at 60000.0 x 60000.1, made by hand; ids and times go up by themselves."""

    def __init__(self) -> None:
        self.desk = Desk(recorded=True)
        self.id = 100
        self.ms = BASE_MS
        self.desk.listen()
        self.desk.record({"lastUpdateId": 100, "E": self.ms, "T": self.ms, **SNAPSHOT})

    def _frame(self, stream: str, **data: object) -> None:
        self.ms += 10
        body = {"e": stream, "E": self.ms + 1, "T": self.ms, "s": "BTCUSDT", **data}
        self.desk.record({"stream": f"btcusdt@{stream}", "data": body})

    def quote(self, bid: str, bid_size: str, ask: str, ask_size: str) -> None:
        self.id += 1
        self._frame("bookTicker", u=self.id, b=bid, B=bid_size, a=ask, A=ask_size)

    def depth(self, bids: dict[str, str], asks: dict[str, str]) -> None:
        self.id += 1
        levels = {"b": list(map(list, bids.items())), "a": list(map(list, asks.items()))}
        self._frame("depthUpdate", U=self.id, u=self.id, pu=self.id - 1, **levels)

    def trade(self, price: str, size: str, *, sold: bool, late_ms: int = 0) -> None:
        self.ms -= late_ms
        self._frame("trade", t=1, p=price, q=size, X="MARKET", m=sold)
        self.ms += late_ms

    def fills(self) -> list[tuple[str, str, str, bool]]:
        """(client order id, price, quantity, maker) of our executions so far."""
        return [(order["c"], order["L"], order["l"], order["m"]) for order in executions(self.desk)]


def executions(desk: Desk) -> list[dict[str, Any]]:
    """What the user stream told of fills."""
    frames = [frame for frame in desk.log if USER in frame.connections]
    return [frame.body["o"] for frame in frames if b'"x":"TRADE"' in frame.payload]


SNAPSHOT = {
    "bids": [["60000.00", "2.000"], ["59999.90", "1.000"], ["59999.50", "3.000"]],
    "asks": [["60000.10", "1.500"], ["60000.20", "0.500"], ["60000.50", "4.000"]],
}


def test_frames_go_on_verbatim_to_those_who_listen() -> None:
    desk = Desk(recorded=True, connect=False)
    desk.listen(b"/stream?streams=btcusdt@depth@0ms/btcusdt@trade")
    trade = b'{"stream":"btcusdt@trade","data":{"e":"trade","E":5,"T":5,"s":"BTCUSDT","p":"1.0","q":"1","m":true} }'
    quote = b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5,"s":"BTCUSDT","b":"1","B":"1"}}'
    snapshot = b'{"lastUpdateId":7,"E":5,"T":5,"bids":[["60000.00","1"]],"asks":[["60000.10","1"]]}'
    early = desk.rest("GET", "/fapi/v1/depth?symbol=BTCUSDT")
    sent = [[frame.payload for frame in desk.record(text)] for text in (trade, quote, snapshot, b"rubbish", b"{}")]
    verbatim = [frame.payload for frame in desk.log if b"lastUpdateId" in frame.payload]
    desk.rest("GET", "/fapi/v1/depth?symbol=BTCUSDT")

    assert (early[0], early[1]["code"]) == (503, -1001)
    assert sent == [[trade], [], [snapshot], [], []]
    assert desk.log[-1].payload == verbatim[0] == snapshot
    assert int(desk.row["replay"]["bad_frames"]) == 2
    assert desk.pass_time(100) == []


def test_depth_that_came_before_the_snapshot_but_reaches_beyond_it_is_kept() -> None:
    desk = Desk(recorded=True, connect=False)
    for last, price in ((90, "60000.40"), (100, "60000.30"), (110, "60000.20")):
        data = {"e": "depthUpdate", "E": 1, "T": 1, "s": "BTCUSDT", "U": last - 9, "u": last, "pu": 1}
        desk.record({"stream": "btcusdt@depth@0ms", "data": {**data, "b": [], "a": [[price, "7.0"]]}})
    desk.record({"lastUpdateId": 95, "E": 1, "T": 1, "bids": [["60000.00", "1"]], "asks": [["60000.10", "1"]]})
    book = desk.rest("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=10")[1]

    assert book["lastUpdateId"] == 110
    assert book["asks"] == [["60000.10", "1.000"], ["60000.20", "7.000"], ["60000.30", "7.000"]]


def test_order_at_the_touch_is_filled_after_what_stood_before_it() -> None:
    tape = Tape()
    tape.desk.place("BUY", "60000.00", "0.300", newClientOrderId="t1", timeInForce="GTX")
    tape.trade("60000.00", "1.900", sold=True)
    tape.trade("60000.00", "5.000", sold=False)
    nothing = tape.fills()
    tape.trade("60000.00", "0.200", sold=True)
    tape.trade("60000.00", "1.000", sold=True)

    assert nothing == []
    assert tape.fills() == [("t1", "60000.00", "0.100", True), ("t1", "60000.00", "0.200", True)]
    assert tape.desk.ledger["open_orders"] == 0
    assert tape.desk.row["event_ms"] == tape.ms + 1


def test_less_shown_means_less_before_us_only_when_it_must() -> None:
    tape = Tape()
    tape.desk.place("BUY", "60000.00", "1.000", newClientOrderId="t1")
    tape.quote("60000.00", "5.000", "60000.10", "1.500")
    tape.quote("60000.00", "3.000", "60000.10", "1.500")
    tape.trade("60000.00", "1.900", sold=True)
    still_behind = tape.fills()
    tape.quote("60000.00", "0.050", "60000.10", "1.500")
    tape.trade("60000.00", "0.060", sold=True)

    assert still_behind == []
    assert tape.fills() == [("t1", "60000.00", "0.010", True)]


def test_trade_that_a_quote_has_already_shown_is_not_counted_twice() -> None:
    tape = Tape()
    tape.desk.place("BUY", "60000.00", "1.000", newClientOrderId="t1")
    tape.quote("60000.00", "0.500", "60000.10", "1.500")
    tape.trade("60000.00", "1.500", sold=True, late_ms=10)
    tape.trade("60000.00", "0.500", sold=True)
    behind = tape.fills()
    tape.trade("60000.00", "0.100", sold=True)

    assert behind == []
    assert tape.fills() == [("t1", "60000.00", "0.100", True)]


def test_trade_matched_before_we_joined_does_not_fill_us() -> None:
    tape = Tape()
    tape.quote("60000.00", "0.001", "60000.10", "1.500")
    tape.desk.place("BUY", "60000.00", "1.000", newClientOrderId="t1")
    tape.trade("59999.00", "9.000", sold=True, late_ms=20)

    assert tape.fills() == []


def test_trade_beyond_our_price_fills_us_whole() -> None:
    tape = Tape()
    tape.desk.place("SELL", "60000.50", "1.000", newClientOrderId="t1")
    tape.trade("60000.60", "0.001", sold=False)

    assert tape.fills() == [("t1", "60000.50", "1.000", True)]
    assert tape.desk.ledger["position_lots"] == -1000


def test_orders_at_one_price_share_a_trade_oldest_first() -> None:
    tape = Tape()
    tape.quote("59999.90", "1.000", "60000.10", "1.500")
    for name in ("t1", "t2", "t3"):
        tape.desk.place("BUY", "60000.00", "0.400", newClientOrderId=name)
    tape.trade("60000.00", "0.500", sold=True)

    assert tape.fills() == [("t1", "60000.00", "0.400", True), ("t2", "60000.00", "0.100", True)]


def test_order_behind_the_touch_counts_the_next_depth_update_as_before_it() -> None:
    tape = Tape()
    tape.desk.place("BUY", "59999.90", "0.500", newClientOrderId="t1")
    tape.depth({"59999.90": "2.500"}, {})
    tape.depth({"59999.90": "4.000"}, {})
    tape.quote("59999.90", "4.000", "60000.00", "1.000")
    tape.trade("59999.90", "2.400", sold=True)
    behind = tape.fills()
    tape.trade("59999.90", "0.300", sold=True)

    assert behind == []
    assert tape.fills() == [("t1", "59999.90", "0.200", True)]


def test_other_sides_touch_at_our_price_fills_us_up_to_what_it_shows() -> None:
    tape = Tape()
    tape.desk.place("BUY", "60000.00", "1.000", newClientOrderId="t1")
    tape.quote("59999.00", "1.000", "60000.00", "0.250")

    assert tape.fills() == [("t1", "60000.00", "0.250", True)]


def test_order_that_crosses_takes_recorded_levels_and_leaves_them_as_they_are() -> None:
    tape = Tape()
    refused, _ = tape.desk.place("BUY", "60000.10", "0.100", newClientOrderId="t0", timeInForce="GTX")
    tape.desk.place("BUY", "60000.20", "9.000", newClientOrderId="t1", timeInForce="IOC")
    tape.desk.place("SELL", "59999.90", "2.500", newClientOrderId="t2", timeInForce="GTC")
    recorded = tape.desk.row["markets"][0]["recorded"]

    assert refused["error"]["code"] == -5022
    assert tape.fills() == [
        ("t1", "60000.10", "1.500", False),
        ("t1", "60000.20", "0.500", False),
        ("t2", "60000.00", "2.000", False),
        ("t2", "59999.90", "0.500", False),
    ]
    assert tape.desk.ledger["expired"] == 1
    assert (recorded["bid_lots"], recorded["ask_lots"]) == (2_000, 1_500)


def test_orders_before_the_snapshot_are_refused() -> None:
    desk = Desk(recorded=True)
    reply, _ = desk.place("BUY", "60000.00", "0.100")

    assert reply["error"]["code"] == -1001


def recorded_lines() -> Iterator[bytes]:
    if not RECORDING.exists():
        pytest.skip(f"no recording at {RECORDING}")
    with gzip.open(RECORDING) as lines:
        for line in lines:
            yield line.rstrip().split(b" ", 1)[1]


def test_quoter_at_the_touch_of_the_recording_is_filled_and_the_ledger_agrees() -> None:
    lines = list(recorded_lines())
    desk = Desk(recorded=True)
    desk.listen()
    names: dict[str, tuple[str, int]] = {}
    count = forwarded = 0
    for number, line in enumerate(lines):
        sent = desk.record(line)
        forwarded += sum(MARKET in frame.connections and frame.payload == line for frame in sent)
        if number < 60 or number % 200:
            continue
        recorded = desk.row["markets"][0]["recorded"]
        for side, ticks in (("BUY", int(recorded["bid_ticks"])), ("SELL", int(recorded["ask_ticks"]))):
            if side in names and names[side][1] == ticks:
                continue
            if side in names:
                desk.ask("order.cancel", origClientOrderId=names[side][0])
            count += 1
            names[side] = (f"t{count}", ticks)
            desk.place(side, price_of(ticks), "0.010", newClientOrderId=f"t{count}", timeInForce="GTX")
    fills = executions(desk)
    position = sum(Fraction(fill["l"]) * (1 if fill["S"] == "BUY" else -1) for fill in fills)

    assert forwarded == len(lines)
    assert int(desk.row["replay"]["bad_frames"]) == 0
    assert len(fills) >= 10
    assert all(fill["m"] for fill in fills)
    assert position * 1000 == desk.ledger["position_lots"]
    assert len(fills) == desk.ledger["fills"]


def test_recorded_book_has_the_touch_of_the_recorded_quotes() -> None:
    desk = Desk(recorded=True, connect=False)
    recorded = desk.row["markets"][0]["recorded"]
    books: list[tuple[int, tuple[int, ...]]] = []
    quotes: list[tuple[int, tuple[int, ...]]] = []
    for line in recorded_lines():
        desk.record(line)
        if b"@depth" in line[:40] and recorded["base_ticks"]:
            bid, ask, base = (int(recorded[name]) for name in ("best_bid", "best_ask", "base_ticks"))
            touch = (bid + base, int(recorded["bids"][bid]), ask + base, int(recorded["asks"][ask]))
            books.append((int(recorded["depth_id"]), touch))
        elif b"@bookTicker" in line[:40]:
            data = json.loads(line)["data"]
            scales = (("b", 10), ("B", 1000), ("a", 10), ("A", 1000))
            quotes.append((data["u"], tuple(round(float(data[key]) * scale) for key, scale in scales)))
    ids = [update_id for update_id, _ in quotes]
    books = [(last_id, touch) for last_id, touch in books if ids[0] <= last_id < ids[-1]]
    decided = [(touch, quotes[bisect_right(ids, last_id) - 1][1]) for last_id, touch in books]

    assert ids == sorted(ids)
    assert len(decided) > 6_500
    assert sum(touch != quote for touch, quote in decided) == 0
