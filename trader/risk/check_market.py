"""Checks 9 to 11, 20 and 22: an order against the market and against advice. See `checks` for the order of all."""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import BookState, RefusalReason, TimeInForce
from trader.risk.advice import WHOLE
from trader.risk.check_order import APPROVED
from trader.risk.limits import BPS_MAX, TICKS_MAX
from trader.risk.market import touch_ask, touch_bid
from trader.risk.refusing import refuse
from trader.slippage import ladder_cost_bps, volatility_multiplier


@inlined
def against_market(risk, symbol, intent, now_ns):
    """Checks 9 to 11: the reference price first, then the book that it comes from."""
    reason = _near_reference(risk, symbol, intent, now_ns)
    if reason != APPROVED:
        return reason
    reason = _fresh(risk, symbol, intent, now_ns)
    if reason != APPROVED:
        return reason
    if intent.time_in_force != TimeInForce.IMMEDIATE_OR_CANCEL:
        held_ns = (symbol.buys.held_until_ns if intent.side > 0 else symbol.sells.held_until_ns) - now_ns
        if held_ns > 0:
            return refuse(risk, RefusalReason.PULLED, held_ns, 0)
    if intent.time_in_force == TimeInForce.POST_ONLY:
        if intent.side > 0 and intent.price_ticks >= touch_ask(symbol):
            return refuse(risk, RefusalReason.WOULD_CROSS, intent.price_ticks, touch_ask(symbol) - 1)
        if intent.side < 0 and intent.price_ticks <= touch_bid(symbol):
            return refuse(risk, RefusalReason.WOULD_CROSS, intent.price_ticks, touch_bid(symbol) + 1)
    return APPROVED


@inlined
def _near_reference(risk, symbol, intent, now_ns):
    """Check 9. The reference is the mid of a LIVE book that is new, else the venue's mark price, if that is."""
    limits = symbol.limits
    mid2, age_ns, age_ns_max = symbol.mark2_ticks, now_ns - symbol.mark_ns, limits.book_age_ns_max
    if symbol.top.state != BookState.LIVE or age_ns > age_ns_max or mid2 == 0:
        mid2, age_ns = symbol.venue_mark2_ticks, now_ns - symbol.venue_mark_ns
        age_ns_max = limits.mark_age_ns_max
    if not (mid2 > 0 and age_ns <= age_ns_max):
        return refuse(risk, RefusalReason.NO_REFERENCE, age_ns, age_ns_max)
    # |price - mid| <= mid * bps / 1e4 with mid = (bid + ask) / 2, both sides times 2e4
    away = abs(2 * intent.price_ticks - mid2)
    if away * BPS_MAX > mid2 * limits.price_collar_bps:
        reach = mid2 * limits.price_collar_bps // BPS_MAX
        nearest = (mid2 + reach) // 2 if 2 * intent.price_ticks > mid2 else (mid2 - reach + 1) // 2
        return refuse(risk, RefusalReason.PRICE_COLLAR, intent.price_ticks, nearest)
    low2 = min(symbol.low2, symbol.past_low2)
    gone2 = max(symbol.high2, symbol.past_high2) - low2
    if gone2 * BPS_MAX > low2 * limits.price_travel_bps:
        return refuse(risk, RefusalReason.PRICE_TRAVEL, gone2 // 2, low2 * limits.price_travel_bps // BPS_MAX // 2)
    return APPROVED


@inlined
def _fresh(risk, symbol, intent, now_ns):
    """Check 10."""
    stale, limits = RefusalReason.STALE_DATA, symbol.limits
    if symbol.top.state != BookState.LIVE:
        return refuse(risk, stale, symbol.top.state, BookState.LIVE)
    age_ns = now_ns - symbol.received_ns
    if age_ns > limits.book_age_ns_max:
        return refuse(risk, stale, age_ns, limits.book_age_ns_max)
    event_age_ns = now_ns - symbol.top.event_ns - symbol.delay_min_ns
    if event_age_ns > limits.event_age_ns_max:
        return refuse(risk, stale, event_age_ns, limits.event_age_ns_max)
    bid, ask = touch_bid(symbol), touch_ask(symbol)
    if bid < 1 or ask <= bid or ask > TICKS_MAX:
        return refuse(risk, stale, bid, ask - 1)
    if abs(symbol.top.epoch - intent.book_epoch) > limits.book_epochs_max:
        return refuse(risk, stale, intent.book_epoch, symbol.top.epoch)
    return APPROVED


@inlined
def against_slippage(risk, symbol, intent):
    """Checks 20 and 22: what an order that takes would cost, and how near to the mid one that rests may stand."""
    if intent.time_in_force != TimeInForce.POST_ONLY:
        reason = _taking(risk, symbol, intent)
        if reason != APPROVED:
            return reason
    elif risk.advice.spread_permille > WHOLE:
        away2 = abs(2 * intent.price_ticks - touch_bid(symbol) - touch_ask(symbol)) * WHOLE
        least2 = (touch_ask(symbol) - touch_bid(symbol)) * risk.advice.spread_permille
        if away2 < least2:
            return refuse(risk, RefusalReason.TAIL_RISK, away2 // WHOLE, least2 // WHOLE)
    return APPROVED


@kernel
def _taking(risk, symbol, intent):
    """Check 20, of orders that reach the opposite touch only. A cost that is no number denies."""
    never_inlined()
    takes = intent.price_ticks >= touch_ask(symbol) if intent.side > 0 else intent.price_ticks <= touch_bid(symbol)
    if not takes:
        return APPROVED
    volatility_bps, volume = symbol.volatility_bps, symbol.volume_lots_per_s
    multiplier = volatility_multiplier(volatility_bps, symbol.volatility_bps_p95)
    cost_bps = ladder_cost_bps(symbol.top, intent.side, intent.size_lots, volatility_bps, volume, multiplier)
    if not (cost_bps <= symbol.limits.slippage_bps_max):
        found = int(cost_bps) if cost_bps < TICKS_MAX else -1
        return refuse(risk, RefusalReason.SLIPPAGE, found, symbol.limits.slippage_bps_max)
    return APPROVED
