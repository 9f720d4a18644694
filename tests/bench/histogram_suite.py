"""A suite of one row over a kernel that ships: a thousand values into a histogram, by `shm.histogram.record`."""

import time

import numpy as np

from bench.harness import Bench
from bench.results import TIME, Result, times
from shm.histogram import HISTOGRAM, record
from shm.kernel import address_of_array, kernel

VALUES = 1_000


@kernel
def record_values(histogram, count):
    """Values of all sizes that a hop takes."""
    for value in range(count):
        record(histogram, value * value)


def once() -> Result:
    """Times of many calls."""
    histogram = np.zeros(1, dtype=HISTOGRAM)
    record_values(address_of_array(histogram), VALUES)
    took = np.empty(300)
    for index in range(len(took)):
        start_ns = time.perf_counter_ns()
        record_values(address_of_array(histogram), VALUES)
        took[index] = time.perf_counter_ns() - start_ns
    return times(took, int(histogram[0]["count"]))


def rows(bench: Bench) -> None:
    """The row."""
    bench.row("record_values", unit=TIME, ours=once, answer=301 * VALUES)
