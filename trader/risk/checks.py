"""Checks: the pre-trade decision. In this order, the first failure wins; a missing input denies.

     1 HALTED           the kill switch is latched
     2 NOT_RECONCILED   the router has not confirmed orders and position
     3 NOT_ALLOWED      unknown symbol, wrong venue, or not on the allow-list
     4 INVALID_ORDER    side, time in force, slot or epoch, price or size out of range, below the venue's minima
     5 DUPLICATE_ID     the id was used before, or its slot holds a live order
     6 QUANTITY         size of the order
     7 NOTIONAL         price times size of the order
     8 STALE_DATA       book not LIVE, crossed or one-sided, or its top older than allowed
     9 PRICE_COLLAR     distance from the mid; it stands behind 8 because the mid is its input
    10 WOULD_CROSS      a post-only order at or through the opposite touch
    11 SELF_TRADE       at or through an own live order of the other side
    12 OPEN_ORDERS      own live orders of the symbol
    13 POSITION         worst case with every open order of that side filled

A refusal leaves `found` and `allowed` in the state: the value that failed and the bound it met. An approval
has reserved the order's exposure when `decide` returns.
"""

from shm.kernel import inlined, kernel
from trader.enums import BookState, RefusalReason, Side, TimeInForce
from trader.orders import ORDER_SLOTS_MAX, SLOT_BITS, SLOT_MASK, epoch_of, is_live, stage_of
from trader.risk.exposure import reserve
from trader.risk.limits import BPS_MAX, LOTS_MAX, TICKS_MAX

APPROVED = int(RefusalReason.NONE)


@inlined
def _refuse(risk, reason, found, allowed):
    risk.found = found
    risk.allowed = allowed
    risk.reason = reason
    return risk.reason


@inlined
def _standing(risk, intent):
    """Checks 1 to 3: may anything be traded, and this symbol at all?"""
    if risk.halted != 0:
        return _refuse(risk, RefusalReason.HALTED, risk.halted, 0)
    symbol_id = intent.symbol_id
    if symbol_id < 0 or symbol_id >= risk.symbol_count:
        return _refuse(risk, RefusalReason.NOT_ALLOWED, symbol_id, risk.symbol_count - 1)
    symbol = risk.symbols[symbol_id]
    if symbol.reconciled == 0:
        return _refuse(risk, RefusalReason.NOT_RECONCILED, 0, 1)
    if symbol.limits.allowed == 0:
        return _refuse(risk, RefusalReason.NOT_ALLOWED, symbol_id, -1)
    if intent.venue_id != symbol.limits.venue_id:
        return _refuse(risk, RefusalReason.NOT_ALLOWED, intent.venue_id, symbol.limits.venue_id)
    return APPROVED


@inlined
def _validity(risk, limits, intent):
    """Check 4. Bounds price and size, so that no product of the later checks leaves int64."""
    invalid = RefusalReason.INVALID_ORDER
    if intent.side * intent.side != 1:
        return _refuse(risk, invalid, intent.side, Side.BUY)
    if intent.time_in_force < 0 or intent.time_in_force > TimeInForce.IMMEDIATE_OR_CANCEL:
        return _refuse(risk, invalid, intent.time_in_force, TimeInForce.IMMEDIATE_OR_CANCEL)
    if intent.order_slot < 0 or intent.order_slot >= ORDER_SLOTS_MAX:
        return _refuse(risk, invalid, intent.order_slot, ORDER_SLOTS_MAX - 1)
    if intent.client_order_id <= 0 or intent.client_order_id & SLOT_MASK != intent.order_slot:
        return _refuse(risk, invalid, intent.client_order_id & SLOT_MASK, intent.order_slot)
    if epoch_of(intent.client_order_id) != risk.epoch:
        return _refuse(risk, invalid, epoch_of(intent.client_order_id), risk.epoch)
    if intent.price_ticks < 1 or intent.price_ticks > TICKS_MAX:
        return _refuse(risk, invalid, intent.price_ticks, TICKS_MAX if intent.price_ticks > 0 else 1)
    if intent.size_lots < limits.size_lots_min:
        return _refuse(risk, invalid, intent.size_lots, limits.size_lots_min)
    if intent.size_lots > limits.size_lots_max or intent.size_lots > LOTS_MAX:
        return _refuse(risk, invalid, intent.size_lots, min(limits.size_lots_max, LOTS_MAX))
    if intent.price_ticks * intent.size_lots < limits.notional_units_min:
        return _refuse(risk, invalid, intent.price_ticks * intent.size_lots, limits.notional_units_min)
    return APPROVED


