"""Which prices a market has room for: the ladder of the generated book, or the wider one of a recorded book."""

from shm.kernel import kernel
from trader.exchange import matching, recorded_book


@kernel
def lowest_ticks(exchange, symbol_id):
    """The lowest price in ticks; 0 while nothing is known of the market."""
    market = exchange.markets[symbol_id]
    return market.recorded.base_ticks if exchange.is_recorded else market.book.base_ticks


@kernel
def highest_ticks(exchange, symbol_id):
    """The highest price in ticks."""
    levels = recorded_book.LEVELS if exchange.is_recorded else matching.LEVELS
    return lowest_ticks(exchange, symbol_id) + levels - 1
