"""A stage's way out: what a step may call to receive, send, cancel and acknowledge.

    OUTBOX   one link that the stage writes: a ring, latest-value slots, or a cancel set
    PORTS    all outboxes of a stage, the stamps of the message in hand, its journal

Sending encodes in place in the claimed frame, stamps it, and appends its digest to the journal. While a
recorded run is replayed, the journal is read instead: what was refused then is refused now, and a frame that
differs from the recorded one stops the stage and is named.
"""

import msgspec
import numpy as np

from procs.hot_log_events import Event
from procs.when_full import Full
from shm.atomics import store_release
from shm.cancels import request_cancel
from shm.checksum import digest_i64
from shm.clock import read_clock
from shm.codec import body_bytes, decode, digest_record, encode, tag_of_record
from shm.codec_layout import layout_of
from shm.control import HALTED, acknowledge_command
from shm.journal import (
    DENIED,
    JOURNAL,
    OUTPUT,
    append,
    next_record,
    record_key,
    record_kind,
    record_port,
    record_sequence,
)
from shm.kernel import address_of, copy, inlined, kernel, load_i64, store_i64, view
from shm.layout import (
    FRAME_HEADER_BYTES,
    FRAME_ORIGIN,
    FRAME_PUBLISH,
    FRAME_SEQUENCE,
    LENGTH_MASK,
    TYPE_SHIFT,
)
from shm.log_ring import LOG_WRITER, log_record
from shm.ring import WRITER, claim, commit
from shm.slot import SLOT_WRITER, slot_claim, slot_commit
from trader.compile_hints import hardly_ever

RING, SLOTS, CANCELS = range(3)
WAIT, DENY, DROP, LATEST, HALT, SET = (policy.value for policy in Full)

OUTBOXES_MAX = 8
CONSUMERS_MAX = 3

OUTBOX = np.dtype(
    [
        ("kind", "i8"),
        ("policy", "i8"),
        ("credit_bytes", "i8"),
        ("sent", "i8"),
        ("refused", "i8"),
        ("mirrored", "i8"),
        ("doorbells", "i8", (CONSUMERS_MAX,)),
        ("doorbell_count", "i8"),
        ("cancels", "i8"),
        ("ring", WRITER),
        ("slot", SLOT_WRITER),
    ],
    align=True,
)
"""One link out. `credit_bytes`: the most that one step may write; `mirrored`: a replay's slots, whose every publication
is queued in `ring` too."""

PORTS = np.dtype(
    [
        ("outboxes", OUTBOX, (OUTBOXES_MAX,)),
        ("outbox_count", "i8"),
        ("touched", "i8"),
        ("rung", "i8"),
        ("hushed", "i8"),
        ("gated_count", "i8"),
        ("gated", "i8", (OUTBOXES_MAX,)),
        ("clock", "i8"),
        ("control", "i8"),
        ("origin_ns", "i8"),
        ("now_ns", "i8"),
        ("sent_ns", "i8"),
        ("halted", "i8"),
        ("wake_ns", "i8"),
        ("journal", JOURNAL),
        ("log", JOURNAL),
        ("hot_log", LOG_WRITER),
        ("mismatch", "i8"),
        ("mismatch_sequence", "i8"),
        ("mismatch_outbox", "i8"),
        ("compared", "i8"),
        ("outputs_hash", "i8"),
        ("scratch", "i8", (4,)),
    ],
    align=True,
)
"""`sent_ns`: when the step in hand sent its last message, 0 when none yet; `touched`: outboxes written to, `rung`:
those behind which somebody sleeps, one bit each; `hushed`: who runs the stage rings for it, later; `wake_ns`: see
`wake_at`; `gated`: those of the outboxes that wait for credit; `log`: the recorded journal while replaying (base 0
otherwise); `hot_log`: where events for people go (ring 0: nowhere); `outputs_hash`: rolling, over all frames sent."""

MISMATCH_NONE, MISMATCH_FRAME, MISMATCH_OUTBOX, MISMATCH_EXTRA, MISMATCH_DAMAGED = range(5)


@inlined
def receive(frame, record):
    """Decode a frame into a record by the record's message: 0, or a negative code (see shm.codec_any)."""
    return decode(frame + FRAME_HEADER_BYTES, (load_i64(frame) & LENGTH_MASK) - FRAME_HEADER_BYTES, record)


def first_field_byte(message: type[msgspec.Struct]) -> int:
    """Where in a frame of our encoder the last byte of a message's first field stands: a small number is told by it."""
    return FRAME_HEADER_BYTES + layout_of(message).fields[0].body_offset + 8


@kernel
def send(ports, outbox, record):
    """Send a record's message on an outbox: 1 sent, 0 refused because the link is full."""
    own = view(ports, PORTS)
    box = own.outboxes[outbox]
    if own.log.base != 0 and _log_denies(own, outbox):
        return 0
    frame_bytes = FRAME_HEADER_BYTES + body_bytes(record)
    if box.kind == SLOTS:
        frame = slot_claim(box.slot, record_symbol(record))
    else:
        frame = claim(box.ring, frame_bytes)
    if frame == 0:
        _refuse(own, outbox)
        return 0
    encode(record, frame + FRAME_HEADER_BYTES)
    publish_ns = read_clock(own.clock)
    own.sent_ns = publish_ns
    if box.kind == SLOTS:
        sequence = slot_commit(box.slot, tag_of_record(record), frame_bytes, own.origin_ns, publish_ns)
        if box.mirrored:
            _mirror(box, sequence, frame, frame_bytes)
    else:
        sequence = box.ring.sequence
        commit(box.ring, tag_of_record(record), frame_bytes, own.origin_ns, publish_ns)
    own.touched |= 1 << outbox
    box.sent += 1
    value = digest_record(digest_i64(load_i64(frame), own.origin_ns), record)
    _record_output(own, outbox, sequence, value)
    return 1


