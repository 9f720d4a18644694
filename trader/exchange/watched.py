"""A market that is watched only: any path is a market stream, what is recorded goes to all who have subscribed.

    client                      exchange
    connect, any path ------->
    subscribe frames -------->  the recording begins; its frames go on verbatim, whatever symbols they tell of
    a frame with `ping` in it ->  the venue's pong

Who subscribes while it is played gets a snapshot first, if whoever plays the recording has one: a frame with the number
of its connection as status (procs.served_books). Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

from shm.kernel import copy, kernel, load_u8
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.connections import MARKET, TICKER, forget
from trader.exchange.outbox import NO_STATUS, begin, commit
from trader.exchange.text import write

WATCHED = 2
"""Number of the first market that is only watched; trader.exchange.templates has those before it."""

PONGS = (b'{"channel":"pong"}', b'{"method":"pong"}', b'{"event":"pong"}', b"pong")
"""What the venues from WATCHED on answer to a ping."""

PING = b"ping"
PONG_BYTES_MAX = 64


@kernel
def admit_watcher(exchange, connection_id):
    """Enter a connection."""
    own = exchange.connections
    forget(own, connection_id)
    own.kind[connection_id] = MARKET
    own.market_count += 1


@kernel
def on_watched(exchange, connection_id, text, length):
    """One recorded frame, for all who have subscribed, or a snapshot for one connection (0: all)."""
    never_inlined()
    listeners = exchange.connections.streams[0, TICKER]
    if connection_id == 0:
        exchange.replay.frames += 1
    else:
        listeners &= 1 << connection_id
    cursor = begin(exchange.outbox, length, listeners) if listeners != 0 else 0
    if cursor != 0:
        copy(cursor, text, length)
        commit(exchange.outbox, listeners, WireKind.FRAME, NO_STATUS, cursor + length)


@kernel
def on_watcher(exchange, connection_id, text, length):
    """A client's frame: a ping, or a subscription."""
    never_inlined()
    if not _is_ping(text, length):
        exchange.connections.streams[0, TICKER] |= 1 << connection_id
        return
    cursor = begin(exchange.outbox, PONG_BYTES_MAX, 1 << connection_id)
    if cursor != 0:
        end = write(cursor, PONGS[exchange.market - WATCHED], exchange.writer)
        commit(exchange.outbox, 1 << connection_id, WireKind.FRAME, NO_STATUS, end)


@kernel
def _is_ping(text, length):
    """Whether PING stands in a frame."""
    matched = 0
    for index in range(length):
        byte = load_u8(text + index)
        matched = matched + 1 if byte == PING[matched] else (1 if byte == PING[0] else 0)
        if matched == len(PING):
            return 1
    return 0
