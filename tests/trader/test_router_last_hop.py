"""The router's last check before the wire: an order that risk approved is looked at once more, by itself and in all.

An order that passes is denied here all the same, MESSAGE_RATE, because the venue wants to hear nothing: so nothing is
written, and the last reason says what was found before.
"""

import numpy as np
import pytest

from shm.kernel import new_record
from tests.trader.risk_records import instrument, limits, message
from trader.enums import OrderState
from trader.enums import RefusalReason as R
from trader.messages import NewOrder
from trader.orders import pack_client_order_id
from trader.pacing import PacingConfig
from trader.router.config import RouterConfig
from trader.router.outgoing import clear_outgoing
from trader.router.placing import place
from trader.router.state import ROUTER, Phase, fill_router

EPOCH = 3
CONFIG = limits(order_lots_max=20, order_notional_max=100, open_orders_max=2, position_lots_max=30)
PASSED = R.MESSAGE_RATE


def ready_router() -> np.ndarray:
    router = new_record(ROUTER)
    own = RouterConfig(pacing=PacingConfig(retry_ms=0))
    fill_router(router[0], own, instrument(), risk=CONFIG, symbols=1, epoch=EPOCH, wall_offset_ns=0)
    router["phase"], router["accepting"] = Phase.READY, 1
    router["pacer"]["orders_held_until_ns"] = 2**60
    return router


def order(counter: int = 1, slot: int = 7, **changes: int) -> np.ndarray:
    fields = {"client_order_id": pack_client_order_id(EPOCH, 1, counter, slot), "order_slot": slot, "side": 1,
              "price_ticks": 50_000, "size_lots": 5}  # fmt: skip
    return message(NewOrder, **(fields | changes))


def denial(router: np.ndarray, wanted: np.ndarray) -> R:
    """Why an order was denied."""
    clear_outgoing(router[0])
    assert place(router[0], wanted[0], 1) == 0
    assert router["report_count"][0] == 1
    return R(int(router["reports"][0, 0]["reason"]))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("accepting", 0, R.HALTED),
        ("phase", Phase.QUERYING, R.NOT_RECONCILED),
        ("epoch", EPOCH + 1, R.INVALID_ORDER),
        ("open_orders", 2, R.OPEN_ORDERS),
    ],
)
def test_nothing_leaves_in_another_state(field: str, value: int, reason: R) -> None:
    router = ready_router()
    router[field] = value

    assert denial(router, order()) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, PASSED),
        ({"symbol_id": 1}, R.NOT_ALLOWED),
        ({"symbol_id": -1}, R.NOT_ALLOWED),
        ({"order_slot": 8}, R.INVALID_ORDER),
        ({"order_slot": -1}, R.INVALID_ORDER),
        ({"order_slot": 4_096}, R.INVALID_ORDER),
        ({"size_lots": 0}, R.INVALID_ORDER),
        ({"price_ticks": 0}, R.INVALID_ORDER),
        ({"side": 0}, R.INVALID_ORDER),
        ({"time_in_force": 3}, R.INVALID_ORDER),
        ({"size_lots": 21}, R.QUANTITY),
        ({"size_lots": 20}, PASSED),
        ({"size_lots": 20, "price_ticks": 50_001}, R.NOTIONAL),
    ],
)
def test_an_order_is_valid_and_of_bearable_size(changes: dict[str, int], reason: R) -> None:
    assert denial(ready_router(), order(**changes)) == reason


def test_a_slot_holds_one_live_order_and_an_id_is_used_once() -> None:
    router = ready_router()
    held = router["orders"][0, 7]
    held["state"], held["client_order_id"] = OrderState.OPEN, pack_client_order_id(EPOCH, 1, 1, 7)
    assert denial(router, order(2)) == R.DUPLICATE_ID
    held["state"] = OrderState.FILLED
    assert denial(router, order(1)) == R.DUPLICATE_ID
    assert denial(router, order(2)) == PASSED


def test_an_order_whose_cancel_came_first_is_late() -> None:
    router = ready_router()
    router["canceled_early"][0, 7] = order()["client_order_id"][0]

    assert denial(router, order()) == R.LATE
    assert denial(router, order(2)) == PASSED


def test_a_symbol_with_fills_that_may_be_anybodys_gets_no_order() -> None:
    router = ready_router()
    router["gates"][0, 0]["blocked"] = 1

    assert denial(router, order()) == R.NOT_RECONCILED


@pytest.mark.parametrize("side", [1, -1])
def test_the_worst_case_of_a_side_counts_position_and_what_is_out(side: int) -> None:
    router = ready_router()
    router["position_lots"][0, 0] = 10 * side
    router["gates"][0, 0]["buy_lots" if side > 0 else "sell_lots"] = 15

    assert denial(router, order(1, side=side, size_lots=6)) == R.POSITION
    assert denial(router, order(2, side=side, size_lots=5)) == PASSED
    assert denial(router, order(3, side=-side, size_lots=20)) == PASSED
