"""Latency histograms in shared memory: HDR buckets, one writer, merged by the reader.

1 ns to 1 hour at 3 significant digits, the bucket rule of HdrHistogram (unit 1, 3 digits):

    bucket = 64 - leading zeros(value | 2047) - 11
    index  = ((bucket + 1) << 10) + (value >> bucket) - 1024

    +0 count   +8 sum   +16 max   +24 spare   +128 counts[33,792]

Recording is a handful of plain stores by the one writer; a reader may be one record behind, never wrong by
more. Merging is adding the counts.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shm.kernel import inlined, kernel, load_i64, store_i64

VALUE_MAX = 3_600_000_000_000
COUNTS = 33_792
COUNTS_OFFSET = 128
HISTOGRAM_BYTES = COUNTS_OFFSET + COUNTS * 8

HISTOGRAM = np.dtype(
    {
        "names": ["count", "sum", "max", "counts"],
        "formats": ["i8", "i8", "i8", ("i8", (COUNTS,))],
        "offsets": [0, 8, 16, COUNTS_OFFSET],
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
    """Count one value (ns); negative counts as 0, more than an hour as an hour."""
    value = min(max(value, 0), VALUE_MAX)
    at = histogram + COUNTS_OFFSET + (bucket_index(value) << 3)
    store_i64(at, load_i64(at) + 1)
    store_i64(histogram, load_i64(histogram) + 1)
    store_i64(histogram + 8, load_i64(histogram + 8) + value)
    if value > load_i64(histogram + 16):
        store_i64(histogram + 16, value)


@kernel
def _value_at(index):
    """The largest value that falls into a counter."""
    if index < 2048:
        return index
    bucket = (index >> 10) - 1
    return (((index & 1023) + 1024 + 1) << bucket) - 1


@kernel
def percentile_value(index):
    """The largest value that falls into the counter `index`, for callers in Python."""
    return _value_at(index)


@kernel
def percentile(counts, total, share):
    """Smallest value (ns) that at least `share` (0 to 1) of `total` records do not exceed; 0 when empty."""
    if total <= 0:
        return 0
    wanted = min(max(int(np.ceil(share * total)), 1), total)
    seen = 0
    for index in range(len(counts)):
        seen += counts[index]
        if seen >= wanted:
            return _value_at(index)
    return VALUE_MAX


def summary(*histograms: np.ndarray) -> dict[str, int]:
    """count, mean, p50, p99, p999 and max (ns) of one or several HISTOGRAM records, merged exactly."""
    counts = np.sum([histogram["counts"] for histogram in histograms], axis=0, dtype=np.int64)
    total = int(counts.sum())
    largest = max((int(histogram["max"]) for histogram in histograms), default=0)
    sums = sum(int(histogram["sum"]) for histogram in histograms)
    row = {"count": total, "mean": sums // total if total else 0}
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
        row[name] = min(int(percentile(counts, total, share)), largest)
    row["max"] = largest
    return row
