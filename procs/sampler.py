"""Where a process spends its CPU time: a compiled SIGPROF handler that notes the program counter.

It comes as often in a second of CPU time as was asked for, or as the kernel's own tick allows. A sleeping process is
not disturbed, and no debugger, no rights and no other program are needed.

    SIGPROF --> handler(signal, info, context): samples[count] := program counter; count := count + 1
    at the end  samples, by the names of symbols.py, to a JSON file

Off unless `sample_processes` was called before the processes were forked.
"""

import contextlib
import ctypes
import platform
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numba
import numpy as np
from numba import types

from procs.errors import OperatorError
from procs.symbols import keep_objects, symbols_here
from shm.kernel import load_i64, store_i64

HZ_MAX = 10_000
SAMPLES_MAX = 1 << 20
_PROGRAM_COUNTER = {"x86_64": 40 + 16 * 8, "aarch64": 440}
"""Where Linux' ucontext_t holds it, in bytes."""

_SA_SIGINFO, _SA_RESTART = 4, 0x10000000
_hz = 0


class Profile(msgspec.Struct, frozen=True):
    """What one process did in `cpu_s` seconds of CPU. `counts`: samples by function; `lost`: those without room."""

    process: str
    cpu_s: float
    samples: int
    lost: int
    counts: dict[str, int]


def sample_processes(hz: int) -> None:
    """Have every process that is forked from here on sampled. Raises OperatorError where that can't be done."""
    global _hz
    if platform.machine() not in _PROGRAM_COUNTER:
        raise OperatorError(f"profile: found a {platform.machine()}, allowed {', '.join(_PROGRAM_COUNTER)}")
    if not 1 <= hz <= HZ_MAX:
        raise OperatorError(f"--hz: found {hz}, allowed 1 to {HZ_MAX}")
    _hz = hz
    keep_objects()


def profile_file(out_dir: Path, process: str) -> Path:
    """Where a process of a run writes its profile."""
    return out_dir / f"profile-{process}.json"


@contextlib.contextmanager
def sampled(out_dir: Path, process: str) -> Iterator[None]:
    """Sample this process while the body runs, and write what was found; does nothing unless it was asked for."""
    if not _hz:
        yield
        return
    sampler = Sampler(_hz)
    sampler.start()
    try:
        yield
    finally:
        sampler.stop()
        profile_file(out_dir, process).write_bytes(msgspec.json.encode(sampler.profile(process)))


class _Action(ctypes.Structure):
    """struct sigaction of glibc."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ulong * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


class Sampler:
    """Samples of this process's CPU time. One at a time: there is one SIGPROF."""

    def __init__(self, hz: int) -> None:
        self.hz = hz
        self._cells = np.zeros(SAMPLES_MAX + 1, dtype=np.int64)
        self._handler = _handler(self._cells.ctypes.data)
        self._began_s = self._cpu_s = 0.0

    def start(self) -> None:
        """Begin."""
        self._began_s = time.process_time()
        action = _Action(handler=self._handler.address, flags=_SA_SIGINFO | _SA_RESTART)
        if ctypes.CDLL(None, use_errno=True).sigaction(int(signal.SIGPROF), ctypes.byref(action), None):
            raise OSError(ctypes.get_errno(), "sigaction")
        signal.setitimer(signal.ITIMER_PROF, 1 / self.hz, 1 / self.hz)

    def stop(self) -> None:
        """End; a sample that is on its way is still taken."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._cpu_s = time.process_time() - self._began_s

    def profile(self, process: str) -> Profile:
        """What has been found, by function."""
        taken = int(self._cells[0])
        kept = min(taken, SAMPLES_MAX)
        symbols = symbols_here()
        addresses, times = np.unique(self._cells[1 : kept + 1], return_counts=True)
        counts: Counter[str] = Counter()
        for address, count in zip(addresses.tolist(), times.tolist(), strict=True):
            counts[symbols.name_of(address)] += count
        return Profile(process, round(self._cpu_s, 3), kept, taken - kept, dict(counts.most_common()))


def _handler(cells: int) -> Any:
    """A handler that writes to the table at `cells`: how many were taken, then the program counters."""
    at = _PROGRAM_COUNTER[platform.machine()]

    def note(number: int, info: int, context: int) -> None:
        taken = load_i64(cells)
        if taken < SAMPLES_MAX:
            store_i64(cells + 8 + taken * 8, load_i64(context + at))
        store_i64(cells, taken + 1)

    # Not cached: the table's address is in the code.
    return numba.cfunc(types.void(types.int32, types.int64, types.int64), nopython=True)(note)
