"""The one loop: poll the inboxes, call the step, stamp, journal, ring the doorbells, beat, idle.

    pass     control, then each inbox in order, at most BATCH_MAX messages each, then the timer
    message  journal what is taken -> step -> record queueing, service, hop, age
    after    release the inboxes, one fence, ring the doorbells of every touched outbox

Nobody writes a loop of his own: a stage is a state record and a compiled step, called by address, so that
this loop is compiled once for all stages. A DUTY record describes one stage; a group of them, in flow order,
is one process (`run_group`). The loop works in slices and returns to Python for signals and housekeeping.
"""

from procs.bells import ring_owed
from procs.delivery import count_samples, deliver, deliver_own, has_credit, has_way_out
from procs.duty import CONTROL_PORT, DUTY, GAP_PORT, HEARTBEAT_NS, TIMER_PORT
from procs.hot_log_events import Event
from procs.ports import RING, SLOTS, log_event
from procs.watch import is_quiet, watch_inbox
from shm.atomics import fence, load_acquire, pause, store_relaxed, store_release
from shm.cancels import cancels_waiting, take_cancel
from shm.clock import read_clock
from shm.control import ARGUMENT, COMMAND, HEARTBEAT
from shm.doorbell import AWAKE, IN_FUTEX, sleep_in_futex, yield_core
from shm.kernel import address_of, inlined, kernel, load_i64, view
from shm.layout import RING_HEAD_MISSED
from shm.ring import advance, poll, release
from shm.slot import slot_poll, slot_waits
from trader.compile_hints import hardly_ever
from trader.messages import CANCEL_REQUEST, CONTROL, GAP, TIMER

SLICE_NS = 100_000_000
"""How long a slice goes on while there is work now and then. Returning to Python costs a hundred microseconds, which
every stage behind this one on the same core would wait for: it is done in a quiet moment. The heart beats in the
loop itself."""

HELD_LOOK_NS = 500_000
"""How soon a stage that lacks room in a link looks again. Whoever makes that room does not ring: a bell would cost
every consumer a fence a pass, for what happens only behind a burst of megabytes."""

QUIET_NS = 2_000_000
"""A slice that is over ends at the first pause as long as this, or after as much again without one."""


@kernel
def _take_control(duty, now_ns):
    command = load_acquire(duty.control + COMMAND)
    if command == duty.command_seen or not has_way_out(duty):
        return 0
    return _obey(duty, command, now_ns)


@kernel
def _obey(duty, command, now_ns):
    hardly_ever()
    duty.command_seen = command
    duty.control_message.command = command & 0xFF
    duty.control_message.argument = load_i64(duty.control + ARGUMENT)
    deliver_own(duty, CONTROL_PORT, CONTROL, duty.control_message, command >> 8, now_ns)
    return 1


@kernel
def _take_cancels(duty, index, now_ns):
    box = duty.inboxes[index]
    taken = 0
    while taken < duty.batch_max and has_way_out(duty):
        found, order_slot, client_order_id = take_cancel(box.cancels)
        if not found:
            break
        box.cancels.sequence += 1
        duty.cancel_message.source = index
        duty.cancel_message.order_slot = order_slot
        duty.cancel_message.client_order_id = client_order_id
        deliver_own(duty, index, CANCEL_REQUEST, duty.cancel_message, box.cancels.sequence, now_ns)
        box.taken += 1
        taken += 1
    return taken


@inlined
def _take_ring(duty, index, now_ns):
    box = duty.inboxes[index]
    taken = 0
    while taken < duty.batch_max and duty.failure == 0:
        frame = poll(box.ring)
        if frame == 0 or not has_credit(duty):
            break
        missed = advance(box.ring, frame)
        if missed != 0:
            _tell_gap(duty, index, missed, now_ns)
        deliver(duty, index, frame, box.histograms, box.recorded, now_ns)
        taken += 1
    if taken:
        box.taken += taken
        release(box.ring)
    return taken


@kernel
def _tell_gap(duty, index, missed, now_ns):
    hardly_ever()
    box = duty.inboxes[index]
    box.missed += missed
    store_relaxed(box.ring.head + RING_HEAD_MISSED, box.missed)
    log_event(address_of(duty.ports), Event.MESSAGES_MISSED, index, missed)
    duty.gap_message.inbox = index
    duty.gap_message.missed = missed
    deliver_own(duty, GAP_PORT, GAP, duty.gap_message, box.ring.sequence, now_ns)


@inlined
def _take_slots(duty, index, now_ns):
    box = duty.inboxes[index]
    taken = 0
    while slot_waits(box.slot) and taken < duty.batch_max and duty.failure == 0 and has_credit(duty):
        frame = slot_poll(box.slot)
        if frame == 0:
            break
        deliver(duty, index, frame, box.histograms, box.recorded, now_ns)
        box.taken += 1
        taken += 1
    return taken


