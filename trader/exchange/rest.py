"""The HTTP requests: instruments, depth snapshot, listen key, account queries, cancel-all, dead-man timer.

Those from the listen key on need a verified signature. Unknown requests, and those of another market, get 404.
Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

import numpy as np

from shm.kernel import address_of, kernel
from trader.compile_hints import never_inlined
from trader.exchange import errors
from trader.exchange.account import CANCELED
from trader.exchange.account_queries import (
    OWN_STATUS,
    mark_doubled_ticks,
    send_open_orders,
    send_positions,
    send_trades,
)
from trader.exchange.balances import send_balances
from trader.exchange.connections import LISTEN_KEY_BYTES, LISTEN_KEY_OFFSET
from trader.exchange.exchange_info import load_premium, send_exchange_info
from trader.exchange.market_data import aim, send_snapshot
from trader.exchange.order_entry import withdraw_all
from trader.exchange.order_faults import refuse_http_request, spoil_answer
from trader.exchange.outbox import OK, answer
from trader.exchange.recorded_snapshot import send_recorded_snapshot
from trader.exchange.reports import load_error
from trader.exchange.requests import COUNTDOWN, LIMIT, SYMBOL, scan_http
from trader.exchange.templates import (
    HTTP_COUNTDOWN,
    HTTP_DONE,
    HTTP_EMPTY,
    HTTP_ERROR,
    HTTP_KEY,
    HTTP_PREMIUM,
    HTTP_TIME,
    MARKET_SPOT,
    MARKET_USDM,
)
from trader.exchange.text import integer_at, word_at
from trader.exchange.validation import find_symbol
from trader.exchange.wallet import send_wallet

LIMIT_DEFAULT = 500
COUNTDOWN_MS_MAX = 86_400_000

METHODS = b"GET POST PUT DELETE "
GET, POST, PUT, DELETE = range(4)
(PING, TIME, INFO, DEPTH, PREMIUM, LISTEN_KEY, CANCEL_ALL, COUNT_DOWN, OPEN_ORDERS, TRADES, POSITIONS, BALANCES,
 WALLET) = range(13)  # fmt: skip

# fmt: off
_PATHS: tuple[tuple[int, str, dict[int, int]], ...] = (
    (MARKET_USDM, "/fapi/v1/ping",               {GET: PING}),
    (MARKET_USDM, "/fapi/v1/time",               {GET: TIME}),
    (MARKET_USDM, "/fapi/v1/exchangeInfo",       {GET: INFO}),
    (MARKET_USDM, "/fapi/v1/depth",              {GET: DEPTH}),
    (MARKET_USDM, "/fapi/v1/premiumIndex",       {GET: PREMIUM}),
    (MARKET_USDM, "/fapi/v1/listenKey",          {POST: LISTEN_KEY, PUT: LISTEN_KEY, DELETE: LISTEN_KEY}),
    (MARKET_USDM, "/fapi/v1/allOpenOrders",      {DELETE: CANCEL_ALL}),
    (MARKET_USDM, "/fapi/v1/countdownCancelAll", {POST: COUNT_DOWN}),
    (MARKET_USDM, "/fapi/v1/openOrders",         {GET: OPEN_ORDERS}),
    (MARKET_USDM, "/fapi/v1/userTrades",         {GET: TRADES}),
    (MARKET_USDM, "/fapi/v3/positionRisk",       {GET: POSITIONS}),
    (MARKET_USDM, "/fapi/v2/positionRisk",       {GET: POSITIONS}),
    (MARKET_USDM, "/fapi/v3/balance",            {GET: WALLET}),
    (MARKET_SPOT, "/api/v3/ping",                {GET: PING}),
    (MARKET_SPOT, "/api/v3/time",                {GET: TIME}),
    (MARKET_SPOT, "/api/v3/exchangeInfo",        {GET: INFO}),
    (MARKET_SPOT, "/api/v3/depth",               {GET: DEPTH}),
    (MARKET_SPOT, "/api/v3/openOrders",          {GET: OPEN_ORDERS, DELETE: CANCEL_ALL}),
    (MARKET_SPOT, "/api/v3/myTrades",            {GET: TRADES}),
    (MARKET_SPOT, "/api/v3/account",             {GET: BALANCES}),
)
# fmt: on
"""The paths of each market, and what each HTTP method asks for there."""

PATHS = "".join(f"{path} " for _, path, _ in _PATHS).encode()
MARKET_OF_PATH = np.array([market for market, _, _ in _PATHS], dtype=np.int64)
ROUTES = np.array([[asked.get(method, -1) for method in range(4)] for _, _, asked in _PATHS], dtype=np.int64)

WEIGHTS = bytes([1, 1, 1, 20, 1, 1, 1, 10, 1, 5, 5, 5, 5])
"""What each route counts for in the venue's rate limit."""

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
    path = word_at(PATHS, fields.path, fields.path_length) if is_http else -1
    method = word_at(METHODS, fields.verb, fields.verb_length) if is_http else -1
    is_known = path >= 0 and method >= 0 and MARKET_OF_PATH[path] == exchange.market
    route = ROUTES[path, method] if is_known else -1
    if exchange.faults.on == 0:
        _answer(exchange, connection_id, is_signed, is_http, route, method)
    elif not refuse_http_request(exchange, connection_id, WEIGHTS[max(route, 0)]):
        _answer(exchange, connection_id, is_signed, is_http, route, method)
        if exchange.faults.spoil != 0:
            spoil_answer(exchange, connection_id)


