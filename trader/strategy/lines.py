"""The desk's records: one line per symbol, side and level, which holds at most one order, and who holds a slot.

              take_line                 ask_cancel
    IDLE ------------------> WORKING ----------------> CANCELING
      ^                         |                          |
      +------- free_line -------+--------------------------+     terminal report, refusal, no room

Sides are indexed 0 bid, 1 ask; 2 is the line of the order that takes, one a symbol. Prices in ticks, sizes in lots,
times in monotonic nanoseconds. One writer.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.enums import OrderFlag, OrderState, Side, TimeInForce
from trader.instrument import INSTRUMENTS_MAX
from trader.orders import ORDER_SLOTS_MAX, order_slot_of
from trader.position import POSITION as LEDGER
from trader.strategy.door import LEVELS_MAX, POSITION, QUOTES

IDLE = 0
WORKING = 1
CANCELING = 2

BIDS, ASKS, TAKER = range(3)
TAKER_LEVEL = LEVELS_MAX
"""What an order that takes says as its level."""

TERMINAL = (
    1 << OrderState.FILLED
    | 1 << OrderState.CANCELED
    | 1 << OrderState.REJECTED
    | 1 << OrderState.EXPIRED
    | 1 << OrderState.DENIED
)
"""Bit set of the states that end an order."""

LINE = np.dtype(
    [
        ("state", "i8"),
        ("acknowledged", "i8"),
        ("client_order_id", "i8"),
        ("price_ticks", "i8"),
        ("leaves_lots", "i8"),
        ("wanted_ticks", "i8"),
        ("wanted_lots", "i8"),
        ("resume_ns", "i8"),
        ("cancel_ns", "i8"),
    ],
    align=True,
)

SYMBOL = np.dtype(
    [
        ("venue_id", "i8"),
        ("reconciled", "i8"),
        ("book_ns", "i8"),
        ("depth", "i8"),
        ("busy_bids", "i8"),
        ("busy_asks", "i8"),
        ("accrued_ns", "i8"),
        ("was_live", "i8"),
        ("was_both", "i8"),
        ("live_ns", "i8"),
        ("quoted_both_ns", "i8"),
        ("ledger", LEDGER),
        ("position", POSITION),
        ("quotes", QUOTES),
        ("bids", LINE, (LEVELS_MAX,)),
        ("asks", LINE, (LEVELS_MAX,)),
        ("taker", LINE),
        ("taker_side", "i8"),
    ],
    align=True,
)
"""`depth`: lines a side that have ever been used. `busy_*`: lines that are not IDLE. `ledger`: the sum of fills;
`position`: the strategy's view of it."""

TICKET = np.dtype([("client_order_id", "i8"), ("symbol_id", "i8"), ("side_index", "i8"), ("level", "i8")], align=True)
"""Which order has the slot (0: none), and which line is the order's."""

DESK = np.dtype(
    [
        ("symbol_count", "i8"),
        ("running", "i8"),
        ("requote_ticks", "i8"),
        ("refusal_pause_ns", "i8"),
        ("reject_pause_ns", "i8"),
        ("cancel_retry_ns", "i8"),
        ("book_age_ns_max", "i8"),
        ("intents", "i8"),
        ("refusals", "i8"),
        ("denied", "i8"),
        ("cancels", "i8"),
        ("requotes", "i8"),
        ("rejects", "i8"),
        ("executions", "i8"),
        ("unmatched", "i8"),
        ("live_ns", "i8"),
        ("quoted_both_ns", "i8"),
        ("tickets", TICKET, (ORDER_SLOTS_MAX,)),
        ("symbols", SYMBOL, (INSTRUMENTS_MAX,)),
    ],
    align=True,
)
"""`denied`: intents for which the link had no room. `unmatched`: reports of orders that no line knows."""


@inlined
def line_of(symbol, side_index, level):
    """The line of a side and level."""
    if side_index == TAKER:
        return symbol.taker
    return symbol.bids[level] if side_index == BIDS else symbol.asks[level]


@kernel
def take_line(desk, client_order_id, symbol_id, side_index, level, top, intent):
    """Give a line an order of this id at its wanted price and size, and fill the OrderIntent."""
    slot = order_slot_of(client_order_id)
    symbol = desk.symbols[symbol_id]
    line = line_of(symbol, side_index, level)
    ticket = desk.tickets[slot]
    ticket.client_order_id = client_order_id
    ticket.symbol_id = symbol_id
    ticket.side_index = side_index
    ticket.level = level
    line.state = WORKING
    line.acknowledged = 0
    line.client_order_id = client_order_id
    line.price_ticks = line.wanted_ticks
    line.leaves_lots = line.wanted_lots
    _count_busy(symbol, side_index, 1)
    desk.intents += 1
    intent.symbol_id = symbol_id
    intent.venue_id = symbol.venue_id
    intent.client_order_id = client_order_id
    intent.order_slot = slot
    intent.price_ticks = line.wanted_ticks
    intent.size_lots = line.wanted_lots
    intent.level = level
    intent.book_epoch = top.epoch
    if side_index == TAKER:
        intent.side = symbol.taker_side
        intent.time_in_force = TimeInForce.IMMEDIATE_OR_CANCEL
        intent.flags = 0
    else:
        intent.side = Side.BUY if side_index == BIDS else Side.SELL
        intent.time_in_force = TimeInForce.POST_ONLY
        intent.flags = OrderFlag.LADDER_CHILD


@kernel
def ask_cancel(desk, line, now_ns):
    """Note that a cancel of the line's order is under way."""
    if line.state == WORKING and line.wanted_lots > 0:
        desk.requotes += 1
    line.state = CANCELING
    line.cancel_ns = now_ns
    desk.cancels += 1


@kernel
def free_line(desk, client_order_id, resume_ns):
    """The order is over, its line may place again from `resume_ns` on: 1, and its slot is free; 0 if no line has it."""
    ticket = desk.tickets[order_slot_of(client_order_id)]
    if client_order_id <= 0 or ticket.client_order_id != client_order_id:
        return 0
    ticket.client_order_id = 0
    symbol = desk.symbols[ticket.symbol_id]
    line = line_of(symbol, ticket.side_index, ticket.level)
    line.state = IDLE
    line.leaves_lots = 0
    line.client_order_id = 0
    line.resume_ns = resume_ns
    _count_busy(symbol, ticket.side_index, -1)
    return 1


@inlined
def _count_busy(symbol, side_index, change):
    if side_index == BIDS:
        symbol.busy_bids += change
    elif side_index == ASKS:
        symbol.busy_asks += change
