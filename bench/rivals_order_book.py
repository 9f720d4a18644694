"""order-book, a book in C: `python rivals_order_book.py LEVEL_FILE PASSES`, under its own environment's Python."""

import time

from level_file import Message, level_count, print_passes
from order_book import OrderBook


def one_pass(messages: list[Message]) -> tuple[float, int]:
    """Feed all messages, read the touch after each."""
    book = OrderBook()
    bids, asks = book.bids, book.asks
    for side, levels in zip((bids, asks), messages[0], strict=True):
        for ticks, lots in levels:
            side[ticks] = lots
    bids.keys()
    asks.keys()
    total = 0
    start_ns = time.perf_counter_ns()
    for bid_levels, ask_levels in messages[1:]:
        for ticks, lots in bid_levels:
            if lots:
                bids[ticks] = lots
            elif ticks in bids:
                del bids[ticks]
        for ticks, lots in ask_levels:
            if lots:
                asks[ticks] = lots
            elif ticks in asks:
                del asks[ticks]
        total += bids.index(0)[0] + 3 * asks.index(0)[0]
    return (time.perf_counter_ns() - start_ns) / level_count(messages), total


print_passes(one_pass)
