"""Questions to a book that knows every order (L3): an order's place in its queue, the queue at a price. Read-only."""

import numpy as np

from shm.kernel import kernel
from trader.book.index import index_find
from trader.book.l3_state import Answer, queue_key
from trader.compile_hints import never_inlined

DONE, UNKNOWN = np.int64(Answer.DONE), np.int64(Answer.UNKNOWN_ORDER)


@kernel
def queue_position(book, order_id, out):
    """Fill a POSITION; Answer. Looks both ways at once, so it takes as many steps as the nearer end is away."""
    never_inlined()
    slot = index_find(book.order_index, order_id)
    if slot < 0:
        return UNKNOWN
    order = book.orders[slot]
    queue = book.queues[order.queue]
    before, behind = order.previous, order.next
    steps, lots_before, lots_behind = 0, 0, 0
    while before >= 0 and behind >= 0:
        steps += 1
        lots_before += book.orders[before].lots
        lots_behind += book.orders[behind].lots
        before = book.orders[before].previous
        behind = book.orders[behind].next
    others, others_lots = queue.count - 1, queue.lots - order.lots
    at_front = before < 0
    out.side = queue.side
    out.ticks = queue.key * queue.side
    out.lots = order.lots
    out.orders_ahead = steps if at_front else others - steps
    out.lots_ahead = lots_before if at_front else others_lots - lots_behind
    out.orders_behind = others - out.orders_ahead
    out.lots_behind = others_lots - out.lots_ahead
    return DONE


@kernel
def copy_orders(book, side, ticks, out):
    """Copy the orders at a price, first to be filled first, as pairs (order id, lots) into an int64 array.

    Copies as many as the array holds; returns how many there are.
    """
    never_inlined()
    place = index_find(book.queue_index, queue_key(side, ticks))
    if place < 0:
        return 0
    slot = book.queues[place].first
    for i in range(min(len(out) // 2, book.queues[place].count)):
        out[2 * i] = book.orders[slot].order_id
        out[2 * i + 1] = book.orders[slot].lots
        slot = book.orders[slot].next
    return book.queues[place].count
