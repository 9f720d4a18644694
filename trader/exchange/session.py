"""What clients do: connect, log on, subscribe, send orders and requests, and get lost.

Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.exchange import connections, errors
from trader.exchange.market_data import send_touch
from trader.exchange.order_entry import cancel_order, place_order, query_order, withdraw_all
from trader.exchange.order_faults import refuse_order_request, spoil_reply
from trader.exchange.reports import reply_done, reply_error, reply_subscribed
from trader.exchange.requests import METHOD, PARAMS, forget_fields, scan_json
from trader.exchange.templates import MARKET_SPOT
from trader.exchange.text import word_at
from trader.exchange.validation import find_symbol
from trader.exchange.watched import WATCHED, admit_watcher, on_watcher

METHODS = b"order.place order.cancel order.status userDataStream.subscribe "
PLACE, CANCEL, STATUS, USER_STREAM = range(4)
"""The last one on spot only."""

SUBSCRIPTIONS = b"UNSUBSCRIBE SUBSCRIBE "
"""By number: what connections.subscribe_all wants."""


@kernel
def connect(exchange, connection_id, path, length):
    """Admit a connection by its path, or have it closed."""
    never_inlined()
    own = exchange.connections
    if exchange.market >= WATCHED:
        admit_watcher(exchange, connection_id)
        return
    used = connections.admit(own, exchange.market, connection_id, path, length)
    if used == connections.REFUSED:
        exchange.outbox.closing |= 1 << connection_id
    elif own.kind[connection_id] == connections.MARKET:
        connections.subscribe_all(exchange, connection_id, path + used, length - used, connections.BEGIN)
        _greet(exchange, connection_id)


@kernel
def _greet(exchange, connection_id):
    """Tell a new listener the touch of each generated market whose best quotes it gets."""
    for symbol_id in range(exchange.symbol_count):
        listeners = exchange.connections.streams[symbol_id, connections.TICKER] & (1 << connection_id)
        if listeners != 0 and exchange.is_recorded == 0:
            send_touch(exchange, symbol_id, listeners, exchange.now_ms)


@kernel
def lose(exchange, connection_id):
    """Forget a connection; with cancel_on_disconnect the account's last order connection takes its orders along."""
    own = exchange.connections
    was_trading = own.kind[connection_id] == connections.ORDERS and (own.authenticated >> connection_id) & 1
    connections.forget(own, connection_id)
    if was_trading and exchange.cancel_on_disconnect and own.authenticated == 0:
        for symbol_id in range(exchange.symbol_count):
            withdraw_all(exchange, symbol_id)


@kernel
def on_order_request(exchange, connection_id, text, length):
    """One frame of the order API: exactly one reply goes out."""
    never_inlined()
    fields = exchange.fields
    if scan_json(fields, text, length) == 0:
        forget_fields(fields)
        reply_error(exchange, connection_id, errors.BAD_JSON)
        return
    method = word_at(METHODS, fields.start[METHOD], fields.length[METHOD])
    if method < 0 or (method == USER_STREAM and exchange.market != MARKET_SPOT):
        reply_error(exchange, connection_id, errors.UNSUPPORTED)
    elif (exchange.connections.authenticated >> connection_id) & 1 == 0:
        reply_error(exchange, connection_id, errors.NOT_AUTHENTICATED)
    elif method == USER_STREAM:
        exchange.connections.users |= 1 << connection_id
        reply_subscribed(exchange, connection_id)
    elif exchange.faults.on == 0 or not refuse_order_request(
        exchange, connection_id, find_symbol(exchange), 1 if method == PLACE else 0
    ):
        if method == PLACE:
            place_order(exchange, connection_id)
        elif method == CANCEL:
            cancel_order(exchange, connection_id)
        else:
            query_order(exchange, connection_id)
        if exchange.faults.spoil != 0:
            spoil_reply(exchange, connection_id)


@kernel
def on_subscription(exchange, connection_id, text, length):
    """SUBSCRIBE or UNSUBSCRIBE on a market connection, params a list of stream names."""
    never_inlined()
    if exchange.market >= WATCHED:
        on_watcher(exchange, connection_id, text, length)
        return
    fields = exchange.fields
    is_json = scan_json(fields, text, length)
    if is_json == 0:
        forget_fields(fields)
    method = word_at(SUBSCRIPTIONS, fields.start[METHOD], fields.length[METHOD])
    if method < 0:
        reply_error(exchange, connection_id, errors.UNSUPPORTED if is_json else errors.BAD_JSON)
        return
    connections.subscribe_all(exchange, connection_id, fields.start[PARAMS], fields.length[PARAMS], method)
    reply_done(exchange, connection_id)
    if method == connections.BEGIN:
        _greet(exchange, connection_id)
