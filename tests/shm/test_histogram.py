"""Histograms: the bucket rule of HdrHistogram to the bit, percentiles at three digits, exact merges."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from shm.atomics import load_acquire, store_release
from shm.histogram import (
    COUNTS,
    HISTOGRAM,
    HISTOGRAM_BYTES,
    VALUE_MAX,
    bucket_index,
    merged,
    percentile,
    record,
    summary,
)
from shm.kernel import address_of_array, kernel, load_i64, new_record
from tests.shm.areas import shared, shared_record
from tests.shm.processes import Child

SUB_BUCKETS = 2048
HALF = SUB_BUCKETS // 2


@kernel
def index_of(value):
    """`bucket_index`, from Python."""
    return bucket_index(value)


@kernel
def record_all(histogram, values):
    """Record each value."""
    for value in values:
        record(histogram, value)


@kernel
def record_walk(histogram, rounds, stop):
    """Record `rounds` values of a fixed walk over all magnitudes."""
    value = 1
    for _ in range(rounds):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
        record(histogram, value << (value & 11))
    store_release(stop, 1)


@kernel
def read_while_written(histogram, counts, stop):
    """(reads, totals that went back, totals beyond the counters read behind them) until the writer is through."""
    reads = back = beyond = before = 0
    while True:
        stopping = load_acquire(stop)
        total = load_acquire(histogram)
        found = 0
        for index in range(len(counts)):
            found += load_i64(histogram + 128 + 8 * index)
        reads += 1
        back += total < before
        beyond += total > found
        before = total
        if stopping:
            return reads, back, beyond


def hdr_index(value: int) -> int:
    """countsArrayIndex of HdrHistogram (lowest 1, 3 digits), as its Java source has it, in Python's big integers."""
    bucket = 64 - (64 - (value | (SUB_BUCKETS - 1)).bit_length()) - 11
    sub_bucket = value >> bucket
    return ((bucket + 1) << 10) + (sub_bucket - HALF)


def hdr_highest(index: int) -> int:
    """highestEquivalentValue of a counter, by HdrHistogram's valueFromIndex."""
    bucket = (index >> 10) - 1
    sub_bucket = (index & (HALF - 1)) + HALF
    if bucket < 0:
        sub_bucket, bucket = sub_bucket - HALF, 0
    return (sub_bucket << bucket) + (1 << bucket) - 1


def histogram_of(values: np.ndarray) -> np.ndarray:
    """A HISTOGRAM of values."""
    histogram = new_record(HISTOGRAM)
    record_all(address_of_array(histogram), np.asarray(values, np.int64))
    return histogram


def test_every_value_falls_into_the_counter_that_hdrhistogram_has_for_it() -> None:
    rng = np.random.default_rng(1)
    edges = [base + off for bits in range(42) for base in (1 << bits, 3 << bits) for off in (-2, -1, 0, 1, 2)]
    values = [*range(5000), *edges, VALUE_MAX, *(int(2.0**power) for power in rng.uniform(0, 41.7, 5000))]
    for value in values:
        if 0 <= value <= VALUE_MAX:
            assert index_of(value) == hdr_index(value) < COUNTS


def test_a_counters_value_is_the_highest_of_those_that_fall_into_it() -> None:
    for index in [*range(3000), *range(3000, hdr_index(VALUE_MAX), 37), hdr_index(VALUE_MAX)]:
        counts = np.zeros(COUNTS, np.int64)
        counts[index] = 1
        highest = percentile(counts, 1, 1.0)
        assert highest == hdr_highest(index)
        assert index_of(highest) == index
        assert index_of(highest + 1) == index + 1


def test_every_value_is_kept_to_three_significant_digits() -> None:
    for value in (int(2.0**power) for power in np.random.default_rng(2).uniform(0, 41.7, 3000)):
        highest = hdr_highest(index_of(value))
        assert 0 <= highest - value <= value / 1000


