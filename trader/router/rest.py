"""REST: one request at a time, and what its reply means.

    LISTEN_KEY -> key of the user stream        CANCEL_OPEN, OPEN_ORDERS -> nothing of ours is open
    RENEW_KEY  -> it lives on                   POSITION, LIST_ORDERS -> compared (trader.router.reconciling)
    BALANCE    -> free collateral (trader.router.balance)
    STATUS, MARK -> does it trade, at what mark price (trader.router.instrument_states)
    DEAD_MAN   -> the venue's timer starts anew TRADES, TRADES_SINCE -> fills that we missed

A reply that is no success, or is not understood, is asked for again after a pause that doubles; 429 and 418 after the
time that the venue names. Each request takes a token of its endpoint first.
"""

from shm.kernel import address_of, copy, inlined, kernel
from trader.compile_hints import never_inlined
from trader.pacing import Endpoint, may_ask
from trader.router.fills import apply_event
from trader.router.outgoing import add_request, has_room, text_room
from trader.router.replies import UNKNOWN_ORDER
from trader.router.state import ROUTER, Clearing, Job
from trader.venues.binance.account import (
    next_trade,
    open_trades,
    scan_array_length,
    scan_error_code,
    scan_listen_key,
)
from trader.venues.binance.order_events import SCANNED
from trader.venues.binance.orders import (
    write_cancel_open_request,
    write_collateral_request,
    write_countdown_request,
    write_listen_key_request,
    write_mark_request,
    write_open_orders_request,
    write_position_request,
    write_status_request,
    write_trades_request,
    write_trades_since_request,
)

HTTP_OK = 200
RETRY_NS = 100_000_000
RETRY_DOUBLINGS_MAX = 5
LISTEN_KEY_OFFSET = ROUTER.fields["listen_key"][1]  # type: ignore[index]


@inlined
def _endpoint_of(job):
    """The bucket of a job. What ends orders counts as cancels do."""
    if job == Job.CANCEL_OPEN or job == Job.OPEN_ORDERS or job == Job.DEAD_MAN:
        return Endpoint.ORDERS
    if job == Job.TRADES or job == Job.TRADES_SINCE:
        return Endpoint.EXECUTIONS
    if job == Job.STATUS or job == Job.MARK:
        return Endpoint.MARKET_DATA
    return Endpoint.ACCOUNT


@kernel
def request(router, job, symbol_id, now_ns):
    """Send a request, whose reply is then awaited: 1, or 0 without a token: it is asked for again later."""
    never_inlined()
    if not may_ask(router.pacer, _endpoint_of(job), now_ns):
        return 0
    router.job = job
    router.job_symbol = symbol_id
    router.job_sent_ns = now_ns
    router.job_filled = router.filled
    add_request(router, _write(router, job, router.instruments[symbol_id], text_room(router)))
    return 1


@kernel
def _write(router, job, instrument, room):
    """The text of a request; the address after it."""
    never_inlined()
    if job == Job.LISTEN_KEY or job == Job.RENEW_KEY:
        return write_listen_key_request(room, job == Job.RENEW_KEY)
    if job == Job.CANCEL_OPEN:
        return write_cancel_open_request(room, instrument)
    if job == Job.OPEN_ORDERS or job == Job.LIST_ORDERS:
        return write_open_orders_request(room, instrument)
    if job == Job.TRADES_SINCE:
        return write_trades_since_request(room, instrument, router.trades_from[router.job_symbol])
    if job == Job.BALANCE:
        return write_collateral_request(room, instrument)
    if job == Job.STATUS:
        return write_status_request(room, instrument)
    if job == Job.MARK:
        return write_mark_request(room, instrument)
    if job == Job.DEAD_MAN:
        return write_countdown_request(room, instrument, router.dead_man_ms)
    return write_position_request(room, instrument)


@kernel
def request_trades(router, order, now_ns):
    """Fetch the trades of an order that lacks fills, if there is a token."""
    if not may_ask(router.pacer, Endpoint.EXECUTIONS, now_ns):
        return
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