@inlined
def _size(risk, limits, intent):
    """Checks 5 to 7: a new id in a free slot, and an order of bearable size."""
    number = intent.client_order_id >> SLOT_BITS
    stage = stage_of(intent.client_order_id)
    newest = risk.newest_id[stage]
    if number <= newest:
        return _refuse(risk, RefusalReason.DUPLICATE_ID, number, newest + 1)
    risk.newest_id[stage] = number
    if is_live(risk.orders[intent.order_slot].state):
        return _refuse(risk, RefusalReason.DUPLICATE_ID, intent.order_slot, -1)
    if intent.size_lots > limits.order_lots_max:
        return _refuse(risk, RefusalReason.QUANTITY, intent.size_lots, limits.order_lots_max)
    units = intent.price_ticks * intent.size_lots
    if units > limits.notional_units_max:
        return _refuse(risk, RefusalReason.NOTIONAL, units, limits.notional_units_max)
    return APPROVED


@inlined
def _market(risk, symbol, intent, now_ns):
    """Checks 8 to 10: against a book that is known to be right and new."""
    stale = RefusalReason.STALE_DATA
    bid, ask = symbol.bid_ticks, symbol.ask_ticks
    if symbol.book_state != BookState.LIVE:
        return _refuse(risk, stale, symbol.book_state, BookState.LIVE)
    age_ns = now_ns - symbol.book_received_ns
    if age_ns > symbol.limits.book_age_ns_max:
        return _refuse(risk, stale, age_ns, symbol.limits.book_age_ns_max)
    if bid < 1 or ask <= bid or ask > TICKS_MAX:
        return _refuse(risk, stale, bid, ask - 1)
    # |price - mid| <= mid * bps / 1e4 with mid = (bid + ask) / 2, both sides times 2e4
    mid2 = bid + ask
    away = 2 * intent.price_ticks - mid2
    away = -away if away < 0 else away
    if away * BPS_MAX > mid2 * symbol.limits.price_collar_bps:
        reach = mid2 * symbol.limits.price_collar_bps // BPS_MAX
        nearest = (mid2 + reach) // 2 if 2 * intent.price_ticks > mid2 else (mid2 - reach + 1) // 2
        return _refuse(risk, RefusalReason.PRICE_COLLAR, intent.price_ticks, nearest)
    if intent.time_in_force == TimeInForce.POST_ONLY:
        if intent.side > 0 and intent.price_ticks >= ask:
            return _refuse(risk, RefusalReason.WOULD_CROSS, intent.price_ticks, ask - 1)
        if intent.side < 0 and intent.price_ticks <= bid:
            return _refuse(risk, RefusalReason.WOULD_CROSS, intent.price_ticks, bid + 1)
    return APPROVED


@inlined
def _exposure(risk, symbol, intent):
    """Checks 11 to 13: against what we have and have asked for already."""
    limits = symbol.limits
    lots = symbol.position.lots
    if intent.side > 0:
        if intent.price_ticks >= symbol.sells.best_ticks:
            return _refuse(risk, RefusalReason.SELF_TRADE, intent.price_ticks, symbol.sells.best_ticks - 1)
        worst = lots + symbol.buys.leaves_lots + intent.size_lots
    else:
        if intent.price_ticks <= symbol.buys.best_ticks:
            return _refuse(risk, RefusalReason.SELF_TRADE, intent.price_ticks, symbol.buys.best_ticks + 1)
        worst = symbol.sells.leaves_lots + intent.size_lots - lots
    live = symbol.buys.count + symbol.sells.count + 1
    if live > limits.open_orders_max:
        return _refuse(risk, RefusalReason.OPEN_ORDERS, live, limits.open_orders_max)
    if worst > limits.position_lots_max:
        return _refuse(risk, RefusalReason.POSITION, worst, limits.position_lots_max)
    return APPROVED


@kernel
def decide(risk, intent, now_ns):
    """The reason to refuse an intent (RefusalReason), or APPROVED with its exposure reserved."""
    reason = _standing(risk, intent)
    if reason == APPROVED:
        symbol = risk.symbols[intent.symbol_id]
        reason = _validity(risk, symbol.limits, intent)
        if reason == APPROVED:
            reason = _size(risk, symbol.limits, intent)
            if reason == APPROVED:
                reason = _market(risk, symbol, intent, now_ns)
                if reason == APPROVED:
                    reason = _exposure(risk, symbol, intent)
    risk.refused_by_reason[reason] += 1
    if reason != APPROVED:
        risk.refused += 1
        return reason
    risk.approved += 1
    reserve(risk, intent)
    return APPROVED
