"""Spot order events: what is otherwise than on futures, in any key order; nothing outside a frame is read."""

import random
from decimal import Decimal

import pytest

from shm.kernel import new_record
from tests.trader.binance_frames import dumped, instrument
from tests.trader.guarded_bytes import GuardedBytes
from trader.orders import NOT_TRADING, POST_ONLY_WOULD_TAKE
from trader.venues.binance import account, balances, order_events, user_events
from trader.venues.binance.account import POSITION_REPLY
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
REPORT = {
    "e": "executionReport", "E": 4, "s": "BTCUSDT", "c": "t77", "S": "SELL", "o": "LIMIT_MAKER", "f": "GTC",
    "q": "0.00100000", "p": "61837.64000000", "P": "0.00000000", "C": "", "x": "TRADE", "X": "PARTIALLY_FILLED",
    "r": "NONE", "i": 12_569_099_453, "l": "0.00040000", "z": "0.00060000", "L": "61837.64000000", "n": "0.00001000",
    "N": "USDT", "T": 5, "t": 1_024, "I": 9, "w": True, "m": True, "M": False, "O": 3, "Z": "24.73", "W": 3,
}  # fmt: skip


def scanned(frame: object, rng: random.Random) -> object:
    """The USER_EVENT of a frame, which must be understood."""
    scan, event = new_record(SCAN), new_record(USER_EVENT)
    text = dumped(rng, frame)
    assert user_events.scan_user_event(scan[0], GUARDED.at_end(text), len(text), event[0]) == SCANNED
    return event[0]


@pytest.mark.parametrize("seed", range(20))
def test_an_execution_report_says_what_an_order_update_says(seed: int) -> None:
    event = scanned({"subscriptionId": 0, "event": REPORT}, random.Random(seed))

    assert (event["kind"], event["event_ms"], event["client_order_id"]) == (user_events.ORDER_UPDATE, 5, 77)
    assert (event["venue_order_id"], event["trade_id"], event["side"]) == (12_569_099_453, 1_024, -1)
    assert (event["execution"], event["order_status"]) == (order_events.TRADE, order_events.PARTIALLY_FILLED)
    assert (event["last_quantity"]["mantissa"], event["last_quantity"]["fraction"]) == (40_000, 8)
    assert event["is_maker"] == 1


@pytest.mark.parametrize("seed", range(10))
def test_a_canceled_order_is_named_by_its_original_id(seed: int) -> None:
    report = {**REPORT, "c": "t99", "C": "t77", "x": "CANCELED", "X": "CANCELED", "t": -1}
    event = scanned({"subscriptionId": 0, "event": report}, random.Random(seed))

    assert (event["client_order_id"], event["trade_id"]) == (77, -1)


@pytest.mark.parametrize(
    "frame",
    [
        {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}},
        {"e": "serverShutdown", "E": 1},
    ],
)
def test_the_end_of_the_stream_is_heard(frame: object) -> None:
    assert scanned(frame, random.Random(1))["kind"] == user_events.STREAM_ENDED  # type: ignore[index]


@pytest.mark.parametrize(
    ("said", "message", "code"),
    [
        (-2010, "Duplicate order sent.", order_events.DUPLICATE_ID),
        (-2010, "Order would immediately match and take.", POST_ONLY_WOULD_TAKE),
        (-2010, "Account has insufficient balance for requested action.", -2010),
        (-2010, "", -2010),
        (-1013, "Market is closed.", NOT_TRADING),
        (-1013, "Filter failure: LOT_SIZE", -1013),
        (-2010, "Market is closed.", -2010),
    ],
)
def test_refusals_of_one_code_are_told_apart_by_their_words(said: int, message: str, code: int) -> None:
    scan, reply = new_record(SCAN), new_record(REPLY)
    for seed in range(10):
        frame = {"id": "p77", "status": 400, "error": {"code": said, "msg": message}}
        text = dumped(random.Random(seed), frame)
        assert order_events.scan_reply(scan[0], GUARDED.at_end(text), len(text), reply[0]) == SCANNED

        assert reply["code"][0] == code


def test_balances_are_summed_and_rounded_down_to_lots() -> None:
    rng = random.Random(5)
    row = instrument((2, 1), (5, 1))
    row["base_length"] = 3
    scan, position = new_record(SCAN), new_record(POSITION_REPLY)
    for _ in range(200):
        free, locked = rng.randint(0, 10**12), rng.randint(0, 10**12)
        others = [{"asset": name, "free": "5.00000000", "locked": "1.0"} for name in ("USDT", "BTCB", "BT", "")]
        own = {"asset": "BTC", "free": str(Decimal(free).scaleb(-8)), "locked": f"{Decimal(locked).scaleb(-8):f}"}
        listed = [*others, {**own, "free": f"{Decimal(free).scaleb(-8):f}"}]
        rng.shuffle(listed)
        text = dumped(rng, {"updateTime": 12, "balances": listed, "accountType": "SPOT", "permissions": ["SPOT"]})
        assert balances.scan_balances(scan[0], GUARDED.at_end(text), len(text), row[0], position[0]) == SCANNED

        assert (position["lots"][0], position["update_ms"][0]) == ((free + locked) // 1_000, 12)
    for wrong in (b'{"updateTime":1}', b'{"balances":[{"asset":"BTC","free":"-1","locked":"0"}]}', b'{"balances":7}'):
        assert balances.scan_balances(scan[0], GUARDED.at_end(wrong), len(wrong), row[0], position[0]) == BAD


def test_trades_of_spot_say_buyer_and_maker() -> None:
    scan, event = new_record(SCAN), new_record(USER_EVENT)
    trade = {"id": 3, "orderId": 7, "price": "1.5", "qty": "2", "commission": "0.1", "time": 9, "isBestMatch": True}
    for is_buyer in (True, False):
        text = dumped(random.Random(1), [{**trade, "isBuyer": is_buyer, "isMaker": not is_buyer}])
        account.open_trades(scan[0], GUARDED.at_end(text), len(text))
        assert account.next_trade(scan[0], event[0]) == 1

        assert (event["side"][0], event["is_maker"][0]) == (1 if is_buyer else -1, int(not is_buyer))


def test_an_errors_code_is_read_from_its_body() -> None:
    scan = new_record(SCAN)
    for text, code in ((b'{"code":-2011,"msg":"Unknown order sent."}', -2011), (b"[]", 0), (b'{"code":-2011', 0)):
        assert account.scan_error_code(scan[0], GUARDED.at_end(text), len(text)) == code
