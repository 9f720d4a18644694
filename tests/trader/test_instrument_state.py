"""Replies about instruments: status and mark price, in any order of keys, and nothing else taken for them."""

import json
import random

import pytest

from shm.kernel import new_record
from tests.trader.binance_frames import dumped, instrument
from tests.trader.guarded_bytes import GuardedBytes
from trader.enums import InstrumentStatus
from trader.venues.binance.instrument_state import scan_mark, scan_status
from trader.venues.binance.order_events import BAD, SCAN

SCANNER = new_record(SCAN)
BTC = instrument()
"""A price decimal, a tick of one of them."""

ROOM = GuardedBytes()


def status_in(body: bytes) -> int:
    return int(scan_status(SCANNER[0], ROOM.at_end(body), len(body), BTC[0]))


def mark_in(body: bytes) -> int:
    return int(scan_mark(SCANNER[0], ROOM.at_end(body), len(body), BTC[0]))


def info(**statuses: str) -> dict:
    rows = [{"symbol": name, "status": status, "filters": [{"status": "x"}]} for name, status in statuses.items()]
    return {"timezone": "UTC", "status": "TRADING", "symbols": rows}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (info(BTCUSDT="TRADING"), InstrumentStatus.TRADING),
        (info(ETHUSDT="TRADING", BTCUSDT="SETTLING"), InstrumentStatus.STOPPED),
        (info(BTCUSDT="HALT", ETHUSDT="TRADING"), InstrumentStatus.STOPPED),
        (info(BTCUSDT="trading"), InstrumentStatus.STOPPED),
        (info(BTCUSDTX="TRADING", BTCUSD="TRADING", ETHUSDT="TRADING"), InstrumentStatus.STOPPED),
        ({"symbols": [{"symbol": "BTCUSDT"}]}, InstrumentStatus.STOPPED),
        ({"symbols": []}, InstrumentStatus.STOPPED),
        ({"code": -1003, "msg": "Too many requests"}, BAD),
    ],
)
def test_an_instrument_trades_if_its_own_row_says_so(body: dict, status: int) -> None:
    for seed in range(5):
        assert status_in(dumped(random.Random(seed), body)) == status


@pytest.mark.parametrize(
    ("price", "ticks2"),
    [
        ("61800.12345678", 1_236_002),
        ("61800.15", 1_236_003),
        ("61800", 1_236_000),
        ("0.04", BAD),
        ("0.05", 1),
        ("0", BAD),
        ("-5.0", BAD),
        ("NaN", BAD),
        ("999999999999999999", BAD),
    ],
)
def test_a_mark_price_is_known_to_half_a_tick(price: str, ticks2: int) -> None:
    body = {"symbol": "BTCUSDT", "markPrice": price, "indexPrice": "1.0", "time": 5}
    for seed in range(5):
        assert mark_in(dumped(random.Random(seed), body)) == ticks2


def test_no_reply_that_was_cut_or_garbled_is_read() -> None:
    dice = random.Random(4)
    texts = [(json.dumps(info(BTCUSDT="TRADING")).encode(), status_in), (b'{"markPrice":"61800.1","time":5}', mark_in)]
    for body, scan in texts:
        whole = scan(body)
        assert whole != BAD
        assert {scan(body[:length]) for length in range(len(body))} == {BAD}
        for _ in range(300):
            at = dice.randrange(len(body))
            scan(body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :])
