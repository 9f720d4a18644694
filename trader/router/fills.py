"""Fills: executions from the user stream and from trade lists, each booked once and told with all its numbers.

A fill of an order that is in the table moves the order; any other fill of our account (an order of an earlier
epoch, or of somebody else with our key) moves the position alone, unless the adopted position has it already.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import OrderState, ReportKind
from trader.orders import SLOT_MASK, epoch_of
from trader.position import market_of, remember_fill
from trader.router.facts import apply_status, merge_fill, settle, watch_owed
from trader.router.outgoing import add_alarm, add_report
from trader.router.parking import claim_parked, forget_word, park_fill, park_word
from trader.router.state import Alarm
from trader.venues.binance.account import is_symbol
from trader.venues.binance.json_cursor import DIGITS_MAX, POWERS, units_of
from trader.venues.binance.order_events import CANCELED, EXPIRED, FILLED, NEW, REJECTED, TRADE
from trader.venues.binance.user_events import ORDER_UPDATE

FEE_DECIMALS = 8
FOREIGN_SLOT = -1


@kernel
def symbol_of_event(router, event):
    """symbol_id of an event's symbol text, or -1."""
    never_inlined()
    for symbol_id in range(router.symbol_count):
        if is_symbol(event.symbol, event.symbol_length, router.instruments[symbol_id]):
            return symbol_id
    return -1


@kernel
def apply_event(router, symbol_id, now_ns):
    """Merge `router.event`, an order's update or a trade, of a known symbol. 0 if its numbers make no sense."""
    never_inlined()
    event = router.event
    if event.kind != ORDER_UPDATE:
        return 1
    instrument = router.instruments[symbol_id]
    order = router.orders[event.client_order_id & SLOT_MASK]
    known = event.client_order_id > 0 and order.client_order_id == event.client_order_id
    if event.execution == TRADE:
        ticks = units_of(event.last_price, instrument.price_decimals, instrument.tick_multiple)
        lots = units_of(event.last_quantity, instrument.size_decimals, instrument.lot_multiple)
        if ticks < 1 or lots < 1 or event.side == 0:
            return 0
        _apply_trade(router, order, known, symbol_id, ticks, lots, now_ns)
    elif known:
        total = units_of(event.cumulative, instrument.size_decimals, instrument.lot_multiple)
        if total < 0:
            return 0
        status = event.execution if event.execution != 0 else event.order_status
        apply_status(router, order, status, event.venue_order_id, total, event.event_ms, now_ns)
    elif event.execution == NEW and not _has_ended(router, order):
        park_word(router, symbol_id, now_ns)
    elif event.execution == CANCELED or event.execution == EXPIRED or event.execution == REJECTED:
        forget_word(router, event.venue_order_id)
    if known:
        claim_parked(router, order, now_ns)
    return 1


@inlined
def _has_ended(router, order):
    """Whether an event that is not about the slot's present order is about an earlier one of ours."""
    own = router.event.client_order_id
    return own > 0 and (own < order.client_order_id or epoch_of(own) < router.epoch)


@kernel
def _apply_trade(router, order, known, symbol_id, ticks, lots, now_ns):
    """Book a fill once and tell it."""
    never_inlined()
    event = router.event
    instrument = router.instruments[symbol_id]
    market = market_of(instrument.venue_id, symbol_id)
    # What is not booked is not marked as seen: its order may get known, and then it is listed again.
    if not known and not _is_news(router, symbol_id):
        return
    if not remember_fill(router.fill_set, market, event.trade_id, event.venue_order_id):
        router.duplicate_fills += 1
        return
    router.filled += 1
    router.position_lots[symbol_id] += event.side * lots
    if not known:
        router.foreign_fills += 1
        _report_fill(router, order, symbol_id, False, _foreign_state(event), ticks, lots)
        if router.reconciled_once == 0:
            # A predecessor's order made it: this router has sent none yet, so there is nothing to wait for.
            router.late_fills += 1
        elif _has_ended(router, order):
            router.late_fills += 1
            add_alarm(router, Alarm.LATE_FILL, symbol_id, event.client_order_id, lots, 0)
        else:
            park_fill(router, symbol_id, ticks, lots, now_ns)
        return
    total = units_of(event.cumulative, instrument.size_decimals, instrument.lot_multiple)
    before, after, told = merge_fill(router, order, event.venue_order_id, lots, max(total, 0), now_ns)
    _report_fill(router, order, symbol_id, True, told, ticks, lots)
    settle(router, order, before, after, event.event_ms, now_ns)
    watch_owed(order, now_ns)


@inlined
def _is_news(router, symbol_id):
    """Whether a fill of an order that is not in the table is ours all the same, or came after the position that we have
    adopted, or after the last one that a predecessor has told.
    """
    news_from = router.news_from[symbol_id]
    if router.first_id > 0 and router.event.client_order_id >= router.first_id:
        return True
    if news_from > 0:
        return router.event.trade_id >= news_from
    # Nothing was open when the position was read: a fill of the same millisecond came after it.
    return router.reconciled_once != 0 and router.event.event_ms >= router.position_ms[symbol_id]


@inlined
def _foreign_state(event):
    return OrderState.FILLED if event.order_status == FILLED else OrderState.PARTIAL


@kernel
def _report_fill(router, order, symbol_id, known, state, ticks, lots):
    """Append the report of a fill, from the event itself."""
    never_inlined()
    event = router.event
    instrument = router.instruments[symbol_id]
    report = add_report(router, order, ReportKind.FILL, state, event.event_ms, 0)
    report.symbol_id = symbol_id
    report.venue_id = instrument.venue_id
    report.venue_order_id = event.venue_order_id
    report.side = event.side
    report.last_ticks = ticks
    report.last_lots = lots
    report.trade_id = event.trade_id
    report.is_maker = event.is_maker
    report.fee_e8 = _fee_e8(event.fee)
    if not known:
        report.client_order_id = event.client_order_id
        report.order_slot = FOREIGN_SLOT
        report.price_ticks = max(units_of(event.price, instrument.price_decimals, instrument.tick_multiple), 0)
        report.size_lots = max(units_of(event.quantity, instrument.size_decimals, instrument.lot_multiple), 0)
        report.cumulative_lots = max(units_of(event.cumulative, instrument.size_decimals, instrument.lot_multiple), 0)


@inlined
def _fee_e8(fee):
    """A fee in 1e-8 of the quote currency; digits beyond that are dropped, a sum beyond int64 is 0."""
    sign = -1 if fee.mantissa < 0 else 1
    value, places = sign * fee.mantissa, fee.fraction
    if places >= FEE_DECIMALS:
        return sign * (value // POWERS[places - FEE_DECIMALS])
    power = POWERS[FEE_DECIMALS - places]
    return sign * value * power if value <= POWERS[DIGITS_MAX] // power else 0
