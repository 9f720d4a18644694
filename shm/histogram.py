"""Latency histograms in shared memory: HDR buckets, one writer, merged by the reader.

1 ns to 1 hour at 3 significant digits, the bucket rule of HdrHistogram (unit 1, 3 digits):

    bucket = 64 - leading zeros(value | 2047) - 11
    index  = ((bucket + 1) << 10) + (value >> bucket) - 1024

    +0 count   +8 sum   +16 max   +24 outside   +128 counts[33,792]

Recording is a handful of stores by the one writer, the total last: a reader that looks at `count` first finds at
least that many in `counts`. What is below 0 or above an hour counts at that end, and in `outside`. Merging is
adding; a percentile skips blocks of counters whose sum does not reach it, so it takes microseconds.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shm.atomics import store_relaxed, store_release
from shm.kernel import inlined, kernel, load_i64

VALUE_MAX = 3_600_000_000_000
COUNTS = 33_792
SUM, MAX, OUTSIDE, COUNTS_OFFSET = 8, 16, 24, 128
HISTOGRAM_BYTES = COUNTS_OFFSET + COUNTS * 8
BLOCK = 1024
assert COUNTS % BLOCK == 0

HISTOGRAM = np.dtype(
    {
        "names": ["count", "sum", "max", "outside", "counts"],
        "formats": ["i8", "i8", "i8", "i8", ("i8", (COUNTS,))],
        "offsets": [0, SUM, MAX, OUTSIDE, COUNTS_OFFSET],
        "itemsize": HISTOGRAM_BYTES,
    }
)


@intrinsic
def _leading_zeros(typingctx: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@inlined
def bucket_index(value):
    """Index of the counter for a value in nanoseconds, 0 to VALUE_MAX."""
    bucket = 53 - _leading_zeros(value | 2047)
    return ((bucket + 1) << 10) + (value >> bucket) - 1024


@inlined
def record(histogram, value):
    """Count one value (ns); negative counts as 0, more than an hour as an hour, both as `outside` too."""
    inside = min(max(value, 0), VALUE_MAX)
    if inside != value:
        store_relaxed(histogram + OUTSIDE, load_i64(histogram + OUTSIDE) + 1)
    at = histogram + COUNTS_OFFSET + (bucket_index(inside) << 3)
    store_relaxed(at, load_i64(at) + 1)
    store_relaxed(histogram + SUM, load_i64(histogram + SUM) + inside)
    if inside > load_i64(histogram + MAX):
        store_relaxed(histogram + MAX, inside)
    store_release(histogram, load_i64(histogram) + 1)


@kernel
def percentile_value(index):
    """The largest value that falls into the counter `index`."""
    if index < 2048:
        return index
    bucket = (index >> 10) - 1
    return (((index & 1023) + 1024 + 1) << bucket) - 1


@kernel
def percentile(counts, total, share):
    """Smallest value (ns) that at least `share` (0 to 1) of `total` records do not exceed; 0 when empty."""
    if total <= 0:
        return 0
    wanted = min(max(int(np.ceil(share * total)), 1), total)
    for start in range(0, COUNTS, BLOCK):
        inside = counts[start : start + BLOCK].sum()
        if inside < wanted:
            wanted -= inside
            continue
        for index in range(start, start + BLOCK):
            wanted -= counts[index]
            if wanted <= 0:
                return percentile_value(index)
    return VALUE_MAX


def merged(*histograms: Any) -> np.ndarray:
    """One HISTOGRAM record of all the values of several; they may be written to meanwhile."""
    both = np.zeros((), HISTOGRAM)
    for histogram in histograms:
        both["count"] += histogram["count"]  # before the counts: they are then no fewer
        for name in ("sum", "outside", "counts"):
            both[name] += histogram[name]
        both["max"] = max(both["max"], histogram["max"])
    return both


def summary(*histograms: Any) -> dict[str, int]:
    """count, mean, p50, p99, p999, max (ns) and outside of one or several HISTOGRAM records, merged exactly."""
    both = merged(*histograms)
    counts, largest = both["counts"], int(both["max"])
    total = int(counts.sum())
    row = {"count": total, "mean": int(both["sum"]) // total if total else 0}
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
        row[name] = min(int(percentile(counts, total, share)), largest)
    return {**row, "max": largest, "outside": int(both["outside"])}
