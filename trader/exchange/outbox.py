"""What one step has to say: frames, each once, with the set of connections that shall get it.

    say(outbox, connections, template, writer)      a template and its values are kept, and written at the end
    answer(outbox, connection_id, status, ..)       likewise, the response to an HTTP request
    begin -> cursor, write .. write, commit         long texts are written into the buffer at once

A set of connections is an int64, bit n = connection n. The bytes that will go over the wire are counted
(`cost`, templates by their bound); they never exceed COST_MAX in one step. What does not fit is not cut: its
connections are closed, so that a client starts anew instead of missing something.

That `say` does not write keeps the writer out of everything that has something to say: an exchange would
compile it forty times over.
"""

import numpy as np

from shm.kernel import address_of, copy, kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.templates import BYTES_MAX, NAMES, TEMPLATES
from trader.exchange.text import WRITER, write

FRAMES_MAX = 2_048
DATA_BYTES = 768 * 1024
COST_MAX = 1_000_000
"""Bytes a step may send in all, counted per connection with OVERHEAD_BYTES each."""

OVERHEAD_BYTES = 160
TEMPLATE_BYTES = 2_048
"""Room that one more text needs at most."""

CONNECTIONS_MAX = 64
"""Ids 1 to 63; 0 is the recorded market."""

NO_STATUS = 0
OK = 200
POLICY_VIOLATION = 1008

WRITTEN, RELEASED = -1, -2
"""Instead of a template: written at once; held back by a fault, and due now."""

FRAME = np.dtype(
    [
        ("connections", "i8"),
        ("kind", "i8"),
        ("status", "i8"),
        ("template", "i8"),  # a number of templates.TEMPLATES, WRITTEN or RELEASED
        ("offset", "i8"),
        ("length", "i8"),
        ("writer", WRITER),
    ],
    align=True,
)

OUTBOX = np.dtype(
    [
        ("count", "i8"),
        ("used", "i8"),
        ("reserved", "i8"),  # for templates that are to be written
        ("cost", "i8"),
        ("closing", "i8"),  # connections whose output did not fit in this step
        ("refused", "i8"),  # frames that did not fit, since the start
        ("texts", "i8"),  # number of the first template of this exchange's market
        ("frames", FRAME, (FRAMES_MAX,)),
        ("data", "u1", (DATA_BYTES,)),
    ],
    align=True,
)
WRITER_BYTES = WRITER.itemsize
DATA_OFFSET = int(OUTBOX.fields["data"][1])  # type: ignore[index]
TEXTS = len(NAMES)
"""Templates of one market: `outbox.texts` is a multiple of it."""


@kernel
def clear(outbox):
    """Begin a step."""
    outbox.count = 0
    outbox.used = 0
    outbox.reserved = 0
    outbox.cost = 0
    outbox.closing = 0


@kernel
def begin(outbox, length_max, connections):
    """Address to write a frame of at most `length_max` bytes at; 0: no room, its connections will be closed."""
    never_inlined()
    if outbox.count >= FRAMES_MAX - 1 or outbox.used + outbox.reserved + length_max > DATA_BYTES:
        outbox.refused += 1
        outbox.closing |= connections
        return 0
    return address_of(outbox) + DATA_OFFSET + outbox.used


@kernel
def _enter(outbox, connections, kind, status, length):
    """Enter a frame for those of the connections that are not closing: its number, or -1."""
    never_inlined()
    connections &= ~outbox.closing
    cost = 0
    rest = connections
    while rest != 0:
        rest &= rest - 1
        cost += length + OVERHEAD_BYTES
    if outbox.cost + cost > COST_MAX:
        outbox.refused += 1
        outbox.closing |= connections
        return -1
    if connections == 0:
        return -1
    frame = outbox.frames[outbox.count]
    frame.connections = connections
    frame.kind = kind
    frame.status = status
    outbox.count += 1
    outbox.cost += cost
    return outbox.count - 1


@kernel
def commit(outbox, connections, kind, status, cursor):
    """The frame that ends at `cursor` is for these connections; none: it is dropped."""
    length = cursor - address_of(outbox) - DATA_OFFSET - outbox.used
    number = _enter(outbox, connections, kind, status, length)
    if number >= 0:
        frame = outbox.frames[number]
        frame.template = WRITTEN
        frame.offset = outbox.used
        frame.length = length
        outbox.used += length


@kernel
def say(outbox, connections, template, writer):
    """Send a template as a frame to a set of connections."""
    if connections != 0:
        _keep(outbox, connections, WireKind.FRAME, 0, template, writer)


@kernel
def answer(outbox, connection_id, status, template, writer):
    """Send a template as the response to an HTTP request."""
    _keep(outbox, 1 << connection_id, WireKind.RESPONSE, status, template, writer)


@kernel
def _keep(outbox, connections, kind, status, template, writer):
    """Keep a template with its values for write_kept."""
    never_inlined()
    template += outbox.texts
    length_max = BYTES_MAX[template]
    if begin(outbox, length_max, connections) == 0:
        return
    number = _enter(outbox, connections, kind, status, length_max)
    if number >= 0:
        frame = outbox.frames[number]
        frame.template = template
        copy(address_of(frame.writer), address_of(writer), WRITER_BYTES)
        outbox.reserved += length_max


@kernel
def put_template(cursor, outbox, template, writer):
    """Write a template of the market at once: the address after it."""
    never_inlined()
    return write(cursor, TEMPLATES[outbox.texts + template], writer)


@kernel
def write_kept(outbox):
    """End a step: write what was kept, close the connections whose output did not fit."""
    never_inlined()
    for number in range(outbox.count):
        frame = outbox.frames[number]
        if frame.template >= 0:
            start = address_of(outbox) + DATA_OFFSET + outbox.used
            frame.offset = outbox.used
            frame.length = write(start, TEMPLATES[frame.template], frame.writer) - start
            outbox.used += frame.length
    if outbox.closing != 0:
        frame = outbox.frames[outbox.count]
        frame.connections = outbox.closing
        frame.kind = WireKind.CLOSE
        frame.status = POLICY_VIOLATION
        frame.template = WRITTEN
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
    used = outbox.used + outbox.reserved
    return 1 if outbox.count * 2 < FRAMES_MAX and used * 2 < DATA_BYTES and outbox.cost * 2 < COST_MAX else 0
