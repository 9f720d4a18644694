"""SortedDict as a book: `python rivals_sorteddict.py LEVEL_FILE PASSES`, under its own environment's Python."""

import time

from level_file import Message, level_count, print_passes
from sortedcontainers import SortedDict


def one_pass(messages: list[Message]) -> tuple[float, int]:
    """Feed all messages, read the touch after each."""
    first_bids, first_asks = messages[0]
    bids, asks = SortedDict(first_bids), SortedDict(first_asks)
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
        total += bids.peekitem(-1)[0] + 3 * asks.peekitem(0)[0]
    return (time.perf_counter_ns() - start_ns) / level_count(messages), total


print_passes(one_pass)
