"""Events of a book that knows every order (L3): who stands where in which queue, in price-time priority.

An order that shrinks keeps its place; one that grows, or goes to another price, stands at the back. Every kernel
takes a record of an `l3_dtype` and returns an Answer. Below DONE nothing has changed, but for a side that had no
room for a price: it says so by `full`, and the book must be built anew.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.book.index import index_add, index_find, index_remove
from trader.book.l3_state import LOTS_MAX, TICKS_MAX, Answer, queue_key
from trader.book.ladder import set_level
from trader.compile_hints import never_inlined
from trader.enums import Side

_BUY = np.int64(Side.BUY)
_DONE, _UNKNOWN, _KNOWN, _BAD_SIZE, _BAD_PRICE, _NO_ROOM = (np.int64(answer) for answer in Answer)


@kernel
def add_order(book, side, order_id, ticks, lots):
    """A new order at the back of its queue. `side`: Side.BUY or SELL. Answer."""
    never_inlined()
    answer = _problem(book, order_id, ticks, lots)
    if answer == _DONE:
        answer = _append(book, side, order_id, ticks, lots)
    if answer == _DONE:
        book.added += 1
    else:
        book.refused += 1
    return answer


@kernel
def reduce_order(book, order_id, lots):
    """Take `lots` off an order, which keeps its place; all of them removes it. Answer."""
    never_inlined()
    slot = _slot_for(book, order_id, lots)
    if slot < 0:
        return slot
    if lots == book.orders[slot].lots:
        book.removed += 1
    else:
        book.reduced += 1
    _take(book, slot, lots)
    return _DONE


@kernel
def execute_order(book, order_id, lots):
    """`lots` of an order were executed; all of them removes it. Answer."""
    never_inlined()
    slot = _slot_for(book, order_id, lots)
    if slot < 0:
        return slot
    book.executed += 1
    book.executed_lots += lots
    if book.orders[slot].previous >= 0:
        book.out_of_turn += 1
    _take(book, slot, lots)
    return _DONE


@kernel
def remove_order(book, order_id):
    """An order is gone. Answer."""
    never_inlined()
    slot = index_find(book.order_index, order_id)
    if slot < 0:
        book.refused += 1
        return _UNKNOWN
    book.removed += 1
    _take(book, slot, book.orders[slot].lots)
    return _DONE


@kernel
def amend_order(book, order_id, lots):
    """An order has `lots` from now on: fewer keep its place, more put it at the back of its queue. Answer."""
    never_inlined()
    slot = index_find(book.order_index, order_id)
    if slot < 0 or lots < 1 or lots > LOTS_MAX:
        book.refused += 1
        return _UNKNOWN if slot < 0 else _BAD_SIZE
    before = book.orders[slot].lots
    if lots < before:
        book.reduced += 1
        _take(book, slot, before - lots)
    elif lots > before:
        book.replaced += 1
        queue = book.queues[book.orders[slot].queue]
        _unlink(book, queue, slot)
        book.orders[slot].lots = lots
        _link(book, queue, slot)
        _show(book, queue)
    return _DONE


@kernel
def replace_order(book, order_id, new_id, ticks, lots):
    """An order becomes another one of its side, at the back of its queue; `new_id` may be the same. Answer."""
    never_inlined()
    slot = index_find(book.order_index, order_id)
    answer = _UNKNOWN
    if slot >= 0:
        answer = _problem(book, new_id, ticks, lots) if new_id != order_id else _sizes(ticks, lots)
    if answer != _DONE:
        book.refused += 1
        return answer
    side = book.queues[book.orders[slot].queue].side
    _take(book, slot, book.orders[slot].lots)
    book.replaced += 1
    return _append(book, side, new_id, ticks, lots)


@inlined
def _sizes(ticks, lots):
    """What is wrong with a price and a size, or DONE."""
    if lots < 1 or lots > LOTS_MAX:
        return _BAD_SIZE
    return _BAD_PRICE if ticks < -TICKS_MAX or ticks > TICKS_MAX else _DONE


@inlined
def _problem(book, order_id, ticks, lots):
    """Why there can be no such new order, or DONE."""
    if index_find(book.order_index, order_id) >= 0:
        return _KNOWN
    return _sizes(ticks, lots)


@kernel
def _slot_for(book, order_id, lots):
    """Slot of an order that has so many lots to lose, or an Answer below DONE."""
    never_inlined()
    slot = index_find(book.order_index, order_id)
    if slot < 0:
        book.refused += 1
        return _UNKNOWN
    if lots < 1 or lots > book.orders[slot].lots:
        book.refused += 1
        return _BAD_SIZE
    return slot


@kernel
def _append(book, side, order_id, ticks, lots):
    """Put a new order at the back of its queue. Answer."""
    never_inlined()
    if book.order_count == len(book.orders):
        return _NO_ROOM
    place = _queue_for(book, side, ticks)
    if book.free_order > 0:
        slot = book.free_order - 1
        book.free_order = book.orders[slot].next + 1
    else:
        slot = book.orders_used
        book.orders_used += 1
    order = book.orders[slot]
    order.order_id = order_id
    order.queue = place
    order.lots = lots
    queue = book.queues[place]
    _link(book, queue, slot)
    book.order_count += 1
    index_add(book.order_index, order_id, slot)
    _show(book, queue)
    if (book.bids.full if side == _BUY else book.asks.full) == 0:
        return _DONE
    _take(book, slot, lots)
    return _NO_ROOM


@inlined
def _queue_for(book, side, ticks):
    """Slot of the queue at a price; a new one where there is none. There are as many as orders: one is free."""
    key = queue_key(side, ticks)
    place = index_find(book.queue_index, key)
    if place >= 0:
        return place
    if book.free_queue > 0:
        place = book.free_queue - 1
        book.free_queue = book.queues[place].first + 1
    else:
        place = book.queues_used
        book.queues_used += 1
    queue = book.queues[place]
    queue.side = side
    queue.key = side * ticks
    queue.lots = 0
    queue.count = 0
    queue.first = -1
    queue.last = -1
    index_add(book.queue_index, key, place)
    return place


@inlined
def _link(book, queue, slot):
    """Put an order at the back of a queue."""
    order = book.orders[slot]
    order.previous = queue.last
    order.next = -1
    if queue.last >= 0:
        book.orders[queue.last].next = slot
    else:
        queue.first = slot
    queue.last = slot
    queue.count += 1
    queue.lots += order.lots


@inlined
def _unlink(book, queue, slot):
    """Take an order out of its queue."""
    order = book.orders[slot]
    if order.previous >= 0:
        book.orders[order.previous].next = order.next
    else:
        queue.first = order.next
    if order.next >= 0:
        book.orders[order.next].previous = order.previous
    else:
        queue.last = order.previous
    queue.count -= 1
    queue.lots -= order.lots


@kernel
def _take(book, slot, lots):
    """Take lots off an order. One that has none left is gone, and so is a queue without orders."""
    never_inlined()
    order = book.orders[slot]
    place = order.queue
    queue = book.queues[place]
    if lots < order.lots:
        order.lots -= lots
        queue.lots -= lots
        _show(book, queue)
        return
    _unlink(book, queue, slot)
    index_remove(book.order_index, order.order_id)
    order.next = book.free_order - 1
    book.free_order = slot + 1
    book.order_count -= 1
    _show(book, queue)
    if queue.count == 0:
        index_remove(book.queue_index, queue_key(queue.side, queue.key * queue.side))
        queue.first = book.free_queue - 1
        book.free_queue = place + 1


@kernel
def _show(book, queue):
    """Bring a queue's lots into the price ladder."""
    never_inlined()
    set_level(book.bids if queue.side == _BUY else book.asks, queue.key, queue.lots)
