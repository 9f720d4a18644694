"""Risk and router against the simulated exchange over bad wires: whatever is late, doubled or lost, all books agree.

Risk stage, router stage and the exchange's core in one process. Each channel delays at random; the user stream
repeats frames; both sockets break in mid-flight and lose what is under way. The exchange's ledger is the oracle.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from procs.stages.risk import BUILD_ALONE
from shm.kernel import new_record
from shm.order_arena import ARENA, format_arena, give_back, take
from tests.procs.one_stage import OneStage
from tests.procs.router_desk import EPOCH, MS, RouterDesk
from tests.trader.exchange_desk import (
    ORDERS,
    REST,
    USER,
    WALL_OFFSET_NS,
    Desk,
    Sent,
    exchange_instruments,
    spot_instruments,
)
from tests.trader.risk_records import limits, stage_config
from trader.enums import BookState, Command, InstrumentStatus, OrderState, TimeInForce, WireKind
from trader.messages import LEVELS, BookTop, Control, InstrumentState, OrderIntent, VolatilityEstimate
from trader.orders import STAGE_STRATEGY, TERMINAL, generations, order_slot_of
from trader.router.state import ORDER_API, USER_STREAM, Phase
from trader.router.state import REST as ROUTER_REST
from trader.venues.markets import SPOT, USDM

POSITION_LOTS_MAX = 40
SPOT_SCALE = 100
"""A spot lot is so much smaller."""
CHECKS = {"dead_man_ms": 10_000, "dead_man_refresh_ms": 500, "orders_check_ms": 700, "position_check_ms": 1_500}
CHECKS |= {"breaker_open_ms": 500, "balance_refresh_ms": 2_000}
"""Often, so that they meet whatever goes wrong."""
VENUE_END = {ORDER_API: ORDERS, USER_STREAM: USER}


class BadWires:
    """The two stages, the exchange, and what is under way between them."""

    def __init__(self, seed: int, *, doubled: float = 0.1, delay_ms_max: int = 25, spot: bool = False) -> None:
        self.rng = random.Random(seed)
        self.doubled, self.delay_ms_max = doubled, delay_ms_max
        self.spot, self.scale = spot, SPOT_SCALE if spot else 1
        self.position_lots_max = self.scale * POSITION_LOTS_MAX
        self.venue = Desk(connect=False, seed=seed + 1, spot=spot, order_lots_median=120.0 * self.scale)
        self.router = RouterDesk(market=SPOT if spot else USDM, answers_trades=False, **CHECKS)
        self.router.router["instruments"][0] = (spot_instruments if spot else exchange_instruments)("BTCUSDT")[0]
        self.router.router["gates"][0]["order_lots_max"] *= self.scale
        self.router.router["wall_offset_ns"] = WALL_OFFSET_NS
        own = {"order_lots_max": 20 * self.scale, "position_lots_max": self.position_lots_max, "open_orders_max": 12}
        self.risk = OneStage("risk", stage_config(limits(**own, duplicate_ms=0, slippage_bps_max=10_000)))
        self.risk.give(Control(int(Command.RUN), BUILD_ALONE), 0)
        self.risk.give(InstrumentState(0, 0, int(InstrumentStatus.TRADING), 0, 0), 0)
        self.risk.give(VolatilityEstimate(0, 0, 0, 1, 1, *([1.0] * 14)), 0)
        self.risk.row["risk"]["symbols"][0]["limits"]["size_lots_min"] = 1
        self.risk.row["risk"]["symbols"][0]["limits"]["tick_value_e8"] = self.venue.row["instruments"][0][
            "tick_value_e8"
        ]
        self.arena = new_record(ARENA)
        format_arena(self.arena[0], 40, before=generations(EPOCH, STAGE_STRATEGY)[0])
        self.open: dict[int, int] = {}
        self.under_way: list[tuple[int, int, Callable[[], None]]] = []
        self.numbers = itertools.count()
        self.channel_ms: dict[str, int] = {}
        self.generation = {ORDER_API: 0, USER_STREAM: 0}
        self.ends: list[int] = []
        self.now_ms = self.router.now_ms = self.venue.now_ns // MS

    def later(self, channel: str, action: Callable[[], None], delay_ms: int = 0) -> None:
        """Do it after a random delay, in order within a channel."""
        at_ms = self.now_ms + delay_ms + self.rng.randint(0, self.delay_ms_max)
        at_ms = max(at_ms, self.channel_ms.get(channel, 0))
        self.channel_ms[channel] = at_ms
        heapq.heappush(self.under_way, (at_ms, next(self.numbers), action))

    def on_connection(self, connection: int, direction: str, action: Callable[[], None]) -> None:
        """The same on a socket: lost when the socket breaks before."""
        born = self.generation[connection]
        self.later(f"{direction}{connection}", lambda: action() if self.generation[connection] == born else None)

    def from_router(self) -> None:
        """Send what the router wants sent."""
        wires, self.router._wires = self.router._wires, []
        for wire in wires:
            if wire.kind == WireKind.REQUEST:
                self.later("rest", lambda text=wire.payload: self.to_venue(REST, WireKind.REQUEST, text, 1))
            elif wire.kind == WireKind.CONNECT:
                self.later("connect", lambda wire=wire: self.connect(wire), wire.delay_ns // MS)
            else:
                end = VENUE_END[wire.connection_id]
                frame = lambda end=end, text=wire.payload: self.to_venue(end, WireKind.FRAME, text)  # noqa: E731
                self.on_connection(wire.connection_id, "out", frame)
        for report in self.router.reports():
            self.risk.give(report, self.now_ms * MS)
            if report.state == OrderState.OPEN:
                self.open[report.order_slot] = report.client_order_id
            if report.state in TERMINAL and give_back(self.arena[0], report.client_order_id):
                self.ends.append(report.client_order_id)
                self.open.pop(report.order_slot, None)
        for account in self.router.accounts():
            self.risk.give(account, self.now_ms * MS)

    def connect(self, wire: Any) -> None:
        """A socket of the router's reaches the venue."""
        self.generation[wire.connection_id] += 1
        end = VENUE_END[wire.connection_id]
        self.to_venue(end, WireKind.CONNECTED, wire.payload)
        kinds = [WireKind.CONNECTED]
        if wire.connection_id == ORDER_API or self.spot:
            self.to_venue(end, WireKind.AUTHENTICATED, b"")
            kinds.append(WireKind.AUTHENTICATED)
        for kind in kinds:
            stands = lambda kind=kind: self.to_router(wire.connection_id, kind, b"")  # noqa: E731
            self.on_connection(wire.connection_id, "in", stands)

    def to_router(self, connection: int, kind: int, payload: bytes, status: int = 0) -> None:
        """Something arrives at the router."""
        self.router.wire(connection, WireKind(kind), payload, status)
        self.from_router()

    def to_venue(self, connection: int, kind: int, payload: bytes, status: int = 0) -> None:
        """Something arrives at the exchange."""
        self.from_venue(self.venue.give(connection, kind, bytes(payload), status=status))

    def from_venue(self, sent: list[Sent]) -> None:
        """Send what the exchange wants sent; the user stream says some things twice."""
        for frame in sent:
            text = frame.payload
            if REST in frame.connections:
                answer = lambda f=frame: self.to_router(ROUTER_REST, WireKind.RESPONSE, f.payload, f.status)  # noqa: E731
                self.later("rest", answer)
            for connection in (ORDER_API, USER_STREAM):
                if VENUE_END[connection] in frame.connections:
                    times = 1 + (connection == USER_STREAM and self.rng.random() < self.doubled)
                    told = lambda c=connection, t=text: self.to_router(c, WireKind.FRAME, t)  # noqa: E731
                    for _ in range(times):
                        self.on_connection(connection, "in", told)

    def lose(self, connection: int) -> None:
        """Break a socket with all that is on it."""
        self.generation[connection] += 1
        self.to_venue(VENUE_END[connection], WireKind.LOST, b"")
        self.to_router(connection, WireKind.LOST, b"", 1006)

    def trade(self) -> None:
        """Ask risk for a random order near the touch; cancel a random one."""
        bid, ask = self.venue.touch()
        lots = (1,) * LEVELS
        prices = (tuple(bid - i for i in range(LEVELS)), tuple(ask + i for i in range(LEVELS)))
        self.risk.give(BookTop(0, 0, 0, 1, int(BookState.LIVE), prices[0], lots, prices[1], lots), self.now_ms * MS)
        side = self.rng.choice((1, -1))
        force = self.rng.choice((TimeInForce.POST_ONLY, TimeInForce.POST_ONLY, TimeInForce.GOOD_TILL_CANCEL))
        reach = self.rng.randint(0, 2) if force == TimeInForce.POST_ONLY else -2
        price = bid - reach if side > 0 else ask + reach
        client_order_id = take(self.arena[0])
        if client_order_id:
            slot, size = order_slot_of(client_order_id), self.scale * self.rng.randint(1, 20)
            intent = OrderIntent(0, 0, client_order_id, slot, side, price, size, int(force), 0, 1)
            self.risk.give(intent, self.now_ms * MS)
        for order in self.risk.taken("risk_router"):
            self.router.give(order)
        for refusal in self.risk.taken("risk_strategy"):
            give_back(self.arena[0], refusal.client_order_id)
        if self.open and self.rng.random() < 0.5:
            slot = self.rng.choice(sorted(self.open))
            self.router.cancel(slot, self.open[slot])
        self.from_router()

    def run(self, ms: int, *, trading: bool = False, breaking: float = 0.0) -> None:
        """Let time pass in steps of 5 ms; whatever happens, the venue's position stays within the limit."""
        for _ in range(ms // 5):
            self.now_ms += 5
            self.router.now_ms = self.now_ms
            while self.under_way and self.under_way[0][0] <= self.now_ms:
                heapq.heappop(self.under_way)[2]()
            self.from_venue(self.venue.pass_time(5))
            if self.now_ms % 50 == 0:
                self.router.tick(0)
                self.from_router()
            if trading and self.now_ms % 20 == 0:
                self.trade()
            if self.rng.random() < breaking:
                self.lose(self.rng.choice((ORDER_API, USER_STREAM)))
            assert abs(self.venue.ledger["position_lots"]) <= self.position_lots_max

    def books(self) -> dict[str, tuple[int, ...]]:
        """Position, executions, open orders and money as each party has them."""
        ledger, risk, router = self.venue.ledger, self.risk.row["risk"], self.router.router
        position = risk["symbols"][0]["position"]
        return {
            "lots": (int(ledger["position_lots"]), int(router["position_lots"][0]), int(position["lots"])),
            "fills": (int(ledger["fills"]), int(router["filled"]), int(risk["fills"])),
            "open": (int(ledger["open_orders"]), int(router["open_orders"]), int(risk["open_orders"])),
            "cash_e8": (int(ledger["cash_e8"]), int(position["cash_e8"])),
            "fees_e8": (int(ledger["fees_e8"]), int(position["fees_e8"])),
        }


@pytest.mark.parametrize(
    ("seed", "doubled", "delay_ms_max", "breaking", "spot"),
    [
        (1, 0.0, 5, 0.0, False),
        (2, 0.1, 25, 0.0, False),
        (3, 0.1, 25, 0.002, False),
        (4, 0.3, 60, 0.005, False),
        (12, 0.3, 120, 0.003, False),
        (11, 0.1, 25, 0.01, False),
        (7, 0.0, 5, 0.0, True),
        (8, 0.3, 25, 0.002, True),
    ],
)
def test_all_books_agree_after_late_doubled_and_lost_messages(seed, doubled, delay_ms_max, breaking, spot):
    session = BadWires(seed, doubled=doubled, delay_ms_max=delay_ms_max, spot=spot)
    session.run(1_500)
    assert session.router.router["phase"] == Phase.READY
    session.run(8_000, trading=True, breaking=breaking)
    session.run(12_000)
    assert session.router.router["phase"] == Phase.READY
    session.router.command(Command.CANCEL_ALL)
    session.from_router()
    session.run(8_000)
    books = session.books()

    assert session.router.router["acknowledge_cancel_all"] == 0
    assert {name: len(set(values)) for name, values in books.items()} == dict.fromkeys(books, 1), books
    assert books["open"] == (0, 0, 0)
    assert books["fills"][0] >= 3
    assert len(session.ends) == len(set(session.ends))
    assert session.router.count("overfills") == session.router.count("bad_frames") == 0
    assert session.risk.row["risk"]["halted"] == 0
    assert session.router.count("duplicate_fills") == 0 or doubled > 0
    if breaking == 0 and delay_ms_max <= 50:
        assert session.router.count("unknown") == 0
    if delay_ms_max > 100:
        assert session.router.count("unknown") > 0
