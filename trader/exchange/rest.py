"""The HTTP requests: instruments, depth snapshot, listen key, account queries, cancel-all, dead-man timer.

Those from the listen key on need a verified signature. Unknown requests get 404. Every kernel takes the whole exchange
record (see venue.EXCHANGE).
"""

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
from trader.exchange.templates import HTTP_COUNTDOWN, HTTP_DONE, HTTP_EMPTY, HTTP_ERROR, HTTP_KEY, HTTP_TIME
from trader.exchange.text import integer_at, word_at
from trader.exchange.validation import find_symbol

LIMIT_DEFAULT = 500
COUNTDOWN_MS_MAX = 86_400_000

METHODS = b"GET POST PUT DELETE "
DELETE = 3
PATHS = (
    b"/fapi/v1/ping /fapi/v1/time /fapi/v1/exchangeInfo /fapi/v1/depth /fapi/v1/listenKey /fapi/v1/allOpenOrders "
    b"/fapi/v1/countdownCancelAll /fapi/v1/openOrders /fapi/v1/userTrades /fapi/v3/positionRisk /fapi/v2/positionRisk "
)
PING, TIME, INFO, DEPTH, LISTEN_KEY, CANCEL_ALL, COUNT_DOWN, OPEN_ORDERS, TRADES, POSITIONS, POSITIONS_OLD = range(11)
ALLOWED = bytes([1, 1, 1, 1, 2 + 4 + 8, 8, 2, 1, 1, 1, 1])
"""For each path the methods that it knows, as bits: GET 1, POST 2, PUT 4, DELETE 8."""

UNAUTHORIZED = 401
NOT_FOUND = 404
BAD_REQUEST = 400
NOT_YET = 503


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
        answer(exchange.outbox, connection_id, status, HTTP_ERROR, exchange.writer)
    elif route == INFO:
        send_exchange_info(exchange, connection_id)
    elif route == DEPTH and exchange.is_recorded:
        send_recorded_snapshot(exchange, connection_id, symbol_id, _limit(fields))
    elif route == DEPTH:
        send_snapshot(exchange, connection_id, symbol_id, _limit(fields))
    elif route == OPEN_ORDERS:
        send_open_orders(exchange, connection_id, symbol_id)
    elif route == TRADES:
        send_trades(exchange, connection_id, symbol_id)
    elif route >= POSITIONS:
        send_positions(exchange, connection_id, symbol_id)
    else:
        answer(exchange.outbox, connection_id, OK, _act(exchange, route, symbol_id, method), exchange.writer)


@kernel
def _act(exchange, route, symbol_id, method):
    """Do what a request with a short answer asks for: the answer's template, its values filled in."""
    never_inlined()
    values = exchange.writer.values
    values[0] = exchange.event_ms
    if route == TIME:
        return HTTP_TIME
    if route == LISTEN_KEY and method != DELETE:
        values[2] = address_of(exchange.connections) + LISTEN_KEY_OFFSET
        values[3] = LISTEN_KEY_BYTES
        return HTTP_KEY
    if route == CANCEL_ALL:
        withdraw_all(exchange, symbol_id)
        return HTTP_DONE
    if route == COUNT_DOWN:
        countdown_ms = _countdown_ms(exchange.fields)
        market = exchange.markets[symbol_id]
        market.cancel_all_ns = exchange.now_ns + countdown_ms * 1_000_000 if countdown_ms > 0 else 0
        aim(exchange, symbol_id, exchange.event_ms)
        values[2] = countdown_ms
        return HTTP_COUNTDOWN
    return HTTP_EMPTY


@kernel
def _limit(fields):
    """The `limit` asked for, or the default."""
    limit = integer_at(fields.start[LIMIT], fields.length[LIMIT])
    return LIMIT_DEFAULT if limit < 0 else limit


@kernel
def _countdown_ms(fields):
    return integer_at(fields.start[COUNTDOWN], fields.length[COUNTDOWN])
