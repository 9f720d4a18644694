"""Binance order events: what json writes is what we scan, and no byte outside a frame is ever read."""

import random
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest

from shm.kernel import kernel, new_record
from tests.trader.binance_frames import STATUSES, dumped, event_frame, instrument, noise, reply_frame
from tests.trader.guarded_bytes import GuardedBytes
from trader.venues.binance import account, json_cursor, order_events, user_events
from trader.venues.binance.account import POSITION_REPLY
from trader.venues.binance.json_cursor import NUMBER, units_of
from trader.venues.binance.order_events import (
    BAD,
    REPLY,
    SCAN,
    SCANNED,
)
from trader.venues.binance.user_events import (
    USER_EVENT,
)

GUARDED = GuardedBytes()


def amount(number: np.void) -> Decimal:
    return Decimal(int(number["mantissa"])).scaleb(-int(number["fraction"]))


def state(**dtypes) -> SimpleNamespace:
    return SimpleNamespace(**{name: new_record(dtype) for name, dtype in dtypes.items()})


def test_replies_scan_as_json_reads_them():
    rng = random.Random(2)
    s = state(scan=SCAN, reply=REPLY)
    for _ in range(500):
        frame = reply_frame(rng)
        text = dumped(rng, frame)
        assert order_events.scan_reply(s.scan[0], GUARDED.at_end(text), len(text), s.reply[0]) == SCANNED
        result, reply = frame.get("result"), s.reply[0]
        expected = (ord(frame["id"][0]), int(frame["id"][1:]), frame["status"], frame.get("error", {}).get("code", 0))
        actual = tuple(reply[name] for name in ("request", "client_order_id", "http_status", "code"))

        assert expected == actual
        if result:
            expected = (result["orderId"], STATUSES[result["status"]], result["updateTime"])
            assert expected == (reply["venue_order_id"], reply["order_status"], reply["update_ms"])
            assert Decimal(result["executedQty"]) == amount(reply["cumulative"])


def test_user_events_scan_as_json_reads_them():
    rng = random.Random(3)
    s = state(scan=SCAN, event=USER_EVENT)
    kinds = {"ORDER_TRADE_UPDATE": user_events.ORDER_UPDATE, "listenKeyExpired": user_events.STREAM_ENDED}
    for _ in range(500):
        frame = event_frame(rng)
        text = dumped(rng, frame)
        address = GUARDED.at_end(text)
        assert user_events.scan_user_event(s.scan[0], address, len(text), s.event[0]) == SCANNED
        event, order = s.event[0], frame["o"]
        expected = [
            kinds.get(frame["e"], 0),
            frame["T"],
            STATUSES[order["x"]],
            STATUSES[order["X"]],
            int(order["c"][1:]),
        ]
        expected += [order["i"], order["t"], {"BUY": 1, "SELL": -1}[order["S"]], int(order["m"])]
        names = ("kind", "event_ms", "execution", "order_status", "client_order_id")
        actual = [int(event[name]) for name in (*names, "venue_order_id", "trade_id", "side", "is_maker")]

        assert expected == actual
        at = int(event["symbol"]) - address
        assert text[at : at + int(event["symbol_length"])] == b"BTCUSDT"
        fields = {"price": "p", "quantity": "q", "last_price": "L", "last_quantity": "l", "cumulative": "z", "fee": "n"}
        assert {name: Decimal(order[key]) for name, key in fields.items()} == {
            name: amount(event[name]) for name in fields
        }


def test_account_replies_scan_as_json_reads_them():
    rng = random.Random(4)
    s = state(scan=SCAN, position=POSITION_REPLY, event=USER_EVENT)
    row = instrument()[0]
    for _ in range(200):
        key = "k" * rng.randint(1, 120)
        text = dumped(rng, {"listenKey": key, **noise(rng)})
        assert account.scan_listen_key(s.scan[0], GUARDED.at_end(text), len(text)) == SCANNED
        assert s.scan["cursor"]["length"][0] == len(key)
        rows = [{"orderId": 1, **noise(rng)} for _ in range(rng.randint(0, 4))]
        text = dumped(rng, rows)
        assert account.scan_array_length(s.scan[0], GUARDED.at_end(text), len(text)) == len(rows)
        lots = [rng.randint(-(10**6), 10**6) for _ in range(rng.randint(0, 3))]
        rows = [{"symbol": "BTCUSDT", "positionAmt": str(Decimal(n).scaleb(-3)), "updateTime": abs(n)} for n in lots]
        text = dumped(rng, [{"symbol": "ETHUSDT", "positionAmt": "9.999", **noise(rng)}, *rows])
        assert account.scan_position(s.scan[0], GUARDED.at_end(text), len(text), row, s.position[0]) == SCANNED
        assert (sum(lots), max(map(abs, lots), default=0)) == (s.position["lots"][0], s.position["update_ms"][0])
        trades = [
            {"id": rng.randint(1, 10**9), "orderId": 7, "side": "SELL", "price": "61800.2", "qty": "0.005",
             "commission": "-0.01", "maker": True, "time": 5, **noise(rng)}
            for _ in range(rng.randint(0, 3))
        ]  # fmt: skip
        text = dumped(rng, trades)
        account.open_trades(s.scan[0], GUARDED.at_end(text), len(text))
        for trade in trades:
            assert account.next_trade(s.scan[0], s.event[0]) == 1
            assert (trade["id"], 7, -1, 1) == tuple(
                s.event[0][name] for name in ("trade_id", "venue_order_id", "side", "is_maker")
            )
            assert (Decimal("61800.2"), Decimal("-0.01")) == (
                amount(s.event[0]["last_price"]),
                amount(s.event[0]["fee"]),
            )
        assert account.next_trade(s.scan[0], s.event[0]) == 0


