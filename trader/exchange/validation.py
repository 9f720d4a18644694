"""Validation of an order request: its fields become ticks, lots and codes, or an error code.

Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

import numpy as np

from shm.kernel import address_of, kernel, load_u8
from trader.compile_hints import never_inlined
from trader.enums import TimeInForce
from trader.exchange import errors
from trader.exchange.account import CLIENT_ID_BYTES, OPEN_MAX, find, is_open
from trader.exchange.balances import can_afford
from trader.exchange.ladders import highest_ticks, lowest_ticks
from trader.exchange.requests import NEW_CLIENT_ID, PRICE, QUANTITY, SIDE, SYMBOL, TIME_IN_FORCE, TYPE
from trader.exchange.templates import MARKET_SPOT
from trader.exchange.text import MALFORMED, TOO_PRECISE, decimal_at, put_decimal, word_at

NO_DECIMALS = 0
SIDES = b"BUY SELL "
TYPES = b"LIMIT LIMIT_MAKER "
LIMIT, LIMIT_MAKER = range(2)
"""The second, post-only, on spot; on futures that is the time in force GTX."""

TIMES_IN_FORCE = b"GTX GTC IOC "
"""In the order of enums.TimeInForce."""

REQUEST = np.dtype(
    [
        ("symbol_id", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("lots", "i8"),
        ("time_in_force", "i8"),
        ("client_id", "i8"),  # address
        ("client_id_length", "i8"),
        ("given_id", "u1", (32,)),  # for orders that come without a client order id
    ],
    align=True,
)
"""The order that is being placed."""
GIVEN_ID_OFFSET = int(REQUEST.fields["given_id"][1])  # type: ignore[index]


@kernel
def find_symbol(exchange):
    """The symbol that the request names, or -1."""
    never_inlined()
    start = exchange.fields.start[SYMBOL]
    for symbol_id in range(exchange.symbol_count):
        instrument = exchange.instruments[symbol_id]
        length = instrument.symbol_length
        if exchange.fields.length[SYMBOL] != length:
            continue
        index = 0
        while index < length and load_u8(start + index) == instrument.symbol[index]:
            index += 1
        if index == length:
            return symbol_id
    return -1


@kernel
def validate(exchange, request):
    """Fill in the request from the scanned fields: NONE, or an error code."""
    never_inlined()
    fields = exchange.fields
    request.symbol_id = find_symbol(exchange)
    if request.symbol_id < 0:
        return errors.BAD_SYMBOL
    if exchange.now_ns < exchange.markets[request.symbol_id].halted_until_ns:
        return errors.NOT_TRADING
    if fields.length[SIDE] == 0 or fields.length[TYPE] == 0:
        return errors.MISSING_PARAMETER
    side = word_at(SIDES, fields.start[SIDE], fields.length[SIDE])
    if side < 0:
        return errors.BAD_SIDE
    request.side = 1 - 2 * side
    code = _validate_terms(exchange, request)
    if code != errors.NONE:
        return code
    code = _validate_amounts(exchange, request, exchange.instruments[request.symbol_id])
    if code == errors.NONE:
        code = _validate_client_id(exchange, request)
    if code == errors.NONE and exchange.account.open_count[request.symbol_id] >= OPEN_MAX:
        code = errors.TOO_MANY_ORDERS
    if code == errors.NONE and exchange.market == MARKET_SPOT and not can_afford(exchange, request):
        code = errors.INSUFFICIENT_BALANCE
    return code


@kernel
def _validate_terms(exchange, request):
    """Type and time in force: NONE, or an error code."""
    never_inlined()
    fields = exchange.fields
    is_spot = exchange.market == MARKET_SPOT
    order_type = word_at(TYPES, fields.start[TYPE], fields.length[TYPE])
    if order_type < LIMIT or (order_type == LIMIT_MAKER and not is_spot):
        return errors.BAD_TYPE
    request.time_in_force = TimeInForce.POST_ONLY
    if order_type == LIMIT_MAKER:
        return errors.NONE
    if fields.length[TIME_IN_FORCE] == 0:
        return errors.MISSING_PARAMETER
    request.time_in_force = word_at(TIMES_IN_FORCE, fields.start[TIME_IN_FORCE], fields.length[TIME_IN_FORCE])
    if request.time_in_force < 0 or (is_spot and request.time_in_force == TimeInForce.POST_ONLY):
        return errors.BAD_TIME_IN_FORCE
    return errors.NONE


@kernel
def _validate_amounts(exchange, request, instrument):
    """Price and quantity in ticks and lots: NONE, or an error code."""
    never_inlined()
    fields = exchange.fields
    price = decimal_at(fields.start[PRICE], fields.length[PRICE], instrument.price_decimals)
    size = decimal_at(fields.start[QUANTITY], fields.length[QUANTITY], instrument.size_decimals)
    if price == MALFORMED or size == MALFORMED:
        return errors.MISSING_PARAMETER
    if price == TOO_PRECISE or size == TOO_PRECISE:
        return errors.BAD_PRECISION
    request.price_ticks = price // instrument.tick_multiple
    request.lots = size // instrument.lot_multiple
    if request.price_ticks * instrument.tick_multiple != price:
        return errors.PRICE_NOT_ON_TICK
    if request.lots * instrument.lot_multiple != size:
        return errors.QUANTITY_NOT_ON_STEP
    if request.lots < max(1, instrument.size_lots_min):
        return errors.QUANTITY_TOO_SMALL
    if request.lots > instrument.size_lots_max:
        return errors.QUANTITY_TOO_LARGE
    if lowest_ticks(exchange, request.symbol_id) == 0:
        return errors.UNAVAILABLE
    if request.price_ticks < lowest_ticks(exchange, request.symbol_id):
        return errors.PRICE_TOO_LOW
    if request.price_ticks > highest_ticks(exchange, request.symbol_id):
        return errors.PRICE_TOO_HIGH
    if request.price_ticks * request.lots * instrument.tick_value_e8 < instrument.notional_e8_min:
        return errors.NOTIONAL_TOO_SMALL
    return errors.NONE


@kernel
def _validate_client_id(exchange, request):
    """A client order id of 1 to 36 letters, digits and .:/_- that no open order has; one is given if absent."""
    never_inlined()
    fields = exchange.fields
    request.client_id = fields.start[NEW_CLIENT_ID]
    request.client_id_length = fields.length[NEW_CLIENT_ID]
    if request.client_id_length == 0:
        request.client_id = address_of(request) + GIVEN_ID_OFFSET
        end = put_decimal(request.client_id, exchange.account.order_id + 1, NO_DECIMALS)
        request.client_id_length = end - request.client_id
    if request.client_id_length > CLIENT_ID_BYTES:
        return errors.BAD_CLIENT_ID
    for index in range(request.client_id_length):
        byte = load_u8(request.client_id + index)
        is_word = 45 <= byte <= 58 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte == 95
        if not is_word:
            return errors.BAD_CLIENT_ID
    index = find(exchange.account, request.client_id, request.client_id_length)
    if index >= 0 and is_open(exchange.account.orders[index]):
        return errors.DUPLICATE_CLIENT_ID
    return errors.NONE
