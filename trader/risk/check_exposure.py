"""Checks 12 to 17: an order against what we have and have asked for already. See `checks` for the order of all."""

from shm.kernel import inlined
from trader.enums import RefusalReason
from trader.risk.check_order import APPROVED
from trader.risk.exposure import long_case, short_case, value_e8
from trader.risk.refusing import refuse


@inlined
def against_exposure(risk, symbol, intent, now_ns):
    """Checks 12 to 17, in order."""
    if intent.side > 0:
        count = symbol.buys.count
        if intent.price_ticks >= symbol.sells.best_ticks:
            return refuse(risk, RefusalReason.SELF_TRADE, intent.price_ticks, symbol.sells.best_ticks - 1)
        worst, opposite = long_case(symbol) + intent.size_lots, short_case(symbol)
    else:
        count = symbol.sells.count
        if intent.price_ticks <= symbol.buys.best_ticks:
            return refuse(risk, RefusalReason.SELF_TRADE, intent.price_ticks, symbol.buys.best_ticks + 1)
        worst, opposite = short_case(symbol) + intent.size_lots, long_case(symbol)
    limits, bounds = symbol.limits, risk.bounds
    live = symbol.buys.count + symbol.sells.count
    if live >= limits.open_orders_max:
        return refuse(risk, RefusalReason.OPEN_ORDERS, live + 1, limits.open_orders_max)
    if count >= limits.open_orders_side_max:
        return refuse(risk, RefusalReason.OPEN_ORDERS, count + 1, limits.open_orders_side_max)
    if risk.open_orders >= bounds.orders_max:
        return refuse(risk, RefusalReason.OPEN_ORDERS, risk.open_orders + 1, bounds.orders_max)
    open_e8 = risk.open_e8 + intent.price_ticks * intent.size_lots * limits.tick_value_e8
    if open_e8 > bounds.open_e8_max:
        return refuse(risk, RefusalReason.OPEN_NOTIONAL, open_e8, bounds.open_e8_max)
    if worst > limits.position_lots_max:
        return refuse(risk, RefusalReason.POSITION, worst, limits.position_lots_max)
    if worst * symbol.mark2_ticks > limits.position_units2_max:
        most = limits.position_units2_max // symbol.mark2_ticks
        return refuse(risk, RefusalReason.POSITION_NOTIONAL, worst, most)
    return _account(risk, symbol, max(worst, opposite), now_ns)


@inlined
def _account(risk, symbol, worst_lots, now_ns):
    """The account's half of 15, then 16 and 17."""
    bounds = risk.bounds
    change_e8 = value_e8(symbol, worst_lots) - symbol.worst_e8
    worst_e8 = risk.worst_e8 + change_e8
    if change_e8 > 0 and worst_e8 > bounds.worst_e8_max:
        return refuse(risk, RefusalReason.POSITION_NOTIONAL, worst_e8, bounds.worst_e8_max)
    age_ns = now_ns - risk.balance_ns
    if not (risk.balance_ns != 0 and age_ns <= bounds.balance_age_ns_max):
        return refuse(risk, RefusalReason.MARGIN, age_ns, bounds.balance_age_ns_max)
    if change_e8 > 0 and worst_e8 > risk.margin_worst_e8_max:
        return refuse(risk, RefusalReason.MARGIN, worst_e8, risk.margin_worst_e8_max)
    ahead_ns = risk.pace_ns - now_ns
    if ahead_ns > bounds.order_burst_ns:
        return refuse(risk, RefusalReason.MESSAGE_RATE, ahead_ns, bounds.order_burst_ns)
    return APPROVED
