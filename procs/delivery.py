"""One message to one step: journaled, stamped, and only when there is credit for what the step may write."""

from procs.duty import DUTY, JOURNAL_RESERVE_BYTES, SAMPLES_MAX
from procs.hot_log_events import Event
from procs.ports import HALT, WAIT, halt, log_event
from shm.atomics import store_release
from shm.clock import read_clock
from shm.codec import encode
from shm.control import FAILURE
from shm.histogram import HISTOGRAM_BYTES, record
from shm.journal import INPUT, append, journal_room, record_key
from shm.kernel import address_of, inlined, kernel, load_i64, store_i64
from shm.layout import FRAME_HEADER_BYTES, FRAME_ORIGIN, FRAME_PUBLISH, FRAME_SEQUENCE, LENGTH_MASK, TYPE_SHIFT
from shm.memory import call_entry, field_offset
from shm.ring import room_for
from trader.compile_hints import hardly_ever, never_inlined


@inlined
def deliver(duty, port, frame, histograms, recorded, now_ns):
    """Journal one message, call the step, stamp; returns the step's code."""
    ports = duty.ports
    word = load_i64(frame)
    origin_ns = load_i64(frame + FRAME_ORIGIN)
    publish_ns = load_i64(frame + FRAME_PUBLISH)
    ports.origin_ns = origin_ns
    ports.now_ns = now_ns
    ports.sent_ns = 0
    if ports.journal.base != 0:
        length = word & LENGTH_MASK if recorded else 0
        key = record_key(INPUT, port, load_i64(frame + FRAME_SEQUENCE))
        append(ports.journal, now_ns, key, origin_ns, frame, length)
    code = call_entry(duty.entry, duty.state, address_of(ports), word >> TYPE_SHIFT, frame, now_ns)
    duty.taken += 1
    # One look at the clock a message, the one that its last publication is stamped with: where one step ends, the next
    # one's begins, and what a step does behind its last word counts with what waited for it.
    before_ns = duty.stamp_ns
    after_ns = ports.sent_ns
    if after_ns == 0:
        after_ns = read_clock(duty.clock)
    duty.stamp_ns = after_ns
    if histograms != 0:
        sample = duty.samples[duty.sample_count]
        sample.histograms = histograms
        sample.queueing_ns = before_ns - publish_ns
        sample.service_ns = after_ns - before_ns
        sample.age_ns = after_ns - origin_ns
        duty.sample_count += 1
        if duty.sample_count == SAMPLES_MAX:
            count_samples(duty)
    if code < 0:
        _fail(duty, code, frame)
    return code


@kernel
def count_samples(duty):
    """Count the noted times in their histograms: when nothing else is to be done, or no more can be noted."""
    never_inlined()
    for index in range(duty.sample_count):
        sample = duty.samples[index]
        at = sample.histograms
        record(at, sample.queueing_ns)
        record(at + HISTOGRAM_BYTES, sample.service_ns)
        record(at + 2 * HISTOGRAM_BYTES, sample.queueing_ns + sample.service_ns)
        record(at + 3 * HISTOGRAM_BYTES, sample.age_ns)
    duty.sample_count = 0


@kernel
def _fail(duty, code, frame):
    """A step's negative code stops the stage; the supervisor reads it from the control cell."""
    hardly_ever()
    duty.failure = code
    kind, sequence = load_i64(frame) >> TYPE_SHIFT, load_i64(frame + FRAME_SEQUENCE)
    log_event(address_of(duty.ports), Event.STEP_FAILED, code, kind, sequence)
    if duty.control != 0:
        store_release(duty.control + FAILURE, code)


@kernel
def deliver_own(duty, port, kind, message, sequence, now_ns):
    """Deliver a message that the loop itself makes: written into the duty's own frame, always recorded."""
    never_inlined()
    frame = address_of(duty) + _FRAME_OFFSET
    length = FRAME_HEADER_BYTES + encode(message, frame + FRAME_HEADER_BYTES)
    store_i64(frame, (kind << TYPE_SHIFT) | length)
    store_i64(frame + FRAME_SEQUENCE, sequence)
    store_i64(frame + FRAME_ORIGIN, now_ns)
    store_i64(frame + FRAME_PUBLISH, now_ns)
    deliver(duty, port, frame, 0, 1, now_ns)


_FRAME_OFFSET = field_offset(DUTY, "frame")


@kernel
def has_way_out(duty):
    """Whether every outbox that waits for room has some: all that cancels and commands ask for.

    They go on while a link that must not lose is full, or a journal cannot grow: those have stopped new orders already,
    and this is how they are taken back. Without a way to the wire they stay where they are, where nothing is lost.
    """
    return _has_room(duty, 0)


@inlined
def has_credit(duty):
    """Whether every outbox that must not refuse has room for all that one step may write, and so has the journal."""
    if not _has_room(duty, 1):
        return 0
    journal = duty.ports.journal
    if journal.base != 0 and journal_room(journal) < JOURNAL_RESERVE_BYTES:
        return 0
    return 1


@inlined
def _has_room(duty, must_not_lose):
    """Room in the outboxes that wait for it, and in those that must not lose unless `must_not_lose` is 0."""
    ports = duty.ports
    for index in range(ports.gated_count):
        box = ports.outboxes[ports.gated[index]]
        if (must_not_lose or box.policy == WAIT) and not room_for(box.ring, box.credit_bytes):
            if box.policy == HALT:
                halt(ports)
            duty.held = 1
            return 0
    return 1
