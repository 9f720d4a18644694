"""What the account is told: replies of the order API and events of the user stream.

Every kernel takes the whole exchange record (see venue.EXCHANGE). Event times are `exchange.event_ms`: the
wall clock, or on a recorded market the time of the last recorded event.
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import TimeInForce
from trader.exchange.account import CANCELED, client_id_of
from trader.exchange.balances import report_balances
from trader.exchange.errors import NOT_AUTHENTICATED, OUTCOME_UNKNOWN, spot_code
from trader.exchange.market_data import aim
from trader.exchange.outbox import say
from trader.exchange.requests import ID
from trader.exchange.templates import (
    ACCOUNT_EVENT,
    CANCEL_EVENT,
    DONE_REPLY,
    ERROR_REPLY,
    LIMIT_REPLY,
    MARKET_SPOT,
    ORDER_EVENT,
    SUBSCRIBED_REPLY,
)
from trader.exchange.text import (
    WORD_BUY,
    WORD_GTC,
    WORD_GTX,
    WORD_LIMIT,
    WORD_LIMIT_MAKER,
    WORD_SELL,
    WORD_TRADE,
    integer_at,
)

NO_FILL = -1
NO_TRADE_ID = (0, -1)
"""By market: the trade id of an event without a trade."""


@kernel
def load_order(exchange, index, status):
    """The writer with an order in its slots C to O, told to have that status."""
    never_inlined()
    order = exchange.account.orders[index]
    instrument = exchange.instruments[order.symbol_id]
    writer = aim(exchange, order.symbol_id, exchange.event_ms)
    values = writer.values
    values[2] = order.order_id
    values[3] = status
    values[4] = client_id_of(order)
    values[5] = order.id_length
    values[6] = order.price_ticks
    values[7] = order.filled_value * instrument.tick_multiple // order.filled_lots if order.filled_lots > 0 else 0
    values[8] = order.lots
    values[9] = order.filled_lots
    values[10] = order.filled_value * instrument.tick_value_e8
    values[11] = WORD_GTX + order.time_in_force
    values[12] = WORD_BUY if order.side > 0 else WORD_SELL
    values[13] = order.placed_ms
    values[14] = order.updated_ms
    if exchange.market == MARKET_SPOT:
        post_only = order.time_in_force == TimeInForce.POST_ONLY
        values[7] = WORD_LIMIT_MAKER if post_only else WORD_LIMIT
        values[11] = WORD_GTC if post_only else values[11]
    return writer


@kernel
def _load_id(exchange):
    """Fill slots X and Y with the request's id as it came; length 0, that is null, if it has none."""
    fields = exchange.fields
    values = exchange.writer.values
    is_text = fields.is_text[ID]
    length = fields.length[ID]
    values[23] = fields.start[ID] - is_text
    values[24] = length + 2 * is_text
    if length > 64 or (is_text == 0 and integer_at(fields.start[ID], length) < 0):
        values[24] = 0


@kernel
def reply_order(exchange, connection_id, template, index, status):
    """Answer an order API request with the order, told to have that status: REPLY, CANCEL_REPLY or QUERY_REPLY."""
    _load_id(exchange)
    say(exchange.outbox, 1 << connection_id, template, load_order(exchange, index, status))


@kernel
def load_error(exchange, code):
    """Fill slots D and E with an error's code, as this market says it, and its message."""
    values = exchange.writer.values
    values[3] = code
    values[4] = code
    if exchange.market == MARKET_SPOT:
        values[3], values[4] = spot_code(code)


@kernel
def reply_error(exchange, connection_id, code):
    """Answer an order API request with an error."""
    never_inlined()
    _load_id(exchange)
    exchange.writer.values[2] = 500 if code == OUTCOME_UNKNOWN else 401 if code == NOT_AUTHENTICATED else 400
    load_error(exchange, code)
    say(exchange.outbox, 1 << connection_id, ERROR_REPLY, exchange.writer)


@kernel
def reply_limit(exchange, connection_id, status, code, retry_ms):
    """Answer an order API request with a rate limit's error: when to try again, in milliseconds since 1970."""
    _load_id(exchange)
    values = exchange.writer.values
    values[0] = exchange.now_ms
    values[2] = status
    load_error(exchange, code)
    values[5] = retry_ms
    say(exchange.outbox, 1 << connection_id, LIMIT_REPLY, exchange.writer)


@kernel
def reply_done(exchange, connection_id):
    """Answer a request that has no result."""
    _load_id(exchange)
    say(exchange.outbox, 1 << connection_id, DONE_REPLY, exchange.writer)


@kernel
def reply_subscribed(exchange, connection_id):
    """Answer that the events of the user stream come on this connection from now on."""
    _load_id(exchange)
    say(exchange.outbox, 1 << connection_id, SUBSCRIBED_REPLY, exchange.writer)


@kernel
def report_order(exchange, index, fill_place):
    """Send the event of an order as it is now; with a fill (its place in `fills`), of that fill."""
    never_inlined()
    order = exchange.account.orders[index]
    record = exchange.account.fills[max(fill_place, 0)]
    writer = load_order(exchange, index, order.status)
    has_fill = 1 if fill_place >= 0 else 0
    values = writer.values
    values[15] = WORD_TRADE if has_fill else order.status
    values[16] = record.lots * has_fill
    values[17] = record.price_ticks * has_fill
    values[18] = record.fee_e8 * has_fill
    values[19] = record.trade_id if has_fill else NO_TRADE_ID[exchange.market]
    values[20] = record.is_maker * has_fill
    values[21] = record.realized_e8 * has_fill
    template = CANCEL_EVENT if order.status == CANCELED else ORDER_EVENT
    say(exchange.outbox, exchange.connections.users, template, writer)


@kernel
def report_account(exchange, symbol_id):
    """Send what a fill has changed: the wallet and one symbol's position, or the balances."""
    never_inlined()
    if exchange.market == MARKET_SPOT:
        report_balances(exchange, symbol_id)
        return
    ledger = exchange.account.ledger[symbol_id]
    wallet_e8 = exchange.account.wallet_e8
    for other in range(exchange.symbol_count):
        wallet_e8 += exchange.account.ledger[other].realized_e8 - exchange.account.ledger[other].fees_e8
    writer = aim(exchange, symbol_id, exchange.event_ms)
    writer.values[2] = wallet_e8
    writer.values[3] = ledger.position_lots
    writer.values[4] = entry_price(ledger, exchange.instruments[symbol_id])
    writer.values[5] = ledger.realized_e8
    say(exchange.outbox, exchange.connections.users, ACCOUNT_EVENT, writer)


@kernel
def entry_price(ledger, instrument):
    """Average price of the open position in units of the price's last decimal, rounded down; 0 if flat."""
    lots = abs(ledger.position_lots)
    if lots == 0:
        return 0
    return ledger.cost_e8 // instrument.tick_value_e8 * instrument.tick_multiple // lots
