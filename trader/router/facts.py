"""Facts: replies and user events, in any order and any number, merged into the order table.

The first word about an order wins, later words that say the same change nothing. Fills count once, whenever
they come. A terminal state is told only after the fills that the venue has counted, so that whoever hears it
has the whole position. A contradiction moves nothing: the order is asked for instead.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import InstrumentStatus, OrderState, ReportKind
from trader.orders import (
    CONTRADICTION,
    NOT_TRADING,
    OrderEvent,
    apply_ack,
    apply_end,
    apply_fill,
    is_live,
    next_state,
)
from trader.router.breaker import PLAIN, fail, succeed
from trader.router.outgoing import add_alarm, add_report, tell_state
from trader.router.placing import free_lots, retire
from trader.router.state import AT_ACK, Alarm
from trader.venues.binance.order_events import (
    CANCELED,
    EXPIRED,
    FILLED,
    NEW,
    PARTIALLY_FILLED,
    REJECTED,
)

TOLD = -1
DOUBT_PAUSE_NS = 200_000_000
"""Between two doubts about one order, so that an answer that settles nothing is not asked for in a circle."""


@kernel
def doubt(router, order, now_ns):
    """Ask for the order's status now and then again, until it is known."""
    never_inlined()
    if order.query_due_ns == 0:
        soon = order.query_base_ns != 0 and now_ns - order.query_base_ns < DOUBT_PAUSE_NS
        order.query_due_ns = now_ns + DOUBT_PAUSE_NS if soon else now_ns
        order.query_base_ns = order.query_due_ns
        order.query_count = 0
        router.more_work = 1


@inlined
def hear(order, now_ns):
    """A word of the venue about the order: it exists."""
    order.heard_ns = now_ns
    order.not_found = 0


@kernel
def settle(router, order, before, after, event_ms, now_ns):
    """Tell what a fact has changed, fills excepted: first acknowledgement, end, contradiction."""
    never_inlined()
    if after == CONTRADICTION:
        router.contradictions += 1
        if is_live(order.state):
            add_alarm(router, Alarm.CONTRADICTION, order.symbol_id, order.client_order_id, order.state, 0)
            doubt(router, order, now_ns)
        return
    if not is_live(before):
        return
    if before == OrderState.SENT or before == OrderState.UNKNOWN:
        order.query_due_ns = 0
        router.acked += 1
        tell_breaker(router, order, True, now_ns)
        router.more_work |= order.cancel_wanted
        if order.cancel_wanted == AT_ACK:
            order.cancel_wanted = 1
            order.cancel_sent_ns = 0
        if after == OrderState.OPEN:
            add_report(router, order, ReportKind.ACK, after, event_ms, 0)
    if is_live(after):
        return
    retire(router, order)
    if after == OrderState.CANCELED:
        router.canceled += 1
        add_report(router, order, ReportKind.CANCELED, after, event_ms, 0)
    elif after == OrderState.EXPIRED:
        router.expired += 1
        add_report(router, order, ReportKind.EXPIRED, after, event_ms, 0)


@kernel
def hear_refusal(router, symbol_id, code):
    """The venue refused an order; if it does not trade the instrument, that is known now, and asked about."""
    never_inlined()
    if code == NOT_TRADING and router.status_refresh_ns != 0:
        router.instrument_states[symbol_id].status = InstrumentStatus.STOPPED
        router.status_asked_ns[symbol_id] = 0
        tell_state(router, symbol_id)


@kernel
def reject(router, order, code, now_ns):
    """The venue, or five seconds of proof, says that it never had the order."""
    never_inlined()
    tell_breaker(router, order, True, now_ns)
    after = next_state(order.state, OrderEvent.REJECT)
    if after == CONTRADICTION or order.filled_lots > 0:
        settle(router, order, order.state, CONTRADICTION, 0, now_ns)
    elif is_live(order.state):
        order.state = after
        retire(router, order)
        router.rejected += 1
        add_report(router, order, ReportKind.REJECTED, after, 0, code)