@pytest.mark.parametrize("spread", ["lognormal", "uniform", "bursts", "few"])
def test_percentiles_are_those_of_the_sorted_values_within_three_digits(spread: str) -> None:
    rng = np.random.default_rng(3)
    values = {
        "lognormal": rng.lognormal(8, 2, 20_000),
        "uniform": rng.uniform(0, VALUE_MAX, 20_000),
        "bursts": np.concatenate([rng.normal(200, 5, 19_990), rng.normal(9e6, 1e5, 10)]),
        "few": np.array([1.0, 1000.0, 1_000_000.0]),
    }[spread].astype(np.int64)
    values = np.clip(values, 0, VALUE_MAX)
    histogram = histogram_of(values)
    ordered = np.sort(values)
    for share in (0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0):
        exact = int(ordered[max(int(np.ceil(share * len(ordered))), 1) - 1])
        found = percentile(histogram[0]["counts"], len(values), share)
        assert exact <= found <= exact + exact / 1000

    row = summary(histogram[0])
    assert (row["count"], row["max"], row["mean"]) == (len(values), values.max(), int(values.sum()) // len(values))
    assert row["p50"] <= row["p99"] <= row["p999"] <= row["max"]


def test_a_merge_is_the_histogram_of_all_values_together() -> None:
    rng = np.random.default_rng(4)
    parts = [(rng.lognormal(6 + index, 1, 5000)).astype(np.int64) for index in range(3)]
    together = histogram_of(np.concatenate(parts))
    apart = [histogram_of(part)[0] for part in parts]

    assert summary(*apart) == summary(together[0])
    assert np.array_equal(np.sum([part["counts"] for part in apart], axis=0), together[0]["counts"])


magnitudes = st.integers(0, 63).flatmap(lambda bits: st.integers(-(2**bits) // 8, 2**bits - 1))
edges = st.sampled_from([0, 1, 2047, 2048, 2049, 4095, 4096, VALUE_MAX - 1, VALUE_MAX, VALUE_MAX + 1, -1])
shares = st.one_of(st.sampled_from([0.0, 0.5, 0.99, 0.999, 1.0]), st.floats(0, 1))


@settings(max_examples=150)
@given(st.lists(st.lists(st.one_of(magnitudes, edges), max_size=25), min_size=1, max_size=4), shares)
def test_histograms_merged_answer_as_the_sorted_list_of_all_values_does(parts: list[list[int]], share: float) -> None:
    """Within the counter that the documented formula names, and beyond it by nothing: all else is exact."""
    both = merged(*[histogram_of(np.array(part, np.int64))[0] for part in parts])
    values = [value for part in parts for value in part]
    inside = sorted(min(max(value, 0), VALUE_MAX) for value in values)
    counts = np.zeros(COUNTS, np.int64)
    for value in inside:
        counts[hdr_index(value)] += 1

    assert np.array_equal(both["counts"], counts)
    assert (both["count"], both["sum"], both["max"]) == (len(inside), sum(inside), max(inside, default=0))
    assert both["outside"] == sum(not 0 <= value <= VALUE_MAX for value in values)
    rank = min(max(math.ceil(share * len(inside)), 1), len(inside))
    expected = hdr_highest(hdr_index(inside[rank - 1])) if inside else 0
    assert percentile(both["counts"], len(inside), share) == expected


def test_a_reader_in_another_process_never_sees_a_total_without_its_counts_and_in_the_end_all_of_them() -> None:
    memory, stop = shared_record(HISTOGRAM), shared(8)
    rounds = 20_000_000
    read_while_written(address_of_array(memory), memory[0]["counts"], address_of_array(np.ones(1, np.int64)))
    writer = Child(lambda: record_walk(address_of_array(memory), rounds, address_of_array(stop)))
    reads, back, beyond = read_while_written(address_of_array(memory), memory[0]["counts"], address_of_array(stop))
    alone, one = new_record(HISTOGRAM), shared(8)
    record_walk(address_of_array(alone), rounds, address_of_array(one))

    assert writer.wait() == 0
    assert reads > 0
    assert (back, beyond) == (0, 0)
    assert merged(memory[0]).tobytes() == alone.tobytes()


def test_what_lies_outside_is_counted_at_the_ends() -> None:
    histogram = histogram_of(np.array([-5, -(2**63), 0, VALUE_MAX + 1, 2**63 - 1]))[0]

    assert histogram["counts"][0] == 3
    assert histogram["counts"][index_of(VALUE_MAX)] == 2
    assert (histogram["count"], histogram["max"], histogram["sum"]) == (5, VALUE_MAX, 2 * VALUE_MAX)
    assert (histogram["outside"], summary(histogram, histogram)["outside"]) == (4, 8)


def test_an_empty_histogram_says_nothing_but_zeros() -> None:
    assert set(summary(new_record(HISTOGRAM)[0]).values()) == {0}
    assert percentile(np.zeros(COUNTS, np.int64), 0, 0.5) == 0


def test_a_record_touches_nothing_behind_its_histogram() -> None:
    pair = np.zeros(2, HISTOGRAM)
    record_all(address_of_array(pair), np.array([0, 1, VALUE_MAX, 2**62]))

    assert not pair[1:].view(np.uint8).any()
    assert HISTOGRAM.itemsize == HISTOGRAM_BYTES
