"""Placing: new orders and cancels on their way to the venue.

The last hop checks once more what must hold of anything on the wire, and denies what it would not send. An
order is SENT in the table before its frame leaves. Cancels are sent at once, also while the order itself is
unanswered; a cancel that comes before its order (cancel sets do not queue) denies the order when it arrives.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import OrderState, RefusalReason, TimeInForce
from trader.orders import ORDER_SLOTS_MAX, SLOT_MASK, epoch_of, is_live
from trader.router.outgoing import add_cancel, add_denial, add_place, has_room
from trader.router.state import ORDER_API, UP, Phase

ALL_SLOTS = -1
PRICE_TICKS_MAX = 10**9
SIZE_LOTS_MAX = 10**9
_SENDABLE = 0


@inlined
def _last_check(router, wanted):
    """The reason not to send an order, or _SENDABLE."""
    if router.accepting == 0:
        return RefusalReason.HALTED
    if router.phase != Phase.READY:
        return RefusalReason.NOT_RECONCILED
    if wanted.symbol_id < 0 or wanted.symbol_id >= router.symbol_count:
        return RefusalReason.NOT_ALLOWED
    if wanted.order_slot < 0 or wanted.order_slot >= ORDER_SLOTS_MAX:
        return RefusalReason.INVALID_ORDER
    if wanted.client_order_id & SLOT_MASK != wanted.order_slot or epoch_of(wanted.client_order_id) != router.epoch:
        return RefusalReason.INVALID_ORDER
    if wanted.size_lots < 1 or wanted.size_lots > SIZE_LOTS_MAX:
        return RefusalReason.INVALID_ORDER
    if wanted.price_ticks < 1 or wanted.price_ticks > PRICE_TICKS_MAX or wanted.side * wanted.side != 1:
        return RefusalReason.INVALID_ORDER
    if wanted.time_in_force < 0 or wanted.time_in_force > TimeInForce.IMMEDIATE_OR_CANCEL:
        return RefusalReason.INVALID_ORDER
    order = router.orders[wanted.order_slot]
    if is_live(order.state) or wanted.client_order_id <= order.client_order_id:
        return RefusalReason.DUPLICATE_ID
    if router.canceled_early[wanted.order_slot] == wanted.client_order_id:
        return RefusalReason.LATE
    return RefusalReason.NONE


@kernel
def place(router, wanted, now_ns):
    """Send an approved order, or deny it. Returns 1 if it was sent."""
    reason = _last_check(router, wanted)
    if reason != RefusalReason.NONE:
        add_denial(router, wanted, reason)
        return 0
    order = router.orders[wanted.order_slot]
    order.client_order_id = wanted.client_order_id
    order.venue_order_id = 0
    order.symbol_id = wanted.symbol_id
    order.venue_id = wanted.venue_id
    order.side = wanted.side
    order.price_ticks = wanted.price_ticks
    order.size_lots = wanted.size_lots
    order.filled_lots = order.cumulative_lots = order.end_event = 0
    order.heard_ns = now_ns
    order.cancel_wanted = order.cancel_sent_ns = 0
    order.query_base_ns = order.query_due_ns = order.query_count = order.not_found = 0
    order.answered = order.owed_ns = 0
    order.state = OrderState.SENT
    _enlist(router, order, wanted.order_slot)
    router.placed += 1
    add_place(router, order, wanted.time_in_force, now_ns)
    return 1


@inlined
def _enlist(router, order, slot):
    order.live_index = router.open_orders
    router.live[router.open_orders] = slot
    router.open_orders += 1


@kernel
def retire(router, order):
    """Take an order that has ended out of the list of live ones; the last one takes its place."""
    never_inlined()
    router.open_orders -= 1
    last = router.live[router.open_orders]
    router.live[order.live_index] = last
    router.orders[last].live_index = order.live_index


@kernel
def send_cancel(router, order, now_ns):
    """Send a wanted cancel unless one is under way, the order API is down, or the step has no room left."""
    never_inlined()
    if order.cancel_sent_ns != 0 and now_ns - order.cancel_sent_ns < router.cancel_retry_ns:
        return
    if router.connections[ORDER_API].state != UP:
        return
    if has_room(router):
        add_cancel(router, order, now_ns)
    else:
        router.more_work = 1


@kernel
def want_cancels(router):
    """Mark every live order; the walk over them sends the cancels."""
    never_inlined()
    for index in range(router.open_orders):
        router.orders[router.live[index]].cancel_wanted = 1
    router.more_work = 1


@kernel
def ask_cancel(router, order_slot, client_order_id, now_ns):
    """Cancel one order by slot and id, or all live orders with ALL_SLOTS. Old requests hit nothing."""
    never_inlined()
    router.cancels_asked += 1
    if order_slot == ALL_SLOTS:
        want_cancels(router)
        return
    if order_slot < 0 or order_slot >= ORDER_SLOTS_MAX:
        return
    order = router.orders[order_slot]
    if client_order_id > order.client_order_id:
        router.canceled_early[order_slot] = client_order_id
    elif client_order_id == order.client_order_id and is_live(order.state):
        order.cancel_wanted = 1
        send_cancel(router, order, now_ns)
