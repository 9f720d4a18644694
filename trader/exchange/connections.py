"""Who is connected, with which streams and rights. A set of connections is one int64: bit n = connection n.

    path                                             what the connection is
    /stream?streams=a/b  (also /public, /market)     market streams, wrapped in {"stream":..,"data":..}
    /ws-fapi/v1 (spot: /ws-api/v3)                   order API; needs a logon before orders
    /ws/<listenKey>  (also /private)                 user stream; on spot an order API connection that subscribes
    anything else                                    closed

Streams: `<symbol>@depth`, with any of the known speeds (the speed is echoed, all get the same updates),
`<symbol>@bookTicker`, `<symbol>@trade`.
"""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.exchange.config import SYMBOLS_MAX
from trader.exchange.outbox import CONNECTIONS_MAX
from trader.exchange.templates import MARKET_USDM
from trader.exchange.text import word_at

NONE, MARKET, ORDERS, USER = range(4)
REFUSED = -1
BEGIN = 1

PATHS = b"/stream /public/stream /market/stream /private/stream /ws-fapi/v1 /ws-api/v3 /ws/ /private/ws/ "
"""Paths for word_at; a listen key stands after the last two."""
FIRST_ORDERS_PATH, FIRST_USER_PATH = 4, 6
"""The order API's path of each market, in their order, then the user streams'."""

STREAM_NAMES = b"@depth @depth@0ms @depth@100ms @depth@250ms @depth@500ms @bookTicker @trade "
DEPTH_SPEEDS = 5
TICKER = DEPTH_SPEEDS
TRADES = DEPTH_SPEEDS + 1
STREAMS = DEPTH_SPEEDS + 2

LISTEN_KEY_BYTES = 64

CONNECTIONS = np.dtype(
    [
        ("kind", "i8", (CONNECTIONS_MAX,)),
        ("authenticated", "i8"),  # set
        ("users", "i8"),  # set
        ("market_count", "i8"),  # connections with market streams
        ("streams", "i8", (SYMBOLS_MAX, STREAMS)),  # sets
        ("listen_key", "u1", (LISTEN_KEY_BYTES,)),
    ],
    align=True,
)
LISTEN_KEY_OFFSET = int(CONNECTIONS.fields["listen_key"][1])  # type: ignore[index]


@kernel
def forget(connections, connection_id):
    """A connection is gone: no stream and no right is left under its id."""
    never_inlined()
    others = ~(1 << connection_id)
    connections.market_count -= 1 if connections.kind[connection_id] == MARKET else 0
    connections.kind[connection_id] = NONE
    connections.authenticated &= others
    connections.users &= others
    for symbol_id in range(SYMBOLS_MAX):
        for stream in range(STREAMS):
            connections.streams[symbol_id, stream] &= others


@kernel
def admit(connections, market, connection_id, path, length):
    """Enter a connection by its path: the length of the path's part before `?` or the listen key, or REFUSED."""
    forget(connections, connection_id)
    plain = 0
    while plain < length and load_u8(path + plain) != 63:
        plain += 1
    number = word_at(PATHS, path, plain)
    if 0 <= number < FIRST_ORDERS_PATH:
        connections.kind[connection_id] = MARKET
        connections.market_count += 1
        return plain
    if number == FIRST_ORDERS_PATH + market:
        connections.kind[connection_id] = ORDERS
        return plain
    start = plain - LISTEN_KEY_BYTES
    if market != MARKET_USDM or start < 1 or word_at(PATHS, path, start) < FIRST_USER_PATH:
        return REFUSED
    for index in range(LISTEN_KEY_BYTES):
        if load_u8(path + start + index) != connections.listen_key[index]:
            return REFUSED
    connections.kind[connection_id] = USER
    connections.users |= 1 << connection_id
    return start


@kernel
def subscribe_all(exchange, connection_id, text, length, wanted):
    """Begin (1) or end (0) every stream whose name stands in the text; other characters part the names.

    A name is `<symbol>` in either case, then one of STREAM_NAMES; others are ignored.
    """
    never_inlined()
    start = 0
    for index in range(length + 1):
        byte = load_u8(text + index) if index < length else 0
        is_name = byte == 64 or 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122
        if is_name:
            continue
        if index > start:
            _subscribe(exchange, connection_id, text + start, index - start, wanted)
        start = index + 1


@kernel
def _subscribe(exchange, connection_id, name, length, wanted):
    for symbol_id in range(exchange.symbol_count):
        instrument = exchange.instruments[symbol_id]
        matched = 0
        while matched < min(length, instrument.symbol_length):
            byte = load_u8(name + matched)
            if byte != instrument.symbol[matched] and byte - 32 != instrument.symbol[matched]:
                break
            matched += 1
        if matched < instrument.symbol_length:
            continue
        stream = word_at(STREAM_NAMES, name + matched, length - matched)
        if stream >= 0:
            others = exchange.connections.streams[symbol_id, stream] & ~(1 << connection_id)
            exchange.connections.streams[symbol_id, stream] = others | (wanted << connection_id)


@kernel
def depth_listeners(connections, symbol_id):
    """The set that gets a symbol's depth, at any speed."""
    listeners = 0
    for speed in range(DEPTH_SPEEDS):
        listeners |= connections.streams[symbol_id, speed]
    return listeners
