"""The simulated exchange in a test's hand: messages in, frames out, its ledger beside."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from shm.kernel import address_of_array, new_record
from trader.enums import WireKind
from trader.exchange.config import ExchangeConfig
from trader.exchange.venue import EXCHANGE, TIME_PASSED, on_wire, open_markets, prepare
from trader.instrument import INSTRUMENT
from trader.venues.markets import SPOT

MS = 1_000_000
WALL_OFFSET_NS = 1_723_000_000_000 * MS
MARKET, ORDERS, USER, REST = 1, 2, 3, 9
"""Connections of a desk: market streams, order API, user stream, HTTP requests."""

ALL_STREAMS = b"/stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker/btcusdt@trade"


def exchange_instruments(*names: str) -> np.ndarray:
    """Instruments in the units of BTCUSDT: tick 0.10, lot 0.001, at least 5 in notional."""
    rows = np.zeros(len(names), dtype=INSTRUMENT)
    for index, name in enumerate(names):
        row = rows[index]
        row["symbol_id"] = index
        row["price_decimals"], row["tick_multiple"] = 2, 10
        row["size_decimals"], row["lot_multiple"] = 3, 1
        row["size_lots_min"], row["size_lots_max"] = 1, 1_000_000
        row["notional_e8_min"] = 5 * 10**8
        row["tick_value_e8"] = 10_000
        row["symbol_length"] = len(name)
        row["symbol"][: len(name)] = np.frombuffer(name.encode(), dtype=np.uint8)
    return rows


def spot_instruments(*names: str) -> np.ndarray:
    """Instruments of a spot market: tick 0.01, lot 0.00001, eight decimals in every text."""
    rows = exchange_instruments(*names)
    rows["price_decimals"], rows["tick_multiple"] = 8, 1_000_000
    rows["size_decimals"], rows["lot_multiple"] = 8, 1_000
    rows["size_lots_max"] = 900_000_000
    rows["tick_value_e8"] = 10
    rows["base_length"] = 3
    rows["market"] = SPOT
    return rows


@dataclass(frozen=True)
class Sent:
    """One frame that the exchange sent, with the connections that got it."""

    connections: frozenset[int]
    kind: int
    status: int
    payload: bytes

    @property
    def body(self) -> Any:
        """The payload as JSON."""
        return json.loads(self.payload)


class Desk:
    """One exchange and a clock. `market` listens to everything, `orders` is logged on, `user` gets the events."""

    def __init__(
        self, *, symbols: tuple[str, ...] = ("BTCUSDT",), connect: bool = True, spot: bool = False, **knobs: Any
    ) -> None:
        self.exchange = new_record(EXCHANGE)
        self.now_ns = 1_000 * MS
        self.request_id = 0
        config = ExchangeConfig(**knobs)
        assert config.problems() == []
        instruments = spot_instruments(*symbols) if spot else exchange_instruments(*symbols)
        prepare(self.exchange, config, instruments, wall_offset_ns=WALL_OFFSET_NS)
        open_markets(self.row, self.now_ns)
        self.log: list[Sent] = []
        if connect and spot:
            for connection_id in (USER, ORDERS):
                self.give(connection_id, WireKind.CONNECTED, b"/ws-api/v3")
                self.give(connection_id, WireKind.AUTHENTICATED)
            self.give(USER, WireKind.FRAME, b'{"id":"u1","method":"userDataStream.subscribe"}')
        elif connect:
            key = self.rest("POST", "/fapi/v1/listenKey")[1]["listenKey"]
            self.give(USER, WireKind.CONNECTED, b"/private/ws/" + key.encode())
            self.give(ORDERS, WireKind.CONNECTED, b"/ws-fapi/v1")
            self.give(ORDERS, WireKind.AUTHENTICATED)

    @property
    def row(self) -> np.void:
        """The exchange's record."""
        return self.exchange[0]

    @property
    def ledger(self) -> np.void:
        """The first symbol's ledger."""
        return self.row["account"]["ledger"][0]

    def give(self, connection_id: int, kind: int, payload: bytes = b"", *, status: int = 0) -> list[Sent]:
        """One message of the wire, what it made the exchange send."""
        text = np.frombuffer(payload or b"\0", dtype=np.uint8)
        on_wire(self.row, connection_id, int(kind), status, address_of_array(text), len(payload), self.now_ns)
        return self._sent()

    def pass_time(self, ms: int, *, every_ms: int = 5) -> list[Sent]:
        """Let time pass in timer steps; everything sent."""
        found = []
        for _ in range(ms // every_ms):
            self.now_ns += every_ms * MS
            on_wire(self.row, 0, TIME_PASSED, 0, 0, 0, self.now_ns)
            found += self._sent()
        return found

    def listen(self, path: bytes = ALL_STREAMS) -> list[Sent]:
        """Connect the market connection."""
        return self.give(MARKET, WireKind.CONNECTED, path)

    def rest(self, verb: str, path: str, *, signed: bool = True) -> tuple[int, Any]:
        """One HTTP request: status and body."""
        sent = self.give(REST, WireKind.REQUEST, f"{verb} {path}\n\n".encode(), status=int(signed))
        (answer,) = [frame for frame in sent if frame.kind == WireKind.RESPONSE]
        assert answer.connections == {REST}
        return answer.status, answer.body

    def ask(self, method: str, **params: Any) -> tuple[Any, list[Any]]:
        """One order API request: its reply, and the user stream events that came with it."""
        self.request_id += 1
        text = json.dumps({"id": f"p{self.request_id}", "method": method, "params": {"symbol": "BTCUSDT", **params}})
        sent = self.give(ORDERS, WireKind.FRAME, text.encode())
        (reply,) = [frame.body for frame in sent if ORDERS in frame.connections]
        assert reply["id"] == f"p{self.request_id}"
        return reply, [frame.body for frame in sent if USER in frame.connections]

    def place(self, side: str, price: str, quantity: str, **params: Any) -> tuple[Any, list[Any]]:
        """One order.place, GTC unless said otherwise."""
        order = {"side": side, "type": "LIMIT", "timeInForce": "GTC", "price": price, "quantity": quantity}
        return self.ask("order.place", **{**order, **params})

    def record(self, frame: object) -> list[Sent]:
        """One frame of a recording, as bytes or as an object."""
        text = frame if isinstance(frame, bytes) else json.dumps(frame, separators=(",", ":")).encode()
        return self.give(0, WireKind.FRAME, text)

    def touch(self) -> tuple[int, int]:
        """Best bid and ask in ticks, of the generated market."""
        book = self.row["markets"][0]["book"]
        return int(book["base_ticks"] + book["best_bid"]), int(book["base_ticks"] + book["best_ask"])

    def _sent(self) -> list[Sent]:
        outbox = self.row["outbox"]
        found = []
        for frame in outbox["frames"][: int(outbox["count"])]:
            start, bits = int(frame["offset"]), int(frame["connections"])
            connections = frozenset(number for number in range(64) if bits >> number & 1)
            payload = bytes(outbox["data"][start : start + int(frame["length"])])
            found.append(Sent(connections, int(frame["kind"]), int(frame["status"]), payload))
        self.log += found
        return found


def price_of(ticks: int) -> str:
    """A price's text."""
    return f"{ticks // 10}.{ticks % 10}0"
