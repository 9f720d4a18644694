"""Order entry: validation, placing, matching against the generated market, canceling, order status.

    request -> validate --error--> reply
                  |
                enter -> reply NEW -> report NEW -> match -> report TRADE ... -> rest, or report EXPIRED

Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import TimeInForce
from trader.exchange import errors, matching, queue
from trader.exchange.account import CANCELED, EXPIRED, MAKER, TAKER, enter, find, find_by_order_id, is_open
from trader.exchange.executions import end, execute
from trader.exchange.market_data import publish_touch, publish_trade
from trader.exchange.order_faults import deny_fill, fill_by_fault
from trader.exchange.reports import NO_FILL, reply_error, reply_order, report_order
from trader.exchange.requests import ORDER_ID, ORIGINAL_CLIENT_ID
from trader.exchange.templates import CANCEL_REPLY, QUERY_REPLY, REPLY
from trader.exchange.text import integer_at
from trader.exchange.validation import find_symbol, validate


@kernel
def place_order(exchange, connection_id):
    """order.place: validate, reply, match, rest or expire."""
    never_inlined()
    request = exchange.request
    code = validate(exchange, request)
    if code == errors.NONE and request.time_in_force == TimeInForce.POST_ONLY and _crosses(exchange, request):
        code = errors.POST_ONLY_WOULD_TAKE
    if code != errors.NONE:
        if request.symbol_id >= 0:
            exchange.account.ledger[request.symbol_id].rejected += 1
        reply_error(exchange, connection_id, code)
        return
    index = enter(
        exchange.account,
        request.symbol_id,
        request.side,
        request.price_ticks,
        request.lots,
        request.time_in_force,
        request.client_id,
        request.client_id_length,
        exchange.event_ms,
    )
    order = exchange.account.orders[index]
    reply_order(exchange, connection_id, REPLY, index, order.status)
    report_order(exchange, index, NO_FILL)
    faults = exchange.faults
    may_rest = 0 if request.time_in_force == TimeInForce.IMMEDIATE_OR_CANCEL else 1
    if exchange.is_recorded:
        queue.join(exchange, index)
    else:
        book = exchange.markets[order.symbol_id].book
        left = matching.match(book, order.side, order.price_ticks, order.lots, index)
        if may_rest:
            order.book_slot = matching.rest(book, order.side, order.price_ticks, left, index, order.order_id)
        settle(exchange, order.symbol_id, order.side, index, exchange.now_ms)
    if is_open(order) and (may_rest == 0 or (exchange.is_recorded == 0 and order.book_slot < 0)):
        end(exchange, index, EXPIRED)
    elif faults.on:
        faults.fill_at_once_count += fill_by_fault(exchange, index, faults.fill_at_once)


@kernel
def settle(exchange, symbol_id, side, taker, event_ms):
    """Tell everybody what an event of the generated book did: trades, our fills, the touch.

    `side` is the aggressor's, `taker` the index of our order or matching.BACKGROUND.
    """
    never_inlined()
    market = exchange.markets[symbol_id]
    for place in range(market.book.match_count):
        match = market.book.matches[place]
        if match.lots == 0:
            end(exchange, match.owner, EXPIRED)
            continue
        market.stream.trade_id += 1
        publish_trade(exchange, symbol_id, match, side, event_ms)
        if match.owner != matching.BACKGROUND:
            execute(exchange, match.owner, match.price_ticks, match.lots, MAKER, market.stream.trade_id)
        if taker != matching.BACKGROUND:
            execute(exchange, taker, match.price_ticks, match.lots, TAKER, market.stream.trade_id)
    market.book.match_count = 0
    publish_touch(exchange, symbol_id, event_ms)


@kernel
def withdraw(exchange, index):
    """Cancel an open order and report it."""
    never_inlined()
    order = exchange.account.orders[index]
    symbol_id = order.symbol_id
    slot = order.book_slot
    end(exchange, index, CANCELED)
    if slot >= 0:
        market = exchange.markets[symbol_id]
        matching.cancel(market.book, slot)
        publish_touch(exchange, symbol_id, exchange.now_ms)


@kernel
def withdraw_all(exchange, symbol_id):
    """Cancel every open order of a symbol."""
    never_inlined()
    while exchange.account.open_count[symbol_id] > 0:
        withdraw(exchange, exchange.account.open[symbol_id, 0])


@kernel
def cancel_order(exchange, connection_id):
    """order.cancel, by client order id or by order id."""
    never_inlined()
    symbol_id = find_symbol(exchange)
    index = _named_order(exchange, symbol_id)
    faults = exchange.faults
    began = exchange.outbox.count
    if index >= 0 and faults.on:
        faults.fill_before_cancel_count += fill_by_fault(exchange, index, faults.fill_before_cancel)
    if index < 0 or is_open(exchange.account.orders[index]) == 0:
        if symbol_id >= 0:
            exchange.account.ledger[symbol_id].cancels_refused += 1
        reply_error(exchange, connection_id, errors.CANCEL_REJECTED if symbol_id >= 0 else errors.BAD_SYMBOL)
        return
    filled = exchange.outbox.count
    reply_order(exchange, connection_id, CANCEL_REPLY, index, CANCELED)
    withdraw(exchange, index)
    if filled > began:
        deny_fill(exchange, began, filled)


@kernel
def query_order(exchange, connection_id):
    """order.status, by client order id or by order id; closed orders are known for a long time."""
    never_inlined()
    symbol_id = find_symbol(exchange)
    index = _named_order(exchange, symbol_id)
    if index < 0:
        reply_error(exchange, connection_id, errors.NO_SUCH_ORDER if symbol_id >= 0 else errors.BAD_SYMBOL)
        return
    reply_order(exchange, connection_id, QUERY_REPLY, index, exchange.account.orders[index].status)


@kernel
def _named_order(exchange, symbol_id):
    """Index of the order of a symbol that the request names, or -1."""
    never_inlined()
    fields = exchange.fields
    if fields.length[ORIGINAL_CLIENT_ID] > 0:
        index = find(exchange.account, fields.start[ORIGINAL_CLIENT_ID], fields.length[ORIGINAL_CLIENT_ID])
    else:
        order_id = integer_at(fields.start[ORDER_ID], fields.length[ORDER_ID])
        index = find_by_order_id(exchange.account, order_id) if order_id > 0 else -1
    if index >= 0 and exchange.account.orders[index].symbol_id != symbol_id:
        return -1
    return index


@kernel
def _crosses(exchange, request):
    """1 if the order would meet a resting one at once."""
    market = exchange.markets[request.symbol_id]
    if exchange.is_recorded:
        return queue.crosses(market.recorded, request.side, request.price_ticks)
    return matching.crosses(market.book, request.side, request.price_ticks)
