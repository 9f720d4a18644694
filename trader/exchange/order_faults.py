"""Faults of single requests: refused, carried out without saying so, or too late because of a fill.

    order request -> limits -> doubt -> reject -> carried out -> its reply spoilt
    HTTP request  -> restart -> limits -> error, lost -> carried out -> its answer spoilt

Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange import errors, matching
from trader.exchange.account import MAKER, is_open
from trader.exchange.executions import execute
from trader.exchange.faults import happens, part_of
from trader.exchange.market_data import publish_touch, publish_trade
from trader.exchange.order_flow import uniform
from trader.exchange.outbox import WRITTEN, answer
from trader.exchange.rate_limits import BANNED, FINE, TOO_MANY_ORDERS, admit
from trader.exchange.reports import load_error, reply_error, reply_limit
from trader.exchange.templates import (
    ACCOUNT_EVENT,
    CANCEL_EVENT,
    CANCEL_REPLY,
    ERROR_REPLY,
    HTTP_ERROR,
    ORDER_EVENT,
    QUERY_REPLY,
    REPLY,
)

RETRY_AFTER_UNIT = 1_000
"""Status of a RESPONSE: the HTTP status, plus this times the seconds of its Retry-After."""

TOO_MANY, TEAPOT, UNAVAILABLE, GATEWAY_TIMEOUT, REQUEST_TIMEOUT = 429, 418, 503, 504, 408
MS, S = 1_000_000, 1_000_000_000

DENIED = -1
"""Status of a frame that tells a fill which the answers to a cancel deny: it comes late."""


@kernel
def refuse_order_request(exchange, connection_id, symbol_id, is_order):
    """Answer a request of the order API with a fault: 1, or 0 if it is to be carried out."""
    never_inlined()
    faults = exchange.faults
    limiter = faults.limiter
    verdict = admit(limiter, is_order, 1 - is_order, exchange.now_ns)
    if verdict != FINE:
        code = errors.TOO_MANY_NEW_ORDERS if verdict == TOO_MANY_ORDERS else errors.TOO_MANY_REQUESTS
        status = TEAPOT if verdict == BANNED else TOO_MANY
        reply_limit(exchange, connection_id, status, code, exchange.now_ms + -(-limiter.retry_ns // MS))
        return 1
    if happens(faults, faults.doubt):
        faults.doubt_count += 1
        if uniform(faults) < 0.5:
            faults.spoil = REQUEST_TIMEOUT
            return 0
        reply_error(exchange, connection_id, errors.OUTCOME_UNKNOWN)
        return 1
    if is_order and happens(faults, faults.reject):
        faults.reject_count += 1
        if symbol_id >= 0:
            exchange.account.ledger[symbol_id].rejected += 1
        reply_error(exchange, connection_id, errors.ORDER_REJECTED)
        return 1
    return 0


@kernel
def spoil_reply(exchange, connection_id):
    """The request that was carried out last is answered as if nothing were known of it."""
    never_inlined()
    exchange.faults.spoil = 0
    outbox = exchange.outbox
    for number in range(outbox.count - 1, -1, -1):
        frame = outbox.frames[number]
        text = frame.template - outbox.texts
        if REPLY <= text <= QUERY_REPLY and frame.connections == 1 << connection_id:
            frame.template = outbox.texts + ERROR_REPLY
            frame.writer.values[2] = REQUEST_TIMEOUT
            frame.writer.values[3] = frame.writer.values[4] = errors.TIMED_OUT
            return


@kernel
def refuse_http_request(exchange, connection_id, weight):
    """Answer an HTTP request with a fault: 1, or 0 if it is to be carried out."""
    never_inlined()
    faults = exchange.faults
    limiter = faults.limiter
    code, status = errors.NONE, UNAVAILABLE
    if exchange.now_ns < faults.refuse_until_ns:
        code = errors.UNAVAILABLE
    else:
        verdict = admit(limiter, 0, weight, exchange.now_ns)
        if verdict != FINE:
            code = errors.TOO_MANY_REQUESTS
            status = TEAPOT if verdict == BANNED else TOO_MANY
            status += RETRY_AFTER_UNIT * -(-limiter.retry_ns // S)
    if code == errors.NONE:
        if happens(faults, faults.rest_error):
            faults.rest_error_count += 1
            code = errors.UNAVAILABLE
        elif happens(faults, faults.rest_lost):
            faults.rest_lost_count += 1
            code, status = errors.TIMED_OUT, GATEWAY_TIMEOUT
        if code == errors.NONE:
            return 0
        if uniform(faults) < 0.5:
            faults.spoil = status
            return 0
    load_error(exchange, code)
    answer(exchange.outbox, connection_id, status, HTTP_ERROR, exchange.writer)
    return 1


@kernel
def spoil_answer(exchange, connection_id):
    """The HTTP request that was carried out last is answered by an empty body and the fault's status."""
    never_inlined()
    outbox = exchange.outbox
    for number in range(outbox.count - 1, -1, -1):
        frame = outbox.frames[number]
        if frame.kind == WireKind.RESPONSE and frame.connections == 1 << connection_id:
            frame.template = WRITTEN
            frame.status = exchange.faults.spoil
            frame.offset = frame.length = 0
            break
    exchange.faults.spoil = 0


@kernel
def fill_by_fault(exchange, index, share):
    """Somebody takes an open order of ours, in part or whole, with that chance: 1 if it happened."""
    never_inlined()
    order = exchange.account.orders[index]
    if is_open(order) == 0 or happens(exchange.faults, share) == 0:
        return 0
    lots = part_of(exchange.faults, order.lots - order.filled_lots)
    symbol_id, slot, price_ticks = order.symbol_id, order.book_slot, order.price_ticks
    market = exchange.markets[symbol_id]
    market.stream.trade_id += 1
    if slot >= 0:
        met = market.book.matches[0]
        met.order_id, met.owner, met.price_ticks, met.lots = order.order_id, index, price_ticks, lots
        publish_trade(exchange, symbol_id, met, -order.side, exchange.now_ms)
        matching.shrink(market.book, slot, lots)
    execute(exchange, index, price_ticks, lots, MAKER, market.stream.trade_id)
    if slot >= 0:
        publish_touch(exchange, symbol_id, exchange.now_ms)
    return 1


@kernel
def deny_fill(exchange, began, filled):
    """Maybe the fill that frames `began` to `filled` tell comes late, and what is said after them does not count it."""
    never_inlined()
    faults = exchange.faults
    outbox = exchange.outbox
    if happens(faults, faults.deny_fill) == 0:
        return
    faults.deny_fill_count += 1
    lots = 0
    for number in range(began, outbox.count):
        frame = outbox.frames[number]
        text = frame.template - outbox.texts
        if number < filled and (text == ORDER_EVENT or text == ACCOUNT_EVENT):
            frame.status = DENIED
            lots = max(lots, frame.writer.values[16]) if text == ORDER_EVENT else lots
        elif number >= filled and (text == CANCEL_REPLY or text == CANCEL_EVENT):
            frame.writer.values[9] -= lots
