"""L3Book: the book order by order for Python programs; each method is one call into a compiled kernel."""

from typing import NamedTuple

import numpy as np

from shm.kernel import new_record
from trader.book.l3 import add_order, amend_order, execute_order, reduce_order, remove_order, replace_order
from trader.book.l3_queries import copy_orders, queue_position
from trader.book.l3_state import ORDERS_MAX, POSITION, Answer, l3_clear, l3_dtype, prepare_l3
from trader.book.price_levels import PriceLevels, SideName
from trader.enums import Side

SIDE_CODES = {"bid": int(Side.BUY), "ask": int(Side.SELL)}
SIDE_NAMES: dict[int, SideName] = {int(Side.BUY): "bid", int(Side.SELL): "ask"}


class QueuePosition(NamedTuple):
    """Where an order stands: orders and lots before it in its queue, and behind it."""

    side: SideName
    ticks: int
    lots: int
    orders_ahead: int
    lots_ahead: int
    orders_behind: int
    lots_behind: int


class L3Events(NamedTuple):
    """What happened to orders so far. `out_of_turn`: executions of one that was not the first in its queue."""

    added: int
    reduced: int
    removed: int
    executed: int
    executed_lots: int
    replaced: int
    out_of_turn: int
    refused: int


class L3Book(PriceLevels):
    """One instrument's orders in price-time priority, and the price levels that they make.

    Order ids are any int64, sizes 1 to 10**12 lots, prices up to +-10**18 ticks. At most `orders_max` orders stand at
    a time: memory is taken once (about 150 bytes an order and 1.6 MB). The state is one numpy record (`state`), so
    that compiled code can work on the same book: pass `book.state[0]` to the kernels of trader.book.l3.

    Every event raises KeyError for an order that is not there, ValueError for an order id that is, for a size or a
    price out of range (more lots than the order has left, too), OverflowError where there is no room; nothing has
    changed then.
    """

    def __init__(self, *, orders_max: int = ORDERS_MAX) -> None:
        if not 1 <= orders_max <= 1 << 22:
            raise ValueError(f"orders_max: found {orders_max}, allowed 1 to 2**22")
        super().__init__(new_record(l3_dtype(orders_max)))
        prepare_l3(self.state[0])
        self._position = new_record(POSITION)

    def add(self, side: SideName, order_id: int, *, ticks: int, lots: int) -> None:
        """A new order, at the back of its queue."""
        self._side(side)
        _check(add_order(self.state[0], SIDE_CODES[side], order_id, ticks, lots), order_id, ticks, lots)

    def reduce(self, order_id: int, *, lots: int) -> None:
        """Take `lots` off an order, which keeps its place; all of them removes it."""
        _check(reduce_order(self.state[0], order_id, lots), order_id, 0, lots)

    def execute(self, order_id: int, *, lots: int) -> None:
        """`lots` of an order were executed; all of them removes it."""
        _check(execute_order(self.state[0], order_id, lots), order_id, 0, lots)

    def remove(self, order_id: int) -> None:
        """An order was cancelled."""
        _check(remove_order(self.state[0], order_id), order_id, 0, 0)

    def amend(self, order_id: int, *, lots: int) -> None:
        """An order has `lots` from now on: fewer keep its place, more put it at the back of its queue."""
        _check(amend_order(self.state[0], order_id, lots), order_id, 0, lots)

    def replace(self, order_id: int, *, new_id: int, ticks: int, lots: int) -> None:
        """An order becomes `new_id` (or keeps its id), at the back of the queue at `ticks` on its side."""
        _check(replace_order(self.state[0], order_id, new_id, ticks, lots), order_id, ticks, lots)

    def clear(self) -> None:
        """Forget all orders; the event counts stay."""
        l3_clear(self.state[0])

    @property
    def order_count(self) -> int:
        """Orders that stand."""
        return int(self.state[0]["order_count"])

    @property
    def events(self) -> L3Events:
        """What happened since the book was made."""
        own = self.state[0]
        return L3Events(*(int(own[name]) for name in L3Events._fields))

    def position(self, order_id: int) -> QueuePosition:
        """Where an order stands. As many steps as the nearer end of its queue is away. KeyError if it does not."""
        _check(queue_position(self.state[0], order_id, self._position[0]), order_id, 0, 0)
        code, *figures = (field.item() for field in self._position[0])
        return QueuePosition(SIDE_NAMES[code], *figures)

    def orders(self, side: SideName, ticks: int) -> list[tuple[int, int]]:
        """(order id, lots) at one price, the first to be filled first."""
        self._side(side)
        count = copy_orders(self.state[0], SIDE_CODES[side], ticks, np.zeros(0, dtype=np.int64))
        out = np.zeros(2 * count, dtype=np.int64)
        copy_orders(self.state[0], SIDE_CODES[side], ticks, out)
        return [(int(order_id), int(lots)) for order_id, lots in out.reshape(-1, 2)]


def _check(answer: int, order_id: int, ticks: int, lots: int) -> None:
    """Raise what an answer below DONE stands for."""
    if answer == Answer.DONE:
        return
    if answer == Answer.UNKNOWN_ORDER:
        raise KeyError(order_id)
    if answer == Answer.NO_ROOM:
        raise OverflowError(f"order {order_id}: no room for it")
    raise ValueError(
        {
            Answer.KNOWN_ORDER: f"order {order_id}: found it in the book, allowed a new id",
            Answer.BAD_SIZE: f"order {order_id}: found {lots} lots, allowed 1 to what it has left, at most 10**12",
            Answer.BAD_PRICE: f"order {order_id}: found {ticks} ticks, allowed -10**18 to 10**18",
        }[Answer(answer)]
    )
