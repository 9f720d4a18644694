"""Position: what was bought and sold, as the sum of unique fills. Int64 lots, money in 1e-8 of the quote currency.

    pnl_e8 = cash_e8 + lots * mid * tick_value_e8 - fees_e8          mid = (bid + ask) / 2, in ticks

Cash falls by what is bought and rises by what is sold, so the sum needs no average price. Signed turnover of
one symbol stays exact up to 9.2e10 of the quote currency.

A fill is unique by (venue, symbol, trade id, venue order id): one trade id can cover several orders. The
FILL_SET remembers the last FILLS_REMEMBERED of them, which is the bound: a duplicate that comes after that
many other fills would be booked again. Venues repeat fills within seconds, after a reconnection.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined

FILLS_REMEMBERED = 1 << 14
FILL_CELLS = 1 << 15
_CELL_MASK = FILL_CELLS - 1
_KEY_MASK = FILLS_REMEMBERED - 1
# odd factors, unsigned: a signed product that overflows is undefined to the compiler
_MIX_MARKET, _MIX_TRADE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x2545F4914F6CDD1D)
_MIX_ORDER, _MIX_LAST = np.uint64(0x5851F42D4C957F2D), np.uint64(0xD6E8FEB86659FD93)

assert FILL_CELLS >= 2 * FILLS_REMEMBERED, "open addressing stays short only while half the cells are empty"

POSITION = np.dtype(
    [
        ("lots", "i8"),
        ("cash_e8", "i8"),
        ("fees_e8", "i8"),
        ("bought_lots", "i8"),
        ("sold_lots", "i8"),
        ("fill_count", "i8"),
        ("unmarked_lots", "i8"),  # opening position that waits for its first mid
        ("pnl_e8", "i8"),  # at the last mark
    ],
    align=True,
)
"""Position of one symbol. All zero is flat."""

FILL_KEY = np.dtype([("market", "i8"), ("trade_id", "i8"), ("venue_order_id", "i8")], align=True)
"""`market`: venue_id << 32 | symbol_id."""

FILL_SET = np.dtype(
    [
        ("count", "i8"),  # remembered now
        ("oldest", "i8"),  # index of the key that goes next
        ("keys", FILL_KEY, (FILLS_REMEMBERED,)),
        ("cells", "i4", (FILL_CELLS,)),  # key index + 1, 0 while empty
    ],
    align=True,
)
"""A set with open addressing over a ring of keys: zeroed memory is an empty set."""


@kernel
def book_fill(position, side, price_ticks, size_lots, tick_value_e8, fee_e8):
    """Book one unique fill. `side`: 1 bought, -1 sold; `fee_e8` is positive when we pay."""
    position.lots += side * size_lots
    position.cash_e8 -= side * price_ticks * size_lots * tick_value_e8
    position.fees_e8 += fee_e8
    position.fill_count += 1
    if side > 0:
        position.bought_lots += size_lots
    else:
        position.sold_lots += size_lots


@kernel
def adopt_position(position, lots):
    """Take over what the venue says that we hold. Its cost is the mid at the next mark: PnL counts from now."""
    position.unmarked_lots += lots - position.lots
    position.lots = lots


@kernel
def mark_position(position, bid_ticks, ask_ticks, tick_value_e8):
    """Value the position at the mid; the PnL since the start, in 1e-8 of the quote currency, rounded down."""
    twice_mid = bid_ticks + ask_ticks
    if position.unmarked_lots != 0:
        position.cash_e8 -= (position.unmarked_lots * twice_mid * tick_value_e8) >> 1
        position.unmarked_lots = 0
    position.pnl_e8 = position.cash_e8 + ((position.lots * twice_mid * tick_value_e8) >> 1) - position.fees_e8
    return position.pnl_e8


@inlined
def market_of(venue_id, symbol_id):
    """One int64 that names a symbol at a venue. Both 0 to 2 ** 31 - 1."""
    return (venue_id << 32) | symbol_id


@inlined
def _cell_of(market, trade_id, venue_order_id):
    mixed = np.uint64(market) * _MIX_MARKET ^ np.uint64(trade_id) * _MIX_TRADE ^ np.uint64(venue_order_id) * _MIX_ORDER
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX_LAST
    return np.int64(mixed >> np.uint64(32)) & _CELL_MASK


@kernel
def _find(fills, market, trade_id, venue_order_id):
    """Cell of a key, or of the empty cell where it would stand."""
    cell = _cell_of(market, trade_id, venue_order_id)
    while fills.cells[cell] != 0:
        key = fills.keys[fills.cells[cell] - 1]
        if key.trade_id == trade_id and key.venue_order_id == venue_order_id and key.market == market:
            return cell
        cell = (cell + 1) & _CELL_MASK
    return cell


@kernel
def _forget_oldest(fills):
    """Remove the oldest key; cells behind it move up, so that no search stops short at the hole."""
    never_inlined()
    key = fills.keys[fills.oldest]
    hole = _find(fills, key.market, key.trade_id, key.venue_order_id)
    cell = (hole + 1) & _CELL_MASK
    while fills.cells[cell] != 0:
        other = fills.keys[fills.cells[cell] - 1]
        home = _cell_of(other.market, other.trade_id, other.venue_order_id)
        if ((cell - home) & _CELL_MASK) >= ((cell - hole) & _CELL_MASK):
            fills.cells[hole] = fills.cells[cell]
            hole = cell
        cell = (cell + 1) & _CELL_MASK
    fills.cells[hole] = 0
    fills.oldest = (fills.oldest + 1) & _KEY_MASK
    fills.count -= 1


@kernel
def fill_seen(fills, market, trade_id, venue_order_id):
    """1 if the set remembers that fill, else 0."""
    return 1 if fills.cells[_find(fills, market, trade_id, venue_order_id)] != 0 else 0


@kernel
def remember_fill(fills, market, trade_id, venue_order_id):
    """Add a fill: 1 if it is new, 0 if it is remembered already (then nothing changes)."""
    cell = _find(fills, market, trade_id, venue_order_id)
    if fills.cells[cell] != 0:
        return 0
    if fills.count == FILLS_REMEMBERED:
        _forget_oldest(fills)
        cell = _find(fills, market, trade_id, venue_order_id)
    index = (fills.oldest + fills.count) & _KEY_MASK
    key = fills.keys[index]
    key.market = market
    key.trade_id = trade_id
    key.venue_order_id = venue_order_id
    fills.cells[cell] = index + 1
    fills.count += 1
    return 1
