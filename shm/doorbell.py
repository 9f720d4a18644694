"""Sleep and wake across processes: one doorbell word for each consumer process.

    0 awake      the producer does nothing
    1 sleeping   in a futex: the producer wakes it (compiled stages)
    2 sleeping   in epoll: the producer writes the eventfd (stages that own sockets)

    sleeper: state = 1 or 2; fence; look once more at every inbox; sleep; state = 0
    waker:   publish; fence; state != 0? swap it to 0 and wake

The two fences make "I sleep" and "I published" impossible to miss both ways. One fence serves a whole batch.
"""

from numba import types

from shm.atomics import exchange, fence, load_acquire, load_relaxed, store_release
from shm.kernel import inlined, kernel, store_i64
from shm.layout import DOORBELL_DESCRIPTOR, DOORBELL_STATE

AWAKE, IN_FUTEX, IN_EPOLL = range(3)

_FUTEX = {"x86_64": 202, "aarch64": 98}
_WAIT, _WAKE = 0, 1


def _futex_number() -> int:
    import platform

    return _FUTEX.get(platform.machine(), 202)


SYSCALL_FUTEX = _futex_number()
_syscall = types.ExternalFunction("syscall", types.int64(*[types.int64] * 7))
_write = types.ExternalFunction("write", types.int64(types.int64, types.int64, types.int64))
_sched_yield = types.ExternalFunction("sched_yield", types.int32())
_nanosleep = types.ExternalFunction("nanosleep", types.int32(types.int64, types.int64))


@kernel
def yield_core():
    """Let another runnable thread of this core go first."""
    _sched_yield()


@kernel
def nap(duration_ns, scratch):
    """Sleep, whatever happens meanwhile. `scratch`: address of 16 bytes for the time."""
    store_i64(scratch, duration_ns // 1_000_000_000)
    store_i64(scratch + 8, duration_ns % 1_000_000_000)
    _nanosleep(scratch, 0)


@inlined
def ring_doorbell(doorbell, scratch):
    """Wake the sleeper of a doorbell, if there is one. The caller has published and fenced.

    `scratch`: address of 8 bytes that this call may overwrite (what an eventfd is told).
    """
    if load_relaxed(doorbell + DOORBELL_STATE) != AWAKE:
        _wake(doorbell, scratch)


@kernel
def wake(doorbell, scratch):
    """Wake the sleeper of a doorbell, for callers in Python: fences first."""
    fence()
    ring_doorbell(doorbell, scratch)


@kernel
def _wake(doorbell, scratch):
    slept = exchange(doorbell + DOORBELL_STATE, AWAKE)
    if slept == IN_FUTEX:
        _syscall(SYSCALL_FUTEX, doorbell + DOORBELL_STATE, _WAKE, 1, 0, 0, 0)
    elif slept == IN_EPOLL:
        store_i64(scratch, 1)
        _write(load_acquire(doorbell + DOORBELL_DESCRIPTOR), scratch, 8)


@kernel
def sleep_in_futex(doorbell, timeout_ns, scratch):
    """Sleep until rung or timed out. The caller has set IN_FUTEX, fenced and found nothing to do.

    `scratch`: address of 16 bytes for the time-out.
    """
    store_i64(scratch, timeout_ns // 1_000_000_000)
    store_i64(scratch + 8, timeout_ns % 1_000_000_000)
    _syscall(SYSCALL_FUTEX, doorbell + DOORBELL_STATE, _WAIT, IN_FUTEX, scratch, 0, 0)
    store_release(doorbell + DOORBELL_STATE, AWAKE)
