"""Exposures: the position and the open orders of one symbol as execution reports tell them, for antifragility.

    fills -> position     reports of live orders -> a list without holes     account -> the venue's word on both

Orders are found by client order id in a list of at most ORDERS_MAX; what finds it full is counted and left out.
"""

import numpy as np

from shm.kernel import kernel
from trader.enums import ReportKind
from trader.orders import epoch_of, is_live
from trader.tail_risk.antifragility import ORDERS_MAX

NONE = -1

OPEN_ORDER = np.dtype([("client_order_id", "i8"), ("price_ticks", "i8"), ("signed_lots", "i8")], align=True)
"""`signed_lots`: what is left of it, above 0 for a bid and below 0 for an ask."""

HELD = np.dtype(
    [("position_lots", "i8"), ("count", "i8"), ("left_out", "i8"), ("orders", OPEN_ORDER, (ORDERS_MAX,))], align=True
)
"""Zeroed it is flat, without orders."""


@kernel
def apply_report(held, report):
    """Take an ExecutionReport of the symbol."""
    if report.kind == ReportKind.FILL:
        held.position_lots += report.side * report.last_lots
    if report.client_order_id <= 0:
        return
    place = _find(held, report.client_order_id)
    leaves = report.size_lots - report.cumulative_lots
    if leaves <= 0 or not is_live(report.state):
        if place != NONE:
            _remove(held, place)
        return
    if place == NONE:
        if held.count == ORDERS_MAX:
            held.left_out += 1
            return
        place = held.count
        held.count += 1
        held.orders[place].client_order_id = report.client_order_id
    held.orders[place].price_ticks = report.price_ticks
    held.orders[place].signed_lots = report.side * leaves


@kernel
def apply_account(held, account):
    """Take a reconciled AccountState of the symbol: its position; orders of older epochs are over."""
    if account.reconciled == 0:
        return
    held.position_lots = account.position_lots
    place = 0
    while place < held.count:
        if epoch_of(held.orders[place].client_order_id) < account.epoch:
            _remove(held, place)
        else:
            place += 1


@kernel
def forget_orders(held):
    """Reports were missed: which orders are open is not known, and the position only from the next account on."""
    held.count = 0


@kernel
def _find(held, client_order_id):
    for place in range(held.count):
        if held.orders[place].client_order_id == client_order_id:
            return place
    return NONE


@kernel
def _remove(held, place):
    held.count -= 1
    if place != held.count:
        held.orders[place] = held.orders[held.count]


@kernel
def expose(held, exposure, mid_halfticks):
    """Write what is held into an EXPOSURE, prices from a mid in half ticks."""
    exposure.position_lots = float(held.position_lots)
    exposure.order_count = held.count
    for place in range(held.count):
        order = held.orders[place]
        exposure.order_ticks[place] = order.price_ticks - 0.5 * mid_halfticks
        exposure.order_lots[place] = float(order.signed_lots)
