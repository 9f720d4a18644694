"""The one loop: poll the inboxes, call the step, stamp, journal, ring the doorbells, beat, idle.

    pass     control, then each inbox in order, at most BATCH_MAX messages each, then the timer
    message  journal what is taken -> step -> record queueing, service, hop, age
    after    release the inboxes, one fence, ring the doorbells of every touched outbox

Nobody writes a loop of his own: a stage is a state record and a compiled step, called by address, so that
this loop is compiled once for all stages. A DUTY record describes one stage; a group of them, in flow order,
is one process (`run_group`). The loop works in slices and returns to Python for signals and housekeeping.
"""

import numpy as np

from procs.ports import CANCELS, HALT, PORTS, RING, SLOTS, WAIT, halt
from shm.atomics import fence, load_acquire, pause, store_relaxed, store_release
from shm.cancels import CANCEL_READER, cancels_waiting, take_cancel
from shm.clock import read_clock
from shm.codec import encode, record_dtype
from shm.control import ARGUMENT, COMMAND, FAILURE, HEARTBEAT
from shm.doorbell import IN_FUTEX, ring_doorbell, sleep_in_futex, yield_core
from shm.histogram import HISTOGRAM_BYTES, record
from shm.journal import INPUT, append, journal_room, record_key
from shm.kernel import address_of, inlined, kernel, load_i64, store_i64, view
from shm.layout import FRAME_HEADER_BYTES, FRAME_ORIGIN, FRAME_PUBLISH, FRAME_SEQUENCE, LENGTH_MASK, TYPE_SHIFT
from shm.memory import call_entry
from shm.ring import READER, advance, poll, release, room_for
from shm.slot import SLOT_READER, slot_poll
from trader.messages import CANCEL_REQUEST, CONTROL, GAP, TIMER, CancelRequest, Control, Gap, Timer

INBOXES_MAX = 12
BATCH_MAX = 64
HOPS = ("queueing", "service", "hop", "age")
"""What is recorded of every message: publish to taken, the step, publish to done, origin to done."""

GAP_PORT, CONTROL_PORT, TIMER_PORT = 252, 253, 254
"""Port numbers of the journal for what comes from no link."""

HEARTBEAT_NS = 100_000_000
_SLICE_NS = 1_000_000
_JOURNAL_RESERVE_BYTES = 1 << 17

INBOX = np.dtype(
    [
        ("kind", "i8"),
        ("recorded", "i8"),
        ("histograms", "i8"),
        ("taken", "i8"),
        ("missed", "i8"),
        ("ring", READER),
        ("slot", SLOT_READER),
        ("cancels", CANCEL_READER),
    ],
    align=True,
)
"""One link in. `recorded`: the journal keeps the frame itself, because no other journal has it."""

DUTY = np.dtype(
    [
        ("ports", PORTS),
        ("entry", "i8"),
        ("state", "i8"),
        ("clock", "i8"),
        ("control", "i8"),
        ("command_seen", "i8"),
        ("timer_ns", "i8"),
        ("timer_next_ns", "i8"),
        ("timer_count", "i8"),
        ("beat_ns", "i8"),
        ("failure", "i8"),
        ("taken", "i8"),
        ("busy_ns", "i8"),
        ("batch_max", "i8"),
        ("inbox_count", "i8"),
        ("inboxes", INBOX, (INBOXES_MAX,)),
        ("frame", "i8", (16,)),
        ("control_message", record_dtype(Control)),
        ("timer_message", record_dtype(Timer)),
        ("gap_message", record_dtype(Gap)),
        ("cancel_message", record_dtype(CancelRequest)),
    ],
    align=True,
)
"""Everything the loop knows of one stage. `frame`: where messages from no link are written."""


@inlined
def _deliver(duty, port, frame, histograms, recorded, now_ns):
    """Journal one message, call the step, stamp; returns the step's code."""
    ports = duty.ports
    word = load_i64(frame)
    origin_ns = load_i64(frame + FRAME_ORIGIN)
    publish_ns = load_i64(frame + FRAME_PUBLISH)
    ports.origin_ns = origin_ns
    ports.now_ns = now_ns
    if ports.journal.base != 0:
        length = word & LENGTH_MASK if recorded else 0
        key = record_key(INPUT, port, load_i64(frame + FRAME_SEQUENCE))
        append(ports.journal, now_ns, key, origin_ns, frame, length)
    before_ns = read_clock(duty.clock)
    code = call_entry(duty.entry, duty.state, address_of(ports), word >> TYPE_SHIFT, frame, now_ns)
    duty.taken += 1
    if histograms != 0:
        after_ns = read_clock(duty.clock)
        record(histograms, before_ns - publish_ns)
        record(histograms + HISTOGRAM_BYTES, after_ns - before_ns)
        record(histograms + 2 * HISTOGRAM_BYTES, after_ns - publish_ns)
        record(histograms + 3 * HISTOGRAM_BYTES, after_ns - origin_ns)
    if code < 0:
        _fail(duty, code)
    return code