def mutated(rng: random.Random, text: bytes) -> bytes:
    changed = bytearray(text)
    for _ in range(rng.randint(1, 4)):
        what = rng.random()
        at = rng.randrange(len(changed)) if changed else 0
        if what < 0.3:
            del changed[at : at + rng.choice((1, 5, 10**6))]
        elif what < 0.8 and changed:
            changed[at] = rng.choice(b'"{}[]:,\\0.-tf\x00\xff ')
        else:
            changed[at:at] = rng.choice((b'"', b"{", b"[", b"}", b"\\", b"9" * 30, b'"e":"ORDER_TRADE_UPDATE",'))
    return bytes(changed)[:8_000]


@kernel
def every_trade(scan, event):
    """Walk all trades; the number read."""
    count = 0
    while account.next_trade(scan, event) == 1:
        count += 1
    return count


def test_mutated_frames_are_never_read_outside_and_always_answered():
    rng = random.Random(5)
    s = state(scan=SCAN, reply=REPLY, event=USER_EVENT, position=POSITION_REPLY)
    row = instrument()[0]
    refused = 0
    for turn in range(2_000):
        frame = (reply_frame, event_frame)[turn % 2](rng)
        text = mutated(rng, dumped(rng, frame if turn % 3 else [frame, frame]))
        for address in (GUARDED.at_end(text), GUARDED.at_start(text)):
            size = len(text)
            codes = [
                order_events.scan_reply(s.scan[0], address, size, s.reply[0]),
                user_events.scan_user_event(s.scan[0], address, size, s.event[0]),
                account.scan_listen_key(s.scan[0], address, size),
                account.scan_position(s.scan[0], address, size, row, s.position[0]),
            ]
            assert set(codes) <= {SCANNED, BAD}
            assert account.scan_array_length(s.scan[0], address, size) >= BAD
            account.open_trades(s.scan[0], address, size)
            every_trade(s.scan[0], s.event[0])
            refused += codes[0] == BAD
    assert refused > 500


@pytest.mark.parametrize(
    ("text", "decimals", "multiple", "units"),
    [
        ("61800.20", 1, 1, 618_002), ("61800.25", 1, 1, -1), ("0.005", 3, 1, 5), ("1.0", 0, 1, 1), ("1.5", 1, 5, 3),
        ("1.4", 1, 5, -1), ("0", 8, 1, 0), ("999999999999999999", 0, 1, 999_999_999_999_999_999),
        ("999999999999999999", 1, 1, -1), ("-0.1", 1, 1, -1), ("0.00000000", 3, 1, 0),
    ],
)  # fmt: skip
def test_decimals_become_units_exactly_or_not_at_all(text, decimals, multiple, units):
    number = new_record(NUMBER)
    cursor = new_record(json_cursor.CURSOR)
    raw = text.encode()
    json_cursor.open_cursor(cursor[0], GUARDED.at_end(raw), len(raw))
    assert json_cursor.read_number(cursor[0], number[0]) == 1

    assert units == units_of(number[0], decimals, multiple)


@pytest.mark.parametrize("text", ["", "-", ".5", "5.", '"5', "1e3x", "+1", '""', "1" * 19, "0." + "1" * 19, "nan"])
def test_what_is_no_plain_decimal_is_a_fault(text):
    number = new_record(NUMBER)
    cursor = new_record(json_cursor.CURSOR)
    raw = text.encode()
    json_cursor.open_cursor(cursor[0], GUARDED.at_end(raw), len(raw))
    understood = json_cursor.read_number(cursor[0], number[0]) and json_cursor.at_end(cursor[0])

    assert not understood


def test_ids_that_are_not_ours_are_zero():
    for text, expected in [
        (b"t7", 7), (b"t9223372036854775807", 2**63 - 1), (b"t9223372036854775808", 0), (b"t", 0), (b"t07", 0),
        (b"t1x", 0), (b"web_1", 0), (b"t99999999999999999999", 0),
    ]:  # fmt: skip
        assert order_events.id_of_text(GUARDED.at_end(text), len(text)) == expected