@inlined
def timer_due_ns(duty):
    """When the timer is due: at its own pace, or when the stage wants it before."""
    wake_ns = duty.ports.wake_ns
    return min(duty.timer_next_ns, wake_ns) if wake_ns != 0 else duty.timer_next_ns


@kernel
def _take_timer(duty, now_ns):
    if not has_credit(duty):
        return 0
    duty.timer_next_ns = now_ns + duty.timer_ns
    duty.ports.wake_ns = 0
    duty.timer_count += 1
    duty.timer_message.count = duty.timer_count
    deliver_own(duty, TIMER_PORT, TIMER, duty.timer_message, duty.timer_count, now_ns)
    return 1


@inlined
def run_pass(duty, now_ns):
    """Serve every inbox once; return how many messages were taken. A stage that failed takes nothing more."""
    taken = 0
    if duty.failure != 0:
        return 0
    duty.stamp_ns = now_ns
    duty.held = 0
    if duty.control != 0:
        taken += _take_control(duty, now_ns)
    for index in range(duty.inbox_count):
        watch = duty.watches[index]
        if is_quiet(watch):
            continue
        kind = duty.inboxes[index].kind
        if kind == RING:
            taken += _take_ring(duty, index, now_ns)
        elif kind == SLOTS:
            taken += _take_slots(duty, index, now_ns)
        elif cancels_waiting(duty.inboxes[index].cancels) != 0:
            taken += _take_cancels(duty, index, now_ns)
        watch_inbox(watch, duty.inboxes[index])
    if duty.timer_ns != 0 and now_ns >= timer_due_ns(duty):
        taken += _take_timer(duty, now_ns)
    if taken and not duty.ports.hushed:
        ring_owed(duty.ports)
    return taken


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
    return run_group_at(group, count, rounds_max, read_clock(view(load_i64(group), DUTY).clock))


@kernel
def run_group_at(group, count, rounds_max, now_ns):
    """`run_group` for who has just looked at the clock: the first round begins `now_ns`."""
    taken = 0
    for number in range(rounds_max):
        moved = 0
        if number != 0:
            now_ns = read_clock(view(load_i64(group), DUTY).clock)
        for index in range(count):
            duty = view(load_i64(group + index * 8), DUTY)
            found = run_pass(duty, now_ns)
            if found:
                # What the next stage takes was sent before this: it needs no clock of its own.
                now_ns = duty.stamp_ns
            elif duty.sample_count:
                count_samples(duty)
            moved += found
            _beat(duty, now_ns)
            if duty.failure != 0:
                return taken + moved
        if moved == 0:
            break
        taken += moved
    return taken


@kernel
def next_timer_ns(group, count, now_ns):
    """Nanoseconds until a stage of the group wants its timer or its heartbeat, or looks for room that it lacked."""
    wait_ns = HEARTBEAT_NS
    for index in range(count):
        duty = view(load_i64(group + index * 8), DUTY)
        if duty.timer_ns != 0:
            wait_ns = min(wait_ns, max(timer_due_ns(duty) - now_ns, 0))
        if duty.held != 0:
            wait_ns = min(wait_ns, HELD_LOOK_NS)
    return wait_ns


@kernel
def run_slice(group, count, doorbell, spins, yields, scratch):
    """One slice of a process without sockets: work, and sleep until rung, until a pause after SLICE_NS.

    Idle ladder: `spins` pauses, `yields` yields, then the futex of `doorbell` (0: never sleep). Returns
    messages taken; comes back at once after a sleep that found nothing, so that signals are served.
    """
    clock = view(load_i64(group), DUTY).clock
    start_ns = read_clock(clock)
    taken = 0
    idle = 0
    while True:
        now_ns = read_clock(clock)
        moved = run_group_at(group, count, 16, now_ns)
        taken += moved
        if moved:
            idle = 0
        elif idle < spins:
            idle += 1
            pause()
        elif idle < spins + yields:
            idle += 1
            yield_core()
        elif doorbell != 0:
            wait_ns = next_timer_ns(group, count, now_ns)
            if now_ns - start_ns >= SLICE_NS:
                wait_ns = min(wait_ns, QUIET_NS)
            moved = _sleep(group, count, doorbell, scratch, wait_ns) + run_group(group, count, 16)
            taken += moved
            if moved == 0:
                return taken
            idle = 0
        elif now_ns - start_ns >= SLICE_NS:
            return taken
        if now_ns - start_ns >= 2 * SLICE_NS:
            return taken


@kernel
def _sleep(group, count, doorbell, scratch, wait_ns):
    """Sleep, at most `wait_ns`, unless a last look finds something; messages that it took."""
    store_relaxed(doorbell, IN_FUTEX)
    fence()
    taken = run_group(group, count, 1)
    if taken == 0:
        sleep_in_futex(doorbell, wait_ns, scratch)
    else:
        store_release(doorbell, AWAKE)
    return taken