@kernel
def _fail(duty, code):
    """A step's negative code stops the stage; the supervisor reads it from the control cell."""
    duty.failure = code
    if duty.control != 0:
        store_release(duty.control + FAILURE, code)


@kernel
def _deliver_own(duty, port, kind, message, sequence, now_ns):
    """Deliver a message that the loop itself makes: written into the duty's own frame, always recorded."""
    frame = address_of(duty) + _FRAME_OFFSET
    length = FRAME_HEADER_BYTES + encode(message, frame + FRAME_HEADER_BYTES)
    store_i64(frame, (kind << TYPE_SHIFT) | length)
    store_i64(frame + FRAME_SEQUENCE, sequence)
    store_i64(frame + FRAME_ORIGIN, now_ns)
    store_i64(frame + FRAME_PUBLISH, now_ns)
    _deliver(duty, port, frame, 0, 1, now_ns)


_FRAME_OFFSET = DUTY.fields["frame"][1]


@kernel
def _has_credit(duty):
    """Whether every outbox that must not refuse has room for all that one step may write."""
    ports = duty.ports
    for index in range(ports.outbox_count):
        box = ports.outboxes[index]
        if (box.policy == WAIT or box.policy == HALT) and not room_for(box.ring, box.credit_bytes):
            if box.policy == HALT:
                halt(ports)
            return 0
    if ports.journal.base != 0 and journal_room(ports.journal) < _JOURNAL_RESERVE_BYTES:
        return 0
    return 1


@kernel
def _take_control(duty, now_ns):
    command = load_acquire(duty.control + COMMAND)
    if command == duty.command_seen:
        return 0
    duty.command_seen = command
    duty.control_message.command = command & 0xFF
    duty.control_message.argument = load_i64(duty.control + ARGUMENT)
    _deliver_own(duty, CONTROL_PORT, CONTROL, duty.control_message, command >> 8, now_ns)
    return 1


@kernel
def _take_cancels(duty, index, now_ns):
    box = duty.inboxes[index]
    taken = 0
    while taken < duty.batch_max:
        found, order_slot, client_order_id = take_cancel(box.cancels)
        if not found:
            break
        box.cancels.sequence += 1
        duty.cancel_message.source = index
        duty.cancel_message.order_slot = order_slot
        duty.cancel_message.client_order_id = client_order_id
        _deliver_own(duty, index, CANCEL_REQUEST, duty.cancel_message, box.cancels.sequence, now_ns)
        box.taken += 1
        taken += 1
    return taken


@inlined
def _take_ring(duty, index, now_ns):
    box = duty.inboxes[index]
    taken = 0
    while taken < duty.batch_max and duty.failure == 0:
        frame = poll(box.ring)
        if frame == 0 or not _has_credit(duty):
            break
        missed = advance(box.ring, frame)
        if missed != 0:
            _tell_gap(duty, index, missed, now_ns)
        _deliver(duty, index, frame, box.histograms, box.recorded, now_ns)
        taken += 1
    if taken:
        box.taken += taken
        release(box.ring)
    return taken


@kernel
def _tell_gap(duty, index, missed, now_ns):
    duty.inboxes[index].missed += missed
    duty.gap_message.inbox = index
    duty.gap_message.missed = missed
    _deliver_own(duty, GAP_PORT, GAP, duty.gap_message, duty.inboxes[index].ring.sequence, now_ns)


@inlined
def _take_slots(duty, index, now_ns):
    box = duty.inboxes[index]
    taken = 0
    while taken < duty.batch_max and duty.failure == 0 and _has_credit(duty):
        frame = slot_poll(box.slot)
        if frame == 0:
            break
        _deliver(duty, index, frame, box.histograms, box.recorded, now_ns)
        box.taken += 1
        taken += 1
    return taken


