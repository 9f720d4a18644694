"""REST: one request at a time, and what its reply means.

    LISTEN_KEY -> key of the user stream        CANCEL_OPEN, OPEN_ORDERS -> nothing of ours is open
    RENEW_KEY  -> it lives on                   POSITION -> lots          TRADES -> fills that we missed

A reply that is no success, or is not understood, is asked for again after a pause that doubles.
"""

from shm.kernel import address_of, copy, kernel
from trader.compile_hints import never_inlined
from trader.router.facts import UNKNOWN_ORDER
from trader.router.fills import apply_event
from trader.router.market import has_balances
from trader.router.outgoing import add_request, has_room, text_room
from trader.router.state import ROUTER, Clearing, Job
from trader.venues.binance.account import (
    next_trade,
    open_trades,
    scan_array_length,
    scan_error_code,
    scan_listen_key,
    scan_position,
)
from trader.venues.binance.balances import scan_balances
from trader.venues.binance.order_events import SCANNED
from trader.venues.binance.orders import (
    write_cancel_open_request,
    write_listen_key_request,
    write_open_orders_request,
    write_position_request,
    write_trades_request,
)

HTTP_OK = 200
RETRY_NS = 100_000_000
RETRY_DOUBLINGS_MAX = 5
LISTEN_KEY_OFFSET = ROUTER.fields["listen_key"][1]  # type: ignore[index]


@kernel
def request(router, job, symbol_id):
    """Send a request; its reply is awaited."""
    never_inlined()
    router.job = job
    router.job_symbol = symbol_id
    instrument = router.instruments[symbol_id]
    room = text_room(router)
    if job == Job.LISTEN_KEY or job == Job.RENEW_KEY:
        add_request(router, write_listen_key_request(room, job == Job.RENEW_KEY))
    elif job == Job.CANCEL_OPEN:
        add_request(router, write_cancel_open_request(room, instrument))
    elif job == Job.OPEN_ORDERS:
        add_request(router, write_open_orders_request(room, instrument))
    else:
        add_request(router, write_position_request(room, instrument))


@kernel
def request_trades(router, order):
    """Fetch the trades of an order that lacks fills."""
    router.job = Job.TRADES
    router.job_symbol = order.symbol_id
    router.job_order_id = order.client_order_id
    instrument = router.instruments[order.symbol_id]
    add_request(router, write_trades_request(text_room(router), instrument, order.venue_order_id))


@kernel
def pause(router, now_ns, base_ns):
    """Hold further requests back."""
    router.rest_not_before_ns = now_ns + base_ns


@kernel
def fail(router, now_ns):
    """The request is to be repeated, later each time."""
    router.rest_failures += 1
    pause(router, now_ns, RETRY_NS << min(router.rest_attempts, RETRY_DOUBLINGS_MAX))
    router.rest_attempts += 1


@kernel
def take_listen_key(router, address, length):
    """Keep the key of a reply; 0 if there is none."""
    never_inlined()
    if scan_listen_key(router.scan, address, length) != SCANNED:
        return 0
    router.listen_key_length = router.scan.cursor.length
    copy(address_of(router) + LISTEN_KEY_OFFSET, router.scan.cursor.text, router.listen_key_length)
    return 1


@kernel
def says_none_open(router, address, length):
    """Whether a refused cancel of all open orders was refused because none is open."""
    return 1 if scan_error_code(router.scan, address, length) == UNKNOWN_ORDER else 0


@kernel
def take_open_count(router, address, length, now_ns):
    """Go on with the check of a cancel-all; 0 if the reply is not understood."""
    never_inlined()
    count = scan_array_length(router.scan, address, length)
    if count < 0:
        return 0
    router.clear_symbol += 1
    if count > 0:
        router.clearing = Clearing.CANCEL
        router.clear_symbol = 0
        pause(router, now_ns, RETRY_NS)
    return 1


@kernel
def take_position(router, address, length, now_ns):
    """Adopt the venue's position, or later compare it with the sum of fills; 0 if the reply is not understood."""
    never_inlined()
    symbol_id = router.job_symbol
    reply = router.position_reply
    instrument = router.instruments[symbol_id]
    if has_balances(router):
        scanned = scan_balances(router.scan, address, length, instrument, reply)
        if router.reconciled_once == 0:
            router.base_lots[symbol_id] = reply.lots
        reply.lots -= router.base_lots[symbol_id]
    else:
        scanned = scan_position(router.scan, address, length, instrument, reply)
    if scanned != SCANNED:
        return 0
    if router.reconciled_once == 0:
        router.position_lots[symbol_id] = reply.lots
        router.position_ms[symbol_id] = reply.update_ms
    elif router.position_lots[symbol_id] != reply.lots:
        # a fill may still be on its way: the position is asked for again, and nothing trades until it agrees
        router.position_mismatches += 1
        pause(router, now_ns, 2 * RETRY_NS)
        return 1
    router.position_symbol += 1
    return 1


@kernel
def take_trades(router, order, address, length, now_ns):
    """Book every fill of an order that a trade list holds and we do not; 0 if the list is not understood."""
    never_inlined()
    open_trades(router.scan, address, length)
    found = 1
    while found == 1 and has_room(router):
        found = next_trade(router.scan, router.event)
        if found == 1 and router.event.venue_order_id == order.venue_order_id:
            router.event.client_order_id = order.client_order_id
            apply_event(router, order.symbol_id, now_ns)
    order.owed_ns = now_ns if order.owed_ns != 0 else 0
    return 0 if found < 0 else 1
