"""Facts: replies and user events, in any order and any number, merged into the order table.

The first word about an order wins, later words that say the same change nothing. Fills count once, whenever
they come. A terminal state is told only after the fills that the venue has counted, so that whoever hears it
has the whole position. A contradiction moves nothing: the order is asked for instead.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import OrderState, ReportKind
from trader.orders import (
    CONTRADICTION,
    SLOT_MASK,
    OrderEvent,
    apply_ack,
    apply_end,
    is_live,
    next_state,
)
from trader.router.outgoing import add_report
from trader.router.placing import retire
from trader.router.state import ORDER_API, UP, USER_STREAM
from trader.venues.binance.json_cursor import units_of
from trader.venues.binance.order_events import (
    CANCELED,
    DUPLICATE_ID,
    EXPIRED,
    FILLED,
    NEW,
    PARTIALLY_FILLED,
    REJECTED,
)
from trader.venues.binance.orders import CANCEL, PLACE, QUERY

HTTP_OK = 200
HTTP_SERVER_ERROR = 500
NO_SUCH_ORDER = -2013
UNKNOWN_ORDER = -2011
OUTCOME_UNKNOWN = (-1000, -1001, -1006, -1007)
"""Codes that say nothing about whether the order was taken."""
DOUBT_PAUSE_NS = 200_000_000
"""Between two doubts about one order, so that an answer that settles nothing is not asked for in a circle."""
NOT_FOUND_MIN = 3
QUIET_NS = 5_000_000_000
"""How often and how long nothing must be known of an order before "no such order" ends it."""


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
            doubt(router, order, now_ns)
        return
    if not is_live(before):
        return
    if before == OrderState.SENT or before == OrderState.UNKNOWN:
        order.query_due_ns = 0
        router.acked += 1
        router.more_work |= order.cancel_wanted
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
def reject(router, order, code, now_ns):
    """The venue, or five seconds of proof, says that it never had the order."""
    never_inlined()
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
    if status == CANCELED or status == EXPIRED:
        event = OrderEvent.CANCEL if status == CANCELED else OrderEvent.EXPIRE
        before = order.state
        after = apply_end(order, event, venue_order_id, cumulative_lots)
        order.cancel_wanted = 0
        settle(router, order, before, after, event_ms, now_ns)
    watch_owed(order, now_ns)


@inlined
def watch_owed(order, now_ns):
    """Keep since when fills are missing that the venue has counted."""
    if order.cumulative_lots <= order.filled_lots or not is_live(order.state):
        order.owed_ns = 0
    elif order.owed_ns == 0:
        order.owed_ns = now_ns


@kernel
def apply_reply(router, now_ns):
    """Merge `router.reply`. Replies about orders that have left their slot are ignored."""
    never_inlined()
    reply = router.reply
    order = router.orders[reply.client_order_id & SLOT_MASK]
    if reply.client_order_id <= 0 or order.client_order_id != reply.client_order_id:
        return
    if reply.request == QUERY and (reply.http_status == HTTP_OK or reply.code == NO_SUCH_ORDER):
        order.answered = router.generation
        order.query_due_ns = order.query_due_ns if reply.code == NO_SUCH_ORDER else 0
    if reply.http_status == HTTP_OK:
        instrument = router.instruments[order.symbol_id]
        lots = max(units_of(reply.cumulative, instrument.size_decimals, instrument.lot_multiple), 0)
        if reply.request == CANCEL:
            order.cancel_sent_ns = 0
        apply_status(router, order, reply.order_status, reply.venue_order_id, lots, reply.update_ms, now_ns)
    elif not is_live(order.state):
        return
    elif reply.request == PLACE:
        _apply_place_error(router, order, reply, now_ns)
    elif reply.request == CANCEL:
        _apply_cancel_error(router, order, reply.code, now_ns)
    elif reply.code == NO_SUCH_ORDER:
        _apply_not_found(router, order, now_ns)


@kernel
def _apply_place_error(router, order, reply, now_ns):
    never_inlined()
    code = reply.code
    unproven = reply.http_status >= HTTP_SERVER_ERROR or code == 0 or code == DUPLICATE_ID
    for known in OUTCOME_UNKNOWN:
        unproven = unproven or code == known
    if unproven:
        fall_silent(router, order, now_ns)
        doubt(router, order, now_ns)
    else:
        reject(router, order, code, now_ns)


@kernel
def fall_silent(router, order, now_ns):
    """No proof of what became of a SENT order: UNKNOWN, its exposure stays, it is asked for."""
    never_inlined()
    if order.state == OrderState.SENT:
        order.state = next_state(order.state, OrderEvent.SILENCE)
        router.unknown += 1
        add_report(router, order, ReportKind.UNKNOWN, order.state, 0, 0)


@kernel
def _apply_cancel_error(router, order, code, now_ns):
    """A refused cancel proves nothing about the order. Before its acknowledgement it is simply tried again later."""
    never_inlined()
    order.cancel_sent_ns = 0
    if order.state == OrderState.SENT or order.state == OrderState.UNKNOWN:
        return
    order.cancel_wanted = 0
    router.cancels_rejected += 1
    add_report(router, order, ReportKind.CANCEL_REJECTED, order.state, 0, code)
    doubt(router, order, now_ns)


@kernel
def _apply_not_found(router, order, now_ns):
    """Answered "no such order": an end only on the third time, and after five seconds without a word while
    both connections stood.
    """
    never_inlined()
    order.not_found += 1
    replies, events = router.connections[ORDER_API], router.connections[USER_STREAM]
    quiet_since_ns = max(order.heard_ns, replies.since_ns, events.since_ns)
    if replies.state != UP or events.state != UP or now_ns - quiet_since_ns < QUIET_NS:
        return
    if order.not_found < NOT_FOUND_MIN:
        return
    if order.state == OrderState.SENT or order.state == OrderState.UNKNOWN:
        reject(router, order, NO_SUCH_ORDER, now_ns)
    else:
        before = order.state
        after = apply_end(order, OrderEvent.CANCEL, order.venue_order_id, order.cumulative_lots)
        settle(router, order, before, after, 0, now_ns)
