"""Rows of the transport suite: order slots taken and given back, latencies recorded, percentiles asked for."""

import functools
import time
from collections import deque

import numpy as np
from numba.core.runtime import _nrt_python, rtsys

from bench.harness import Bench
from bench.results import TIME, Result, times
from bench.shared import new_clock
from shm.clock import read_clock
from shm.histogram import HISTOGRAM, percentile, record
from shm.kernel import address_of_array, kernel, new_record
from shm.order_arena import ARENA, SLOTS, format_arena, give_back, take

BATCH = 1000
HELD = 64
"""Orders that are open all the time: what is given back was taken this many orders ago."""

FINE = "every slot came back, nothing was allocated"


def arena_row(bench: Bench) -> None:
    """`order_arena`: a slot taken and one given back, beside a free list and a dict in plain Python."""
    bench.row(
        "order_arena",
        unit=TIME,
        target=10,
        ours=functools.partial(our_arena, bench.size(2_000, 5)),
        rivals={"deque + dict": functools.partial(python_arena, bench.size(100, 5))},
        answer=FINE,
    )


def histogram_rows(bench: Bench) -> None:
    """`histogram_record`: one value; `histogram_percentile`: one question to a histogram of latencies to 10 ms."""
    values = np.random.default_rng(5).lognormal(8, 1.5, BATCH).clip(0, 10_000_000).astype(np.int64)
    bench.row(
        "histogram_record",
        unit=TIME,
        target=5,
        ours=functools.partial(our_histogram, bench.size(2_000, 5), values),
        rivals={"list, to be sorted later": functools.partial(python_list, bench.size(200, 5), values)},
    )
    bench.row(
        "histogram_percentile",
        unit=TIME,
        target=10_000,
        ours=functools.partial(our_percentiles, bench.size(2_000, 5), values),
        rivals={"numpy.percentile": functools.partial(numpy_percentiles, bench.size(200, 5), values)},
    )


@kernel
def churn(arena, held, clock, measured):
    """Give the oldest of `held` back and take another, BATCH times a sample; how many were given back."""
    found = at = 0
    for index in range(len(measured)):
        start_ns = read_clock(clock)
        for _ in range(BATCH):
            found += give_back(arena, held[at])
            held[at] = take(arena)
            at = (at + 1) & (HELD - 1)
        measured[index] = (read_clock(clock) - start_ns) / BATCH
    return found


def our_arena(samples: int) -> Result:
    """The compiled arena. The call makes numba allocate, for its arrays: once, whatever the number of samples."""
    arena, clock, measured = new_record(ARENA), new_clock(), np.zeros(samples)
    format_arena(arena[0])
    held = np.array([take(arena[0]) for _ in range(HELD)])
    found, allocated = [], []
    _nrt_python.memsys_enable_stats()
    for part in (measured[:0], measured):
        before = rtsys.get_allocation_stats().alloc
        found.append(churn(arena[0], held, address_of_array(clock), part))
        allocated.append(rtsys.get_allocation_stats().alloc - before)
    _nrt_python.memsys_disable_stats()
    if found[1] != samples * BATCH or arena[0]["free_count"] != SLOTS - HELD:
        return times(measured, f"{found[1]} of {samples * BATCH} came back")
    return times(measured, FINE if allocated[0] == allocated[1] else f"{allocated[1] - allocated[0]} allocations")


def python_arena(samples: int) -> Result:
    """What one would write in Python: free slots in a deque, taken ones in a dict."""
    free: deque[int] = deque(range(SLOTS))
    taken: dict[int, int] = {}
    held, generation, found = deque[int](), 0, 0
    measured = np.zeros(samples)
    for _ in range(HELD):
        held.append(free.popleft())
    for index in range(samples):
        start_ns = time.perf_counter_ns()
        for _ in range(BATCH):
            oldest = held.popleft()
            found += taken.pop(oldest, 0) != -1
            free.append(oldest)
            slot = free.popleft()
            generation += 1
            taken[slot] = generation
            held.append(slot)
        measured[index] = (time.perf_counter_ns() - start_ns) / BATCH
    return times(measured, FINE if found == samples * BATCH and len(free) == SLOTS - HELD else "some were lost")


@kernel
def record_all(histogram, values, clock, measured):
    """Record each value once a sample."""
    for index in range(len(measured)):
        start_ns = read_clock(clock)
        for value in values:
            record(histogram, value)
        measured[index] = (read_clock(clock) - start_ns) / len(values)


def our_histogram(samples: int, values: np.ndarray) -> Result:
    """The compiled histogram; its answer: how many it counted, and their largest."""
    histogram, clock, measured = new_record(HISTOGRAM), new_clock(), np.zeros(samples)
    record_all(address_of_array(histogram), values, address_of_array(clock), measured)
    return times(measured, (int(histogram[0]["counts"].sum()) // samples, int(histogram[0]["max"])))


def python_list(samples: int, values: np.ndarray) -> Result:
    """Values appended to a list."""
    measured, plain, kept = np.zeros(samples), values.tolist(), list[int]()
    for index in range(samples):
        kept.clear()
        start_ns = time.perf_counter_ns()
        for value in plain:
            kept.append(value)
        measured[index] = (time.perf_counter_ns() - start_ns) / len(plain)
    return times(measured, (len(kept), max(kept)))


@kernel
def ask_all(counts, total, clock, measured):
    """One percentile a sample, from the median to the largest; the sum of all."""
    found = 0
    for index in range(len(measured)):
        share = 0.5 + 0.5 * (index + 1) / len(measured)
        start_ns = read_clock(clock)
        found += percentile(counts, total, share)
        measured[index] = read_clock(clock) - start_ns
    return found


def our_percentiles(samples: int, values: np.ndarray) -> Result:
    """Percentiles of a histogram; its answer: whether the last was the largest value, to three digits."""
    histogram, clock, measured = new_record(HISTOGRAM), new_clock(), np.zeros(samples)
    record_all(address_of_array(histogram), values, address_of_array(clock), np.zeros(1))
    counts = histogram[0]["counts"]
    ask_all(counts, len(values), address_of_array(clock), measured)
    largest = percentile(counts, len(values), 1.0)
    return times(measured, bool(0 <= largest - values.max() <= values.max() / 1000))


def numpy_percentiles(samples: int, values: np.ndarray) -> Result:
    """The same questions to the values themselves."""
    measured = np.zeros(samples)
    for index in range(samples):
        start_ns = time.perf_counter_ns()
        largest = np.percentile(values, 50 + 50 * (index + 1) / samples)
        measured[index] = time.perf_counter_ns() - start_ns
    return times(measured, bool(largest == values.max()))
