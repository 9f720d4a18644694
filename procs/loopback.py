"""The wire of a backtest: what feed and router send goes to the exchange's step in the same process, and back.

    feed   0 REST, 1 market stream              exchange   62 REST of feed, 1.. connections
    router 0 REST, 1 order API, 2 user stream              63 REST of router

No sockets, no time on the wire: an action without a delay arrives at once, one with a delay when the virtual
clock says so. Logons and signatures are taken as verified; there is nobody else.
"""

import numpy as np

from shm.clock import read_clock
from shm.codec import body_bytes, decode, encode, record_dtype, tag_of_record
from shm.kernel import address_of, copy, inlined, kernel, load_i64
from shm.layout import FRAME_HEADER_BYTES, LENGTH_MASK
from shm.memory import field_offset
from shm.ring import READER, WRITER, advance, claim, commit, poll, release
from trader.compile_hints import never_inlined
from trader.decoded import DECODED_FRAME
from trader.enums import WireKind
from trader.messages import WireIn, WireOut

CLIENTS = 2
CONNECTIONS_MAX = 64
REST_FIRST = 62
LATER_MAX = 16
PAYLOAD_BYTES_MAX = 1024
FEED, ROUTER = range(2)
STREAM = 1
"""The feed's connection to the market, as its session counts them."""

LATER = np.dtype(
    [
        ("due_ns", "i8"),
        ("client", "i8"),
        ("message", record_dtype(WireOut)),
        ("payload", "u1", (PAYLOAD_BYTES_MAX,)),
    ],
    align=True,
)
"""A client's action that waits for its time; due_ns 0 = free."""

LOOPBACK = np.dtype(
    [
        ("clock", "i8"),
        ("logs_on", "i8"),
        ("to_exchange", WRITER),
        ("from_exchange", READER),
        ("to_client", WRITER, (CLIENTS,)),
        ("from_client", READER, (CLIENTS,)),
        ("exchange_id", "i8", (CLIENTS, 4)),
        ("client_of", "i8", (CONNECTIONS_MAX,)),
        ("connection_of", "i8", (CONNECTIONS_MAX,)),
        ("next_id", "i8"),
        ("lost", "i8"),
        ("later_count", "i8"),
        ("place", "i8", (2,)),
        ("incoming", record_dtype(WireIn)),
        ("outgoing", record_dtype(WireOut)),
        ("later", LATER, (LATER_MAX,)),
    ],
    align=True,
)
"""`logs_on`: bits of the router's connections that log on; `exchange_id[client][connection]`: the exchange's id of a
client's connection, 0 = none; `client_of`, `connection_of`: the way back (client + 1, 0 = none); `lost`: messages that
found no room; `later_count`: actions in `later`; `place`: where a decoded frame is."""


@inlined
def _deliver(loop, writer, connection_id, kind, status, address, length):
    """Write one WireIn into a wire inbox."""
    message = loop.incoming
    message.connection_id = connection_id
    message.kind = kind
    message.status = status
    message.payload_address = address
    message.payload_length = length
    frame_bytes = FRAME_HEADER_BYTES + body_bytes(message)
    frame = claim(writer, frame_bytes)
    if frame == 0:
        loop.lost += 1
        return
    encode(message, frame + FRAME_HEADER_BYTES)
    now_ns = read_clock(loop.clock)
    commit(writer, tag_of_record(message), frame_bytes, now_ns, now_ns)


@kernel
def _connect(loop, client, connection, address, length):
    """A client's CONNECT: both ends hear CONNECTED; the router's connections that log on have done so."""
    own = loop.next_id % (REST_FIRST - 1) + 1
    loop.next_id += 1
    loop.exchange_id[client, connection] = own
    loop.client_of[own] = client + 1
    loop.connection_of[own] = connection
    _deliver(loop, loop.to_exchange, own, WireKind.CONNECTED, 0, address, length)
    _deliver(loop, loop.to_client[client], connection, WireKind.CONNECTED, 0, 0, 0)
    if client == ROUTER and (loop.logs_on >> connection) & 1:
        _deliver(loop, loop.to_exchange, own, WireKind.AUTHENTICATED, 0, 0, 0)
        _deliver(loop, loop.to_client[client], connection, WireKind.AUTHENTICATED, 0, 0, 0)


@kernel
def _lose(loop, client, connection):
    own = loop.exchange_id[client, connection]
    if own != 0:
        loop.exchange_id[client, connection] = 0
        loop.client_of[own] = 0
        _deliver(loop, loop.to_exchange, own, WireKind.LOST, 1000, 0, 0)
        _deliver(loop, loop.to_client[client], connection, WireKind.LOST, 1000, 0, 0)


