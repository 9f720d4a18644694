"""Answers about the account: open orders, positions, trades.

Every kernel takes the whole exchange record (see venue.EXCHANGE). A symbol_id of -1 means all symbols.
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.account import FILLS_KEPT
from trader.exchange.market_data import aim
from trader.exchange.matching import LEVELS
from trader.exchange.outbox import OK, TEMPLATE_BYTES, begin, commit, put_template
from trader.exchange.reports import entry_price, load_order
from trader.exchange.requests import FROM_ID, LIMIT
from trader.exchange.templates import LISTED_ORDER, POSITION_ROW, TRADE_ROW
from trader.exchange.text import WORD_BUY, WORD_SELL, integer_at, write

ORDER_BYTES = 768
TRADE_BYTES = 400
TRADES_DEFAULT = 500
TRADES_MAX = 1_000

LIST_BEGIN = b"["
COMMA = b","
LIST_END = b"]"
OWN_STATUS = -1


@kernel
def send_open_orders(exchange, connection_id, symbol_id, status):
    """Answer with the open orders, oldest first per symbol, told to have that status, or OWN_STATUS."""
    never_inlined()
    account = exchange.account
    writer = exchange.writer
    count = 0
    for other in range(exchange.symbol_count):
        count += account.open_count[other]
    cursor = begin(exchange.outbox, TEMPLATE_BYTES + ORDER_BYTES * count, 1 << connection_id)
    if cursor == 0:
        return
    cursor = write(cursor, LIST_BEGIN, writer)
    written = 0
    for other in range(exchange.symbol_count):
        listed = account.open_count[other] if symbol_id < 0 or other == symbol_id else 0
        for place in range(listed):
            index = account.open[other, place]
            load_order(exchange, index, account.orders[index].status if status == OWN_STATUS else status)
            cursor = write(cursor, COMMA, writer) if written > 0 else cursor
            cursor = put_template(cursor, exchange.outbox, LISTED_ORDER, writer)
            written += 1
    commit(exchange.outbox, 1 << connection_id, WireKind.RESPONSE, OK, write(cursor, LIST_END, writer))


@kernel
def send_positions(exchange, connection_id, symbol_id):
    """Answer with the positions, flat ones included."""
    never_inlined()
    writer = exchange.writer
    cursor = begin(exchange.outbox, TEMPLATE_BYTES * (1 + exchange.symbol_count), 1 << connection_id)
    if cursor == 0:
        return
    cursor = write(cursor, LIST_BEGIN, writer)
    written = 0
    for other in range(exchange.symbol_count):
        if symbol_id >= 0 and other != symbol_id:
            continue
        ledger = exchange.account.ledger[other]
        instrument = exchange.instruments[other]
        doubled_ticks = mark_doubled_ticks(exchange, other)
        value_e8 = ledger.position_lots * doubled_ticks * instrument.tick_value_e8 // 2
        values = aim(exchange, other, exchange.event_ms).values
        values[2] = ledger.position_lots
        values[3] = entry_price(ledger, instrument)
        values[4] = doubled_ticks * instrument.tick_multiple // 2
        values[5] = value_e8 - (ledger.cost_e8 if ledger.position_lots >= 0 else -ledger.cost_e8)
        values[6] = value_e8
        cursor = write(cursor, COMMA, writer) if written > 0 else cursor
        cursor = put_template(cursor, exchange.outbox, POSITION_ROW, writer)
        written += 1
    commit(exchange.outbox, 1 << connection_id, WireKind.RESPONSE, OK, write(cursor, LIST_END, writer))


@kernel
def mark_doubled_ticks(exchange, symbol_id):
    """Twice the middle of the touch, 0 while a side is empty."""
    market = exchange.markets[symbol_id]
    if exchange.is_recorded:
        return market.recorded.bid_ticks + market.recorded.ask_ticks
    if market.book.best_bid < 0 or market.book.best_ask >= LEVELS:
        return 0
    return 2 * market.book.base_ticks + market.book.best_bid + market.book.best_ask


@kernel
def send_trades(exchange, connection_id, symbol_id):
    """Answer with a symbol's trades, oldest first: the last `limit`, or the first ones from `fromId` on."""
    never_inlined()
    account = exchange.account
    writer = exchange.writer
    limit = integer_at(exchange.fields.start[LIMIT], exchange.fields.length[LIMIT])
    limit = TRADES_DEFAULT if limit < 1 else min(limit, TRADES_MAX)
    from_id = integer_at(exchange.fields.start[FROM_ID], exchange.fields.length[FROM_ID])
    cursor = begin(exchange.outbox, TEMPLATE_BYTES + TRADE_BYTES * limit, 1 << connection_id)
    if cursor == 0:
        return
    oldest = max(0, account.fill_count - FILLS_KEPT)
    skipped = 0
    if from_id < 0:
        for place in range(oldest, account.fill_count):
            skipped += 1 if account.fills[place % FILLS_KEPT].symbol_id == symbol_id else 0
        skipped = max(0, skipped - limit)
    cursor = write(cursor, LIST_BEGIN, writer)
    written = 0
    for place in range(oldest, account.fill_count):
        record = account.fills[place % FILLS_KEPT]
        if record.symbol_id != symbol_id or record.trade_id < from_id or written == limit:
            continue
        if skipped > 0:
            skipped -= 1
            continue
        cursor = write(cursor, COMMA, writer) if written > 0 else cursor
        cursor = _put_trade(cursor, exchange, record)
        written += 1
    commit(exchange.outbox, 1 << connection_id, WireKind.RESPONSE, OK, write(cursor, LIST_END, writer))


@kernel
def _put_trade(cursor, exchange, record):
    writer = aim(exchange, record.symbol_id, record.time_ms)
    values = writer.values
    values[2] = record.trade_id
    values[3] = record.order_id
    values[4] = WORD_BUY if record.side > 0 else WORD_SELL
    values[5] = record.price_ticks
    values[6] = record.lots
    values[7] = record.realized_e8
    values[8] = record.price_ticks * record.lots * exchange.instruments[record.symbol_id].tick_value_e8
    values[9] = record.fee_e8
    values[10] = 1 if record.side > 0 else 0
    values[11] = record.is_maker
    return put_template(cursor, exchange.outbox, TRADE_ROW, writer)
