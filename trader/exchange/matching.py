"""Price-time order book in integer ticks and lots: a dense ladder of first-in-first-out queues.

    levels[ticks - base_ticks]          lots > 0: bids rest here, < 0: asks
      head -> order -> order -> tail    oldest first; order slots are linked through next and previous
                                        (slot numbers, -1 ends; free slots are linked through next)

Best bid < best ask always. A price outside the ladder cannot rest. Background orders are also kept in a
dense list, `alive`, so that one can be drawn at random. Levels that changed since the last published depth
update are listed in `dirty`. One writer.
"""

import numpy as np

from shm.kernel import kernel
from trader.compile_hints import never_inlined

LEVELS = 32_768
"""Prices of one ladder, around the start: 3,276.80 at a tick of 0.10."""

ORDERS_MAX = 8_192
MATCHES_MAX = 256
"""Resting orders that one order may meet; what is left of it then expires."""

DIRTY_MAX = 1_024
BACKGROUND = -1
"""Owner of an order that is not ours."""

LEVEL = np.dtype([("lots", "i8"), ("head", "i8"), ("tail", "i8"), ("shown", "i8"), ("is_dirty", "i8")], align=True)

ORDER = np.dtype(
    [
        ("order_id", "i8"),
        ("owner", "i8"),  # index of the account's order, or BACKGROUND
        ("side", "i8"),
        ("level", "i8"),
        ("lots", "i8"),  # what is left
        ("next", "i8"),
        ("previous", "i8"),
        ("alive_at", "i8"),
    ],
    align=True,
)

MATCH = np.dtype(
    [
        ("order_id", "i8"),
        ("owner", "i8"),
        ("price_ticks", "i8"),
        ("lots", "i8"),  # 0: the resting order is of the same owner and expires instead
    ],
    align=True,
)

BOOK = np.dtype(
    [
        ("base_ticks", "i8"),
        ("best_bid", "i8"),  # level number, -1: no bids
        ("best_ask", "i8"),  # level number, LEVELS: no asks
        ("free", "i8"),
        ("order_count", "i8"),
        ("alive_count", "i8"),
        ("alive_bids", "i8"),
        ("match_count", "i8"),
        ("dirty_count", "i8"),
        ("matches", MATCH, (MATCHES_MAX,)),
        ("dirty", "i8", (DIRTY_MAX,)),
        ("alive", "i8", (ORDERS_MAX,)),
        ("orders", ORDER, (ORDERS_MAX,)),
        ("levels", LEVEL, (LEVELS,)),
    ],
    align=True,
)


