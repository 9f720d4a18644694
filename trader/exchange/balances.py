"""Balances of a spot account: what is free and what open orders lock, of each base asset and of the quote asset.

    base asset    lots at the start + position                      locked: open sells
    quote asset   wallet at the start + cash of all symbols - fees   locked: open buys

Fees are paid in the quote asset, whichever side they are for. Every kernel takes the whole exchange record.
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.market_data import aim
from trader.exchange.outbox import OK, TEMPLATE_BYTES, begin, commit, put_template, say
from trader.exchange.templates import ACCOUNT_EVENT, POSITION_ROW
from trader.exchange.text import write

ACCOUNT_HEAD = (
    b'{"makerCommission":0,"takerCommission":0,"buyerCommission":0,"sellerCommission":0,"canTrade":true,'
    b'"canWithdraw":false,"canDeposit":false,"brokered":false,"updateTime":#iB,"accountType":"SPOT","balances":['
)
QUOTE_ROW = b'{"asset":"#u","free":"#eE","locked":"#eF"}'
COMMA = b","
END = b'],"permissions":["SPOT"],"uid":1}'


@kernel
def locked_lots(exchange, symbol_id):
    """Lots of the base asset that open sells may deliver."""
    never_inlined()
    account = exchange.account
    lots = 0
    for place in range(account.open_count[symbol_id]):
        order = account.orders[account.open[symbol_id, place]]
        lots += order.lots - order.filled_lots if order.side < 0 else 0
    return lots


@kernel
def locked_e8(exchange):
    """Quote currency, 1e-8, that the open buys of all symbols may cost."""
    never_inlined()
    account = exchange.account
    value_e8 = 0
    for symbol_id in range(exchange.symbol_count):
        tick_value_e8 = exchange.instruments[symbol_id].tick_value_e8
        for place in range(account.open_count[symbol_id]):
            order = account.orders[account.open[symbol_id, place]]
            left = order.lots - order.filled_lots if order.side > 0 else 0
            value_e8 += left * order.price_ticks * tick_value_e8
    return value_e8


@kernel
def held_e8(exchange):
    """Quote currency, 1e-8, free and locked."""
    value_e8 = exchange.account.wallet_e8
    for symbol_id in range(exchange.symbol_count):
        ledger = exchange.account.ledger[symbol_id]
        value_e8 += ledger.cash_e8 - ledger.fees_e8
    return value_e8


@kernel
def can_afford(exchange, request):
    """Whether a validated order's asset is free."""
    never_inlined()
    symbol_id = request.symbol_id
    if request.side < 0:
        held = exchange.account.base_lots[symbol_id] + exchange.account.ledger[symbol_id].position_lots
        return held - locked_lots(exchange, symbol_id) >= request.lots
    tick_value_e8 = exchange.instruments[symbol_id].tick_value_e8
    return held_e8(exchange) - locked_e8(exchange) >= request.lots * request.price_ticks * tick_value_e8


@kernel
def load_balances(exchange, symbol_id):
    """The writer with a symbol's free and locked lots in slots C and D, the quote asset's in E and F."""
    never_inlined()
    writer = aim(exchange, symbol_id, exchange.event_ms)
    held = exchange.account.base_lots[symbol_id] + exchange.account.ledger[symbol_id].position_lots
    writer.values[3] = locked_lots(exchange, symbol_id)
    writer.values[2] = held - writer.values[3]
    writer.values[5] = locked_e8(exchange)
    writer.values[4] = held_e8(exchange) - writer.values[5]
    return writer


@kernel
def report_balances(exchange, symbol_id):
    """Send outboundAccountPosition with both assets of a symbol."""
    say(exchange.outbox, exchange.connections.users, ACCOUNT_EVENT, load_balances(exchange, symbol_id))


@kernel
def send_balances(exchange, connection_id):
    """Answer with every symbol's base asset and the quote asset of the first."""
    never_inlined()
    cursor = begin(exchange.outbox, TEMPLATE_BYTES * (1 + exchange.symbol_count), 1 << connection_id)
    if cursor == 0:
        return
    cursor = write(cursor, ACCOUNT_HEAD, aim(exchange, 0, exchange.event_ms))
    for symbol_id in range(exchange.symbol_count):
        cursor = put_template(cursor, exchange.outbox, POSITION_ROW, load_balances(exchange, symbol_id))
        cursor = write(cursor, COMMA, exchange.writer)
    cursor = write(cursor, QUOTE_ROW, load_balances(exchange, 0))
    commit(exchange.outbox, 1 << connection_id, WireKind.RESPONSE, OK, write(cursor, END, exchange.writer))
