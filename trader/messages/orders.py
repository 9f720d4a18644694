"""The way of an order and back: intent, refusal, approval, execution reports, the account, cancels."""

from trader.messages.base import Message


class OrderIntent(Message, tag=8):
    """An order that the strategy wants. Strategy to risk; only risk can make a NewOrder of it.

    `order_slot` is the arena slot that the strategy took, `client_order_id` names the order for good
    (its low 12 bits are the slot). `level`: which quote level it serves, 0 nearest the mid. `flags`: OrderFlag bits.
    """

    symbol_id: int
    venue_id: int
    client_order_id: int
    order_slot: int
    side: int
    price_ticks: int
    size_lots: int
    time_in_force: int
    level: int
    book_epoch: int
    flags: int = 0


class OrderRefusal(Message, tag=9):
    """Risk said no: `reason` (RefusalReason), what was found and what is allowed. Risk to strategy."""

    symbol_id: int
    venue_id: int
    client_order_id: int
    order_slot: int
    reason: int
    found: int
    allowed: int


class NewOrder(Message, tag=10):
    """An approved order, its exposure reserved. Risk to router; nothing else emits it."""

    symbol_id: int
    venue_id: int
    approved_ns: int
    client_order_id: int
    order_slot: int
    side: int
    price_ticks: int
    size_lots: int
    time_in_force: int
    level: int
    book_epoch: int


class ExecutionReport(Message, tag=11):
    """A fact about one order (`kind`: ReportKind, `state`: OrderState after it). Router to risk and strategy.

    `last_*` describe a fill (else 0); `cumulative_lots` is the venue's total; `fee_e8` is positive when we
    pay; `reason` is the venue's error code, or a RefusalReason for DENIED. A fill is unique by
    (venue_id, symbol_id, trade_id, venue_order_id).
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    client_order_id: int
    order_slot: int
    venue_order_id: int
    kind: int
    state: int
    side: int
    price_ticks: int
    size_lots: int
    last_ticks: int
    last_lots: int
    cumulative_lots: int
    trade_id: int
    fee_e8: int
    is_maker: int
    reason: int


class AccountState(Message, tag=12):
    """What the venue says of our account after a reconciliation. Router to risk and strategy.

    `reconciled`: 1 when orders, fills and position agree, so that quoting may begin, 2 while orders have differed
    twice in a row; `epoch`: the persisted epoch of client order ids. `free_e8`: collateral that no position and no
    order binds, as the venue said at `balance_ns` on our clock; 0 when it was not asked.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    position_lots: int
    open_orders: int
    reconciled: int
    epoch: int
    free_e8: int = 0
    balance_ns: int = 0


class CancelRequest(Message, tag=13):
    """One bit of a cancel set, as the router's duty cycle hands it over. `source`: index of the set.

    `client_order_id` guards against a slot that has been given to a newer order; `order_slot` -1 means all.
    """

    source: int
    order_slot: int
    client_order_id: int
