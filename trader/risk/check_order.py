"""Checks 1 to 8: the trading state, and what an order is by itself. See `checks` for the order of all."""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import InstrumentStatus, OrderFlag, RefusalReason, Side, TimeInForce, TradingState
from trader.orders import ORDER_SLOTS_MAX, SLOT_BITS, SLOT_MASK, epoch_of, is_live, stage_of
from trader.risk.exposure import long_case, market_word, short_case
from trader.risk.limits import LOTS_MAX, TICKS_MAX
from trader.risk.refusing import refuse
from trader.risk.state import LINES_MAX, PARITY, RECENT_MAX

APPROVED = int(RefusalReason.NONE)


@inlined
def against_state(risk, intent):
    """Checks 1 to 3: may anything be traded, and this symbol at all?"""
    if risk.trading == TradingState.HALTED:
        return refuse(risk, RefusalReason.HALTED, risk.halted, 0)
    if risk.parity != PARITY:
        return refuse(risk, RefusalReason.BUILD_MISMATCH, risk.parity, PARITY)
    symbol_id = intent.symbol_id
    if symbol_id < 0 or symbol_id >= risk.symbol_count:
        return refuse(risk, RefusalReason.NOT_ALLOWED, symbol_id, risk.symbol_count - 1)
    symbol = risk.symbols[symbol_id]
    if risk.trading != TradingState.ACTIVE and _could_grow(symbol, intent):
        return refuse(risk, RefusalReason.REDUCING, intent.size_lots, _reducing_lots(symbol, intent))
    if symbol.reconciled == 0:
        return refuse(risk, RefusalReason.NOT_RECONCILED, 0, 1)
    if symbol.limits.allowed == 0:
        return refuse(risk, RefusalReason.NOT_ALLOWED, symbol_id, -1)
    if intent.venue_id != symbol.limits.venue_id:
        return refuse(risk, RefusalReason.NOT_ALLOWED, intent.venue_id, symbol.limits.venue_id)
    if symbol.status != InstrumentStatus.TRADING:
        return refuse(risk, RefusalReason.NOT_TRADING, symbol.status, InstrumentStatus.TRADING)
    return APPROVED


@inlined
def _reducing_lots(symbol, intent):
    """The largest size that leaves the worst case of its side flat or short of it."""
    return max(-(long_case(symbol) if intent.side > 0 else short_case(symbol)), 0)


@kernel
def _could_grow(symbol, intent):
    """Whether an order could open a position or turn it, were every order of its side filled."""
    never_inlined()
    return not (0 < intent.size_lots <= _reducing_lots(symbol, intent))


@inlined
def of_itself(risk, symbol, intent, now_ns):
    """Checks 4 to 8: a valid, new order of bearable size."""
    limits = symbol.limits
    reason = _validity(risk, limits, intent)
    if reason != APPROVED:
        return reason
    number = intent.client_order_id >> SLOT_BITS
    stage = stage_of(intent.client_order_id)
    newest = risk.newest_id[stage]
    if number <= newest:
        return refuse(risk, RefusalReason.DUPLICATE_ID, number, newest + 1)
    risk.newest_id[stage] = number
    if is_live(risk.orders[intent.order_slot].state):
        return refuse(risk, RefusalReason.DUPLICATE_ID, intent.order_slot, -1)
    if _repeats(risk, symbol, intent, now_ns):
        return refuse(risk, RefusalReason.DUPLICATE_ORDER, intent.price_ticks, -1)
    if intent.size_lots > limits.order_lots_max:
        return refuse(risk, RefusalReason.QUANTITY, intent.size_lots, limits.order_lots_max)
    units = intent.price_ticks * intent.size_lots
    if units > limits.notional_units_max:
        return refuse(risk, RefusalReason.NOTIONAL, units, limits.notional_units_max)
    return APPROVED


@inlined
def _validity(risk, limits, intent):
    """Check 4. Bounds price and size, so that no product of the later checks leaves int64."""
    invalid = RefusalReason.INVALID_ORDER
    if intent.side * intent.side != 1:
        return refuse(risk, invalid, intent.side, Side.BUY)
    if intent.time_in_force < 0 or intent.time_in_force > TimeInForce.IMMEDIATE_OR_CANCEL:
        return refuse(risk, invalid, intent.time_in_force, TimeInForce.IMMEDIATE_OR_CANCEL)
    if intent.order_slot < 0 or intent.order_slot >= ORDER_SLOTS_MAX:
        return refuse(risk, invalid, intent.order_slot, ORDER_SLOTS_MAX - 1)
    if intent.client_order_id <= 0 or intent.client_order_id & SLOT_MASK != intent.order_slot:
        return refuse(risk, invalid, intent.client_order_id & SLOT_MASK, intent.order_slot)
    if epoch_of(intent.client_order_id) != risk.epoch:
        return refuse(risk, invalid, epoch_of(intent.client_order_id), risk.epoch)
    if intent.level < 0 or intent.level >= LINES_MAX:
        return refuse(risk, invalid, intent.level, LINES_MAX - 1)
    if intent.price_ticks < 1 or intent.price_ticks > TICKS_MAX:
        return refuse(risk, invalid, intent.price_ticks, TICKS_MAX if intent.price_ticks > 0 else 1)
    if intent.size_lots < limits.size_lots_min:
        return refuse(risk, invalid, intent.size_lots, limits.size_lots_min)
    if intent.size_lots > limits.size_lots_max or intent.size_lots > LOTS_MAX:
        return refuse(risk, invalid, intent.size_lots, min(limits.size_lots_max, LOTS_MAX))
    if intent.price_ticks * intent.size_lots < limits.notional_units_min:
        return refuse(risk, invalid, intent.price_ticks * intent.size_lots, limits.notional_units_min)
    return APPROVED


@inlined
def _repeats(risk, symbol, intent, now_ns):
    """Check 6. A ladder's child replaces its line's order and may look like it, once that one has ended."""
    if intent.flags & OrderFlag.LADDER_CHILD:
        lines = symbol.buy_lines if intent.side > 0 else symbol.sell_lines
        client_order_id = lines[intent.level]
        order = risk.orders[client_order_id & SLOT_MASK]
        return (
            order.client_order_id == client_order_id
            and is_live(order.state)
            and order.price_ticks == intent.price_ticks
            and order.size_lots == intent.size_lots
            and now_ns - order.approved_ns < symbol.limits.duplicate_ns
        )
    return _was_approved_lately(risk, symbol.limits.duplicate_ns, intent, now_ns)


@kernel
def _was_approved_lately(risk, duplicate_ns, intent, now_ns):
    """Whether the same order was approved within the time; what is no longer remembered counts as the same."""
    never_inlined()
    market = market_word(intent)
    for back in range(1, RECENT_MAX + 1):
        if back > risk.recent_count:
            return False
        recent = risk.recent[(risk.recent_count - back) & (RECENT_MAX - 1)]
        if now_ns - recent.approved_ns >= duplicate_ns:
            return False
        same = recent.price_ticks == intent.price_ticks and recent.size_lots == intent.size_lots
        if same and recent.market == market:
            return True
    return True
