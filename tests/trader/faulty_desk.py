"""An exchange whose faults are about to begin, in a test's hand, and short words for what happens there."""

import json
from typing import Any

from tests.trader.exchange_desk import ORDERS, USER, Desk, Sent
from trader.enums import WireKind
from trader.exchange.fault_config import FaultsConfig

BID = "59900.00"
QUIET = {"weight_per_minute": 1_000_000}
"""Faults are looked at, and none happens of itself."""


def faulty(*, paused: bool = True, **knobs: Any) -> Desk:
    """A desk that is connected before the faults begin, one second after its start."""
    desk = Desk(flow_paused=paused, faults=FaultsConfig(after_s=1.0, **knobs))
    desk.pass_time(1_000)
    desk.log.clear()
    return desk


def say(desk: Desk, method: str, number: int, **params: Any) -> list[Sent]:
    """One order API request, whatever comes of it at once."""
    text = json.dumps({"id": f"r{number}", "method": method, "params": {"symbol": "BTCUSDT", **params}})
    return desk.give(ORDERS, WireKind.FRAME, text.encode())


def buy(desk: Desk, number: int, quantity: str = "0.010") -> list[Sent]:
    """A resting buy order with the client order id t<number>."""
    order = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "price": BID, "quantity": quantity}
    return say(desk, "order.place", number, newClientOrderId=f"t{number}", **order)


def cancel(desk: Desk, number: int) -> list[Sent]:
    """Cancel t<number>."""
    return say(desk, "order.cancel", number, origClientOrderId=f"t{number}")


def told(frames: list[Sent], connection: int) -> list[Any]:
    """What one connection got."""
    return [frame.body for frame in frames if connection in frame.connections and frame.kind == WireKind.FRAME]


def executions(frames: list[Sent]) -> list[str]:
    """Execution types of the order events."""
    return [body["o"]["x"] for body in told(frames, USER) if body["e"] == "ORDER_TRADE_UPDATE"]


def closed(frames: list[Sent]) -> set[int]:
    """Connections that were ended."""
    return {number for frame in frames if frame.kind == WireKind.CLOSE for number in frame.connections}


def placed(desk: Desk) -> int:
    """Orders that the ledger knows."""
    return int(desk.ledger["placed"])


def count(desk: Desk, name: str) -> int:
    """How often a fault has happened."""
    return int(desk.row["faults"][f"{name}_count"])