@kernel
def open_book(book, middle_ticks):
    """Make a zeroed book ready, its ladder around a price."""
    book.base_ticks = max(1, middle_ticks - LEVELS // 2)
    book.best_bid = -1
    book.best_ask = LEVELS
    for slot in range(ORDERS_MAX):
        book.orders[slot].next = slot + 1 if slot + 1 < ORDERS_MAX else -1
    book.free = 0
    for level in range(LEVELS):
        book.levels[level].head = -1
        book.levels[level].tail = -1


@kernel
def holds(book, price_ticks):
    """1 if an order may rest at this price."""
    return 1 if book.base_ticks <= price_ticks < book.base_ticks + LEVELS else 0


@kernel
def crosses(book, side, price_ticks):
    """1 if an order at this price would meet a resting one at once."""
    level = price_ticks - book.base_ticks
    if side > 0:
        return 1 if book.best_ask < LEVELS and level >= book.best_ask else 0
    return 1 if book.best_bid >= 0 and level <= book.best_bid else 0


@kernel
def match(book, side, price_ticks, lots, owner):
    """Match an order against what rests: the lots that it has left.

    `book.matches[:match_count]` are what it met, best price first, oldest first. Own orders that it meets
    expire (self-trade prevention) and take nothing.
    """
    never_inlined()
    book.match_count = 0
    level = price_ticks - book.base_ticks
    left = lots
    while left > 0 and book.match_count < MATCHES_MAX:
        best = book.best_ask if side > 0 else book.best_bid
        if best < 0 or best >= LEVELS or (best - level) * side > 0:
            break
        slot = book.levels[best].head
        order = book.orders[slot]
        met = book.matches[book.match_count]
        book.match_count += 1
        met.order_id = order.order_id
        met.owner = order.owner
        met.price_ticks = best + book.base_ticks
        met.lots = 0
        if owner == BACKGROUND or order.owner == BACKGROUND:
            met.lots = min(left, order.lots)
            left -= met.lots
        shrink(book, slot, met.lots if met.lots > 0 else order.lots)
    return left


@kernel
def cancel(book, slot):
    """Take a resting order out: the lots that it had left."""
    lots = book.orders[slot].lots
    shrink(book, slot, lots)
    return lots


@kernel
def rest(book, side, price_ticks, lots, owner, order_id):
    """Append an order to the queue of its level: its slot, or -1 if it cannot rest or all slots are in use."""
    never_inlined()
    slot = book.free
    if slot < 0 or lots <= 0 or holds(book, price_ticks) == 0 or crosses(book, side, price_ticks):
        return -1
    level_number = price_ticks - book.base_ticks
    order = book.orders[slot]
    book.free = order.next
    level = book.levels[level_number]
    order.order_id = order_id
    order.owner = owner
    order.side = side
    order.level = level_number
    order.lots = lots
    order.next = -1
    order.previous = level.tail
    if level.tail >= 0:
        book.orders[level.tail].next = slot
    else:
        level.head = slot
    level.tail = slot
    if owner == BACKGROUND:
        order.alive_at = book.alive_count
        book.alive[book.alive_count] = slot
        book.alive_count += 1
        book.alive_bids += 1 if side > 0 else 0
    book.order_count += 1
    _change(book, level_number, side * lots)
    if side > 0:
        book.best_bid = max(book.best_bid, level_number)
    else:
        book.best_ask = min(book.best_ask, level_number)
    return slot


@kernel
def shrink(book, slot, lots):
    """Reduce a resting order; at nothing left, unlink it and find the new touch."""
    never_inlined()
    order = book.orders[slot]
    level_number = order.level
    side = order.side
    order.lots -= lots
    _change(book, level_number, -side * lots)
    if order.lots > 0:
        return
    level = book.levels[level_number]
    if order.previous >= 0:
        book.orders[order.previous].next = order.next
    else:
        level.head = order.next
    if order.next >= 0:
        book.orders[order.next].previous = order.previous
    else:
        level.tail = order.previous
    if order.owner == BACKGROUND:
        book.alive_count -= 1
        book.alive_bids -= 1 if side > 0 else 0
        moved = book.alive[book.alive_count]
        book.alive[order.alive_at] = moved
        book.orders[moved].alive_at = order.alive_at
    order.next = book.free
    book.free = slot
    book.order_count -= 1
    if level.head < 0:
        _leave_touch(book, level_number, side)


@kernel
def _leave_touch(book, level_number, side):
    """A level is empty: if it was the touch, walk to the next one that is not."""
    if side > 0 and level_number == book.best_bid:
        while level_number >= 0 and book.levels[level_number].head < 0:
            level_number -= 1
        book.best_bid = level_number
    elif side < 0 and level_number == book.best_ask:
        while level_number < LEVELS and book.levels[level_number].head < 0:
            level_number += 1
        book.best_ask = level_number


@kernel
def _change(book, level_number, lots):
    """Add signed lots to a level and list it as dirty."""
    level = book.levels[level_number]
    level.lots += lots
    if level.is_dirty == 0 and book.dirty_count < DIRTY_MAX:
        level.is_dirty = 1
        book.dirty[book.dirty_count] = level_number
        book.dirty_count += 1


@kernel
def must_publish(book):
    """1 if the list of dirty levels could overflow with the next event."""
    return 1 if book.dirty_count + MATCHES_MAX + 1 > DIRTY_MAX else 0
