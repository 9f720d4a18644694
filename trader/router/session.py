"""Session: connections, reconciliation and cancel-all, moved on by whatever arrives.

    READY          trades, open orders and positions compared now and then, the dead-man timer refreshed
    START          listen key (spot: none) -> both sockets -> cancel all, none open -> positions -> READY, acknowledged;
                   after a router that died: cancel all first of all
    RECONCILE      cancel all, none open or live -> positions agree -> READY, the account of a new epoch, acknowledged
    LOST           no new orders; reconnect with back-off -> query every live order -> positions agree -> READY
    CANCEL_ALL     no new orders; a cancel for each live order, DELETE over REST, until the venue lists none
                   and no order is live here -> acknowledged
    cancel_only    START cancels everything over REST and connects no socket; every order is denied

The stage calls `advance` after every message that may have changed something; it sends at most one REST request.
"""

from shm.kernel import address_of, inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import Command, RefusalReason, WireKind
from trader.orders import SLOT_MASK
from trader.router import reconciling, rest
from trader.router.back_off import next_delay_ns, note_life
from trader.router.breaker import fail
from trader.router.clearing import begin_clearing, clear
from trader.router.fills import apply_event, symbol_of_event
from trader.router.market import has_listen_key, is_watched, market_of, may_open_stream, stand_up
from trader.router.outgoing import add_accounts, add_alarm, add_wire, text_room
from trader.router.parking import claim_parked
from trader.router.patience import doubt_everything
from trader.router.placing import deny_held
from trader.router.replies import HTTP_OK, apply_reply
from trader.router.rest import LISTEN_KEY_OFFSET
from trader.router.schedule import move_phase, refresh_dead_man
from trader.router.state import (
    DOWN,
    OPENING,
    ORDER_API,
    UP,
    USER_STREAM,
    Alarm,
    Clearing,
    Job,
    Phase,
)
from trader.venues.binance.order_events import (
    SCANNED,
    scan_reply,
)
from trader.venues.binance.orders import write_order_api_path, write_subscription, write_user_stream_path
from trader.venues.binance.user_events import (
    STREAM_ENDED,
    scan_user_event,
)


@kernel
def on_command(router, command, argument, now_ns):
    """Obey a Command; others are not for the router."""
    never_inlined()
    if is_watched(router):
        router.acknowledge_start |= command == Command.START
        router.acknowledge_cancel_all |= command == Command.CANCEL_ALL
        router.acknowledge_reconcile |= command == Command.RECONCILE
    elif command == Command.START:
        router.started = 1
        router.phase = Phase.CLEARING if router.cancel_only else Phase.CONNECTING
        router.clearing = Clearing.CANCEL if router.cancel_only or argument > 1 else Clearing.NONE
    elif command == Command.RUN:
        router.accepting = 1 - router.cancel_only
    elif command == Command.HALT:
        router.accepting = 0
    elif command == Command.CANCEL_ALL:
        router.accepting = 0
        router.acknowledge_cancel_all = -1
        begin_clearing(router, now_ns)
    elif command == Command.RECONCILE:
        router.accepting = 0
        router.acknowledge_reconcile = -1
        router.epoch = argument
        if router.phase != Phase.CONNECTING:
            router.phase = Phase.CLEARING
        reconciling.want_all_trades(router)
        begin_clearing(router, now_ns)


@kernel
def take_reply(router, wire, now_ns):
    """A frame of the order API."""
    never_inlined()
    if scan_reply(router.scan, wire.payload_address, wire.payload_length, router.reply) != SCANNED:
        router.bad_frames += 1
    else:
        apply_reply(router, now_ns)
        order = router.orders[router.reply.client_order_id & SLOT_MASK]
        if order.client_order_id == router.reply.client_order_id:
            claim_parked(router, order, now_ns)


@kernel
def take_user_event(router, wire, now_ns):
    """A frame of the user stream; where it is subscribed, the first is the answer to that."""
    never_inlined()
    if router.connections[USER_STREAM].state != UP and not has_listen_key(router):
        _take_subscribed(router, wire, now_ns)
        return
    understood = scan_user_event(router.scan, wire.payload_address, wire.payload_length, router.event) == SCANNED
    if understood and router.event.kind == STREAM_ENDED:
        _lose(router, USER_STREAM, now_ns)
    elif understood and router.event.kind != 0:
        symbol_id = symbol_of_event(router, router.event)
        understood = symbol_id < 0 or apply_event(router, symbol_id, now_ns) != 0
    if not understood:
        # a fill may have been in it: what the venue has counted will show
        router.bad_frames += 1
        doubt_everything(router, now_ns)


