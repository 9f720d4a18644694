"""Faults of the exchange as a whole: silence, hangs, cuts, restarts, limits; all at once; and their knobs."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procs.errors import OperatorError
from procs.settings import load_config
from tests.trader.exchange_desk import MARKET, MS, ORDERS, REST, USER, Desk
from tests.trader.faulty_desk import QUIET, buy, cancel, closed, count, faulty, placed, told
from trader.enums import WireKind
from trader.exchange.fault_config import RATES, SHARES, FaultsConfig
from trader.exchange.held import DATA_BYTES, ENTRIES


def test_silent_connection_hears_nothing_and_is_not_heard_then_is_reset() -> None:
    desk = faulty(silence_per_s=1_000.0, silence_s=1.0)
    desk.pass_time(50)
    silent = int(desk.row["faults"]["silent"])
    sent = buy(desk, 1) + desk.pass_time(500)

    assert silent == (1 << ORDERS) | (1 << USER)
    assert [frame for frame in sent if frame.connections] == []
    assert placed(desk) == 0
    assert closed(desk.pass_time(600)) == {ORDERS, USER}


def test_silence_ends_with_the_connection_and_at_the_healing() -> None:
    lost, healed = faulty(silence_per_s=1_000.0), faulty(silence_per_s=1_000.0)
    for desk in (lost, healed):
        desk.pass_time(50)
    for connection in (ORDERS, USER):
        lost.give(connection, WireKind.LOST)
    healed.row["faults"]["heal_asked"] = 1

    assert int(lost.row["faults"]["silent"]) == 0
    assert closed(healed.pass_time(5)) == {ORDERS, USER}


def test_hang_answers_nothing_and_then_everything_in_order() -> None:
    desk = faulty(hang_per_s=1_000.0, hang_ms=300.0, paused=False)
    desk.listen()
    desk.pass_time(20)
    desk.row["faults"]["rates"][:] = 0.0
    sent = [frame for number in range(5) for frame in buy(desk, number)] + desk.pass_time(200)
    orders = placed(desk)
    later = desk.pass_time(200)

    assert [frame for frame in sent if frame.connections] == []
    assert orders == 5
    assert [body["id"] for body in told(later, ORDERS)] == [f"r{number}" for number in range(5)]
    assert len(told(later, MARKET)) > 5


def test_cut_ends_a_connection_in_the_middle_of_a_frame() -> None:
    desk = faulty(**QUIET)
    whole = next(frame for frame in buy(desk, 1) if ORDERS in frame.connections).payload
    desk.row["faults"]["cut"] = 1 << ORDERS
    sent = buy(desk, 2)
    (end,) = [frame for frame in sent if frame.kind == WireKind.CLOSE]

    assert told(sent, ORDERS) == []
    assert (end.connections, end.status) == ({ORDERS}, 1006)
    assert whole.startswith(end.payload[:6])
    assert 0 < len(end.payload) < len(whole)
    assert placed(desk) == 2


def test_restart_ends_all_connections_and_keeps_the_orders() -> None:
    desk = faulty(restart_ms=300.0, **QUIET)
    buy(desk, 1)
    desk.row["faults"]["rates"][:] = [1_000.0 * (rate == "restart_per_s") for rate in RATES]
    ended = closed(desk.pass_time(20))
    desk.row["faults"]["rates"][:] = 0.0
    for connection in (ORDERS, USER):
        desk.give(connection, WireKind.LOST)
    early = closed(desk.give(ORDERS, WireKind.CONNECTED, b"/ws-fapi/v1"))
    refused = desk.rest("GET", "/fapi/v1/openOrders")[0]
    desk.pass_time(400)
    again = desk.give(ORDERS, WireKind.CONNECTED, b"/ws-fapi/v1")

    assert (ended, early, again) == ({ORDERS, USER}, {ORDERS}, [])
    assert refused == 503
    assert len(desk.rest("GET", "/fapi/v1/openOrders")[1]) == 1


def test_too_many_orders_are_refused_until_the_window_ends() -> None:
    desk = faulty(orders_per_10s=3)
    replies = [told(buy(desk, number), ORDERS)[0] for number in range(4)]
    error = replies[3]["error"]
    wait_ms = error["data"]["retryAfter"] - error["data"]["serverTime"]
    desk.pass_time(wait_ms + 5)

    assert [reply["status"] for reply in replies] == [200, 200, 200, 429]
    assert (error["code"], 0 < wait_ms <= 10_000) == (-1015, True)
    assert told(cancel(desk, 0), ORDERS)[0]["status"] == 200
    assert told(buy(desk, 5), ORDERS)[0]["status"] == 200


def test_weight_is_limited_and_insisting_is_banned() -> None:
    desk = faulty(weight_per_minute=20, ban_s=3)
    found = [desk.rest("GET", "/fapi/v1/userTrades?symbol=BTCUSDT")[0] for _ in range(20)]
    banned = told(cancel(desk, 1), ORDERS)[0]
    desk.pass_time(60_000)

    assert [status % 1_000 for status in found] == [200] * 4 + [429] * 10 + [418] * 6
    assert 0 < found[4] // 1_000 <= 60
    assert found[-1] // 1_000 == 3
    assert (banned["status"], banned["error"]["code"]) == (418, -1003)
    assert desk.rest("GET", "/fapi/v1/userTrades?symbol=BTCUSDT")[0] == 200


def test_dead_man_timer_works_while_the_exchange_hangs() -> None:
    desk = faulty(**QUIET)
    buy(desk, 1)
    answered = desk.rest("POST", "/fapi/v1/countdownCancelAll?symbol=BTCUSDT&countdownTime=300")
    desk.row["faults"]["hung_until_ns"] = desk.now_ns + 5_000 * MS
    desk.pass_time(290)
    before = int(desk.ledger["open_orders"])
    desk.pass_time(20)

    assert (answered[0], before, int(desk.ledger["open_orders"])) == (200, 1, 0)


def test_what_finds_no_room_ends_its_connection() -> None:
    desk = faulty(late=1.0, late_ms=60_000.0)
    ended: set[int] = set()
    for number in range(ENTRIES + 20):
        ended |= closed(buy(desk, number) + cancel(desk, number))

    assert ended == {ORDERS}
    assert count(desk, "overflow") > 0
    assert int(desk.row["faults"]["held"]["tail"] - desk.row["faults"]["held"]["head"]) <= ENTRIES
    assert int(desk.row["faults"]["held"]["entries"]["offset"].max()) < DATA_BYTES


EVERYTHING = dict.fromkeys(SHARES, 0.15) | dict.fromkeys(RATES, 2.0)


def script(seed: int) -> tuple[list[bytes], bytes]:
    """Half a second under every fault: all that was sent, and the ledger."""
    desk = Desk(faults=FaultsConfig(seed=seed, orders_per_10s=60, weight_per_minute=300, **EVERYTHING), connect=False)
    for connection, path in ((ORDERS, b"/ws-fapi/v1"), (MARKET, b"/stream?streams=btcusdt@depth@0ms")):
        desk.give(connection, WireKind.CONNECTED, path)
    desk.give(ORDERS, WireKind.AUTHENTICATED)
    for number in range(60):
        buy(desk, number)
        cancel(desk, number // 2)
        desk.give(REST, WireKind.REQUEST, b"GET /fapi/v1/openOrders\n\n", status=1)
        desk.pass_time(10)
    sent = [b"%d %d " % (frame.kind, frame.status) + frame.payload for frame in desk.log if frame.connections]
    return sent, desk.ledger.tobytes()


def test_same_seed_and_input_same_bytes() -> None:
    first, again, other = script(5), script(5), script(6)

    assert first == again
    assert first != other


@settings(max_examples=30)
@given(st.integers(0, 2**62))
def test_position_is_the_sum_of_the_fills_under_every_fault(seed: int) -> None:
    desk = Desk(faults=FaultsConfig(seed=seed, **EVERYTHING), connect=False)
    desk.give(ORDERS, WireKind.CONNECTED, b"/ws-fapi/v1")
    desk.give(ORDERS, WireKind.AUTHENTICATED)
    for number in range(40):
        buy(desk, number)
        cancel(desk, number // 2)
        desk.pass_time(10)
    account = desk.row["account"]
    fills = account["fills"][: int(account["fill_count"])]
    still_open = [order for order in account["orders"] if order["status"] in (1, 2)]

    assert int((fills["side"] * fills["lots"]).sum()) == int(desk.ledger["position_lots"])
    assert len({(int(fill["trade_id"]), int(fill["order_id"])) for fill in fills}) == len(fills)
    assert len(still_open) == int(desk.ledger["open_orders"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("drop = 1.5", "exchange.faults.drop: found 1.5, allowed 0 to 1"),
        ("hang_ms = 0.0", "exchange.faults.hang_ms: found 0, allowed 1 to 60000"),
        ("silence_per_s = -1.0", "exchange.faults.silence_per_s: found -1, allowed 0 to 1000"),
        ("drop = nan", "exchange.faults.drop: found nan, allowed a finite number"),
        ("dropp = 0.5", "exchange.faults.dropp: found an unknown key, allowed: 'drop'?"),
        (
            "after_s = 5.0\nheal_after_s = 2.0",
            "exchange.faults.heal_after_s: found 2, allowed 0 or more than after_s, 5",
        ),
    ],
)
def test_knobs_out_of_range_are_refused(tmp_path: Any, text: str, problem: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(f"[exchange.faults]\n{text}\n")

    with pytest.raises(OperatorError) as refused:
        load_config(file)

    assert problem in str(refused.value)


def test_all_off_by_default_and_any_one_is_active() -> None:
    assert not FaultsConfig().is_active
    for name in (*SHARES, *RATES):
        assert msgspec.structs.replace(FaultsConfig(), **{name: 0.1}).is_active
