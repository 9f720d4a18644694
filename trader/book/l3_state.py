"""State of a book that knows every order (L3): one record, nothing allocated, whatever happens.

    order id       -> order_index -> ORDER    previous <-> next, in the order of arrival
    (side, price)  -> queue_index -> QUEUE    first .. last, lots, count
    bids, asks     the same price ladders as in the L2 book, so every kernel of `measures` works on this book too

A book of `l3_dtype(orders_max)` holds that many orders, at as many prices. One writer.
"""

from enum import IntEnum

import numpy as np

from shm.kernel import inlined, kernel
from trader.book.index import CELL, cells_for
from trader.book.ladder import SIDE, side_clear
from trader.compile_hints import never_inlined
from trader.enums import Side


class Answer(IntEnum):
    """What became of an event. NO_ROOM: `orders_max` orders stand, or a side holds too many prices far from its best
    (then `full` is set on that side, and the book must be built anew)."""

    DONE = 0
    UNKNOWN_ORDER = -1
    KNOWN_ORDER = -2
    BAD_SIZE = -3
    BAD_PRICE = -4
    NO_ROOM = -5


ORDERS_MAX = 65_536
"""Orders of the default book."""

TICKS_MAX = 10**18
LOTS_MAX = 10**12
"""Prices are -TICKS_MAX to TICKS_MAX, an order's size 1 to LOTS_MAX: what a queue holds then fits int64."""

ORDER = np.dtype([("order_id", "i8"), ("queue", "i8"), ("lots", "i8"), ("previous", "i8"), ("next", "i8")], align=True)
"""`lots`: what is left of it. `previous`, `next`: slots, -1 at the ends; `next` also links the free slots."""

QUEUE = np.dtype(
    [("key", "i8"), ("side", "i8"), ("lots", "i8"), ("count", "i8"), ("first", "i8"), ("last", "i8")], align=True
)
"""All orders at one price of one side; `key` = ticks for bids, -ticks for asks. `first` also links the free slots."""

POSITION = np.dtype(
    [
        ("side", "i8"),
        ("ticks", "i8"),
        ("lots", "i8"),
        ("orders_ahead", "i8"),
        ("lots_ahead", "i8"),
        ("orders_behind", "i8"),
        ("lots_behind", "i8"),
    ],
    align=True,
)
"""Where an order stands in its queue: it is the next to be filled when `orders_ahead` is 0."""


_BUY = np.int64(Side.BUY)


def l3_dtype(orders_max: int = ORDERS_MAX) -> np.dtype:
    """The state of an L3 book of at most `orders_max` orders. Kernels are compiled once for each dtype."""
    return np.dtype(
        [
            ("added", "i8"),
            ("reduced", "i8"),
            ("removed", "i8"),
            ("executed", "i8"),
            ("executed_lots", "i8"),
            ("replaced", "i8"),
            ("out_of_turn", "i8"),
            ("refused", "i8"),
            ("order_count", "i8"),
            ("orders_used", "i8"),
            ("queues_used", "i8"),
            ("free_order", "i8"),
            ("free_queue", "i8"),
            ("bids", SIDE),
            ("asks", SIDE),
            ("orders", ORDER, (orders_max,)),
            ("queues", QUEUE, (orders_max,)),
            ("order_index", CELL, (cells_for(orders_max),)),
            ("queue_index", CELL, (cells_for(orders_max),)),
        ],
        align=True,
    )


L3 = l3_dtype()
"""Event counts: `reduced` keeps an order's place, `executed` counts executions, `executed_lots` their lots;
`out_of_turn`: executions of an order that was not the first in its queue; `refused`: events answered below DONE.
`orders_used`, `queues_used`: slots ever taken since the last clear; `free_*`: 1 + slot of the first one given back."""


def prepare_l3(book: np.ndarray) -> None:
    """Make a zeroed record of an `l3_dtype` ready (cold)."""
    for side, sign in (("bids", 1), ("asks", -1)):
        book[side]["sign"] = sign
        book[side]["best"] = -1


@kernel
def l3_clear(book):
    """Forget all orders; the event counts stay."""
    never_inlined()
    side_clear(book.bids)
    side_clear(book.asks)
    for at in range(len(book.order_index)):
        book.order_index[at].used = 0
        book.queue_index[at].used = 0
    book.order_count = 0
    book.orders_used = 0
    book.queues_used = 0
    book.free_order = 0
    book.free_queue = 0


@inlined
def queue_key(side, ticks):
    """One number for a side (Side) and a price."""
    return 2 * ticks + (1 if side == _BUY else 0)
