"""What one step has to say: frames, each once, with the set of connections that shall get it.

A frame is written into the buffer and then committed for a set of connections (bit n = connection n). The
bytes that will go over the wire are counted (`cost`); they never exceed COST_MAX in one step. What does not
fit is not cut: its connections are closed, so that a client starts anew instead of missing something.

    begin(outbox, bytes, connections) -> cursor, or 0 -> write(cursor, ..) -> commit(outbox, .., cursor)
"""

import numpy as np

from shm.kernel import address_of, kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.text import write

FRAMES_MAX = 2_048
DATA_BYTES = 768 * 1024
COST_MAX = 1_000_000
"""Bytes a step may send in all, counted per connection with OVERHEAD_BYTES each."""

OVERHEAD_BYTES = 160
TEMPLATE_BYTES = np.int64(2_048)
"""Room that a single template may need."""

CONNECTIONS_MAX = 64
"""Ids 1 to 63; 0 is the recorded market."""

NO_STATUS = np.int64(0)
OK = np.int64(200)
POLICY_VIOLATION = 1008

FRAME = np.dtype(
    [("connections", "i8"), ("kind", "i8"), ("status", "i8"), ("offset", "i8"), ("length", "i8")], align=True
)

OUTBOX = np.dtype(
    [
        ("count", "i8"),
        ("used", "i8"),
        ("cost", "i8"),
        ("closing", "i8"),  # connections whose output did not fit in this step
        ("refused", "i8"),  # frames that did not fit, since the start
        ("frames", FRAME, (FRAMES_MAX,)),
        ("data", "u1", (DATA_BYTES,)),
    ],
    align=True,
)
DATA_OFFSET = int(OUTBOX.fields["data"][1])  # type: ignore[index]


@kernel
def clear(outbox):
    """Begin a step."""
    outbox.count = 0
    outbox.used = 0
    outbox.cost = 0
    outbox.closing = 0


@kernel
def begin(outbox, length_max, connections):
    """Address to write a frame of at most `length_max` bytes at; 0: no room, its connections will be closed."""
    never_inlined()
    if outbox.count >= FRAMES_MAX - 1 or outbox.used + length_max > DATA_BYTES:
        outbox.refused += 1
        outbox.closing |= connections
        return 0
    return address_of(outbox) + DATA_OFFSET + outbox.used


@kernel
def commit(outbox, connections, kind, status, cursor):
    """The frame that ends at `cursor` is for these connections; none: it is dropped."""
    never_inlined()
    connections &= ~outbox.closing
    length = cursor - address_of(outbox) - DATA_OFFSET - outbox.used
    cost = 0
    rest = connections
    while rest != 0:
        rest &= rest - 1
        cost += length + OVERHEAD_BYTES
    if outbox.cost + cost > COST_MAX:
        outbox.refused += 1
        outbox.closing |= connections
        return
    if connections == 0:
        return
    frame = outbox.frames[outbox.count]
    frame.connections = connections
    frame.kind = kind
    frame.status = status
    frame.offset = outbox.used
    frame.length = length
    outbox.count += 1
    outbox.used += length
    outbox.cost += cost


@kernel
def say(outbox, connections, template, writer):
    """Send a template as a frame to a set of connections."""
    never_inlined()
    if connections != 0:
        cursor = begin(outbox, TEMPLATE_BYTES, connections)
        if cursor != 0:
            commit(outbox, connections, WireKind.FRAME, NO_STATUS, write(cursor, template, writer))


@kernel
def answer(outbox, connection_id, status, template, writer):
    """Send a template as the response to an HTTP request."""
    never_inlined()
    connections = 1 << connection_id
    cursor = begin(outbox, TEMPLATE_BYTES, connections)
    if cursor != 0:
        commit(outbox, connections, WireKind.RESPONSE, status, write(cursor, template, writer))


@kernel
def commit_closing(outbox):
    """Close the connections whose output did not fit; there is always room for that."""
    if outbox.closing == 0:
        return
    frame = outbox.frames[outbox.count]
    frame.connections = outbox.closing
    frame.kind = WireKind.CLOSE
    frame.status = POLICY_VIOLATION
    frame.offset = outbox.used
    frame.length = 0
    outbox.count += 1


@kernel
def payload_of(outbox, index):
    """Address of a committed frame's bytes."""
    return address_of(outbox) + DATA_OFFSET + outbox.frames[index].offset


@kernel
def has_room(outbox):
    """1 while less than half of the step's output is used: time for another market event."""
    if outbox.count * 2 < FRAMES_MAX and outbox.used * 2 < DATA_BYTES and outbox.cost * 2 < COST_MAX:
        return 1
    return 0
