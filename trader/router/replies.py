"""Replies: what the order API answers to placing, cancelling and asking, merged into the order table.

An error proves only what it says. What proves nothing leaves an order UNKNOWN and asked for; a refused cancel never
sets a state; "no such order" is evidence, and an end only together with silence and the venue's trades.
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import OrderState, ReportKind
from trader.orders import SLOT_MASK, OrderEvent, apply_end, is_live
from trader.pacing import hold, hold_orders
from trader.router.facts import (
    DOUBT_PAUSE_NS,
    apply_status,
    doubt,
    fall_silent,
    hear_refusal,
    reject,
    settle,
    tell_breaker,
    want_trades,
)
from trader.router.outgoing import add_alarm, add_report
from trader.router.state import AT_ACK, ORDER_API, UP, USER_STREAM, Alarm
from trader.venues.binance.json_cursor import units_of
from trader.venues.binance.order_events import DUPLICATE_ID
from trader.venues.binance.orders import CANCEL, PLACE, QUERY

HTTP_OK = 200
HTTP_SERVER_ERROR = 500
TOO_MANY = (429, 418)
TOO_MANY_ORDERS = -1015
LIMIT_NS, BAN_NS, HOLD_NS_MAX = 1_000_000_000, 120_000_000_000, 3 * 86_400_000_000_000
NO_SUCH_ORDER = -2013
UNKNOWN_ORDER = -2011
OUTCOME_UNKNOWN = (-1000, -1001, -1006, -1007)
"""Codes that say nothing about whether the order was taken."""
NOT_FOUND_MIN = 3
QUIET_NS = 5_000_000_000
"""How often and how long nothing must be known of an order before "no such order" ends it."""


@kernel
def apply_reply(router, now_ns):
    """Merge `router.reply`. Replies about orders that have left their slot are ignored."""
    never_inlined()
    reply = router.reply
    order = router.orders[reply.client_order_id & SLOT_MASK]
    if reply.http_status in TOO_MANY:
        obey_limit(router, reply.http_status, reply.code, reply.retry_ms * 1_000_000 - router.wall_offset_ns, now_ns)
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
        _apply_cancel_error(router, order, reply, now_ns)
    elif reply.code == NO_SUCH_ORDER:
        _apply_not_found(router, order, now_ns)


@kernel
def _apply_place_error(router, order, reply, now_ns):
    never_inlined()
    if _proves_nothing(reply) or reply.code == DUPLICATE_ID:
        if reply.code != DUPLICATE_ID:
            tell_breaker(router, order, False, now_ns)
        fall_silent(router, order, now_ns)
        doubt(router, order, now_ns)
    else:
        hear_refusal(router, order.symbol_id, reply.code)
        reject(router, order, reply.code, now_ns)


@kernel
def obey_limit(router, status, code, until_ns, now_ns):
    """429 or 418: nothing leaves until the time that the venue names, or for LIMIT_NS, BAN_NS if it names none.

    Where there were too many orders, that means new orders: cancels are not counted with them.
    """
    never_inlined()
    router.venue_limits += 1
    if until_ns <= now_ns:
        until_ns = now_ns + (BAN_NS if status == TOO_MANY[1] else LIMIT_NS)
    until_ns = min(until_ns, now_ns + HOLD_NS_MAX)
    if code == TOO_MANY_ORDERS:
        hold_orders(router.pacer, until_ns)
    else:
        hold(router.pacer, until_ns)
    add_alarm(router, Alarm.VENUE_LIMIT, 0, 0, status, until_ns - now_ns)


@kernel
def _proves_nothing(reply):
    """Whether an error leaves open what was done: 5xx, no code, or a code that says so."""
    unproven = reply.http_status >= HTTP_SERVER_ERROR or reply.code == 0
    for known in OUTCOME_UNKNOWN:
        unproven = unproven or reply.code == known
    return unproven


@kernel
def _apply_cancel_error(router, order, reply, now_ns):
    """A refused cancel proves nothing about the order: it is asked for, and its trades.

    Before its acknowledgement, and where nobody knows what became of the cancel, the cancel stays wanted.
    """
    never_inlined()
    doubt(router, order, now_ns)
    if _proves_nothing(reply) or reply.http_status in TOO_MANY:
        return  # the cancel's own patience repeats it
    order.cancel_sent_ns = 0
    if reply.code == UNKNOWN_ORDER:
        want_trades(router, order.symbol_id)
    if order.state == OrderState.SENT or order.state == OrderState.UNKNOWN:
        order.cancel_sent_ns = now_ns
        order.cancel_wanted = AT_ACK
        return
    order.cancel_wanted = 0
    router.cancels_rejected += 1
    add_report(router, order, ReportKind.CANCEL_REJECTED, order.state, 0, reply.code)


@kernel
def _apply_not_found(router, order, now_ns):
    """Answered "no such order": an end only on the third time, after five seconds without a word while both
    connections stood, and once the symbol's trades of that time are known.
    """
    never_inlined()
    order.not_found += 1
    replies, events = router.connections[ORDER_API], router.connections[USER_STREAM]
    quiet_since_ns = max(order.heard_ns, replies.since_ns, events.since_ns)
    if replies.state != UP or events.state != UP or now_ns - quiet_since_ns < QUIET_NS:
        return
    if order.not_found < NOT_FOUND_MIN:
        return
    if router.trades_read_ns[order.symbol_id] < quiet_since_ns + QUIET_NS:
        want_trades(router, order.symbol_id)
        order.query_due_ns = min(order.query_due_ns, now_ns + DOUBT_PAUSE_NS)
        return
    if order.state == OrderState.SENT or order.state == OrderState.UNKNOWN:
        reject(router, order, NO_SUCH_ORDER, now_ns)
    else:
        before = order.state
        after = apply_end(order, OrderEvent.CANCEL, order.venue_order_id, order.cumulative_lots)
        settle(router, order, before, after, 0, now_ns)
