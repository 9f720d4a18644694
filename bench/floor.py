"""The floor: what this host's core takes for a fixed piece of work at this moment, so that figures of other hosts,
or of a noisy hour, can be compared as ratios to it.

One step is a load from a table in the first-level cache whose address hangs on the last value, a multiplication and
an addition: nothing that a compiler can shorten or a core can overlap, a few nanoseconds on any of today's.
"""

import time

import numpy as np

from shm.kernel import kernel

STEPS = 20_000
RUNS = 5
_TABLE_WORDS = 2_048
_TABLE = np.random.default_rng(20_240_808).integers(0, 1 << 40, _TABLE_WORDS)


@kernel
def chained_steps(table, steps):
    """Take `steps` dependent steps through an int64 table whose length is a power of two."""
    mask = len(table) - 1
    value = 1
    for _ in range(steps):
        value = (table[value & mask] ^ value) * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407
        value = value ^ (value >> 33)
    return value


def floor_ns() -> float:
    """Nanoseconds a step, the median of a few runs: half a millisecond in all."""
    chained_steps(_TABLE, 1)
    runs = []
    for _ in range(RUNS):
        start_ns = time.perf_counter_ns()
        chained_steps(_TABLE, STEPS)
        runs.append((time.perf_counter_ns() - start_ns) / STEPS)
    return float(np.median(runs))
