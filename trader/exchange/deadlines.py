"""What time alone brings about at the exchange: when it is to be looked at again, and the dead-man timers."""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.exchange.order_entry import withdraw_all

LOOK_NS = 5_000_000
"""Background orders arrive and depth updates go out at this pace at the finest."""


@kernel
def next_look_ns(exchange):
    """When time alone changes something again; 0: nothing is due that is known of.

    LOOK_NS from now while a market lives, has an update to publish, or faults may hold something; else the first
    dead-man timer.
    """
    never_inlined()
    soon_ns = exchange.now_ns + LOOK_NS
    if exchange.faults.configured:
        return soon_ns
    look_ns = 0
    for symbol_id in range(exchange.symbol_count):
        market = exchange.markets[symbol_id]
        lives = market.flow.is_paused == 0 or market.stream.update_id != market.stream.depth_id
        if exchange.is_recorded == 0 and lives:
            return soon_ns
        if market.cancel_all_ns != 0:
            look_ns = market.cancel_all_ns if look_ns == 0 else min(look_ns, market.cancel_all_ns)
    return look_ns


@kernel
def cancel_overdue(exchange):
    """Carry out the dead-man timers that have run out."""
    for symbol_id in range(exchange.symbol_count):
        market = exchange.markets[symbol_id]
        if market.cancel_all_ns != 0 and exchange.now_ns >= market.cancel_all_ns:
            market.cancel_all_ns = 0
            withdraw_all(exchange, symbol_id)
