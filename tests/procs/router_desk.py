"""The router stage opposite a venue played by hand: what it asks, what it is told, what it reports."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np

from shm.codec import record_dtype
from shm.kernel import new_record
from tests.procs.one_stage import OneStage
from trader.enums import Command, WireKind
from trader.messages import (
    WIRE_IN,
    AccountState,
    CancelRequest,
    Control,
    ExecutionReport,
    InstrumentState,
    Message,
    NewOrder,
    Timer,
    WireIn,
)
from trader.orders import order_slot_of, pack_client_order_id
from trader.pacing import PacingConfig
from trader.router.config import RouterConfig
from trader.router.state import ORDER_API, REST, USER_STREAM, Phase

EPOCH = 5
MS = 1_000_000
WALL_MS = 1_700_000_000_000
LIMITS = SimpleNamespace(order_lots_max=1_000, order_notional_max=10**9, position_lots_max=10**6, open_orders_max=4_096)
FAST = PacingConfig(
    orders_per_s=10_000, orders_burst=10_000, account_per_s=100, account_burst=100, executions_per_s=100
)
QUIET = {
    "balance_refresh_ms": 0, "status_refresh_ms": 0, "mark_refresh_ms": 0, "dead_man_ms": 0, "orders_check_ms": 0,
    "position_check_ms": 0, "pacing": FAST,
}  # fmt: skip
"""Nothing but what a test is about."""


class RouterDesk:
    """`now_ms` is the clock; everything sent since the last look is in `frames()`, `requests()`, `reports()`."""

    def __init__(
        self,
        symbols: tuple[str, ...] = ("BTCUSDT",),
        *,
        market: int = 0,
        answers_trades: bool = True,
        **knobs: Any,
    ) -> None:
        """`answers_trades`: trade lists that are read on are empty, and not among the requests."""
        config = SimpleNamespace(
            symbols=list(symbols),
            router=RouterConfig(**(QUIET | knobs)),
            risk=LIMITS,
            epoch=EPOCH,
            wall_offset_ns=WALL_MS * MS,
        )
        self.answers_trades = answers_trades
        self.stage = OneStage("router", config, symbols=len(symbols), market=market)
        self.stage.frame = np.zeros(1 << 17, np.int64)  # replies of the venue may be long
        self.now_ms = 0
        self.router = self.stage.row["router"]
        for row, symbol in zip(self.router["instruments"], symbols, strict=False):
            row["tick_multiple"] = row["lot_multiple"] = row["price_decimals"] = 1
            row["size_decimals"] = 3
            row["symbol_length"] = len(symbol)
            row["symbol"][: len(symbol)] = np.frombuffer(symbol.encode(), np.uint8)
        self._wires: list[Any] = []
        self._told: list[Message] = []

    def give(self, message: Message) -> None:
        """One message at the desk's time."""
        assert self.stage.give(message, self.now_ms * MS) == 0
        self._take_all()

    def _take_all(self) -> None:
        wires = self.stage.taken("router_wire_out")
        self._told += self.stage.taken("router_reports")
        lists = [wire for wire in wires if self.answers_trades and is_trade_list(wire.payload)]
        self._wires += [wire for wire in wires if wire not in lists]
        for _ in lists:
            self.respond([])

    def wire(self, connection: int, kind: WireKind, payload: Any = b"", status: int = 0) -> None:
        """Something arrives on a connection; anything but bytes is sent as JSON."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        room = np.frombuffer(raw or b"\0", np.uint8)
        record = new_record(record_dtype(WireIn))
        record["connection_id"], record["kind"], record["status"] = connection, int(kind), status
        record["payload_address"], record["payload_length"] = room.ctypes.data, len(raw)
        assert self.stage.give_record(WIRE_IN, record, self.now_ms * MS) == 0
        self._take_all()

    def respond(self, payload: Any, status: int = 200) -> None:
        """The answer to the REST request that is out."""
        self.wire(REST, WireKind.RESPONSE, payload, status)

    def reply(self, letter: str, order: NewOrder, **result: Any) -> None:
        """A successful order API reply."""
        shown = {"orderId": 1_000 + order.order_slot, "status": "NEW", "executedQty": "0.000", "updateTime": 7} | result
        self.wire(ORDER_API, WireKind.FRAME, {"id": f"{letter}{order.client_order_id}", "status": 200, "result": shown})

    def error(self, letter: str, order: NewOrder, code: int, status: int = 400) -> None:
        """An order API error."""
        error = {"code": code, "msg": "no"}
        self.wire(
            ORDER_API, WireKind.FRAME, {"id": f"{letter}{order.client_order_id}", "status": status, "error": error}
        )

    def event(self, order: NewOrder, execution: str, status: str, **more: Any) -> None:
        """An ORDER_TRADE_UPDATE of one of our orders; `lots`, `total`, `trade` describe a fill."""
        self.wire(USER_STREAM, WireKind.FRAME, order_update(order, execution, status, **more))

    def tick(self, ms: int = 50, times: int = 1) -> None:
        """Time passes; a timer message each `ms`."""
        for count in range(times):
            self.now_ms += ms
            self.stage.station.row["ports"]["wake_ns"] = 0
            self.give(Timer(count))

    def command(self, command: Command) -> None:
        """The supervisor speaks."""
        self.give(Control(int(command), 0))

    def cancel(self, order_slot: int, client_order_id: int = 0) -> None:
        """A bit of a cancel set."""
        self.give(CancelRequest(0, order_slot, client_order_id))

    def place(
        self, counter: int, *, side: int = 1, price: int = 500_000, size: int = 5, symbol_id: int = 0
    ) -> NewOrder:
        """An approved order; sent when the desk is ready."""
        slot = counter % 4_096
        client_order_id = pack_client_order_id(EPOCH, 1, counter, slot)
        order = new_order(client_order_id, symbol_id=symbol_id, side=side, price_ticks=price, size_lots=size)
        self.give(order)
        return order

    def frames(self) -> list[dict]:
        """Frames on the order API since the last look."""
        return [json.loads(wire.payload) for wire in self._take(WireKind.FRAME)]

    def sent(self) -> list[str]:
        """Their methods and request letters, `order.place p` and the like, short."""
        return [frame["method"].removeprefix("order.") for frame in self.frames()]

    def requests(self) -> list[str]:
        """REST requests since the last look."""
        wires = self._take(WireKind.REQUEST)
        assert all(wire.status == 1 and wire.connection_id == REST for wire in wires)
        return [wire.payload.decode().removesuffix("\n\n") for wire in wires]

    def connects(self) -> list[tuple[int, str, int]]:
        """(connection, path, delay in ms) of each CONNECT since the last look."""
        wires = self._take(WireKind.CONNECT)
        return [(wire.connection_id, wire.payload.decode(), wire.delay_ns // MS) for wire in wires]

    def told(self) -> list[Message]:
        """Everything that was told since the last look, in its order."""
        found, self._told = self._told, []
        return found

    def states(self) -> list[InstrumentState]:
        """Instrument states since the last look."""
        found = [one for one in self._told if isinstance(one, InstrumentState)]
        self._told = [one for one in self._told if not isinstance(one, InstrumentState)]
        return found

    def _take(self, kind: WireKind) -> list[Any]:
        found = [wire for wire in self._wires if wire.kind == kind]
        self._wires = [wire for wire in self._wires if wire.kind != kind]
        return found

    def reports(self) -> list[ExecutionReport]:
        """Execution reports since the last look."""
        found = [one for one in self._told if isinstance(one, ExecutionReport)]
        self._told = [one for one in self._told if not isinstance(one, ExecutionReport)]
        return found

    def accounts(self) -> list[AccountState]:
        """Account states since the last look."""
        found = [one for one in self._told if isinstance(one, AccountState)]
        self._told = [one for one in self._told if not isinstance(one, AccountState)]
        return found

    def count(self, name: str) -> int:
        """A counter."""
        return int(self.router[name])

    def come_up(self, position: str = "0.000") -> None:
        """Start as the venue lets it: key, sockets, nothing open, a position."""
        self.reach_positions(position)
        assert self.router["phase"] == Phase.READY
        self.tick(0)
        while self.answers_trades and self.router["job"]:
            self.respond({})
        self.requests(), self.connects()

    def reach_positions(self, position: str = "0.000") -> None:
        """The same, up to the answer about the last position."""
        self.tick(1)
        self.respond({"listenKey": "key1"})
        self.wire(USER_STREAM, WireKind.CONNECTED)
        self.wire(ORDER_API, WireKind.CONNECTED)
        self.wire(ORDER_API, WireKind.AUTHENTICATED)
        count = int(self.router["symbol_count"])
        for _ in range(count):
            self.respond({"code": 200, "msg": "done"})
        for _ in range(count):
            self.respond([])
        for _ in range(count):
            self.respond([{"symbol": "BTCUSDT", "positionAmt": position, "updateTime": 100}])


def is_trade_list(request: bytes) -> bool:
    """Whether a request is for a symbol's trades since the last known one, and not for those of one order."""
    return request.startswith(b"GET /fapi/v1/userTrades") and b"orderId" not in request


