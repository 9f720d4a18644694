"""The compiled half of a process that owns sockets: what a callback hands over is taken here, in one call.

push_and_turn   write one frame into the inbox, take a turn
push_and_run    the same while more of one read follows: taken, but nobody is woken and nothing is handed over
take_turn       awake; run_group until nothing moves; "asleep in epoll"; look once more; say what is to be done
"""

import numpy as np

from procs.bells import ring_owed
from procs.duty import DUTY
from procs.duty_cycle import next_timer_ns, run_group
from procs.wire_rings import has_action, push
from shm.atomics import fence, store_relaxed, store_release
from shm.clock import read_clock
from shm.doorbell import AWAKE, IN_EPOLL
from shm.kernel import inlined, kernel, load_i64, view

ROUNDS_MAX = 256
WIRES_MAX = 2
"""Stages with sockets in one process."""

MOVED, TO_SEND, HELD, TO_ARM = 1, 2, 4, 8
"""What a turn says: something was taken; an outbox has something; a stage lacks room; the timer must come earlier."""
NO_ROOM = -1
ARM_NS_MIN = 500_000

LOOP = np.dtype(
    [
        ("group", "i8"),
        ("count", "i8"),
        ("doorbell", "i8"),
        ("clock", "i8"),
        ("polls", "i8"),
        ("shares_core", "i8"),
        ("armed_ns", "i8"),
        ("outbox_count", "i8"),
        ("outboxes", "i8", (WIRES_MAX,)),
    ],
    align=True,
)
"""The loop as compiled code sees it. `group`, `count`: addresses of DUTY records; `polls`: whether it never sleeps;
`shares_core`: whether those whom it wakes wait for its core; `armed_ns`: when the timer comes; `outboxes`: addresses of
WIRE_READERs."""


@kernel
def turn_group(group, count, doorbell):
    """Work until nothing moves, then declare sleep; returns messages taken."""
    store_relaxed(doorbell, AWAKE)
    taken = run_group(group, count, ROUNDS_MAX)
    store_release(doorbell, IN_EPOLL)
    fence()
    return taken + run_group(group, count, ROUNDS_MAX)


@kernel
def take_turn(address):
    """A turn of the LOOP at an address; returns what it says, a set of MOVED, TO_SEND, HELD and TO_ARM."""
    loop = view(address, LOOP)
    if loop.polls:
        taken = run_group(loop.group, loop.count, ROUNDS_MAX)
    else:
        taken = turn_group(loop.group, loop.count, loop.doorbell)
    said = MOVED if taken else 0
    for index in range(loop.outbox_count):
        if has_action(loop.outboxes[index]):
            said |= TO_SEND
    for index in range(loop.count):
        duty = view(load_i64(loop.group + index * 8), DUTY)
        ring_owed(duty.ports)
        if duty.held != 0:
            said |= HELD
    if not loop.polls and _timer_ns(loop) + ARM_NS_MIN < loop.armed_ns:
        said |= TO_ARM
    return said


@inlined
def _timer_ns(loop):
    """When the group wants its timer."""
    now = read_clock(loop.clock)
    return now + next_timer_ns(loop.group, loop.count, now)


@kernel
def arm(address):
    """The nanoseconds until the group wants its timer; what is armed is noted."""
    loop = view(address, LOOP)
    loop.armed_ns = _timer_ns(loop)
    return loop.armed_ns - read_clock(loop.clock)


@kernel
def push_and_turn(address, inbox, connection_id, kind, status, payload, length):
    """Write one WireIn and take a turn: what it says, or NO_ROOM and no turn was taken."""
    if push(inbox, connection_id, kind, status, payload, length) == 0:
        return NO_ROOM
    return take_turn(address)


@kernel
def push_and_run(address, inbox, connection_id, kind, status, payload, length):
    """Write one WireIn and take it, without what ends a turn: 1, or NO_ROOM and nothing was done.

    On a shared core nobody is woken yet: whom this wakes would only take the core from what is still to be read.
    """
    if push(inbox, connection_id, kind, status, payload, length) == 0:
        return NO_ROOM
    loop = view(address, LOOP)
    _hush(loop, loop.shares_core)
    run_group(loop.group, loop.count, ROUNDS_MAX)
    _hush(loop, 0)
    return 1


@inlined
def _hush(loop, hushed):
    for index in range(loop.count):
        view(load_i64(loop.group + index * 8), DUTY).ports.hushed = hushed
