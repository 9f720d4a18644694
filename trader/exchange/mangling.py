"""What faults do to messages on their way: held back, told twice, told in another order, cut, or never told.

    arrives -> admit -> carried out | held | swallowed
    outbox  -> mangle -> sent | held | dropped | cut, and the connection with it
    held    -> release, at the begin of each step

Messages of one connection keep their order while they are only delayed; what is late or reordered is overtaken.
Every kernel takes the whole exchange record (see venue.EXCHANGE).
"""

from shm.kernel import copy, kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.connections import ORDERS
from trader.exchange.faults import happens, is_hung, moment
from trader.exchange.held import INCOMING, OUTGOING, drop, forget_held, hold, payload_at, take_due
from trader.exchange.order_faults import DENIED
from trader.exchange.outbox import (
    CONNECTIONS_MAX,
    FRAMES_MAX,
    POLICY_VIOLATION,
    RELEASED,
    begin,
    commit,
    payload_of,
)
from trader.exchange.templates import (
    ACCOUNT_EVENT,
    CANCEL_EVENT,
    DONE_REPLY,
    ERROR_REPLY,
    LIMIT_REPLY,
    ORDER_EVENT,
    QUERY_REPLY,
    REPLY,
    SUBSCRIBED_REPLY,
)
from trader.exchange.text import WORD_TRADE

ABNORMAL = 1006
"""Status of a CLOSE in the middle of a frame; its payload is the part that still goes out."""

GATEWAY_TIMEOUT = 504
LOST_ANSWER_NS = 5_000_000_000
NEW = 1


@kernel
def admit(exchange, connection_id, kind, status, payload, length):
    """Whether something that has arrived is carried out now: 1, or 0 if it is refused, held or swallowed."""
    never_inlined()
    faults = exchange.faults
    bit = 1 << connection_id
    if kind == WireKind.CONNECTED or kind == WireKind.LOST:
        forget_held(faults.held, connection_id)
        faults.silent &= ~bit
        faults.cut &= ~bit
        faults.in_order_ns[INCOMING, connection_id] = faults.in_order_ns[OUTGOING, connection_id] = 0
        if kind == WireKind.CONNECTED and exchange.now_ns < faults.refuse_until_ns:
            exchange.outbox.closing |= bit
            return 0
        return 1
    if faults.silent & bit:
        return 0
    if kind != WireKind.FRAME or exchange.connections.kind[connection_id] != ORDERS:
        return 1
    if happens(faults, faults.lose_request):
        faults.lose_request_count += 1
        return 0
    due_ns = exchange.now_ns
    if happens(faults, faults.late):
        faults.late_count += 1
        due_ns += moment(faults, faults.late_ns)
    else:
        if happens(faults, faults.delay):
            faults.delay_count += 1
            due_ns += moment(faults, faults.delay_ns)
        due_ns = _in_order(faults, INCOMING, bit, due_ns)
    if due_ns <= exchange.now_ns:
        return 1
    if hold(faults.held, INCOMING, bit, kind, status, payload, length, due_ns) == 0:
        _overflow(exchange, bit)
    return 0


@kernel
def _in_order(faults, direction, connections, due_ns):
    """The time at which a message may go that overtakes nothing on its connections."""
    for connection_id in range(CONNECTIONS_MAX):
        if (connections >> connection_id) & 1:
            due_ns = max(due_ns, faults.in_order_ns[direction, connection_id])
    for connection_id in range(CONNECTIONS_MAX):
        if (connections >> connection_id) & 1:
            faults.in_order_ns[direction, connection_id] = due_ns
    return due_ns


@kernel
def _overflow(exchange, connections):
    """What could not be held is not skipped: its connections end."""
    exchange.faults.overflow_count += 1
    exchange.outbox.closing |= connections


@kernel
def release_frames(exchange):
    """Put what is due into the outbox, until a request is due or nothing: its place in `held`, or -1."""
    never_inlined()
    held = exchange.faults.held
    while True:
        place = take_due(held, exchange.now_ns)
        if place < 0 or held.entries[place].direction == INCOMING:
            return place
        entry = held.entries[place]
        cursor = begin(exchange.outbox, entry.length, entry.connections)
        if cursor != 0:
            copy(cursor, payload_at(held, place), entry.length)
            count = exchange.outbox.count
            commit(exchange.outbox, entry.connections, entry.kind, entry.status, cursor + entry.length)
            if exchange.outbox.count > count:
                exchange.outbox.frames[count].template = RELEASED
        drop(held, place)


