"""A running system's orders and limits at one moment, as plain values: for `trader orders` and `trader limits`.

Read from shared memory without a lock: each number is true, two of them may be a few microseconds apart.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from procs.readings import E8, Memory, Units, record_of, units_of_run
from procs.run_segments import RunSegments
from shm.clock import now_ns
from trader.enums import OrderState, Side, TradingState
from trader.orders import LIVE
from trader.risk.advice import WHOLE
from trader.risk.pulling import NO_MOVE
from trader.risk.state import HaltCause


@dataclass(frozen=True)
class OrderView:
    """One live order as the router knows it. `age_s`: since risk approved it; `cancel`: one is wanted or under way."""

    client_order_id: int
    venue_order_id: int
    symbol: str
    side: str
    price: str
    size: str
    filled: str
    state: str
    cancel: bool
    age_s: float


def orders_in(memory: RunSegments) -> list[OrderView]:
    """Every live order, oldest first."""
    units, now = units_of_run(memory), int(now_ns(memory.clock_address))
    router, risk = record_of(memory, "router", "ROUTER"), record_of(memory, "risk", "RISK")
    approved = {int(order["client_order_id"]): int(order["approved_ns"]) for order in _live(risk["orders"])}
    found = [_order_view(order, units, approved, now) for order in _live(router["orders"])]
    return sorted(found, key=lambda order: order.client_order_id)


def _live(orders: np.ndarray) -> np.ndarray:
    return orders[np.isin(orders["state"], [int(state) for state in LIVE])].copy()


def _order_view(order: Any, units: list[Units], approved: dict[int, int], now: int) -> OrderView:
    client_order_id, unit = int(order["client_order_id"]), units[int(order["symbol_id"])]
    return OrderView(
        client_order_id=client_order_id,
        venue_order_id=int(order["venue_order_id"]),
        symbol=unit.symbol,
        side=Side(int(order["side"])).name,
        price=unit.price(int(order["price_ticks"])),
        size=unit.size(int(order["size_lots"])),
        filled=unit.size(int(order["filled_lots"])),
        state=OrderState(int(order["state"])).name,
        cancel=bool(order["cancel_wanted"]) or bool(order["cancel_sent_ns"]),
        age_s=round((now - approved.get(client_order_id, now)) / 1e9, 3),
    )


@dataclass(frozen=True)
class LimitView:
    """One limit of a symbol ("account": of all): as configured, as in force, and what is used of it now."""

    scope: str
    name: str
    configured: float
    effective: float
    used: float

    @property
    def utilisation(self) -> float:
        """Share of the limit in force, 0 on; infinite where nothing is allowed and something is used."""
        if self.effective:
            return self.used / self.effective
        return float("inf") if self.used else 0.0


@dataclass(frozen=True)
class LimitsView:
    """Trading state with its causes, and every limit that something counts against."""

    trading: str
    halts: tuple[str, ...]
    reductions: tuple[str, ...]
    size_permille: int
    limits: tuple[LimitView, ...]


def limits_in(memory: Memory) -> LimitsView:
    """Risk's limits and what is used of them."""
    risk = record_of(memory, "risk", "RISK")
    units = units_of_run(memory)
    found: list[LimitView] = []
    for symbol_id, unit in enumerate(units):
        found += _symbol_limits(risk["symbols"][symbol_id], unit.symbol)
    return LimitsView(
        trading=TradingState(int(risk["trading"])).name,
        halts=_causes(int(risk["halts"])),
        reductions=_causes(int(risk["reductions"])),
        size_permille=int(risk["advice"]["size_permille"]) if risk["symbol_count"] else WHOLE,
        limits=tuple(found + _account_limits(risk)),
    )


def _causes(bits: int) -> tuple[str, ...]:
    return tuple(cause.name for cause in HaltCause if (bits >> cause) & 1)


def _symbol_limits(symbol: Any, name: str) -> list[LimitView]:
    configured, effective = symbol["configured"], symbol["limits"]
    held, buys, sells = int(symbol["position"]["lots"]), symbol["buys"], symbol["sells"]
    long_case, short_case = held + int(buys["leaves_lots"]), int(sells["leaves_lots"]) - held
    worst = max(long_case, short_case)
    value = int(effective["tick_value_e8"])
    mark2 = int(symbol["mark2_ticks"])
    rows = [
        ("position_lots_max", 1.0, worst),
        ("position_units2_max", value / 2 / E8, worst * mark2),
        ("open_orders_max", 1.0, int(buys["count"]) + int(sells["count"])),
        ("open_orders_side_max", 1.0, max(int(buys["count"]), int(sells["count"]))),
    ]
    told = {"position_units2_max": "position_notional_max"}
    found = [
        LimitView(name, told.get(key, key), int(configured[key]) * scale, int(effective[key]) * scale, used * scale)
        for key, scale, used in rows
    ]
    return [*found, _move_limit(symbol["pull"], name)]


def _move_limit(pull: Any, name: str) -> LimitView:
    """How far the mid may go within the window before quotes are pulled; infinite without an estimate."""
    most2 = int(pull["move2_ticks_max"])
    allowed = most2 / 2 if most2 != NO_MOVE else float("inf")
    high2 = max(int(pull["high2"]), int(pull["past_high2"]))
    low2 = min(int(pull["low2"]), int(pull["past_low2"]))
    return LimitView(name, "pull_move_ticks_max", allowed, allowed, max(high2 - low2, 0) / 2)


def _account_limits(risk: Any) -> list[LimitView]:
    configured, effective = risk["configured"], risk["bounds"]
    worse_e8 = int(risk["pnl_e8"]) - int(risk["touch_cost_e8"])
    loss_e8 = max(int(risk["day_base_e8"]) - worse_e8, 0)
    drawdown_e8 = max(int(risk["peak_e8"]) - worse_e8, 0)
    rows = [
        ("account_orders_max", "orders_max", 1.0, int(risk["open_orders"])),
        ("open_notional_max", "open_e8_max", 1 / E8, int(risk["open_e8"])),
        ("account_notional_max", "worst_e8_max", 1 / E8, int(risk["worst_e8"])),
        ("rejects_max", "rejects_max", 1.0, int(risk["reject_streak"])),
        ("loss_soft_max", "loss_soft_e8", 1 / E8, loss_e8),
        ("loss_hard_max", "loss_hard_e8", 1 / E8, loss_e8),
        ("drawdown_soft_max", "drawdown_soft_e8", 1 / E8, drawdown_e8),
        ("drawdown_hard_max", "drawdown_hard_e8", 1 / E8, drawdown_e8),
    ]
    found = [
        LimitView("account", name, int(configured[key]) * scale, int(effective[key]) * scale, used * scale)
        for name, key, scale, used in rows
    ]
    margin = int(risk["margin_worst_e8_max"]) / E8
    return [*found, LimitView("account", "margin", margin, margin, int(risk["worst_e8"]) / E8)]
