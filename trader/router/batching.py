"""Batching: orders that wait, in their order, for their batch or for a token. Pure.

    hold -> [ 7 3 9 ] -> due: the oldest has waited window_ns, or size_max wait -> take 7, take 3, take 9

An order that is withdrawn before it was taken leaves its place and is never taken. Keys are slots of orders; the queue
holds each at most once. `window_ns` 0: nothing waits for company. Times are monotonic nanoseconds.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined

HELD_MAX = 64
_MASK = HELD_MAX - 1
_GONE = -1

assert HELD_MAX & _MASK == 0

BATCH = np.dtype(
    [
        ("window_ns", "i8"),
        ("size_max", "i8"),
        ("first", "i8"),  # running numbers of the places: first taken next, last written next
        ("last", "i8"),
        ("count", "i8"),  # of those that were not withdrawn
        ("taken", "i8"),  # counts since the start
        ("withdrawn", "i8"),
        ("key", "i8", (HELD_MAX,)),
        ("since_ns", "i8", (HELD_MAX,)),
    ],
    align=True,
)
"""With its window and size set, zeroed memory is an empty queue."""


@kernel
def hold_order(batch, key, now_ns):
    """Put an order at the end: 1, or 0 if there is no room. `key`: 0 or more."""
    never_inlined()
    if batch.last - batch.first == HELD_MAX:
        return 0
    batch.key[batch.last & _MASK] = key
    batch.since_ns[batch.last & _MASK] = now_ns
    batch.last += 1
    batch.count += 1
    return 1


@inlined
def _skip_gone(batch):
    while batch.first < batch.last and batch.key[batch.first & _MASK] == _GONE:
        batch.first += 1


@kernel
def due_orders(batch, now_ns):
    """How many are to be sent now, `size_max` at most: those that wait, once the oldest has waited long enough or
    there are enough of them.
    """
    never_inlined()
    _skip_gone(batch)
    if batch.count == 0:
        return 0
    if batch.count >= batch.size_max or now_ns - batch.since_ns[batch.first & _MASK] >= batch.window_ns:
        return min(batch.count, batch.size_max)
    return 0


@kernel
def oldest_held(batch):
    """(key, since when it waits) of the oldest; there must be one."""
    _skip_gone(batch)
    return batch.key[batch.first & _MASK], batch.since_ns[batch.first & _MASK]


@kernel
def take_held(batch):
    """Take the oldest; there must be one."""
    _skip_gone(batch)
    key = batch.key[batch.first & _MASK]
    batch.first += 1
    batch.count -= 1
    batch.taken += 1
    return key


@kernel
def withdraw(batch, key):
    """Remove an order wherever it stands: 1, or 0 if it does not wait."""
    never_inlined()
    for place in range(batch.first, batch.last):
        if batch.key[place & _MASK] == key:
            batch.key[place & _MASK] = _GONE
            batch.count -= 1
            batch.withdrawn += 1
            if batch.count == 0:
                batch.first = batch.last
            return 1
    return 0
