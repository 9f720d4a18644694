"""Our account at the exchange: orders, fills and the ledger, the oracle of every check.

    orders    the last ORDERS_KEPT orders, open and closed; found by client order id through `buckets`
    open      per symbol the open ones, oldest first
    fills     ring of the last FILLS_KEPT executions
    ledger    per symbol: position, cash, fees and counts; position_lots is the sum of the fills

Bucket, chain and index words hold index + 1, so that a zeroed record is an empty account.
"""

import numpy as np

from shm.kernel import address_of, copy, kernel, load_u8
from trader.compile_hints import never_inlined
from trader.exchange.config import SYMBOLS_MAX
from trader.exchange.ledger import LEDGER, fee_of, move_position

ORDERS_KEPT = 4_096
OPEN_MAX = 200
"""Open orders of one symbol, as at the real venue."""

FILLS_KEPT = 2_048
BUCKETS = 4_096
CLIENT_ID_BYTES = 36

FREE, NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED = range(6)
"""Status of an order, as in text.WORDS; NEW and PARTIALLY_FILLED are open."""

TAKER, MAKER = 0, 1

QUEUE = np.dtype(
    [
        ("joined_ms", "i8"),  # what the venue matched until then was before us
        ("untimed_id", "i8"),  # 0, or the update id that a depth update must reach to give those two times
        ("unsettled_id", "i8"),  # 0, or the update id that a depth update must reach to tell our place
        ("ahead_lots", "i8"),  # before us, by what was shown when we joined less what traded since
        ("shown_lots", "i8"),  # before us at most, by the least that was shown since, less what traded since
        ("shown_ms", "i8"),
    ],
    align=True,
)
"""Place of one of our orders in a recorded queue: two upper bounds of what is before it."""

