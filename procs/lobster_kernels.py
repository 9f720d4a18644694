"""The loop that runs LOBSTER's messages through the order-by-order book and compares it with LOBSTER's own.

    row i - 1 --message i--> what the levels in view must be --compare--> row i

A row shows the best levels of each side, and there are no messages of what lies behind them. So a level that
comes into view is learned from the row that shows it first, and one that leaves is forgotten. Lots whose orders
were never announced stand as one order of their own at the front of their queue.
"""

import numpy as np

from shm.kernel import kernel
from trader.book.l3 import add_order, execute_order, reduce_order, remove_order
from trader.book.l3_queries import copy_orders
from trader.book.l3_state import L3, Answer, l3_clear, queue_key
from trader.book.ladder import NONE, first_level, level_key, level_lots, next_level
from trader.compile_hints import never_inlined
from trader.enums import Side

TIME, TYPE, ORDER_ID, SIZE, PRICE, DIRECTION = range(6)
"""Columns of a message: nanoseconds, what happened, the resting order's id, lots, price, 1 buy or -1 sell."""

SUBMISSION, PARTIAL_CANCEL, DELETION, EXECUTION = 1, 2, 3, 4
"""Types that change the book. 5, 6 and 7, a hidden execution, a cross and a halt, do not."""

CHECKER = np.dtype(
    [
        ("begun", "i8"),
        ("messages", "i8"),
        ("levels", "i8"),
        ("checked", "i8"),
        ("mismatched", "i8"),
        ("first_mismatch", "i8"),
        ("bid_horizon", "i8"),
        ("ask_horizon", "i8"),
        ("pair", "i8", (2,)),
        ("book", L3),
    ],
    align=True,
)
"""`levels`: messages that changed one. `first_mismatch`: number of that message, from 1; 0 if none. `*_horizon`: key
of the last level in view, NONE where the whole side is."""

_BUY, _SELL = np.int64(Side.BUY), np.int64(Side.SELL)
_DONE = np.int64(Answer.DONE)


@kernel
def check_rows(own, messages, rows):
    """Messages (n, 6) and the rows (n, 4 * depth) after each: ask price, ask size, bid price, bid size per level."""
    for i in range(len(messages)):
        own.messages += 1
        if own.begun == 0:
            own.begun = 1
            _begin(own, rows[i])
            continue
        own.checked += 1
        sound = _apply(own, messages[i])
        sound = _compare(own, _BUY, rows[i]) and sound
        sound = _compare(own, _SELL, rows[i]) and sound
        if not sound:
            own.mismatched += 1
            if own.first_mismatch == 0:
                own.first_mismatch = own.messages
            _begin(own, rows[i])


@kernel
def _begin(own, row):
    """Take a whole row for true."""
    never_inlined()
    l3_clear(own.book)
    own.bid_horizon = 1 << 62
    own.ask_horizon = 1 << 62
    _compare(own, _BUY, row)
    _compare(own, _SELL, row)


@kernel
def _apply(own, message):
    """One message to the book; False where it cannot be."""
    never_inlined()
    kind, order_id, lots = message[TYPE], message[ORDER_ID], message[SIZE]
    if kind < SUBMISSION or kind > EXECUTION:
        return True
    own.levels += 1
    book, side, ticks = own.book, message[DIRECTION], message[PRICE]
    if kind == SUBMISSION:
        return add_order(book, side, order_id, ticks, lots) == _DONE
    answer = _take(book, kind, order_id, lots)
    return answer == _DONE or _take(book, kind, unannounced(side, ticks), lots) == _DONE


@kernel
def _take(book, kind, order_id, lots):
    """Lots that leave an order. A deletion says how many the order had left; unannounced ones may have more."""
    never_inlined()
    if kind == EXECUTION:
        return execute_order(book, order_id, lots)
    return reduce_order(book, order_id, lots)


@kernel
def unannounced(side, ticks):
    """Id of the order that stands for lots whose orders are not known; LOBSTER's own ids are positive."""
    return -1 - queue_key(side, ticks)


@kernel
def _compare(own, side, row):
    """Is one side what the row shows? Levels behind the last known one are learned, those out of view forgotten."""
    never_inlined()
    book = own.book
    ladder = book.bids if side == _BUY else book.asks
    horizon = own.bid_horizon if side == _BUY else own.ask_horizon
    first = 2 if side == _BUY else 0
    depth = len(row) // 4
    cursor = first_level(ladder)
    shown = 0
    for level in range(depth):
        ticks, lots = row[4 * level + first], row[4 * level + first + 1]
        if lots == 0:
            break
        shown += 1
        if cursor != NONE:
            if level_key(ladder, cursor) != side * ticks or level_lots(ladder, cursor) != lots:
                return False
            cursor = next_level(ladder, cursor)
        elif horizon == NONE or side * ticks >= horizon:
            return False
        else:
            add_order(book, side, unannounced(side, ticks), ticks, lots)
        last = side * ticks
    if shown < depth:
        last = NONE
        if cursor != NONE:
            return False
    while cursor != NONE:
        _forget(own, side, side * level_key(ladder, cursor))
        cursor = first_level(ladder)
        for _ in range(depth):
            cursor = next_level(ladder, cursor)
    if side == _BUY:
        own.bid_horizon = last
    else:
        own.ask_horizon = last
    return True


@kernel
def _forget(own, side, ticks):
    """Drop all orders at a price that is out of view."""
    never_inlined()
    while copy_orders(own.book, side, ticks, own.pair) > 0:
        remove_order(own.book, own.pair[0])
