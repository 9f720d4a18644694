"""The exchange stage: wire messages in and out of a bound stage, time from the timer, commands acknowledged."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from procs.stages.exchange import CREDIT, STATE
from shm.codec import record_dtype
from shm.kernel import address_of_array, new_record
from tests.procs.one_stage import OneStage
from tests.trader.exchange_desk import exchange_instruments
from trader.enums import Command, WireKind
from trader.exchange.config import ExchangeConfig
from trader.exchange.deadlines import LOOK_NS
from trader.messages import Control, Timer, WireIn, WireOut, tag_of

LINK = "exchange_wire_out"
STREAMS = b"/stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker/btcusdt@trade"


class Venue:
    """The stage with its clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **knobs: object) -> None:
        monkeypatch.setattr("tests.procs.one_stage.instruments_of", instruments_of)
        config = SimpleNamespace(exchange=ExchangeConfig(**knobs), wall_offset_ns=0)  # type: ignore[arg-type]
        self.stage = OneStage("exchange", config)
        self.now_ns = 1_000_000_000

    def give(self, connection_id: int, kind: int, payload: bytes = b"", *, status: int = 0) -> list[WireOut]:
        record = new_record(record_dtype(WireIn))
        text = np.frombuffer(payload or b"\0", dtype=np.uint8)
        record["connection_id"], record["kind"], record["status"] = connection_id, kind, status
        record["payload_address"], record["payload_length"] = address_of_array(text), len(payload)
        assert self.stage.give_record(tag_of(WireIn), record, self.now_ns) == 0
        return self.stage.taken(LINK)

    def tick(self, count: int) -> list[WireOut]:
        found = []
        for number in range(count):
            self.now_ns += LOOK_NS
            self.stage.station.row["ports"]["wake_ns"] = 0
            assert self.stage.give(Timer(number), self.now_ns) == 0
            found += self.stage.taken(LINK)
        return found


def instruments_of(symbols: int) -> np.ndarray:
    assert symbols == 1
    return exchange_instruments("BTCUSDT")


def test_timer_drives_the_market_to_every_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Venue(monkeypatch)
    nothing = venue.tick(100)
    for connection in (1, 2):
        venue.give(connection, WireKind.CONNECTED, STREAMS)
    frames = venue.tick(200)
    first = [frame.payload for frame in frames if frame.connection_id == 1]

    assert nothing == []
    assert {(frame.kind, frame.delay_ns) for frame in frames} == {(WireKind.FRAME, 0)}
    assert {json.loads(payload)["data"]["e"] for payload in first} == {"depthUpdate", "bookTicker", "trade"}
    assert first == [frame.payload for frame in frames if frame.connection_id == 2]
    assert venue.stage.row["sent"] >= len(frames)
    assert venue.stage.row["refused"] == 0


def test_a_market_that_lives_asks_for_its_timer_and_one_that_stands_for_its_next_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    venue, paused = Venue(monkeypatch), Venue(monkeypatch, flow_paused=True)
    for each in (venue, paused):
        each.tick(1)
    assert venue.stage.station.row["ports"]["wake_ns"] == venue.now_ns + LOOK_NS
    assert paused.stage.station.row["ports"]["wake_ns"] == 0
    countdown = b"POST /fapi/v1/countdownCancelAll?symbol=BTCUSDT&countdownTime=10000\n\n"
    paused.give(7, WireKind.REQUEST, countdown, status=1)

    assert paused.stage.station.row["ports"]["wake_ns"] == paused.now_ns + 10_000_000_000


def test_requests_orders_and_reports_go_over_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Venue(monkeypatch, flow_paused=True)
    (denied,) = venue.give(7, WireKind.REQUEST, b"POST /fapi/v1/listenKey\n\n")
    (granted,) = venue.give(7, WireKind.REQUEST, b"POST /fapi/v1/listenKey\n\n", status=1)
    venue.give(2, WireKind.CONNECTED, b"/ws/" + json.loads(granted.payload)["listenKey"].encode())
    venue.give(1, WireKind.CONNECTED, b"/ws-fapi/v1")
    venue.give(1, WireKind.AUTHENTICATED)
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "price": "59900.00"}
    order = {**params, "quantity": "0.010", "newClientOrderId": "t17"}
    place = json.dumps({"id": "p17", "method": "order.place", "params": order}).encode()
    reply, event = venue.give(1, WireKind.FRAME, place)
    (refused,) = venue.give(3, WireKind.CONNECTED, b"/nowhere")
    ledger = venue.stage.row["venue"]["account"]["ledger"][0]

    assert (denied.kind, denied.status, denied.connection_id) == (WireKind.RESPONSE, 401, 7)
    assert (granted.kind, granted.status) == (WireKind.RESPONSE, 200)
    assert (reply.connection_id, json.loads(reply.payload)["result"]["clientOrderId"]) == (1, "t17")
    assert (event.connection_id, json.loads(event.payload)["o"]["X"]) == (2, "NEW")
    assert (refused.kind, refused.connection_id) == (WireKind.CLOSE, 3)
    assert (ledger["placed"], ledger["open_orders"]) == (1, 1)


def test_commands_are_acknowledged_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Venue(monkeypatch)
    before = venue.stage.row["venue"].tobytes()

    later = [command for command in Command if command != Command.START]
    assert [venue.stage.give(Control(command, 0), venue.now_ns) for command in later] == [0] * len(later)
    assert venue.stage.row["venue"].tobytes() == before


def test_recorded_frames_pass_through_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Venue(monkeypatch, recorded=True)
    venue.give(1, WireKind.CONNECTED, STREAMS)
    text = b'{"lastUpdateId":7,"E":5,"T":5,"bids":[["60000.00","1"]],"asks":[["60000.10","1"]]}'
    (frame,) = venue.give(0, WireKind.FRAME, text)

    assert frame.payload == text
    assert venue.stage.row["venue"]["connections"]["market_count"] == 1
    assert venue.tick(10) == []


def test_state_stays_small_and_the_credit_covers_a_step() -> None:
    assert STATE.itemsize < 64 << 20
    assert CREDIT[LINK] <= 1 << 20