@kernel
def mangle(exchange):
    """At the end of a step: what becomes of each frame of the outbox."""
    never_inlined()
    faults = exchange.faults
    outbox = exchange.outbox
    for number in range(outbox.count):
        frame = outbox.frames[number]
        if frame.kind == WireKind.CLOSE:
            continue
        if frame.kind == WireKind.FRAME:
            frame.connections &= ~faults.silent
            if faults.cut & frame.connections:
                _cut(exchange, number)
        if frame.connections != 0 and frame.template != RELEASED:
            _send_or_hold(exchange, number)


@kernel
def _cut(exchange, number):
    """Half of a frame goes out, then its connection ends."""
    faults = exchange.faults
    outbox = exchange.outbox
    frame = outbox.frames[number]
    victims = faults.cut & frame.connections
    frame.connections &= ~victims
    faults.cut &= ~victims
    if outbox.count < FRAMES_MAX:
        last = outbox.frames[outbox.count]
        last.connections = victims
        last.kind = WireKind.CLOSE
        last.status = ABNORMAL
        last.offset = frame.offset
        last.length = frame.length // 2
        last.template = RELEASED
        outbox.count += 1


@kernel
def _send_or_hold(exchange, number):
    """Draw what happens to a frame of the account: those of the market are only kept from going out in a hang."""
    faults = exchange.faults
    frame = exchange.outbox.frames[number]
    template = frame.template - exchange.outbox.texts
    is_order_event = template == ORDER_EVENT or template == CANCEL_EVENT
    is_event = is_order_event or template == ACCOUNT_EVENT
    is_reply = REPLY <= template <= QUERY_REPLY or template == ERROR_REPLY or template == LIMIT_REPLY
    due_ns = exchange.now_ns
    keeps_order = 1
    if frame.kind == WireKind.RESPONSE:
        keeps_order = 0
        if frame.status == GATEWAY_TIMEOUT:
            due_ns += LOST_ANSWER_NS
    elif is_event and frame.status == DENIED:
        frame.status = 0
        due_ns += moment(faults, faults.late_ns)
        keeps_order = 0
    elif is_event:
        if happens(faults, faults.drop):
            faults.drop_count += 1
            frame.connections = 0
            return
        if happens(faults, faults.duplicate):
            faults.duplicate_count += 1
            _hold(exchange, number, due_ns + moment(faults, faults.delay_ns))
        if is_order_event and _is_fill_or_ack(frame) and happens(faults, faults.late):
            faults.late_count += 1
            due_ns += moment(faults, faults.late_ns)
            keeps_order = 0
        elif happens(faults, faults.reorder):
            faults.reorder_count += 1
            due_ns += moment(faults, faults.delay_ns)
            keeps_order = 0
    elif is_reply and happens(faults, faults.lose_reply):
        faults.lose_reply_count += 1
        frame.connections = 0
        return
    elif is_reply == 0 and template != DONE_REPLY and template != SUBSCRIBED_REPLY:
        if is_hung(exchange):
            frame.connections = 0
        return
    if (keeps_order or frame.kind == WireKind.RESPONSE) and happens(faults, faults.delay):
        faults.delay_count += 1
        due_ns += moment(faults, faults.delay_ns)
    if is_hung(exchange):
        due_ns = max(due_ns, faults.hung_until_ns)
    if keeps_order:
        due_ns = _in_order(faults, OUTGOING, frame.connections, due_ns)
    if due_ns > exchange.now_ns and _hold(exchange, number, due_ns):
        frame.connections = 0


@kernel
def _is_fill_or_ack(frame):
    execution = frame.writer.values[15]
    return execution == WORD_TRADE or execution == NEW


@kernel
def _hold(exchange, number, due_ns):
    """Hold a copy of a frame: 1. Without room its connections end, now, and an HTTP answer goes out at once: 0."""
    outbox = exchange.outbox
    frame = outbox.frames[number]
    held = exchange.faults.held
    if hold(
        held, OUTGOING, frame.connections, frame.kind, frame.status, payload_of(outbox, number), frame.length, due_ns
    ):
        return 1
    exchange.faults.overflow_count += 1
    if frame.kind == WireKind.FRAME and outbox.count < FRAMES_MAX:
        last = outbox.frames[outbox.count]
        last.connections = frame.connections
        last.kind = WireKind.CLOSE
        last.status = POLICY_VIOLATION
        last.offset = frame.offset
        last.length = 0
        last.template = RELEASED
        outbox.count += 1
    return 0