@kernel
def _mirror(box, sequence, frame, frame_bytes):
    """Queue a publication as well, under its own sequence: a replay hands over the one that was read."""
    hardly_ever()
    queued = claim(box.ring, frame_bytes)
    if queued != 0:
        copy(queued + FRAME_HEADER_BYTES, frame + FRAME_HEADER_BYTES, frame_bytes - FRAME_HEADER_BYTES)
        origin_ns, publish_ns = load_i64(frame + FRAME_ORIGIN), load_i64(frame + FRAME_PUBLISH)
        commit(box.ring, load_i64(frame) >> TYPE_SHIFT, frame_bytes, origin_ns, publish_ns)
        store_i64(queued + FRAME_SEQUENCE, sequence)


@inlined
def record_symbol(record):
    """The slot of a LATEST message: the symbol that its first field names."""
    return load_i64(address_of(record))


@kernel
def _refuse(own, outbox):
    hardly_ever()
    box = own.outboxes[outbox]
    box.refused += 1
    if box.policy == HALT or box.policy == WAIT:
        halt(own)
    if own.journal.base != 0:
        append(own.journal, own.now_ns, record_key(DENIED, outbox, box.ring.sequence), 0, 0, 0)


@kernel
def halt(own):
    """Latch "no new orders": something that must not be lost had no room."""
    hardly_ever()
    if own.halted == 0:
        log_event(address_of(own), Event.HALT_LATCHED)
    own.halted = 1
    if own.control != 0:
        store_release(own.control + HALTED, 1)


@kernel
def _record_output(own, outbox, sequence, value):
    """Note a digest of type, length, origin and content: everything that a replay must repeat."""
    own.outputs_hash = digest_i64(own.outputs_hash, value)
    if own.journal.base != 0:
        append(own.journal, own.now_ns, record_key(OUTPUT, outbox, sequence), value, 0, 0)
    if own.log.base != 0:
        _compare(own, outbox, sequence, value)


@kernel
def _log_denies(own, outbox):
    """Whether the recorded step was refused at this send; steps over that record."""
    hardly_ever()
    length = next_record(own.log.base, own.log.position, own.log.capacity)
    if length <= 0:
        return 0
    key = load_i64(own.log.base + own.log.position + 16)
    if record_kind(key) != DENIED or record_port(key) != outbox:
        return 0
    own.log.position += length
    own.outboxes[outbox].refused += 1
    return 1


@kernel
def _compare(own, outbox, sequence, value):
    """Hold a sent frame against the next record of the log."""
    hardly_ever()
    length = next_record(own.log.base, own.log.position, own.log.capacity)
    if length == 0 or own.mismatch != MISMATCH_NONE:
        return
    at = own.log.base + own.log.position
    key = load_i64(at + 16)
    if length < 0:
        own.mismatch = MISMATCH_DAMAGED
    elif record_kind(key) != OUTPUT:
        own.mismatch = MISMATCH_EXTRA
    elif record_port(key) != outbox or record_sequence(key) != sequence:
        own.mismatch = MISMATCH_OUTBOX
    elif load_i64(at + 24) != value:
        own.mismatch = MISMATCH_FRAME
    else:
        own.log.position += length
        own.compared += 1
    if own.mismatch != MISMATCH_NONE:
        own.mismatch_outbox = outbox
        own.mismatch_sequence = sequence


@kernel
def cancel(ports, outbox, order_slot, client_order_id):
    """Ask the router to cancel one order, or all of them with slot -1. Never refused for want of room."""
    own = view(ports, PORTS)
    box = own.outboxes[outbox]
    if not request_cancel(box.cancels, order_slot, client_order_id):
        return 0
    box.sent += 1
    own.touched |= 1 << outbox
    value = digest_i64(order_slot, client_order_id)
    own.outputs_hash = digest_i64(own.outputs_hash, value)
    if own.journal.base != 0:
        append(own.journal, own.now_ns, record_key(OUTPUT, outbox, box.sent), value, 0, 0)
    if own.log.base != 0:
        _compare(own, outbox, box.sent, value)
    return 1


@inlined
def wake_at(ports, when_ns):
    """Have the timer come at `when_ns` at the latest, if its own pace would bring it later; 0: its own pace will do.

    The timer's coming forgets it: a step that still waits for something says so again.
    """
    own = view(ports, PORTS)
    if when_ns != 0 and (own.wake_ns == 0 or when_ns < own.wake_ns):
        own.wake_ns = when_ns


@kernel
def acknowledge(ports, command):
    """Tell the supervisor that a command is done."""
    own = view(ports, PORTS)
    if own.control != 0:
        acknowledge_command(own.control, command)


@kernel
def log_event(ports, event, a=0, b=0, c=0, d=0, e=0, f=0):
    """Tell people: an event of procs.hot_log_events with up to six integers or floats, stamped here.

    Not an output: a replay, which has no ring for it, does the same without. Never waits; full means counted.
    """
    hardly_ever()
    own = view(ports, PORTS)
    if own.hot_log.ring != 0:
        log_record(own.hot_log, event, read_clock(own.clock), a, b, c, d, e, f)
        own.hot_log.touched = int(own.hot_log.doorbell != 0)
