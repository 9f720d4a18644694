"""IdlePoll: keeps a core that processes share from halting while the market moves, at the scheduler's idle priority.

    the top of a book moved within the last AWAKE_NS    pause, pause, ...     whatever wants the core takes it at once
    else                                                sleep NAP_NS, look

A core that halts is given back to the host: it comes back with cold caches and a slow clock, and pays that at each of
the five wake-ups between a tick and its order. Processes that have a core each spin and never halt it; those that share
one sleep, and something has to stay awake in their stead. A quiet market costs twenty looks a second.
"""

import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from procs.affinity import owns_core
from procs.placement import waiting
from procs.topology import FUSED as HOT
from shm.atomics import load_acquire, pause
from shm.clock import read_clock
from shm.doorbell import nap
from shm.kernel import address_of_array, kernel

AWAKE_NS = 200_000_000
NAP_NS = 50_000_000
PAUSES = 64
"""Between two looks at the clock: a microsecond or two."""

CPU_QUOTAS = (Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))


@kernel
def stay_awake(stop, moves, clock, scratch):
    """Poll while the word at `moves` changes, nap while it does not, until the word at `stop` is set."""
    seen = load_acquire(moves)
    moved_ns = read_clock(clock) - AWAKE_NS
    while load_acquire(stop) == 0:
        now_ns = read_clock(clock)
        found = load_acquire(moves)
        if found != seen:
            seen = found
            moved_ns = now_ns
        if now_ns - moved_ns < AWAKE_NS:
            for _ in range(PAUSES):
                pause()
        else:
            nap(NAP_NS, scratch)


def is_metered(quotas: Iterable[Path] = CPU_QUOTAS) -> bool:
    """Whether this process's CPU time is rationed: polling would be paid for with what trading needs."""
    for quota in quotas:
        try:
            given = quota.read_text().split()[0]
        except (OSError, IndexError):
            continue
        return given not in ("max", "-1")
    return False


def cores_kept_awake(idle: str, wait: str, cores: Mapping[str, int], *, metered: bool) -> tuple[int, ...]:
    """The cores on which IdlePolls run: those of hot stages that sleep there.

    `idle`: "halt": none; "poll"; "auto": as "poll", unless CPU time is rationed or `wait` asks for something by name.
    """
    if idle == "halt" or (idle == "auto" and (metered or wait != "auto")):
        return ()
    sleepers = (stage for stage in HOT if waiting(wait, owns_core=owns_core(cores, stage)).sleeps)
    return tuple(sorted({cores[stage] for stage in sleepers}))


class IdlePoll:
    """One core's thread. It runs compiled code from its start to its end, without the interpreter's lock."""

    def __init__(self, core: int, moves: int, clock: int) -> None:
        """`moves`: address of a word that changes whenever the market moves; `clock`: of a CLOCK."""
        self.core = core
        self._words = np.zeros(16, dtype=np.int64)
        address = address_of_array(self._words)
        self._arguments = address, moves, clock, address + 64
        self._thread = threading.Thread(target=self._run, name=f"idle poll of core {core}", daemon=True)
        self._spent_s = 0.0

    def start(self) -> None:
        """Begin; the kernel's code is loaded here, so that the thread needs nothing of the interpreter."""
        self.load()
        self._words[0] = 0
        self._thread.start()

    def load(self) -> None:
        """Have the kernel's code compiled, or loaded from the cache."""
        self._words[0] = 1
        stay_awake(*self._arguments)

    def stop(self) -> None:
        """End it. The words that it watches must be mapped until then."""
        self._spent_s = self.cpu_s
        self._words[0] = 1
        self._thread.join()

    @property
    def cpu_s(self) -> float:
        """CPU seconds that nothing else wanted, spent until now, or until `stop`."""
        if self._thread.is_alive() and self._thread.ident is not None:
            return time.clock_gettime(time.pthread_getcpuclockid(self._thread.ident))
        return self._spent_s

    def _run(self) -> None:
        os.sched_setaffinity(0, {self.core})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        stay_awake(*self._arguments)