@kernel
def _take_subscribed(router, wire, now_ns):
    """The answer to a subscription: the stream stands, or is given up."""
    never_inlined()
    reply = router.reply
    understood = scan_reply(router.scan, wire.payload_address, wire.payload_length, reply) == SCANNED
    if understood and reply.http_status == HTTP_OK:
        stand_up(router.connections[USER_STREAM], now_ns)
    else:
        router.bad_frames += 1
        _lose(router, USER_STREAM, now_ns)


@kernel
def take_connection(router, wire, now_ns):
    """A connection stands, or is gone. The order API stands once it has logged on."""
    never_inlined()
    connection_id = wire.connection_id
    if connection_id != ORDER_API and connection_id != USER_STREAM:
        return
    connection = router.connections[connection_id]
    if wire.kind == WireKind.LOST:
        note_life(connection, router.reconnect_ns_max, now_ns)
        _lose(router, connection_id, now_ns)
    elif connection_id == USER_STREAM and not has_listen_key(router):
        if wire.kind == WireKind.AUTHENTICATED:
            add_wire(router, USER_STREAM, WireKind.FRAME, 0, 0, write_subscription(text_room(router)))
    elif wire.kind == (WireKind.AUTHENTICATED if connection_id == ORDER_API else WireKind.CONNECTED):
        stand_up(connection, now_ns)


@kernel
def _lose(router, connection_id, now_ns):
    """No new orders until everything has been asked for again."""
    if connection_id == ORDER_API and router.connections[connection_id].state == UP and fail(router.breaker, 0, now_ns):
        add_alarm(router, Alarm.BREAKER_OPEN, 0, 0, router.breaker.failures_max, 0)
    deny_held(router, RefusalReason.NOT_RECONCILED)
    router.connections[connection_id].state = DOWN
    if router.phase == Phase.READY:
        add_accounts(router, 0)
    if connection_id == USER_STREAM:
        router.listen_key_length = 0
    router.generation += 1
    router.phase = Phase.CONNECTING
    router.more_work = 1


@kernel
def _connect(router, connection_id, now_ns):
    """Open a connection that is down."""
    never_inlined()
    connection = router.connections[connection_id]
    connection.state = OPENING
    delay_ns = next_delay_ns(router, connection)
    connection.attempts += 1
    at = text_room(router)
    if connection_id == ORDER_API or not has_listen_key(router):
        end = write_order_api_path(at, market_of(router))
    else:
        end = write_user_stream_path(at, address_of(router) + LISTEN_KEY_OFFSET, router.listen_key_length)
    add_wire(router, connection_id, WireKind.CONNECT, 0, delay_ns, end)


@kernel
def advance(router, lacking, now_ns):
    """The next step of the session, if one is due. `lacking`: an order whose fills are to be fetched, or 0."""
    never_inlined()
    if router.started == 0:
        return
    if not router.cancel_only and router.connections[ORDER_API].state == DOWN:
        _connect(router, ORDER_API, now_ns)
    if not router.cancel_only and router.connections[USER_STREAM].state == DOWN and may_open_stream(router):
        _connect(router, USER_STREAM, now_ns)
    if router.job != Job.NONE or now_ns < router.rest_not_before_ns:
        return
    if router.phase == Phase.CONNECTING:
        _stand_up(router, now_ns)
    if router.clearing != Clearing.NONE:
        clear(router, now_ns)
        if router.clearing != Clearing.NONE:
            return
    if not router.cancel_only and not may_open_stream(router):
        rest.request(router, Job.LISTEN_KEY, 0, now_ns)
    elif lacking != 0 and router.orders[lacking & SLOT_MASK].venue_order_id != 0:
        rest.request_trades(router, router.orders[lacking & SLOT_MASK], now_ns)
    elif not refresh_dead_man(router, now_ns):
        move_phase(router, now_ns)


@inlined
def _stand_up(router, now_ns):
    """Both connections stand: the first time nothing old may stay open, later what is ours is asked for."""
    if router.connections[ORDER_API].state != UP or router.connections[USER_STREAM].state != UP:
        return
    if router.reconciled_once == 0:
        router.phase = Phase.CLEARING
        router.clearing = Clearing.CANCEL
        router.clear_symbol = 0
    else:
        router.phase = Phase.QUERYING
        doubt_everything(router, now_ns)
        reconciling.want_all_trades(router)
