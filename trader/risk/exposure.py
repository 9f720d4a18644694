"""Exposure: own live orders of each symbol and the worst cases. Reserved at approval, released by a terminal fact only.

    worst case, long side  = position + leaves of every live buy          (UNKNOWN orders included)
    worst case, short side = leaves of every live sell - position
    of a symbol            = the greater of the two, at the mark          never negative
    of the account         = the sum over its symbols

Live orders of a side hang in a list from their symbol; the best own price of each side is kept beside it and looked
for again only when the order that held it ends. Sums follow each change, so a decision adds nothing up.
"""

from shm.kernel import address_of, inlined, kernel
from trader.compile_hints import expect, never_inlined
from trader.enums import OrderFlag, OrderState, Side
from trader.instrument import INSTRUMENTS_MAX
from trader.orders import SLOT_MASK, stage_of
from trader.risk.advice import clear_advice
from trader.risk.limits import LOTS_MAX
from trader.risk.state import LINES_MAX, NEVER_NS, NO_BUY, NO_SELL, NO_SLOT, OWN_ORDER, RECENT_MAX

ORDER_BYTES = OWN_ORDER.itemsize
_COUNTED_LOTS_MAX = 2 * LOTS_MAX


@kernel
def reset_exposure(risk, symbol_count):
    """Empty lists on zeroed memory, and no advice; nothing is allowed before limits are filled."""
    risk.symbol_count = symbol_count
    clear_advice(risk.advice)
    for i in range(INSTRUMENTS_MAX):
        clear_advice(risk.advised[i].advice)
        symbol = risk.symbols[i]
        symbol.buys.first = NO_SLOT
        symbol.sells.first = NO_SLOT
        symbol.buys.best_ticks = NO_BUY
        symbol.sells.best_ticks = NO_SELL
        symbol.delay_min_ns = NEVER_NS
        symbol.delay_next_ns = NEVER_NS
        symbol.pull.move2_ticks_max = NEVER_NS
        symbol.pull.low2 = symbol.pull.past_low2 = NEVER_NS


@inlined
def long_case(symbol):
    """Lots held if every live buy were filled and no sell."""
    return symbol.position.lots + symbol.buys.leaves_lots


@inlined
def short_case(symbol):
    """Lots short if every live sell were filled and no buy."""
    return symbol.sells.leaves_lots - symbol.position.lots


@inlined
def value_e8(symbol, worst_lots):
    """Worst-case lots at the mark in 1e-8 of the quote currency, capped so that no sum overflows."""
    units = min(max(worst_lots, 0), _COUNTED_LOTS_MAX) * symbol.mark2_ticks >> 1
    return min(units, symbol.limits.worst_units_max) * symbol.limits.tick_value_e8


@inlined
def revalue(risk, symbol):
    """Bring the symbol's worst case, and the account's sum, up to date after any change of lots or mark."""
    worst_e8 = value_e8(symbol, max(long_case(symbol), short_case(symbol)))
    risk.worst_e8 += worst_e8 - symbol.worst_e8
    symbol.worst_e8 = worst_e8


@inlined
def _link(risk, side, order, slot):
    order.next = side.first
    order.previous = NO_SLOT
    if side.first != NO_SLOT:
        risk.orders[side.first].previous = slot
    side.first = slot
    side.count += 1
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
    risk.open_orders -= 1


@inlined
def _add_leaves(risk, symbol, side, lots, price_ticks):
    """Change what is left of a side's orders; lots may be negative."""
    side.leaves_lots += lots
    side.leaves_units += lots * price_ticks
    risk.open_e8 += lots * price_ticks * symbol.limits.tick_value_e8


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
def market_word(intent):
    """Symbol, side and the stage that made an order, in one word."""
    return intent.symbol_id << 8 | stage_of(intent.client_order_id) << 1 | (1 if intent.side > 0 else 0)


@inlined
def reserve(risk, intent, now_ns):
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
    order.approved_ns = now_ns
    order.approval = risk.approved
    order.pulled = 0
    symbol = risk.symbols[intent.symbol_id]
    if intent.side > 0:
        order.touch_ticks = symbol.top.bid_ticks[0]
        _link(risk, symbol.buys, order, slot)
        _add_leaves(risk, symbol, symbol.buys, intent.size_lots, intent.price_ticks)
        symbol.buys.best_ticks = max(symbol.buys.best_ticks, intent.price_ticks)
    else:
        order.touch_ticks = symbol.top.ask_ticks[0]
        _link(risk, symbol.sells, order, slot)
        _add_leaves(risk, symbol, symbol.sells, intent.size_lots, intent.price_ticks)
        symbol.sells.best_ticks = min(symbol.sells.best_ticks, intent.price_ticks)
    revalue(risk, symbol)
    expect(address_of(risk.orders[(slot + 1) & SLOT_MASK]), ORDER_BYTES)
    if intent.flags & OrderFlag.LADDER_CHILD:
        lines = symbol.buy_lines if intent.side > 0 else symbol.sell_lines
        lines[intent.level & (LINES_MAX - 1)] = intent.client_order_id
    else:
        _remember(risk, intent, now_ns)


@kernel
def _remember(risk, intent, now_ns):
    never_inlined()
    recent = risk.recent[risk.recent_count & (RECENT_MAX - 1)]
    recent.approved_ns = now_ns
    recent.market = market_word(intent)
    recent.price_ticks = intent.price_ticks
    recent.size_lots = intent.size_lots
    risk.recent_count += 1


@kernel
def release(risk, order, state):
    """End a live order with a terminal state: nothing of it is exposed any more."""
    symbol = risk.symbols[order.symbol_id]
    order.state = state
    if order.side > 0:
        _unlink(risk, symbol.buys, order)
        _add_leaves(risk, symbol, symbol.buys, -order.leaves_lots, order.price_ticks)
        if order.price_ticks == symbol.buys.best_ticks:
            symbol.buys.best_ticks = _best_buy(risk, symbol.buys.first)
    else:
        _unlink(risk, symbol.sells, order)
        _add_leaves(risk, symbol, symbol.sells, -order.leaves_lots, order.price_ticks)
        if order.price_ticks == symbol.sells.best_ticks:
            symbol.sells.best_ticks = _best_sell(risk, symbol.sells.first)
    order.leaves_lots = 0
    revalue(risk, symbol)


@inlined
def consume(risk, order, lots):
    """What has been filled is position now, no longer leaves."""
    order.filled_lots += lots
    part = min(lots, order.leaves_lots)
    order.leaves_lots -= part
    symbol = risk.symbols[order.symbol_id]
    if order.side == Side.BUY:
        _add_leaves(risk, symbol, symbol.buys, -part, order.price_ticks)
    else:
        _add_leaves(risk, symbol, symbol.sells, -part, order.price_ticks)
    revalue(risk, symbol)
