"""Risk as a state machine: reservations, fills, ends, doubt, tighter and wider limits, a market that moves.

The model adds everything up anew, from a dictionary of orders. Whatever comes in whatever order, what risk holds is
what the model holds; no approval leaves a worst case above the limit in force, and none is ever above the configured.
"""

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shm.kernel import new_record
from tests.trader.risk_records import TICK_VALUE_E8, account, intent, limits, ready_risk, report, top
from trader.enums import OrderState, RefusalReason, ReportKind
from trader.risk.advice import ADVICE, WHOLE
from trader.risk.checks import decide
from trader.risk.facts import apply_account, apply_advice, apply_report
from trader.risk.market import apply_top

SYMBOLS = 2
LOTS_MAX, ORDERS_MAX, NOTIONAL_MAX, ACCOUNT_MAX = 30, 6, 200, 300
CONFIG = limits(
    order_lots_max=20,
    position_lots_max=LOTS_MAX,
    position_notional_max=NOTIONAL_MAX,
    account_notional_max=ACCOUNT_MAX,
    open_orders_max=ORDERS_MAX,
    duplicate_ms=1,
)
ENDS = (
    (ReportKind.CANCELED, OrderState.CANCELED),
    (ReportKind.EXPIRED, OrderState.EXPIRED),
    (ReportKind.REJECTED, OrderState.REJECTED),
    (ReportKind.DENIED, OrderState.DENIED),
)


@dataclass
class Order:
    """An approved order that has not ended."""

    record: np.ndarray
    symbol: int
    side: int
    price: int
    leaves: int


