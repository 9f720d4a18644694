"""Patience: what the router does about silence, for each live order in turn.

    SENT without an answer for placement_timeout   -> UNKNOWN, never REJECTED
    UNKNOWN for thirty seconds                     -> a person is told
    in doubt                                       -> status query at 0.2, 0.5, 1, 2 and 5 s, then every 5 s
    cancel wanted, none under way                  -> cancel, again after cancel_retry
    fills counted by the venue but not seen        -> the order whose trades are fetched next

The walk goes on where the last one ran out of room, so that no order starves.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import OrderState
from trader.pacing import Endpoint, may_ask
from trader.router.breaker import watch_probes
from trader.router.facts import TOLD, doubt, fall_silent, tell_breaker
from trader.router.outgoing import add_alarm, add_query, has_room
from trader.router.parking import tend_parked
from trader.router.placing import send_cancel, send_held
from trader.router.state import ORDER_API, UP, Alarm

QUERY_NS = np.array([200, 500, 1_000, 2_000, 5_000], dtype=np.int64) * 1_000_000
"""When an order in doubt is asked for, since the doubt began."""
LONG_UNKNOWN_NS = 30_000_000_000


@kernel
def tend_orders(router, now_ns):
    """Walk over the live orders once, or until the step has no room. Returns an id that lacks fills, or 0."""
    never_inlined()
    router.more_work = 0
    if router.parked_count != 0:
        tend_parked(router, now_ns)
    if router.batch.count != 0:
        send_held(router, now_ns)
    watch_probes(router.breaker, now_ns)
    lacking = 0
    count = router.open_orders
    for _ in range(count):
        if not has_room(router):
            router.more_work = 1
            break
        if router.scan_next >= router.open_orders:
            router.scan_next = 0
        order = router.orders[router.live[router.scan_next]]
        router.scan_next += 1
        _tend_silence(router, order, now_ns)
        if router.connections[ORDER_API].state == UP:
            if order.query_due_ns != 0 and now_ns >= order.query_due_ns:
                _ask(router, order, now_ns)
            if order.cancel_wanted != 0:
                send_cancel(router, order, now_ns)
        if order.owed_ns != 0 and now_ns - order.owed_ns >= router.owed_fills_ns:
            lacking = order.client_order_id
    return lacking


@inlined
def _tend_silence(router, order, now_ns):
    """A SENT order whose answer is overdue, or can no longer come; an UNKNOWN one that stays so."""
    if order.state == OrderState.UNKNOWN:
        if order.ticket != TOLD and now_ns - order.heard_ns >= router.breaker_timeout_ns:
            tell_breaker(router, order, False, now_ns)
        if order.paged == 0 and now_ns - order.heard_ns >= LONG_UNKNOWN_NS:
            order.paged = 1
            router.long_unknown += 1
            add_alarm(router, Alarm.LONG_UNKNOWN, order.symbol_id, order.client_order_id, now_ns - order.heard_ns, 0)
        return
    if order.state != OrderState.SENT:
        return
    if now_ns - order.heard_ns >= router.placement_timeout_ns or router.connections[ORDER_API].state != UP:
        fall_silent(router, order, now_ns)
        doubt(router, order, now_ns)
        order.query_base_ns = order.heard_ns
        order.query_due_ns = order.heard_ns + QUERY_NS[0]


@inlined
def _ask(router, order, now_ns):
    """Send one query and set the next: by the table, then every last interval. Without a token it stays due."""
    if not may_ask(router.pacer, Endpoint.ORDERS, now_ns):
        return
    add_query(router, order, now_ns)
    last = QUERY_NS.size - 1
    while order.query_count < last and order.query_base_ns + QUERY_NS[order.query_count] <= now_ns:
        order.query_count += 1
    due_ns = order.query_base_ns + QUERY_NS[order.query_count]
    order.query_due_ns = due_ns if due_ns > now_ns else now_ns + QUERY_NS[last]


@kernel
def doubt_everything(router, now_ns):
    """After a lost connection: ask for every live order now."""
    never_inlined()
    for index in range(router.open_orders):
        order = router.orders[router.live[index]]
        order.query_base_ns = order.query_due_ns = now_ns
        order.query_count = 0
    router.more_work = 1


@kernel
def unanswered(router):
    """Live orders that nobody has answered for since the connections stood up again, or that are still unknown."""
    never_inlined()
    count = 0
    for index in range(router.open_orders):
        order = router.orders[router.live[index]]
        if order.answered != router.generation or order.state == OrderState.SENT or order.state == OrderState.UNKNOWN:
            count += 1
    return count