def ready_desk(**knobs: Any) -> RouterDesk:
    """A desk that has come up."""
    desk = RouterDesk(**knobs)
    desk.come_up()
    desk.accounts()
    return desk


def open_order(desk: RouterDesk, counter: int = 1) -> NewOrder:
    """An order that rests at the venue."""
    order = desk.place(counter)
    desk.reply("p", order)
    desk.frames(), desk.reports()
    return order


def new_order(client_order_id: int, **fields: int) -> NewOrder:
    """A post-only NewOrder in the slot that its id names."""
    usual = {"symbol_id": 0, "venue_id": 0, "approved_ns": 0, "side": 1, "price_ticks": 500_000, "size_lots": 5}
    usual |= {"time_in_force": 0, "level": 0, "book_epoch": 1, "order_slot": order_slot_of(client_order_id)}
    return NewOrder(client_order_id=client_order_id, **(usual | fields))


def order_update(
    order: NewOrder, execution: str, status: str, *, lots: int = 0, total: int = 0, trade: int = 0
) -> dict:
    """An ORDER_TRADE_UPDATE as the venue writes it, of a symbol with 1 price and 3 size decimals."""
    return {
        "e": "ORDER_TRADE_UPDATE", "E": 9, "T": 8,
        "o": {
            "s": "BTCUSDT", "c": f"t{order.client_order_id}", "S": "BUY" if order.side > 0 else "SELL", "o": "LIMIT",
            "f": "GTX", "q": f"{order.size_lots / 1_000:.3f}", "p": f"{order.price_ticks / 10:.1f}", "x": execution,
            "X": status, "i": 1_000 + order.order_slot, "l": f"{lots / 1_000:.3f}", "z": f"{total / 1_000:.3f}",
            "L": f"{order.price_ticks / 10:.1f}", "n": "0.00012345", "N": "USDT", "T": 8, "t": trade, "m": True,
        },
    }  # fmt: skip