@kernel
def _answer(exchange, connection_id, is_signed, is_http, route, method):
    never_inlined()
    fields = exchange.fields
    symbol_id = find_symbol(exchange) if is_http else -1
    code = _problem_of(exchange, route, symbol_id, is_signed) if is_http else errors.MISSING_PARAMETER
    if code != errors.NONE:
        load_error(exchange, code)
        answer(exchange.outbox, connection_id, _status_of(code), HTTP_ERROR, exchange.writer)
    elif route == INFO:
        send_exchange_info(exchange, connection_id)
    elif route == DEPTH and exchange.is_recorded:
        send_recorded_snapshot(exchange, connection_id, symbol_id, _limit(fields))
    elif route == DEPTH:
        send_snapshot(exchange, connection_id, symbol_id, _limit(fields))
    elif route == OPEN_ORDERS:
        send_open_orders(exchange, connection_id, symbol_id, OWN_STATUS)
    elif route == CANCEL_ALL and exchange.market == MARKET_SPOT:
        send_open_orders(exchange, connection_id, symbol_id, CANCELED)
        withdraw_all(exchange, symbol_id)
    elif route == TRADES:
        send_trades(exchange, connection_id, symbol_id)
    elif route == POSITIONS:
        send_positions(exchange, connection_id, symbol_id)
    elif route == WALLET:
        send_wallet(exchange, connection_id)
    elif route == BALANCES:
        send_balances(exchange, connection_id)
    else:
        answer(exchange.outbox, connection_id, OK, _act(exchange, route, symbol_id, method), exchange.writer)


@kernel
def _problem_of(exchange, route, symbol_id, is_signed):
    """Why a scanned request is not done: an error code, or NONE."""
    never_inlined()
    fields = exchange.fields
    is_named = fields.length[SYMBOL] > 0
    if route < 0:
        return errors.NO_SUCH_PATH
    if route >= LISTEN_KEY and is_signed != 1:
        return errors.BAD_SIGNATURE
    if (is_named or route == DEPTH or route == PREMIUM) and symbol_id < 0:
        return errors.BAD_SYMBOL
    if not is_named and (route == CANCEL_ALL or route == COUNT_DOWN or route == TRADES):
        return errors.MISSING_PARAMETER
    if route == DEPTH and exchange.is_recorded and exchange.markets[symbol_id].recorded.base_ticks == 0:
        return errors.UNAVAILABLE
    if route == PREMIUM and mark_doubled_ticks(exchange, symbol_id) == 0:
        return errors.UNAVAILABLE
    if route == CANCEL_ALL and exchange.market == MARKET_SPOT and exchange.account.open_count[symbol_id] == 0:
        return errors.CANCEL_REJECTED
    if route == COUNT_DOWN and not 0 <= _countdown_ms(fields) <= COUNTDOWN_MS_MAX:
        return errors.MISSING_PARAMETER
    return errors.NONE


@kernel
def _status_of(code):
    """The HTTP status that goes with an error code."""
    if code == errors.NO_SUCH_PATH:
        return NOT_FOUND
    if code == errors.BAD_SIGNATURE:
        return UNAUTHORIZED
    return NOT_YET if code == errors.UNAVAILABLE else BAD_REQUEST


@kernel
def _act(exchange, route, symbol_id, method):
    """Do what a request with a short answer asks for: the answer's template, its values filled in."""
    never_inlined()
    values = exchange.writer.values
    values[0] = exchange.event_ms
    if route == TIME:
        return HTTP_TIME
    if route == PREMIUM:
        load_premium(exchange, symbol_id)
        return HTTP_PREMIUM
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
