"""The top of a book as it is published: the ladder's best levels, led by the venue's own best quote where it is newer.

    ladder, after update 40      ... 98 p   99 q   100 r | 102 s   103 t   104 u ...
    best quote, id 43                      99 v           |         103 w
    published                    ... 98 p   99 v          |         103 w   104 u ...

Depth updates come in batches; the best quotes between them tell sooner that a touch has moved. A newer quote
replaces its own level and everything better, until an update has caught up with it. The ladder itself never
changes by a quote: it is what the quotes prove.
"""

from shm.kernel import inlined, kernel
from trader.book.ladder import NONE, first_level, level_key, level_lots, next_level
from trader.compile_hints import never_inlined
from trader.messages import LEVELS


@inlined
def forget_newer(book):
    """No quote leads the ladder: it was cleared, or has caught up."""
    book.newer.id = 0


@inlined
def note_newer(book, quote):
    """Let a quote lead the ladder; 1, or 0 for one that is no news or shows no market."""
    newer = book.newer
    if quote.update_id <= book.last_id or quote.update_id <= newer.id:
        return 0
    if quote.bid_lots <= 0 or quote.ask_lots <= 0 or quote.bid_ticks >= quote.ask_ticks:
        return 0
    newer.id = quote.update_id
    newer.bid_ticks = quote.bid_ticks
    newer.bid_lots = quote.bid_lots
    newer.ask_ticks = quote.ask_ticks
    newer.ask_lots = quote.ask_lots
    return 1


@kernel
def _write_side(side, prices, sizes, led, led_ticks, led_lots):
    """Write one side's best LEVELS, led by a newer quote if `led`: (whether any changed, key of the last one)."""
    never_inlined()
    changed = 0
    key = NONE
    cursor = first_level(side)
    first = 0
    if led:
        key = side.sign * led_ticks
        while cursor != NONE and level_key(side, cursor) >= key:
            cursor = next_level(side, cursor)
        if prices[0] != led_ticks or sizes[0] != led_lots:
            prices[0] = led_ticks
            sizes[0] = led_lots
            changed = 1
        first = 1
    for i in range(first, LEVELS):
        ticks, lots = 0, 0
        key = NONE
        if cursor != NONE:
            key = level_key(side, cursor)
            ticks = side.sign * key
            lots = level_lots(side, cursor)
            cursor = next_level(side, cursor)
        if prices[i] != ticks or sizes[i] != lots:
            prices[i] = ticks
            sizes[i] = lots
            changed = 1
    return changed, key


@kernel
def write_top(book, top):
    """Write both sides' best LEVELS, state and time into a BookTop record; 1 if a level or the state changed."""
    changed = 1 if top.state != book.state else 0
    top.state = book.state
    newer = book.newer
    led = newer.id != 0
    bids, book.bid_tenth = _write_side(book.bids, top.bid_ticks, top.bid_lots, led, newer.bid_ticks, newer.bid_lots)
    asks, book.ask_tenth = _write_side(book.asks, top.ask_ticks, top.ask_lots, led, newer.ask_ticks, newer.ask_lots)
    top.event_ns = book.event_ns
    return changed | bids | asks


@kernel
def write_newer(book, top):
    """Write what the newest quote changed into a BookTop record; 1 if it changed anything.

    A touch that only changed its size is one store; one that moved brings its side's levels anew.
    """
    newer = book.newer
    bids, book.bid_tenth = _write_touch(
        book.bids, top.bid_ticks, top.bid_lots, newer.bid_ticks, newer.bid_lots, book.bid_tenth
    )
    asks, book.ask_tenth = _write_touch(
        book.asks, top.ask_ticks, top.ask_lots, newer.ask_ticks, newer.ask_lots, book.ask_tenth
    )
    top.event_ns = book.event_ns
    return bids | asks


@inlined
def _write_touch(side, prices, sizes, ticks, lots, tenth):
    """Let a quote lead one side: (whether anything changed, key of the last level: `tenth` if only a size did)."""
    if prices[0] != ticks:
        return _write_side(side, prices, sizes, True, ticks, lots)
    changed = 1 if sizes[0] != lots else 0
    sizes[0] = lots
    return changed, tenth
