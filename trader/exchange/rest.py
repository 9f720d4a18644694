"""The HTTP requests: instruments, depth snapshot, listen key, account queries, cancel-all, dead-man timer.

Those from the listen key on need a verified signature. Unknown requests get 404. Every kernel takes the whole exchange
record (see venue.EXCHANGE).
"""

import numpy as np

from shm.kernel import address_of, kernel
from trader.compile_hints import never_inlined
from trader.exchange import errors
from trader.exchange.account_queries import send_open_orders, send_positions, send_trades
from trader.exchange.connections import LISTEN_KEY_BYTES, LISTEN_KEY_OFFSET
from trader.exchange.exchange_info import send_exchange_info
from trader.exchange.market_data import aim, send_snapshot
from trader.exchange.order_entry import withdraw_all
from trader.exchange.outbox import OK, answer
from trader.exchange.recorded_snapshot import send_recorded_snapshot
from trader.exchange.requests import COUNTDOWN, LIMIT, SYMBOL, scan_http
from trader.exchange.text import integer_at, word_at
from trader.exchange.validation import find_symbol

LIMIT_DEFAULT = 500
COUNTDOWN_MS_MAX = 86_400_000

METHODS = b"GET POST PUT DELETE "
PATHS = (
    b"/fapi/v1/ping /fapi/v1/time /fapi/v1/exchangeInfo /fapi/v1/depth /fapi/v1/listenKey /fapi/v1/allOpenOrders "
    b"/fapi/v1/countdownCancelAll /fapi/v1/openOrders /fapi/v1/userTrades /fapi/v3/positionRisk /fapi/v2/positionRisk "
)
PING, TIME, INFO, DEPTH, LISTEN_KEY, CANCEL_ALL, COUNT_DOWN, OPEN_ORDERS, TRADES, POSITIONS, POSITIONS_OLD = range(11)
ALLOWED = bytes([1, 1, 1, 1, 2 + 4 + 8, 8, 2, 1, 1, 1, 1])
"""For each path the methods that it knows, as bits: GET 1, POST 2, PUT 4, DELETE 8."""

UNAUTHORIZED = np.int64(401)
NOT_FOUND = np.int64(404)
BAD_REQUEST = np.int64(400)
NOT_YET = np.int64(503)

ERROR_TEMPLATE = b'{"code":#iD,"msg":"#mD"}'
EMPTY_TEMPLATE = b"{}"
TIME_TEMPLATE = b'{"serverTime":#iA}'
KEY_TEMPLATE = b'{"listenKey":"#cC"}'
DONE_TEMPLATE = b'{"code":200,"msg":"The operation of cancel all open order is done."}'
COUNTDOWN_TEMPLATE = b'{"symbol":"#s","countdownTime":"#iC"}'


@kernel
def on_request(exchange, connection_id, is_signed, text, length):
    """Answer one HTTP request; whatever it is, exactly one answer goes out."""
    never_inlined()
    fields = exchange.fields
    is_http = scan_http(fields, text, length)
    route = word_at(PATHS, fields.path, fields.path_length) if is_http else -1
    method = word_at(METHODS, fields.verb, fields.verb_length) if is_http else -1
    symbol_id = find_symbol(exchange) if is_http else -1
    is_named = is_http and fields.length[SYMBOL] > 0
    code = errors.NONE
    status = BAD_REQUEST
    if is_http == 0:
        code = errors.MISSING_PARAMETER
    elif route < 0 or method < 0 or (ALLOWED[route] >> method) & 1 == 0:
        code = errors.NO_SUCH_PATH
        status = NOT_FOUND
    elif route >= LISTEN_KEY and is_signed != 1:
        code = errors.BAD_SIGNATURE
        status = UNAUTHORIZED
    elif (is_named or route == DEPTH) and symbol_id < 0:
        code = errors.BAD_SYMBOL
    elif not is_named and (route == CANCEL_ALL or route == COUNT_DOWN or route == TRADES):
        code = errors.MISSING_PARAMETER
    elif route == DEPTH and exchange.is_recorded and exchange.markets[symbol_id].recorded.base_ticks == 0:
        code = errors.TOO_MANY_REQUESTS
        status = NOT_YET
    elif route == COUNT_DOWN and not 0 <= _countdown_ms(fields) <= COUNTDOWN_MS_MAX:
        code = errors.MISSING_PARAMETER
    if code != errors.NONE:
        exchange.writer.values[3] = code
        answer(exchange.outbox, connection_id, status, ERROR_TEMPLATE, exchange.writer)
    elif route < LISTEN_KEY:
        _serve_public(exchange, connection_id, route, symbol_id)
    else:
        _serve_account(exchange, connection_id, route, symbol_id, method)


@kernel
def _serve_public(exchange, connection_id, route, symbol_id):
    """Answer what needs no signature."""
    never_inlined()
    exchange.writer.values[0] = exchange.event_ms
    if route == INFO:
        send_exchange_info(exchange, connection_id)
    elif route == DEPTH:
        limit = integer_at(exchange.fields.start[LIMIT], exchange.fields.length[LIMIT])
        limit = LIMIT_DEFAULT if limit < 0 else limit
        if exchange.is_recorded:
            send_recorded_snapshot(exchange, connection_id, symbol_id, limit)
        else:
            send_snapshot(exchange, connection_id, symbol_id, limit)
    else:
        template = TIME_TEMPLATE if route == TIME else EMPTY_TEMPLATE
        answer(exchange.outbox, connection_id, OK, template, exchange.writer)


@kernel
def _serve_account(exchange, connection_id, route, symbol_id, method):
    """Answer a signed request."""
    never_inlined()
    if route == OPEN_ORDERS:
        send_open_orders(exchange, connection_id, symbol_id)
        return
    if route == TRADES:
        send_trades(exchange, connection_id, symbol_id)
        return
    if route >= POSITIONS:
        send_positions(exchange, connection_id, symbol_id)
        return
    writer = exchange.writer
    template = EMPTY_TEMPLATE
    if route == LISTEN_KEY:
        writer.values[2] = address_of(exchange.connections) + LISTEN_KEY_OFFSET
        writer.values[3] = LISTEN_KEY_BYTES
        template = KEY_TEMPLATE if method < 3 else EMPTY_TEMPLATE
    elif route == CANCEL_ALL:
        withdraw_all(exchange, symbol_id)
        template = DONE_TEMPLATE
    else:
        countdown_ms = _countdown_ms(exchange.fields)
        market = exchange.markets[symbol_id]
        market.cancel_all_ns = exchange.now_ns + countdown_ms * 1_000_000 if countdown_ms > 0 else 0
        aim(exchange, symbol_id, exchange.event_ms)
        writer.values[2] = countdown_ms
        template = COUNTDOWN_TEMPLATE
    answer(exchange.outbox, connection_id, OK, template, writer)


@kernel
def _countdown_ms(fields):
    return integer_at(fields.start[COUNTDOWN], fields.length[COUNTDOWN])
