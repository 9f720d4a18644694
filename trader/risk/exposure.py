"""Exposure: positions and own live orders of each symbol. Reserved at approval, released by a terminal fact only.

    worst case, long side  = position + leaves of every live buy          (UNKNOWN orders included)
    worst case, short side = position - leaves of every live sell

One writer (the risk stage). Live orders of a side hang in a list from their symbol; the best own price of each
side is kept beside it and looked for again only when the order that held it ends.
"""

from enum import IntEnum

import numpy as np

from shm.kernel import inlined, kernel
from trader.enums import OrderState, Side
from trader.instrument import INSTRUMENTS_MAX
from trader.orders import ORDER_SLOTS_MAX
from trader.position import FILL_SET, POSITION
from trader.risk.limits import LIMITS, TICKS_MAX

STAGES_MAX = 16
REASONS = 16
NO_BUY = 0
NO_SELL = TICKS_MAX + 1
NO_SLOT = -1


class HaltCause(IntEnum):
    """Why risk stopped approving. A halt is latched: only a fresh start clears it."""

    NONE = 0
    COMMAND = 1
    OVERFILL = 2
    POSITION_MISMATCH = 3


OWN_ORDER = np.dtype(
    [
        ("client_order_id", "i8"),
        ("symbol_id", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("size_lots", "i8"),
        ("leaves_lots", "i8"),  # still reserved
        ("filled_lots", "i8"),
        ("state", "i8"),  # OrderState
        ("next", "i8"),  # slots of the neighbours in the list of its symbol and side, or NO_SLOT
        ("previous", "i8"),
    ],
    align=True,
)

SIDE = np.dtype(
    [("first", "i8"), ("count", "i8"), ("leaves_lots", "i8"), ("best_ticks", "i8")],
    align=True,
)
"""Live orders of one side. `best_ticks`: the price nearest to crossing, NO_BUY or NO_SELL without orders."""

SYMBOL = np.dtype(
    [
        ("limits", LIMITS),
        ("book_state", "i8"),
        ("book_epoch", "i8"),
        ("book_received_ns", "i8"),
        ("bid_ticks", "i8"),
        ("ask_ticks", "i8"),
        ("reconciled", "i8"),
        ("position", POSITION),
        ("buys", SIDE),
        ("sells", SIDE),
        ("adopted", "i8"),  # the first reconciliation has set the position
        ("volatility_bps", "f8"),  # newest estimate, 0 before the first
        ("volatility_state", "i8"),
    ],
    align=True,
)

RISK = np.dtype(
    [
        ("halted", "i8"),  # HaltCause
        ("epoch", "i8"),  # of client order ids, from the router
        ("epoch_least", "i8"),  # paused until the account is of this one
        ("symbol_count", "i8"),
        ("reason", "i8"),  # of the last refusal, RefusalReason
        ("found", "i8"),
        ("allowed", "i8"),
        ("approved", "i8"),
        ("refused", "i8"),
        ("reports", "i8"),
        ("fills", "i8"),
        ("duplicate_fills", "i8"),
        ("late_fills", "i8"),  # after the order's end, or of an order that risk does not know
        ("overfills", "i8"),
        ("position_mismatches", "i8"),
        ("open_orders", "i8"),
        ("pnl_e8", "i8"),  # all symbols, at their last marks
        ("refused_by_reason", "i8", (REASONS,)),
        ("newest_id", "i8", (STAGES_MAX,)),  # id without its slot bits, per stage that makes orders
        ("symbols", SYMBOL, (INSTRUMENTS_MAX,)),
        ("orders", OWN_ORDER, (ORDER_SLOTS_MAX,)),
        ("fill_set", FILL_SET),
    ],
    align=True,
)
"""State of risk: prepare with `reset_exposure`, then fill `limits` of each symbol."""


@kernel
def reset_exposure(risk, symbol_count):
    """Empty lists on zeroed memory."""
    risk.symbol_count = symbol_count
    for i in range(INSTRUMENTS_MAX):
        symbol = risk.symbols[i]
        symbol.buys.first = NO_SLOT
        symbol.sells.first = NO_SLOT
        symbol.buys.best_ticks = NO_BUY
        symbol.sells.best_ticks = NO_SELL


@inlined
def _link(risk, side, order, slot):
    order.next = side.first
    order.previous = NO_SLOT
    if side.first != NO_SLOT:
        risk.orders[side.first].previous = slot
    side.first = slot
    side.count += 1
    side.leaves_lots += order.leaves_lots
    risk.open_orders += 1


@inlined
def _unlink(risk, side, order):
    if order.previous == NO_SLOT:
        side.first = order.next
    else:
        risk.orders[order.previous].next = order.next
    if order.next != NO_SLOT:
        risk.orders[order.next].previous = order.previous
    side.count -= 1
    side.leaves_lots -= order.leaves_lots
    order.leaves_lots = 0
    risk.open_orders -= 1


@kernel
def _best_buy(risk, first):
    best, slot = NO_BUY, first
    while slot != NO_SLOT:
        best = max(best, risk.orders[slot].price_ticks)
        slot = risk.orders[slot].next
    return best


@kernel
def _best_sell(risk, first):
    best, slot = NO_SELL, first
    while slot != NO_SLOT:
        best = min(best, risk.orders[slot].price_ticks)
        slot = risk.orders[slot].next
    return best


@inlined
def reserve(risk, intent):
    """Book an approved order's full size as exposure. Its slot must hold no live order."""
    slot = intent.order_slot
    order = risk.orders[slot]
    order.client_order_id = intent.client_order_id
    order.symbol_id = intent.symbol_id
    order.side = intent.side
    order.price_ticks = intent.price_ticks
    order.size_lots = intent.size_lots
    order.leaves_lots = intent.size_lots
    order.filled_lots = 0
    order.state = OrderState.RESERVED
    symbol = risk.symbols[intent.symbol_id]
    if intent.side > 0:
        _link(risk, symbol.buys, order, slot)
        symbol.buys.best_ticks = max(symbol.buys.best_ticks, intent.price_ticks)
    else:
        _link(risk, symbol.sells, order, slot)
        symbol.sells.best_ticks = min(symbol.sells.best_ticks, intent.price_ticks)


@kernel
def release(risk, order, state):
    """End a live order with a terminal state: nothing of it is exposed any more."""
    symbol = risk.symbols[order.symbol_id]
    order.state = state
    if order.side > 0:
        _unlink(risk, symbol.buys, order)
        if order.price_ticks == symbol.buys.best_ticks:
            symbol.buys.best_ticks = _best_buy(risk, symbol.buys.first)
    else:
        _unlink(risk, symbol.sells, order)
        if order.price_ticks == symbol.sells.best_ticks:
            symbol.sells.best_ticks = _best_sell(risk, symbol.sells.first)


@inlined
def consume(risk, order, lots):
    """What has been filled is position now, no longer leaves."""
    order.filled_lots += lots
    part = min(lots, order.leaves_lots)
    order.leaves_lots -= part
    symbol = risk.symbols[order.symbol_id]
    if order.side == Side.BUY:
        symbol.buys.leaves_lots -= part
    else:
        symbol.sells.leaves_lots -= part