OWN_ORDER = np.dtype(
    [
        ("status", "i8"),
        ("symbol_id", "i8"),
        ("order_id", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("lots", "i8"),
        ("filled_lots", "i8"),
        ("filled_value", "i8"),  # sum of ticks times lots
        ("time_in_force", "i8"),
        ("book_slot", "i8"),
        ("queue", QUEUE),
        ("placed_ms", "i8"),
        ("updated_ms", "i8"),
        ("bucket", "i8"),
        ("chain", "i8"),
        ("id_length", "i8"),
        ("id", "u1", (40,)),
    ],
    align=True,
)
ID_OFFSET = int(OWN_ORDER.fields["id"][1])  # type: ignore[index]

FILL = np.dtype(
    [
        ("symbol_id", "i8"),
        ("trade_id", "i8"),
        ("order_id", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("lots", "i8"),
        ("fee_e8", "i8"),
        ("realized_e8", "i8"),
        ("is_maker", "i8"),
        ("time_ms", "i8"),
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("ledger", LEDGER, (SYMBOLS_MAX,)),
        ("wallet_e8", "i8"),  # at the start
        ("base_lots", "i8", (SYMBOLS_MAX,)),  # of the base assets at the start, where there are balances
        ("fee_maker_e8", "i8"),
        ("fee_taker_e8", "i8"),
        ("order_id", "i8"),  # the last one given, to anybody
        ("next_order", "i8"),
        ("fill_count", "i8"),
        ("open_count", "i8", (SYMBOLS_MAX,)),
        ("open", "i8", (SYMBOLS_MAX, OPEN_MAX)),
        ("buckets", "i8", (BUCKETS,)),
        ("orders", OWN_ORDER, (ORDERS_KEPT,)),
        ("fills", FILL, (FILLS_KEPT,)),
    ],
    align=True,
)


@kernel
def client_id_of(order):
    """Address of an order's client order id; its length is `id_length`."""
    return address_of(order) + ID_OFFSET


@kernel
def is_open(order):
    """1 while an order can still be filled or canceled."""
    return 1 if order.status == NEW or order.status == PARTIALLY_FILLED else 0


@kernel
def find(account, client_id, length):
    """Index of the newest order with this client order id, or -1."""
    never_inlined()
    index = account.buckets[_bucket_of(client_id, length)] - 1
    while index >= 0:
        order = account.orders[index]
        if order.id_length == length:
            matched = 0
            while matched < length and order.id[matched] == load_u8(client_id + matched):
                matched += 1
            if matched == length:
                return index
        index = order.chain - 1
    return -1


@kernel
def find_by_order_id(account, order_id):
    """Index of the order that the venue numbered so, or -1."""
    for index in range(ORDERS_KEPT):
        if account.orders[index].order_id == order_id and account.orders[index].status != FREE:
            return index
    return -1


@kernel
def enter(account, symbol_id, side, price_ticks, lots, time_in_force, client_id, length, time_ms):
    """Enter a new open order: its index. The caller has seen that the symbol has fewer than OPEN_MAX."""
    never_inlined()
    index = account.next_order
    while is_open(account.orders[index]):
        index = (index + 1) % ORDERS_KEPT
    account.next_order = (index + 1) % ORDERS_KEPT
    ledger = account.ledger[symbol_id]
    ledger.ids_reused += 1 if find(account, client_id, length) >= 0 else 0
    order = account.orders[index]
    if order.status != FREE:
        _unchain(account, index)
    account.order_id += 1
    order.status = NEW
    order.symbol_id = symbol_id
    order.order_id = account.order_id
    order.side = side
    order.price_ticks = price_ticks
    order.lots = lots
    order.filled_lots = 0
    order.filled_value = 0
    order.time_in_force = time_in_force
    order.book_slot = -1
    order.placed_ms = time_ms
    order.updated_ms = time_ms
    order.id_length = length
    copy(client_id_of(order), client_id, length)
    order.bucket = _bucket_of(client_id, length)
    order.chain = account.buckets[order.bucket]
    account.buckets[order.bucket] = index + 1
    account.open[symbol_id, account.open_count[symbol_id]] = index
    account.open_count[symbol_id] += 1
    ledger.open_orders = account.open_count[symbol_id]
    ledger.placed += 1
    _note_extremes(account, ledger, symbol_id, lots)
    return index


@kernel
def _note_extremes(account, ledger, symbol_id, lots):
    """What an order adds to may be more than ever: only an order makes the worst case worse."""
    buys = sells = 0
    for place in range(account.open_count[symbol_id]):
        order = account.orders[account.open[symbol_id, place]]
        left = order.lots - order.filled_lots
        if order.side > 0:
            buys += left
        else:
            sells += left
    ledger.order_lots_most = max(ledger.order_lots_most, lots)
    ledger.open_orders_most = max(ledger.open_orders_most, ledger.open_orders)
    ledger.long_lots_most = max(ledger.long_lots_most, ledger.position_lots + buys)
    ledger.short_lots_most = max(ledger.short_lots_most, sells - ledger.position_lots)


@kernel
def close(account, index, status, time_ms):
    """An open order is over: CANCELED, EXPIRED or FILLED."""
    never_inlined()
    order = account.orders[index]
    symbol_id = order.symbol_id
    order.status = status
    order.updated_ms = time_ms
    order.book_slot = -1
    count = account.open_count[symbol_id]
    kept = 0
    for place in range(count):
        if account.open[symbol_id, place] != index:
            account.open[symbol_id, kept] = account.open[symbol_id, place]
            kept += 1
    account.open_count[symbol_id] = kept
    ledger = account.ledger[symbol_id]
    ledger.open_orders = kept
    if status == CANCELED:
        ledger.canceled += 1
    elif status == EXPIRED:
        ledger.expired += 1


@kernel
def fill(account, index, price_ticks, lots, tick_value_e8, is_maker, trade_id, time_ms):
    """Execute lots of an open order; closes it when nothing is left. Returns the fill's place in `fills`."""
    never_inlined()
    order = account.orders[index]
    ledger = account.ledger[order.symbol_id]
    value_e8 = price_ticks * lots * tick_value_e8
    rate_e8 = account.fee_maker_e8 if is_maker else account.fee_taker_e8
    place = account.fill_count % FILLS_KEPT
    record = account.fills[place]
    account.fill_count += 1
    record.symbol_id = order.symbol_id
    record.trade_id = trade_id
    record.order_id = order.order_id
    record.side = order.side
    record.price_ticks = price_ticks
    record.lots = lots
    record.fee_e8 = fee_of(value_e8, rate_e8)
    record.realized_e8 = move_position(ledger, order.side * lots, value_e8)
    record.is_maker = is_maker
    record.time_ms = time_ms
    ledger.cash_e8 -= order.side * value_e8
    ledger.fees_e8 += record.fee_e8
    ledger.realized_e8 += record.realized_e8
    ledger.fills += 1
    ledger.maker_fills += is_maker
    ledger.volume_lots += lots
    order.filled_lots += lots
    order.filled_value += price_ticks * lots
    order.updated_ms = time_ms
    order.status = PARTIALLY_FILLED
    if order.filled_lots == order.lots:
        close(account, index, FILLED, time_ms)
    return place


@kernel
def _unchain(account, index):
    """Take a forgotten order out of its bucket."""
    order = account.orders[index]
    after = account.buckets[order.bucket]
    if after == index + 1:
        account.buckets[order.bucket] = order.chain
        return
    while after > 0:
        link = account.orders[after - 1]
        if link.chain == index + 1:
            link.chain = order.chain
            return
        after = link.chain


@kernel
def _bucket_of(client_id, length):
    """Hash of a client order id (FNV-1a, folded to a bucket)."""
    value = 0x1BF29CE484222325
    for index in range(length):
        value = ((value ^ load_u8(client_id + index)) * 0x100000001B3) & 0x7FFFFFFFFFFFFFFF
    return (value ^ (value >> 20)) & (BUCKETS - 1)