@kernel
def apply_status(router, order, status, venue_order_id, cumulative_lots, event_ms, now_ns):
    """Merge a status that the venue names for an order: from a reply, a query or an event without a fill."""
    never_inlined()
    hear(order, now_ns)
    if status == REJECTED:
        reject(router, order, 0, now_ns)
        return
    if status != NEW and status != PARTIALLY_FILLED and status != FILLED and status != CANCELED and status != EXPIRED:
        doubt(router, order, now_ns)
        return
    before = order.state
    if is_live(before):
        settle(router, order, before, apply_ack(order, venue_order_id, cumulative_lots), event_ms, now_ns)
        if status == FILLED and order.cumulative_lots < order.size_lots:
            # it contradicts itself: the trades will tell
            settle(router, order, before, CONTRADICTION, event_ms, now_ns)
            want_trades(router, order.symbol_id)
    elif order.venue_order_id == 0:
        order.venue_order_id = venue_order_id
    if status == CANCELED or status == EXPIRED:
        event = OrderEvent.CANCEL if status == CANCELED else OrderEvent.EXPIRE
        before = order.state
        after = apply_end(order, event, venue_order_id, cumulative_lots)
        order.cancel_wanted = 0
        settle(router, order, before, after, event_ms, now_ns)
    watch_owed(order, now_ns)


@kernel
def merge_fill(router, order, venue_order_id, lots, total, now_ns):
    """Book unique lots on their order, whatever its state: (state before, state after, state to tell).

    Told as PARTIAL where the fill ends an order that was cancelled before: its end is told on its own.
    """
    never_inlined()
    before = order.state
    leaves_lots = order.size_lots - order.filled_lots
    after = apply_fill(order, venue_order_id, lots, total)
    if is_live(before):
        free_lots(router, order, min(lots, max(leaves_lots, 0)))
    hear(order, now_ns)
    if not is_live(before):
        router.late_fills += 1
        add_alarm(router, Alarm.LATE_FILL, order.symbol_id, order.client_order_id, lots, 0)
    if order.filled_lots > order.size_lots:
        router.overfills += 1
        router.accepting = 0
        add_alarm(router, Alarm.OVERFILL, order.symbol_id, order.client_order_id, order.filled_lots, order.size_lots)
    ended_otherwise = is_live(before) and (after == OrderState.CANCELED or after == OrderState.EXPIRED)
    return before, after, OrderState.PARTIAL if ended_otherwise else order.state


@inlined
def want_trades(router, symbol_id):
    """Have the symbol's trade list read: a fill may have been missed."""
    router.trades_wanted |= 1 << symbol_id
    router.more_work = 1


@inlined
def watch_owed(order, now_ns):
    """Keep since when fills are missing that the venue has counted."""
    if order.cumulative_lots <= order.filled_lots or not is_live(order.state):
        order.owed_ns = 0
    elif order.owed_ns == 0:
        order.owed_ns = now_ns


@kernel
def tell_breaker(router, order, answered, now_ns):
    """The result of sending an order, once: an answer, or none in time, or 5xx. A late answer is a success, too."""
    never_inlined()
    if answered:
        succeed(router.breaker, max(order.ticket, PLAIN))
    elif order.ticket != TOLD and fail(router.breaker, order.ticket, now_ns):
        add_alarm(router, Alarm.BREAKER_OPEN, order.symbol_id, order.client_order_id, router.breaker.failures_max, 0)
    order.ticket = TOLD


@kernel
def fall_silent(router, order, now_ns):
    """No proof of what became of a SENT order: UNKNOWN, its exposure stays, it is asked for."""
    never_inlined()
    if order.state == OrderState.SENT:
        order.state = next_state(order.state, OrderEvent.SILENCE)
        router.unknown += 1
        add_report(router, order, ReportKind.UNKNOWN, order.state, 0, 0)
