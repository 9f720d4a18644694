"""The answers about instruments: exchangeInfo, symbols with status and filters; premiumIndex, a mark price."""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.account import OPEN_MAX
from trader.exchange.account_queries import mark_doubled_ticks
from trader.exchange.ladders import highest_ticks, lowest_ticks
from trader.exchange.market_data import aim
from trader.exchange.outbox import OK, TEMPLATE_BYTES, begin, commit, put_template
from trader.exchange.templates import INFO_HEAD, INFO_SYMBOL
from trader.exchange.text import WORD_HALT, WORD_TRADING, write

COMMA = b","
END = b"]}"
FUNDING_MS = 8 * 3_600_000


@kernel
def load_premium(exchange, symbol_id):
    """Fill the writer for a symbol's mark price, here the middle of its touch."""
    never_inlined()
    values = aim(exchange, symbol_id, exchange.event_ms).values
    values[2] = mark_doubled_ticks(exchange, symbol_id) * exchange.instruments[symbol_id].tick_multiple // 2
    values[3] = (exchange.event_ms // FUNDING_MS + 1) * FUNDING_MS


@kernel
def send_exchange_info(exchange, connection_id):
    """Answer with every symbol and its filters: ticks, lots, number of orders, notional."""
    never_inlined()
    cursor = begin(exchange.outbox, TEMPLATE_BYTES * (1 + exchange.symbol_count), 1 << connection_id)
    if cursor == 0:
        return
    writer = exchange.writer
    writer.values[0] = exchange.event_ms
    cursor = put_template(cursor, exchange.outbox, INFO_HEAD, writer)
    for symbol_id in range(exchange.symbol_count):
        instrument = exchange.instruments[symbol_id]
        base_ticks = lowest_ticks(exchange, symbol_id)
        values = aim(exchange, symbol_id, exchange.event_ms).values
        values[2] = instrument.price_decimals
        values[3] = instrument.size_decimals
        values[5] = 1
        values[6] = max(1, base_ticks)
        values[7] = highest_ticks(exchange, symbol_id) if base_ticks > 0 else 2**31
        values[8] = max(1, instrument.size_lots_min)
        values[9] = instrument.size_lots_max
        values[10] = OPEN_MAX
        values[11] = instrument.notional_e8_min
        trades = exchange.now_ns >= exchange.markets[symbol_id].halted_until_ns
        values[12] = WORD_TRADING if trades else WORD_HALT
        cursor = write(cursor, COMMA, writer) if symbol_id > 0 else cursor
        cursor = put_template(cursor, exchange.outbox, INFO_SYMBOL, writer)
    commit(exchange.outbox, 1 << connection_id, WireKind.RESPONSE, OK, write(cursor, END, writer))
