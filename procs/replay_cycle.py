"""The duty cycle of a replay: takes what the journal says was taken, compares what is sent.

INPUT record -> its frame (from the journal, or from the link that the replayed producer fills) -> step
             -> every OUTPUT and DENIED record behind it must be met by the sends, in order (procs.ports)
"""

import numpy as np

from procs.duty import DUTY, GAP_PORT
from procs.ports import CANCELS, HALT, MISMATCH_DAMAGED, MISMATCH_NONE, RING, SLOTS, WAIT
from shm.journal import INPUT, RECORD_BYTES, next_record, record_kind, record_port, record_sequence
from shm.kernel import address_of, kernel, load_i64, view
from shm.layout import FRAME_ORIGIN, FRAME_SEQUENCE, LENGTH_MASK, TYPE_SHIFT
from shm.memory import call_entry
from shm.ring import advance, poll, release, room_for, take
from shm.slot import SLOTS_MAX

WAITING, BLOCKED, FINISHED, DIFFERENT, MISSING, FAILED = 1, 2, 3, 4, 5, 6
"""Why a slice ended: input not produced yet, an outbox full, log over, a frame differs, a frame is missing,
the step returned a negative code."""

PROGRESS = np.dtype([("inputs", "i8"), ("reason", "i8"), ("position", "i8"), ("key", "i8")], align=True)


@kernel
def _frame_of(duty, key, record):
    """Address of the frame that an INPUT record names, or 0 while its producer has not sent it."""
    port = record_port(key)
    if port >= GAP_PORT or duty.inboxes[port].recorded or duty.inboxes[port].kind == CANCELS:
        return record + RECORD_BYTES
    reader = duty.inboxes[port].ring
    if duty.inboxes[port].kind == SLOTS:
        return _publication(reader, duty.inboxes[port].slot.seen, record_sequence(key))
    frame = poll(reader)
    while frame != 0 and load_i64(frame + FRAME_SEQUENCE) != record_sequence(key):
        advance(reader, frame)
        release(reader)
        frame = poll(reader)
    return frame


@kernel
def _publication(reader, seen, sequence):
    """Address of a slot's publication among those that are queued, or 0 while its producer has not sent it.

    A reader of slots goes from symbol to symbol, so it may take a later publication of one before an earlier one of
    another: what is behind the last one taken of its own symbol (`seen`) goes, everything else stays queued.
    """
    frame = poll(reader)
    while frame != 0 and load_i64(frame + FRAME_SEQUENCE) <= seen[load_i64(frame + FRAME_SEQUENCE) % SLOTS_MAX]:
        advance(reader, frame)
        release(reader)
        frame = poll(reader)
    frame, position = take(reader, reader.position)
    while frame != 0 and load_i64(frame + FRAME_SEQUENCE) != sequence:
        frame, position = take(reader, position)
    if frame != 0:
        seen[sequence % SLOTS_MAX] = sequence
    return frame


@kernel
def _has_room(duty):
    ports = duty.ports
    for index in range(ports.outbox_count):
        box = ports.outboxes[index]
        if (box.policy == WAIT or box.policy == HALT or box.mirrored) and not room_for(box.ring, box.credit_bytes):
            return 0
    return 1


@kernel
def _drain(duty):
    """A stage whose log is over still takes everything, so that its producers can go on."""
    for index in range(duty.inbox_count):
        if duty.inboxes[index].ring.ring != 0:
            reader = duty.inboxes[index].ring
            frame = poll(reader)
            while frame != 0:
                advance(reader, frame)
                frame = poll(reader)
            release(reader)


@kernel
def replay_slice(address, progress, inputs_max):
    """Replay at most `inputs_max` inputs of one stage; `progress.reason` says why it stopped (0: may go on)."""
    duty = view(address, DUTY)
    ports = duty.ports
    progress.reason = 0
    for _ in range(inputs_max):
        length = next_record(ports.log.base, ports.log.position, ports.log.capacity)
        progress.position = ports.log.position
        if length <= 0:
            _drain(duty)
            progress.reason = FINISHED
            return 0
        record = ports.log.base + ports.log.position
        key = load_i64(record + 16)
        progress.key = key
        if record_kind(key) != INPUT:
            progress.reason = MISSING
            return 0
        if not _has_room(duty):
            progress.reason = BLOCKED
            return 0
        frame = _frame_of(duty, key, record)
        if frame == 0:
            progress.reason = WAITING
            return 0
        ports.log.position += length
        ports.origin_ns = load_i64(frame + FRAME_ORIGIN)
        ports.now_ns = load_i64(record + 8)
        kind = (load_i64(frame) & ~LENGTH_MASK) >> TYPE_SHIFT
        code = call_entry(duty.entry, duty.state, address_of(ports), kind, frame, ports.now_ns)
        if frame != record + RECORD_BYTES and duty.inboxes[record_port(key)].kind == RING:
            advance(duty.inboxes[record_port(key)].ring, frame)
            release(duty.inboxes[record_port(key)].ring)
        progress.inputs += 1
        if code < 0:
            progress.reason = FAILED
            return 0
        if ports.mismatch != MISMATCH_NONE:
            progress.reason = MISSING if ports.mismatch == MISMATCH_DAMAGED else DIFFERENT
            return 0
    return 1


@kernel
def count_inputs(base, position, capacity):
    """INPUT records of a log from a position on."""
    count = 0
    length = next_record(base, position, capacity)
    while length > 0:
        count += record_kind(load_i64(base + position + 16)) == INPUT
        position += length
        length = next_record(base, position, capacity)
    return count


@kernel
def discard(reader):
    """Take everything from a ring that nobody reads in a replay."""
    frame = poll(reader)
    while frame != 0:
        advance(reader, frame)
        frame = poll(reader)
    release(reader)
