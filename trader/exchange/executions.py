"""Executions and ends of our orders: entered in the account, told on the user stream.

Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.exchange.account import close, fill
from trader.exchange.reports import NO_FILL, report_account, report_order


@kernel
def execute(exchange, index, price_ticks, lots, is_maker, trade_id):
    """Fill one of our orders."""
    never_inlined()
    symbol_id = exchange.account.orders[index].symbol_id
    tick_value_e8 = exchange.instruments[symbol_id].tick_value_e8
    place = fill(exchange.account, index, price_ticks, lots, tick_value_e8, is_maker, trade_id, exchange.event_ms)
    report_order(exchange, index, place)
    report_account(exchange, symbol_id)


@kernel
def end(exchange, index, status):
    """An open order of ours is CANCELED or EXPIRED."""
    never_inlined()
    close(exchange.account, index, status, exchange.event_ms)
    report_order(exchange, index, NO_FILL)
