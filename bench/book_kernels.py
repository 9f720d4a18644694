"""The measured loops of the book suite: levels applied, touches read, walks taken, compiled."""

from shm.clock import read_clock
from shm.kernel import inlined, kernel, load_i64
from trader.book.ladder import first_level, level_lots, next_level
from trader.book.measures import walk
from trader.book.state import on_delta
from trader.enums import BookState, DeltaKind

WALK_LEVELS = 10
WALK_SIZES = 20
WALK_EVERY = 100
"""Walks are taken after each so many messages: so many sizes, all of which end in the tenth level."""

_SNAPSHOT, _UPDATE = int(DeltaKind.SNAPSHOT), int(DeltaKind.UPDATE)
_SYNCING = int(BookState.SYNCING)


@inlined
def _apply(book, delta, address, kind):
    """One message of a level file as the book's stage gets it, continuity and checks included; its end."""
    delta.kind = kind
    delta.previous_id = book.last_id
    delta.last_id = book.last_id + 1
    delta.bid_count = load_i64(address)
    delta.ask_count = load_i64(address + 8)
    delta.levels_address = address + 16
    on_delta(book, delta)
    return address + 16 * (1 + delta.bid_count + delta.ask_count)


@kernel
def load_snapshot(book, delta, address):
    """Empty the book and load a level file's first message; the address of the second."""
    book.state = _SYNCING
    return _apply(book, delta, address, _SNAPSHOT)


@kernel
def apply_messages(book, delta, address, end):
    """All other messages, the touch read after each; the sum of the touches."""
    total = 0
    while address < end:
        address = _apply(book, delta, address, _UPDATE)
        total += book.bid_ticks + 3 * book.ask_ticks
    return total


@kernel
def sizes_into_tenth(side, sizes):
    """Sizes whose walks end in the tenth level: from the first lot of it to its last."""
    cursor = first_level(side)
    before, there = 0, 0
    for _ in range(WALK_LEVELS):
        before += there
        there = level_lots(side, cursor)
        cursor = next_level(side, cursor)
    for i in range(WALK_SIZES):
        sizes[i] = before + 1 + i * (there - 1) // (WALK_SIZES - 1)


@kernel
def walk_sizes(side, sizes, out, sums):
    """Walk one side once for each size; `sums` gets the average prices, the levels and what was not filled."""
    for size in sizes:
        walk(side, size, out)
        sums[0] += out.average_ticks
        sums[1] += out.levels
        sums[2] += out.unfilled_lots


@kernel
def walk_now_and_then(book, delta, address, end, sizes, out, sums, clock, samples):
    """Apply all messages; after each WALK_EVERY-th, samples gets the mean ns of a walk. How many samples."""
    count, messages = 0, 0
    while address < end:
        address = _apply(book, delta, address, _UPDATE)
        messages += 1
        if messages % WALK_EVERY == 0:
            sizes_into_tenth(book.bids, sizes[0])
            sizes_into_tenth(book.asks, sizes[1])
            start_ns = read_clock(clock)
            walk_sizes(book.bids, sizes[0], out, sums)
            walk_sizes(book.asks, sizes[1], out, sums)
            samples[count] = (read_clock(clock) - start_ns) / (2 * WALK_SIZES)
            count += 1
    return count
