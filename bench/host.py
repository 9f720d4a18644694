"""What figures were measured on: CPU, cores, governor, kernel, versions, load, and the core-to-core floor."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.processes import in_both
from bench.shared import new_clock, shared_bytes
from procs.affinity import available_cores, siblings
from shm.atomics import load_acquire, pause, store_release
from shm.clock import now_ns
from shm.kernel import address_of_array, kernel

SPINS_MAX = 50_000_000
"""A partner that does not answer for so long is not running: about a second."""

ROUNDS_A_SAMPLE = 100


def host_facts(*, smoke: bool = False) -> dict[str, Any]:
    """The header of every report; `core_to_core_ns` is null where there is one core only."""
    import llvmlite
    import msgspec
    import numba

    cores = available_cores()
    return {
        "cpu": _cpu_model(),
        "cores": len(cores),
        "cores_of_host": os.cpu_count(),
        "threads_per_core": len(siblings(cores[0])),
        "governor": _text(f"/sys/devices/system/cpu/cpu{cores[0]}/cpufreq/scaling_governor") or "none",
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "msgspec": msgspec.__version__,
        "load": [round(load, 2) for load in os.getloadavg()],
        "core_to_core_ns": core_to_core_ns(samples=20 if smoke else 400),
        "smoke": smoke,
    }


def core_to_core_ns(*, samples: int = 400) -> float | None:
    """Median one-way time of a counter handed between two pinned processes: what no message can undercut."""
    cores = available_cores()
    if len(cores) < 2:
        return None
    clock = new_clock()
    times = np.zeros(samples, dtype=np.int64)

    # Compiled before the fork: each waits for the other for a second at most.
    hand_over_and_wait(0, address_of_array(clock), times[:0])
    answer(0, 0)
    memory = shared_bytes(256)
    cells = address_of_array(memory)
    in_both(
        lambda: hand_over_and_wait(cells, address_of_array(clock), times),
        lambda: answer(cells, samples * ROUNDS_A_SAMPLE),
        cores=(cores[-1], cores[0]),
    )
    measured = times[times > 0]
    return round(float(np.median(measured)) / (2 * ROUNDS_A_SAMPLE), 1) if len(measured) else None


@kernel
def hand_over_and_wait(memory, clock, times):
    """Count up in one cell, wait for the echo in the other; a sample is ROUNDS_A_SAMPLE round trips."""
    value = 0
    for sample in range(len(times)):
        start_ns = now_ns(clock)
        for _ in range(ROUNDS_A_SAMPLE):
            value += 1
            store_release(memory, value)
            spins = 0
            while load_acquire(memory + 128) != value:
                pause()
                spins += 1
                if spins > SPINS_MAX:
                    return
        times[sample] = now_ns(clock) - start_ns


@kernel
def answer(memory, rounds):
    """Echo each value of the first cell in the second."""
    for value in range(1, rounds + 1):
        spins = 0
        while load_acquire(memory) != value:
            pause()
            spins += 1
            if spins > SPINS_MAX:
                return
        store_release(memory + 128, value)


def _cpu_model() -> str:
    lines = _text("/proc/cpuinfo").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
