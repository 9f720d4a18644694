"""Placing: new orders and cancels on their way to the venue.

    NewOrder -> last check -> breaker, bucket -> SENT, frame        the usual way
                    |               |
                  DENIED        held: a batch, or a token, is waited for -> SENT, or DENIED when retry_ms are over

The last hop checks once more what must hold of anything on the wire, and denies what it would not send. An
order is SENT in the table before its frame leaves, and its intent is in the journal before this step runs. Cancels are
sent at once, also while the order itself is unanswered; a cancel that comes before its order (cancel sets do not
queue) denies the order when it arrives, and one of an order that is held denies it, too.
"""

from shm.kernel import address_of, inlined, kernel
from trader.compile_hints import expect, never_inlined
from trader.enums import OrderState, RefusalReason, ReportKind, TimeInForce
from trader.orders import ORDER_SLOTS_MAX, SLOT_MASK, epoch_of, is_live
from trader.pacing import Endpoint, may_ask, may_place, token_due_ns
from trader.router.batching import due_orders, hold_order, oldest_held, take_held, withdraw
from trader.router.breaker import PLAIN, REFUSED, admit
from trader.router.outgoing import add_alarm, add_cancel, add_denial, add_place, add_report, has_room
from trader.router.records import ROUTER_ORDER
from trader.router.state import ORDER_API, UP, Alarm, Phase

ALL_SLOTS = -1
PRICE_TICKS_MAX = 10**9
SIZE_LOTS_MAX = 10**9
ORDER_BYTES = ROUTER_ORDER.itemsize


@inlined
def _may_trade(router, symbol_id):
    """Whether anything of that symbol may be sent now: NONE, or why not."""
    if router.accepting == 0:
        return RefusalReason.HALTED
    if router.phase != Phase.READY:
        return RefusalReason.NOT_RECONCILED
    if symbol_id < 0 or symbol_id >= router.symbol_count:
        return RefusalReason.NOT_ALLOWED
    if router.gates[symbol_id].blocked != 0:
        return RefusalReason.NOT_RECONCILED
    return RefusalReason.NONE


@inlined
def _last_check(router, wanted):
    """The reason not to send an order, or NONE."""
    reason = _may_trade(router, wanted.symbol_id)
    if reason != RefusalReason.NONE:
        return reason
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
    return _bounds(router, wanted)


@inlined
def _bounds(router, wanted):
    """Size of the order, and of all that is out with it."""
    gate = router.gates[wanted.symbol_id]
    if wanted.size_lots > gate.order_lots_max:
        return RefusalReason.QUANTITY
    if wanted.size_lots * wanted.price_ticks > gate.order_units_max:
        return RefusalReason.NOTIONAL
    if router.open_orders >= router.open_orders_max:
        return RefusalReason.OPEN_ORDERS
    open_lots = gate.buy_lots if wanted.side > 0 else gate.sell_lots
    if wanted.side * router.position_lots[wanted.symbol_id] + open_lots + wanted.size_lots > gate.position_lots_max:
        return RefusalReason.POSITION
    return RefusalReason.NONE


@kernel
def place(router, wanted, now_ns):
    """Send an approved order, hold it, or deny it. Returns 1 if it was sent at once."""
    router.intents += 1
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
    order.time_in_force = wanted.time_in_force
    order.filled_lots = order.cumulative_lots = order.end_event = 0
    order.cancel_wanted = order.cancel_sent_ns = 0
    order.query_base_ns = order.query_due_ns = order.query_count = order.not_found = 0
    order.answered = order.owed_ns = order.paged = order.listed = order.unlisted = 0
    if router.batch.window_ns == 0 and router.batch.count == 0 and router.breaker.state == 0:
        if may_place(router.pacer, now_ns):
            _send(router, order, wanted.order_slot, PLAIN, now_ns)
            return 1
    return _place_slowly(router, order, wanted.order_slot, now_ns)


@kernel
def _place_slowly(router, order, slot, now_ns):
    """Behind others, behind a breaker that is not closed, or without a token."""
    never_inlined()
    order.state = OrderState.RESERVED
    waits = router.batch.window_ns != 0 or router.batch.count != 0 or router.breaker.state == 0
    if waits and router.retry_ns + router.batch.window_ns > 0 and hold_order(router.batch, slot, now_ns):
        router.held_orders += 1
        send_held(router, now_ns)
        return 0
    if waits or not may_place(router.pacer, now_ns):
        router.pacing_denials += 1
        deny(router, order, RefusalReason.MESSAGE_RATE)
        return 0
    ticket = admit(router.breaker, now_ns)
    if ticket == REFUSED:
        router.breaker_denials += 1
        deny(router, order, RefusalReason.BREAKER_OPEN)
        return 0
    _send(router, order, slot, ticket, now_ns)
    return 1


@inlined
def _send(router, order, slot, ticket, now_ns):
    order.heard_ns = now_ns
    order.ticket = ticket
    order.state = OrderState.SENT
    order.live_index = router.open_orders
    router.live[router.open_orders] = slot
    router.open_orders += 1
    router.placed += 1
    router.first_id = order.client_order_id if router.first_id == 0 else router.first_id
    free_lots(router, order, -order.size_lots)
    add_place(router, order, order.time_in_force, now_ns)
    expect(address_of(router.orders[(slot + 1) & SLOT_MASK]), ORDER_BYTES)
    if router.intents != router.orders_on_wire + router.denied + router.batch.count:
        _miscounted(router, order)