@kernel
def _take_timer(duty, now_ns):
    if duty.timer_ns == 0 or now_ns < duty.timer_next_ns or not _has_credit(duty):
        return 0
    duty.timer_next_ns = now_ns + duty.timer_ns
    duty.timer_count += 1
    duty.timer_message.count = duty.timer_count
    _deliver_own(duty, TIMER_PORT, TIMER, duty.timer_message, duty.timer_count, now_ns)
    return 1


@inlined
def run_pass(duty, now_ns):
    """Serve every inbox once; return how many messages were taken."""
    taken = 0
    if duty.control != 0:
        taken += _take_control(duty, now_ns)
    for index in range(duty.inbox_count):
        kind = duty.inboxes[index].kind
        if kind == RING:
            taken += _take_ring(duty, index, now_ns)
        elif kind == SLOTS:
            taken += _take_slots(duty, index, now_ns)
        elif cancels_waiting(duty.inboxes[index].cancels) != 0:
            taken += _take_cancels(duty, index, now_ns)
    taken += _take_timer(duty, now_ns)
    if taken:
        _ring_doorbells(duty.ports)
    return taken


@inlined
def _ring_doorbells(ports):
    """One fence for the whole pass, then wake whoever sleeps behind a touched outbox."""
    fenced = False
    for index in range(ports.outbox_count):
        box = ports.outboxes[index]
        if box.touched:
            box.touched = 0
            if not fenced and box.doorbell_count:
                fence()
                fenced = True
            for consumer in range(box.doorbell_count):
                ring_doorbell(box.doorbells[consumer], address_of(ports) + _SCRATCH_OFFSET)


_SCRATCH_OFFSET = PORTS.fields["scratch"][1]


@inlined
def _beat(duty, now_ns):
    if now_ns - duty.beat_ns >= HEARTBEAT_NS and duty.control != 0:
        duty.beat_ns = now_ns
        store_relaxed(duty.control + HEARTBEAT, now_ns)


@kernel
def run_group(group, count, rounds_max):
    """Run `count` stages, addresses of DUTY records in an int64 table at `group`, until nothing moves.

    In flow order, upstream first; a stage that took something sends the round back to the first, so that one
    event runs from feed to router before a later stage gets a second turn. Returns messages taken; stops
    after `rounds_max` rounds, or when a stage failed.
    """
    taken = 0
    for _ in range(rounds_max):
        moved = 0
        for index in range(count):
            duty = view(load_i64(group + index * 8), DUTY)
            now_ns = read_clock(duty.clock)
            moved += run_pass(duty, now_ns)
            _beat(duty, now_ns)
            if duty.failure != 0:
                return taken + moved
        if moved == 0:
            break
        taken += moved
    return taken


@kernel
def next_timer_ns(group, count, now_ns):
    """Nanoseconds until a stage of the group wants its timer or its heartbeat."""
    wait_ns = HEARTBEAT_NS
    for index in range(count):
        duty = view(load_i64(group + index * 8), DUTY)
        if duty.timer_ns != 0:
            wait_ns = min(wait_ns, max(duty.timer_next_ns - now_ns, 0))
    return wait_ns


@kernel
def run_slice(group, count, doorbell, spins, yields, scratch):
    """One slice of a process without sockets: work for about a millisecond, or sleep until rung.

    Idle ladder: `spins` pauses, `yields` yields, then the futex of `doorbell` (0: never sleep). Returns
    messages taken; comes back at once after a sleep that found nothing, so that signals are served.
    """
    clock = view(load_i64(group), DUTY).clock
    start_ns = read_clock(clock)
    taken = 0
    idle = 0
    while True:
        moved = run_group(group, count, 16)
        taken += moved
        now_ns = read_clock(clock)
        if moved:
            idle = 0
        elif idle < spins:
            idle += 1
            pause()
        elif idle < spins + yields:
            idle += 1
            yield_core()
        elif doorbell != 0:
            _sleep(group, count, doorbell, scratch, now_ns)
            if run_group(group, count, 16) == 0 or read_clock(clock) - start_ns >= _SLICE_NS:
                return taken
            taken += 1
            idle = 0
        if now_ns - start_ns >= _SLICE_NS:
            return taken


@kernel
def _sleep(group, count, doorbell, scratch, now_ns):
    store_relaxed(doorbell, IN_FUTEX)
    fence()
    if run_group(group, count, 1) == 0:
        sleep_in_futex(doorbell, next_timer_ns(group, count, now_ns), scratch)
    else:
        store_release(doorbell, 0)