class RiskMachine(RuleBasedStateMachine):
    """Everything that can change what is at stake."""

    def __init__(self) -> None:
        super().__init__()
        self.risk = ready_risk(CONFIG, SYMBOLS)
        self.live: dict[int, Order] = {}
        self.positions = [0] * SYMBOLS
        self.mids2 = [100_000] * SYMBOLS
        self.permille = WHOLE
        self.counter = self.trade = 0
        self.now_ns = 1

    def worst(self, symbol: int, side: int) -> int:
        """Lots if every live order of a side were filled."""
        leaves = sum(one.leaves for one in self.live.values() if (one.symbol, one.side) == (symbol, side))
        return side * self.positions[symbol] + leaves

    def in_force(self, limit: int) -> int:
        """A limit as advice leaves it."""
        return limit * self.permille // WHOLE

    @rule(
        symbol=st.integers(0, SYMBOLS - 1),
        side=st.sampled_from((1, -1)),
        size=st.integers(1, 22),
        away=st.integers(1, 300),
    )
    def ask(self, symbol: int, side: int, size: int, away: int) -> None:
        self.counter += 1
        self.now_ns += 2_000_000
        mid = self.mids2[symbol] // 2
        price = mid - side * (5 + away)
        record = intent(
            self.counter, self.counter, side=side, price=price, size=size, symbol_id=symbol, level=0, flags=0
        )
        top_of = top(mid - 5, mid + 5, symbol_id=symbol)
        apply_top(self.risk[0], top_of[0], self.now_ns)
        apply_account(self.risk[0], account(symbol, position_lots=self.positions[symbol], balance_ns=self.now_ns)[0])
        before = [max(self.worst(symbol, one), 0) for one in (1, -1)]
        if decide(self.risk[0], record[0], self.now_ns) != RefusalReason.NONE:
            return
        self.live[self.counter] = Order(record, symbol, side, price, size)
        worst = self.worst(symbol, side)
        assert size <= self.in_force(CONFIG.order_lots_max)
        assert worst <= self.in_force(LOTS_MAX)
        assert worst * self.mids2[symbol] * TICK_VALUE_E8 <= 2 * self.in_force(NOTIONAL_MAX * 10**8)
        is_worse = max(self.worst(symbol, 1), self.worst(symbol, -1)) > max(before)
        assert not is_worse or self.account_e8() <= self.in_force(ACCOUNT_MAX * 10**8)

    def account_e8(self) -> int:
        """Worst cases of all symbols at their marks."""
        lots = [max(self.worst(symbol, 1), self.worst(symbol, -1), 0) for symbol in range(SYMBOLS)]
        return sum(count * mid2 // 2 * TICK_VALUE_E8 for count, mid2 in zip(lots, self.mids2, strict=True))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), lots=st.integers(1, 20), times=st.integers(1, 3))
    def fill(self, data: st.DataObject, lots: int, times: int) -> None:
        slot = data.draw(st.sampled_from(sorted(self.live)))
        order = self.live[slot]
        lots = min(lots, order.leaves)
        self.trade += 1
        order.leaves -= lots
        self.positions[order.symbol] += order.side * lots
        state = OrderState.PARTIAL if order.leaves else OrderState.FILLED
        told = report(order.record, ReportKind.FILL, state, lots=lots, trade_id=self.trade, symbol_id=order.symbol)
        for _ in range(times):
            apply_report(self.risk[0], told[0], self.now_ns)
        if not order.leaves:
            del self.live[slot]

    @precondition(lambda self: self.live)
    @rule(data=st.data(), end=st.sampled_from(ENDS), lots=st.integers(0, 3))
    def end(self, data: st.DataObject, end: tuple[ReportKind, OrderState], lots: int) -> None:
        """An order ends; perhaps a fill of it was still under way."""
        slot = data.draw(st.sampled_from(sorted(self.live)))
        order = self.live.pop(slot)
        apply_report(self.risk[0], report(order.record, *end, symbol_id=order.symbol)[0], self.now_ns)
        apply_report(self.risk[0], report(order.record, *end, symbol_id=order.symbol)[0], self.now_ns)
        self.late = (order, min(lots, order.leaves))

    @precondition(lambda self: getattr(self, "late", (None, 0))[1])
    @rule()
    def fill_late(self) -> None:
        order, lots = self.late
        self.late = (order, 0)
        self.trade += 1
        room = LOTS_MAX - self.worst(order.symbol, order.side)
        if lots > room:
            return  # the exchange would have had to fill what no limit knows of any more
        self.positions[order.symbol] += order.side * lots
        told = report(
            order.record, ReportKind.FILL, OrderState.CANCELED, lots=lots, trade_id=self.trade, symbol_id=order.symbol
        )
        apply_report(self.risk[0], told[0], self.now_ns)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), known=st.booleans())
    def doubt(self, data: st.DataObject, known: bool) -> None:
        """An outcome is unknown, or known again: nothing is released."""
        order = self.live[data.draw(st.sampled_from(sorted(self.live)))]
        what = (ReportKind.ACK, OrderState.OPEN) if known else (ReportKind.UNKNOWN, OrderState.UNKNOWN)
        apply_report(self.risk[0], report(order.record, *what, symbol_id=order.symbol)[0], self.now_ns)

    @rule(permille=st.sampled_from((0, 1, 100, 333, 500, 999, 1_000, 5_000)))
    def advise(self, permille: int) -> None:
        """Limits tighten, or are what they were: never more."""
        record = new_record(ADVICE)
        record["size_permille"], record["spread_permille"] = permille, WHOLE
        apply_advice(self.risk[0], record[0])
        self.permille = min(permille, WHOLE)

    @rule(symbol=st.integers(0, SYMBOLS - 1), mid=st.integers(49_000, 51_000))
    def move(self, symbol: int, mid: int) -> None:
        self.now_ns += 1_000_000
        self.mids2[symbol] = 2 * mid
        apply_top(self.risk[0], top(mid - 5, mid + 5, symbol_id=symbol)[0], self.now_ns)

    @invariant()
    def what_risk_holds_is_what_there_is(self) -> None:
        row = self.risk[0]
        for symbol in range(SYMBOLS):
            held = row["symbols"][symbol]
            long_lots = held["position"]["lots"] + held["buys"]["leaves_lots"]
            short_lots = held["sells"]["leaves_lots"] - held["position"]["lots"]
            assert (long_lots, short_lots) == (self.worst(symbol, 1), self.worst(symbol, -1))
            assert max(long_lots, short_lots) <= LOTS_MAX
            count = sum(one.symbol == symbol for one in self.live.values())
            assert held["buys"]["count"] + held["sells"]["count"] == count <= ORDERS_MAX
            for name in ("order_lots_max", "notional_units_max", "position_lots_max", "position_units2_max"):
                assert held["limits"][name] <= held["configured"][name]
        assert row["open_orders"] == len(self.live)
        assert row["open_e8"] == sum(one.leaves * one.price * TICK_VALUE_E8 for one in self.live.values())
        assert row["worst_e8"] == self.account_e8()
        assert row["halts"] == 0

    @invariant()
    def the_best_price_of_each_side_is_an_own_order(self) -> None:
        for symbol in range(SYMBOLS):
            held = self.risk[0]["symbols"][symbol]
            buys = [one.price for one in self.live.values() if (one.symbol, one.side) == (symbol, 1)]
            sells = [one.price for one in self.live.values() if (one.symbol, one.side) == (symbol, -1)]
            assert held["buys"]["best_ticks"] == max(buys, default=held["buys"]["best_ticks"])
            assert held["sells"]["best_ticks"] == min(sells, default=held["sells"]["best_ticks"])


RiskMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
TestRiskMachine = RiskMachine.TestCase