@kernel
def _act(loop, client, message):
    """Carry out a client's action now."""
    connection = message.connection_id
    if connection < 0 or connection > 3:
        return
    if message.kind == WireKind.CONNECT:
        _connect(loop, client, connection, message.payload_address, message.payload_length)
    elif message.kind == WireKind.CLOSE:
        _lose(loop, client, connection)
    elif message.kind == WireKind.REQUEST:
        own = REST_FIRST + client
        _deliver(
            loop, loop.to_exchange, own, message.kind, message.status, message.payload_address, message.payload_length
        )
    elif message.kind == WireKind.FRAME and loop.exchange_id[client, connection] != 0:
        own = loop.exchange_id[client, connection]
        _deliver(loop, loop.to_exchange, own, message.kind, 0, message.payload_address, message.payload_length)


@kernel
def _postpone(loop, client, message):
    for index in range(LATER_MAX):
        later = loop.later[index]
        if later.due_ns == 0 and message.payload_length <= PAYLOAD_BYTES_MAX:
            later.due_ns = read_clock(loop.clock) + message.delay_ns
            loop.later_count += 1
            later.client = client
            later.message.connection_id = message.connection_id
            later.message.kind = message.kind
            later.message.status = message.status
            later.message.payload_length = message.payload_length
            payload = address_of(later) + _PAYLOAD_OFFSET
            later.message.payload_address = payload
            copy(payload, message.payload_address, message.payload_length)
            return
    loop.lost += 1


_PAYLOAD_OFFSET = field_offset(LATER, "payload")


@kernel
def _take(loop, reader):
    """Read the next WireOut of a ring into `loop.outgoing`: 1, or 0 when there is none."""
    frame = poll(reader)
    if frame == 0:
        return 0
    decode(frame + FRAME_HEADER_BYTES, (load_i64(frame) & LENGTH_MASK) - FRAME_HEADER_BYTES, loop.outgoing)
    advance(reader, frame)
    return 1


@kernel
def _from_exchange(loop):
    message = loop.outgoing
    own = message.connection_id
    if message.kind == WireKind.RESPONSE:
        if REST_FIRST <= own < REST_FIRST + CLIENTS:
            writer = loop.to_client[own - REST_FIRST]
            _deliver(loop, writer, 0, message.kind, message.status, message.payload_address, message.payload_length)
    elif 0 < own < CONNECTIONS_MAX and loop.client_of[own] != 0:
        client, connection = loop.client_of[own] - 1, loop.connection_of[own]
        if message.kind == WireKind.FRAME:
            writer = loop.to_client[client]
            _deliver(loop, writer, connection, message.kind, 0, message.payload_address, message.payload_length)
        elif message.kind == WireKind.CLOSE:
            _lose(loop, client, connection)


@kernel
def _carry_out_later(loop):
    """Carry out what has waited for its time; return how many actions."""
    never_inlined()
    done = 0
    now_ns = read_clock(loop.clock)
    for index in range(LATER_MAX):
        later = loop.later[index]
        if later.due_ns != 0 and later.due_ns <= now_ns:
            later.due_ns = 0
            loop.later_count -= 1
            _act(loop, later.client, later.message)
            done += 1
    return done


@kernel
def pump_wires(loop):
    """Move everything that can be moved now; return how many messages."""
    moved = _carry_out_later(loop) if loop.later_count != 0 else 0
    for client in range(CLIENTS):
        taken = 0
        while _take(loop, loop.from_client[client]):
            if loop.outgoing.delay_ns > 0:
                _postpone(loop, client, loop.outgoing)
            else:
                _act(loop, client, loop.outgoing)
            taken += 1
        if taken:
            release(loop.from_client[client])
        moved += taken
    taken = 0
    while _take(loop, loop.from_exchange):
        _from_exchange(loop)
        taken += 1
    if taken:
        release(loop.from_exchange)
    return moved + taken


@kernel
def market_frame(loop, address, length):
    """One recorded frame enters the exchange, on the connection that no client can have."""
    _deliver(loop, loop.to_exchange, 0, WireKind.FRAME, 0, address, length)


@kernel
def tell_decoded(loop, address, length):
    """One decoded frame is shown to the exchange, which gets its address and its length alone."""
    loop.place[0] = address
    loop.place[1] = length
    place = address_of(loop) + _PLACE_OFFSET
    _deliver(loop, loop.to_exchange, 0, WireKind.FRAME, DECODED_FRAME, place, PLACE_BYTES)


@kernel
def frame_to_feed(loop, status, address, length):
    """A market frame, text or DECODED by its status, enters the feed's stream past the exchange, if it is connected."""
    if loop.exchange_id[FEED, STREAM] != 0:
        _deliver(loop, loop.to_client[FEED], STREAM, WireKind.FRAME, status, address, length)


PLACE_BYTES = 16
_PLACE_OFFSET = field_offset(LOOPBACK, "place")
