"""The order tracker against a venue whose truth is a dictionary: whatever is late, doubled, lost or out of order.

The venue acts and writes down what it would say. Each message arrives at any time, or twice, or never. At every moment
the router's position is the sum of the unique fills that it was told; at the end, once it has asked for everything that
it doubts, its orders and its position are the venue's.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.procs.router_desk import RouterDesk, ready_desk
from trader.enums import OrderState, ReportKind
from trader.messages import NewOrder
from trader.orders import TERMINAL, is_live

FATES = ("NEW", "NEW", "REJECTED", "LOST")
REST_MS = 12_000
"""Virtual time for the router to ask for everything."""


@dataclass
class Truth:
    """What the venue knows of one order. A lost one has never reached it."""

    order: NewOrder
    status: str = "NEW"
    filled: int = 0
    trades: list[dict[str, Any]] = field(default_factory=list)

    @property
    def venue_id(self) -> int:
        return 1_000 + self.order.order_slot

    def shown(self) -> dict[str, Any]:
        status = "PARTIALLY_FILLED" if self.status == "NEW" and self.filled else self.status
        return {"orderId": self.venue_id, "clientOrderId": f"t{self.order.client_order_id}", "status": status,
                "executedQty": f"{self.filled / 1000:.3f}", "updateTime": 9}  # fmt: skip


class TrackerMachine(RuleBasedStateMachine):
    """Facts in any order, and a person's wishes between them."""

    def __init__(self) -> None:
        super().__init__()
        self.desk: RouterDesk = ready_desk(orders_check_ms=1_000, breaker_failures=1_000)
        self.truths: list[Truth] = []
        self.mail: list[tuple[str, Truth, dict[str, Any]]] = []
        self.heard: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.totals: dict[int, int] = {}

    # What is wanted, and what the venue does.

    @precondition(lambda self: len(self.truths) < 12)
    @rule(size=st.integers(1, 4), side=st.sampled_from([1, -1]), fate=st.sampled_from(FATES))
    def place(self, size: int, side: int, fate: str) -> None:
        order = self.desk.place(len(self.truths) + 1, size=size, side=side)
        truth = Truth(order, fate)
        self.truths.append(truth)
        if fate == "NEW":
            self.mail += [("reply p", truth, truth.shown()), ("event", truth, {"execution": "NEW", "status": "NEW"})]
        elif fate == "REJECTED":
            self.mail.append(("error p", truth, {"code": -5022}))

    def live(self) -> list[Truth]:
        return [truth for truth in self.truths if truth.status == "NEW"]

    @precondition(lambda self: self.live())
    @rule(data=st.data(), lots=st.integers(1, 4))
    def fill(self, data: st.DataObject, lots: int) -> None:
        truth = data.draw(st.sampled_from(self.live()))
        lots = min(lots, truth.order.size_lots - truth.filled)
        truth.filled += lots
        truth.status = "FILLED" if truth.filled == truth.order.size_lots else "NEW"
        number = 10_000 * truth.order.order_slot + len(truth.trades) + 1
        truth.trades.append({"id": number, "orderId": truth.venue_id, "price": "50000.0", "qty": f"{lots / 1000:.3f}",
                             "side": "BUY" if truth.order.side > 0 else "SELL", "time": 500})  # fmt: skip
        status = "FILLED" if truth.status == "FILLED" else "PARTIALLY_FILLED"
        more = {"execution": "TRADE", "status": status, "lots": lots, "total": truth.filled, "trade": number}
        self.mail.append(("event", truth, more))

    def _end(self, truth: Truth, status: str) -> None:
        truth.status = status
        self.mail.append(("event", truth, {"execution": status, "status": status, "total": truth.filled}))

    @precondition(lambda self: self.live())
    @rule(data=st.data(), status=st.sampled_from(["CANCELED", "EXPIRED"]))
    def end(self, data: st.DataObject, status: str) -> None:
        self._end(data.draw(st.sampled_from(self.live())), status)

    @precondition(lambda self: self.truths)
    @rule(data=st.data())
    def ask_to_cancel(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.truths)).order
        self.desk.cancel(order.order_slot, order.client_order_id)

    # What arrives.

    @precondition(lambda self: self.mail)
    @rule(data=st.data(), how=st.sampled_from(["once", "once", "again later", "never"]))
    def arrive(self, data: st.DataObject, how: str) -> None:
        index = data.draw(st.integers(0, len(self.mail) - 1))
        message = self.mail[index] if how == "again later" else self.mail.pop(index)
        if how != "never":
            self._deliver(*message)

    def _deliver(self, kind: str, truth: Truth, more: dict[str, Any]) -> None:
        if kind == "event":
            self.desk.event(truth.order, **more)
            if more["execution"] == "TRADE":
                self.heard[more["trade"]] = truth.order.side * more["lots"]
        elif kind.startswith("reply"):
            self.desk.reply(kind[-1], truth.order, **more)
        else:
            self.desk.error(kind[-1], truth.order, more["code"])

    @rule(ms=st.sampled_from([0, 50, 150, 600]))
    def time_passes(self, ms: int) -> None:
        self.desk.tick(ms)
        self._answer()

    def _answer(self) -> None:
        """The venue takes what the router sends; replies go by mail, REST is answered."""
        for frame in self.desk.frames():
            if frame["method"] == "order.place":
                continue
            truth = next(one for one in self.truths if frame["id"][1:] == str(one.order.client_order_id))
            letter = frame["id"][0]
            if truth.status in ("LOST", "REJECTED") or (letter == "c" and truth.status != "NEW"):
                self.mail.append((f"error {letter}", truth, {"code": -2011 if letter == "c" else -2013}))
            elif letter == "c":
                self._end(truth, "CANCELED")
                self.mail.append(("reply c", truth, truth.shown()))
            else:
                self.mail.append(("reply q", truth, truth.shown()))
        for request in self.desk.requests():
            answer: Any = {}
            if "openOrders" in request:
                answer = [truth.shown() for truth in self.live()]
            elif "orderId" in request:
                answer = [trade for truth in self.truths for trade in truth.trades if f"={truth.venue_id}" in request]
                for trade in answer:
                    sign = 1 if trade["side"] == "BUY" else -1
                    self.heard[trade["id"]] = sign * round(float(trade["qty"]) * 1_000)
            self.desk.respond(json.loads(json.dumps(answer)))

    # What must hold.

    @invariant()
    def the_position_is_the_sum_of_the_fills_that_were_told(self) -> None:
        assert self.desk.router["position_lots"][0] == sum(self.heard.values())

    @invariant()
    def totals_only_grow_and_an_end_is_told_once(self) -> None:
        for report in self.desk.reports():
            order = report.client_order_id
            assert report.cumulative_lots >= self.totals.get(order, 0)
            self.totals[order] = report.cumulative_lots
            if report.state in TERMINAL and report.kind != ReportKind.FILL:
                self.ends[order] = self.ends.get(order, 0) + 1
        assert max(self.ends.values(), default=0) <= 1

    @invariant()
    def an_order_that_lives_at_the_venue_lives_here(self) -> None:
        for truth in self.live():
            row = self.desk.router["orders"][truth.order.order_slot]
            assert is_live(int(row["state"])) or row["state"] == OrderState.DENIED

    @invariant()
    def what_is_out_is_what_live_orders_have_left(self) -> None:
        rows = self.desk.router["orders"][:16]
        for side, name in ((1, "buy_lots"), (-1, "sell_lots")):
            left = sum(int(row["size_lots"] - row["filled_lots"]) for row in rows
                       if row["side"] == side and is_live(int(row["state"])))  # fmt: skip
            assert left == self.desk.router["gates"][0][name]

    def teardown(self) -> None:
        for _ in range(REST_MS // 50):
            while self.mail:
                self._deliver(*self.mail.pop(0))
            self.desk.tick(50)
            self._answer()
        for truth in self.truths:
            row = self.desk.router["orders"][truth.order.order_slot]
            expected = {"NEW": "PARTIAL" if truth.filled else "OPEN", "LOST": "REJECTED"}.get(
                truth.status, truth.status
            )
            assert (OrderState(int(row["state"])).name, int(row["filled_lots"])) == (expected, truth.filled)
        assert self.desk.router["position_lots"][0] == sum(truth.order.side * truth.filled for truth in self.truths)
        assert self.desk.count("overfills") == 0


TrackerMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None, derandomize=True)
TestTracker = TrackerMachine.TestCase