@kernel
def _miscounted(router, order):
    """More on the wire than risk has approved: nothing more leaves."""
    never_inlined()
    router.accepting = 0
    allowed = router.intents - router.denied - router.batch.count
    add_alarm(router, Alarm.WIRE_COUNT, order.symbol_id, order.client_order_id, router.orders_on_wire, allowed)


@kernel
def deny(router, order, reason):
    """An order of the table that was not sent ends here."""
    never_inlined()
    order.state = OrderState.DENIED
    router.denied += 1
    add_report(router, order, ReportKind.DENIED, OrderState.DENIED, 0, reason)


@kernel
def send_held(router, now_ns):
    """Send the orders that wait, oldest first, as far as they are due and tokens last; deny who has waited too long."""
    never_inlined()
    due = due_orders(router.batch, now_ns)
    while due > 0 and has_room(router):
        slot, since_ns = oldest_held(router.batch)
        order = router.orders[slot]
        reason = _may_trade(router, order.symbol_id)
        if reason == RefusalReason.NONE:
            reason = _bounds(router, order)
        if reason == RefusalReason.NONE:
            if not may_place(router.pacer, now_ns):
                if now_ns - since_ns < router.batch.window_ns + router.retry_ns:
                    break
                reason = RefusalReason.MESSAGE_RATE
                router.pacing_denials += 1
        due -= 1
        take_held(router.batch)
        ticket = admit(router.breaker, now_ns) if reason == RefusalReason.NONE else PLAIN
        if ticket == REFUSED:
            reason = RefusalReason.BREAKER_OPEN
            router.breaker_denials += 1
        if reason != RefusalReason.NONE:
            deny(router, order, reason)
        else:
            router.retried_orders += 1
            _send(router, order, slot, ticket, now_ns)


@kernel
def next_look_ns(router, now_ns):
    """When `send_held`, or the walk over the live orders, has something to do again; 0 while nothing waits for that.

    Orders that are held: their batch is due, or a token is there, or they have waited too long. Cancels: a token.
    """
    never_inlined()
    look_ns = 0
    if router.batch.count != 0:
        _, since_ns = oldest_held(router.batch)
        due_ns = since_ns + router.batch.window_ns if router.batch.count < router.batch.size_max else now_ns
        reserve_ns = router.pacer.buckets[Endpoint.ORDERS].reserve_ns
        token_ns = max(token_due_ns(router.pacer, Endpoint.ORDERS, reserve_ns), router.pacer.orders_held_until_ns)
        look_ns = max(due_ns, min(token_ns, since_ns + router.batch.window_ns + router.retry_ns))
    if router.more_work != 0:
        token_ns = max(token_due_ns(router.pacer, Endpoint.ORDERS, 0), now_ns)
        look_ns = min(look_ns, token_ns) if look_ns != 0 else token_ns
    return look_ns


@kernel
def deny_held(router, reason):
    """Whatever waits is not sent: everything is to be cancelled, or the connection is gone."""
    never_inlined()
    while router.batch.count > 0 and has_room(router):
        deny(router, router.orders[take_held(router.batch)], reason)


@inlined
def free_lots(router, order, lots):
    """So many lots of a live order are no longer out, or more of them with a negative number."""
    gate = router.gates[order.symbol_id]
    if order.side > 0:
        gate.buy_lots -= lots
    else:
        gate.sell_lots -= lots


@kernel
def retire(router, order):
    """Take an order that has ended out of the list of live ones; the last one takes its place."""
    never_inlined()
    free_lots(router, order, max(order.size_lots - order.filled_lots, 0))
    router.open_orders -= 1
    last = router.live[router.open_orders]
    router.live[order.live_index] = last
    router.orders[last].live_index = order.live_index


@kernel
def send_cancel(router, order, now_ns):
    """Send a wanted cancel unless one is under way, the order API is down, or the step has no room left, or no token.

    The wish stays in the order until it is done: this is the queue of cancels that wait.
    """
    never_inlined()
    if order.cancel_sent_ns != 0 and now_ns - order.cancel_sent_ns < router.cancel_retry_ns:
        return
    if router.connections[ORDER_API].state != UP:
        return
    if has_room(router) and may_ask(router.pacer, Endpoint.ORDERS, now_ns):
        add_cancel(router, order, now_ns)
    else:
        router.more_work = 1


@kernel
def want_cancels(router):
    """Mark every live order; the walk over them sends the cancels."""
    never_inlined()
    deny_held(router, RefusalReason.LATE)
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
    elif client_order_id == order.client_order_id and order.state == OrderState.RESERVED:
        withdraw(router.batch, order_slot)
        deny(router, order, RefusalReason.LATE)
    elif client_order_id == order.client_order_id and is_live(order.state):
        order.cancel_wanted = 1
        send_cancel(router, order, now_ns)
