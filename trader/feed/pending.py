"""Depth updates that wait for a snapshot: a bounded store for each symbol, normalised levels included."""

from shm.kernel import copy, kernel
from trader.compile_hints import never_inlined
from trader.feed.state import PENDING_LEVELS, PENDING_UPDATES, symbol_of
from trader.venues.scanner import Slot


@kernel
def keep_update(feed, symbol, event_ns):
    """Keep the depth update that the scanner holds. A full store begins anew with it: a later snapshot will fit.

    A first update that alone is too large is not kept; the one after it then begins.
    """
    never_inlined()
    own = symbol_of(feed, symbol)
    scanner = feed.scanner
    pairs = scanner.bid_count + scanner.ask_count
    if own.pending_count == PENDING_UPDATES or own.pending_pairs + pairs > PENDING_LEVELS:
        own.overflows += 1
        drop_updates(own)
        if pairs > PENDING_LEVELS:
            return
    update = own.pending[own.pending_count]
    update.event_ns = event_ns
    update.first_id = scanner.values[Slot.FIRST_ID]
    update.last_id = scanner.values[Slot.LAST_ID]
    update.previous_id = scanner.values[Slot.PREVIOUS_ID]
    update.bid_count = scanner.bid_count
    update.ask_count = scanner.ask_count
    update.first_pair = own.pending_pairs
    copy(own.pairs.ctypes.data + 16 * own.pending_pairs, scanner.levels.ctypes.data, 16 * pairs)
    own.pending_count += 1
    own.pending_pairs += pairs


@kernel
def drop_updates(own):
    """Forget what one symbol kept."""
    own.pending_count = 0
    own.pending_pairs = 0
