"""Books that come whole each time: one symbol's session where every message stands for itself, ordered by its time.

    message -> older than the last: out of order, or the last one's time was wrong: STALE, subscribe anew
            -> unsorted or crossed: STALE, subscribe anew
            -> the first: SNAPSHOT and an update of nothing, LIVE
            -> else: an update of what differs from the book before, deletions included

`own.pairs` keeps the levels of the last book in its first half; the second half takes the differences. A stream
that repeats one moment for ever is as silent as one that says nothing.
"""

import numpy as np

from shm.kernel import copy, inlined, kernel, load_i64, store_i64
from trader.book.state import ClearCause
from trader.compile_hints import never_inlined
from trader.feed.recovery import begin_sync, lose
from trader.feed.state import PENDING_LEVELS, Phase, symbol_of
from trader.feed.sync import tell_snapshot, tell_update
from trader.venues.scanner import Slot

LEVELS_HELD_MAX = PENDING_LEVELS // 4
"""Levels of both sides in one book: two books may differ in all of theirs."""

_LIVE = np.int64(Phase.LIVE)
_MISMATCH, _OVERFLOW = np.int64(ClearCause.MISMATCH), np.int64(ClearCause.OVERFLOW)


@kernel
def on_whole_book(feed, symbol, event_ns, now_ns):
    """The scanner holds a whole book of this symbol; its LAST_ID grows with time."""
    never_inlined()
    own = symbol_of(feed, symbol)
    scanner = feed.scanner
    bids, asks = scanner.bid_count, scanner.ask_count
    book_id = scanner.values[Slot.LAST_ID]
    levels = scanner.levels.ctypes.data
    live = own.phase == _LIVE
    if live and book_id < own.last_id:
        lose(feed, symbol, now_ns)
        return
    if not live or book_id > own.last_id:
        own.last_depth_ns = now_ns
    own.event_ns = event_ns
    if own.first_event_ns == 0:
        own.first_event_ns = event_ns
    own.checked += 1
    feed.checked += 1
    if not is_ordered(levels, bids, asks):
        own.mismatched += 1
        feed.mismatched += 1
        begin_sync(feed, symbol, _MISMATCH, now_ns)
        return
    if bids + asks > LEVELS_HELD_MAX:
        own.overflows += 1
        begin_sync(feed, symbol, _OVERFLOW, now_ns)
        return
    held = own.pairs.ctypes.data
    changes = held + 8 * PENDING_LEVELS
    gone = new = 0
    if live:
        gone = _differences(held, own.held_bids, levels, bids, changes, 1)
        new = _differences(
            held + 16 * own.held_bids, own.held_asks, levels + 16 * bids, asks, changes + 16 * gone, -1
        )  # fmt: skip
    else:
        tell_snapshot(feed, symbol, event_ns, book_id)
    tell_update(feed, symbol, event_ns, book_id, book_id, gone, new, changes, now_ns)
    copy(held, levels, 16 * (bids + asks))
    own.held_bids = bids
    own.held_asks = asks


@kernel
def is_ordered(levels, bids, asks):
    """Whether prices fall along the bids, rise along the asks, do not cross, and every level has a size."""
    never_inlined()
    sound = True
    for i in range(bids + asks):
        price = load_i64(levels + 16 * i)
        sound = sound and load_i64(levels + 16 * i + 8) > 0
        if i == bids:
            sound = sound and (bids == 0 or load_i64(levels) < price)
        elif i > 0:
            before = load_i64(levels + 16 * (i - 1))
            sound = sound and (price < before if i < bids else price > before)
    return sound


@inlined
def _put(out, price, lots):
    store_i64(out, price)
    store_i64(out + 8, lots)


@kernel
def _differences(old, old_count, new, new_count, out, sign):
    """Pairs that turn one side's old levels into its new ones; both are sorted, best first. How many there are."""
    never_inlined()
    i = j = count = 0
    while i < old_count or j < new_count:
        at = out + 16 * count
        before = sign * load_i64(old + 16 * i) if i < old_count else 0
        after = sign * load_i64(new + 16 * j) if j < new_count else 0
        if j == new_count or (i < old_count and before > after):
            _put(at, sign * before, 0)
            i += 1
            count += 1
        elif i == old_count or after > before:
            _put(at, sign * after, load_i64(new + 16 * j + 8))
            j += 1
            count += 1
        else:
            lots = load_i64(new + 16 * j + 8)
            if lots != load_i64(old + 16 * i + 8):
                _put(at, sign * after, lots)
                count += 1
            i += 1
            j += 1
    return count
