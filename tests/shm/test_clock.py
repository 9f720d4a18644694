"""The clock: one scale for every process, never backwards, near the system's own; virtual time stands still."""

import time

import numpy as np
import pytest

from shm.clock import (
    CLOCK,
    COUNTER,
    SYSTEM,
    VIRTUAL,
    calibrate,
    counter_is_invariant,
    now_ns,
    read_clock,
    virtual_clock,
)
from shm.kernel import address_of_array, kernel, new_record
from tests.shm.areas import shared, shared_record
from tests.shm.processes import Child

READS = 200_000
NEAR_NS = 50_000_000
"""How far apart two readings on a stalled host may lie; a wrong scale is off by far more."""


@kernel
def backward_steps(clock, reads):
    """How often a reading is earlier than the one before."""
    wrong = 0
    last = read_clock(clock)
    for _ in range(reads):
        now = read_clock(clock)
        wrong += now < last
        last = now
    return wrong


def calibrated() -> np.ndarray:
    """A CLOCK that children share."""
    clock = shared_record(CLOCK)
    calibrate(clock)
    return clock


def of_kind(kind: int) -> np.ndarray:
    """A clock of one kind; skips where the host has none."""
    clock = calibrated()
    if kind == SYSTEM:
        clock[0]["kind"] = SYSTEM
    elif clock[0]["kind"] != COUNTER:
        pytest.skip("this host's counter is not invariant")
    return clock


@pytest.mark.parametrize("kind", [SYSTEM, COUNTER])
def test_it_never_goes_back_however_often_one_loop_reads_it(kind: int) -> None:
    clock = of_kind(kind)
    assert backward_steps(address_of_array(clock), READS * 10) == 0


@pytest.mark.parametrize("kind", [SYSTEM, COUNTER])
def test_it_is_near_the_systems_monotonic_clock(kind: int) -> None:
    clock = of_kind(kind)
    for _ in range(100):
        before, now, after = time.monotonic_ns(), now_ns(address_of_array(clock)), time.monotonic_ns()
        assert before - NEAR_NS <= now <= after + NEAR_NS


@pytest.mark.parametrize("kind", [SYSTEM, COUNTER])
def test_stamps_of_two_processes_compare(kind: int) -> None:
    """Each side stamps after it has seen the other's stamp: the sequence of all stamps must grow."""
    clock, words = of_kind(kind), shared(16).view(np.int64)
    address = address_of_array(clock)

    def other() -> int:
        wrong = seen = 0
        for _ in range(300):
            while words[0] == seen:
                pass
            seen = int(words[0])
            now = now_ns(address)
            wrong += now < seen - tolerance_ns(kind)
            words[1] = now
        return min(wrong, 90)

    child = Child(other)
    wrong = seen = 0
    for _ in range(300):
        words[0] = now_ns(address)
        while words[1] == seen:
            pass
        seen = int(words[1])
        wrong += now_ns(address) < seen - tolerance_ns(kind)
    assert child.wait() == 0 and wrong == 0


def tolerance_ns(kind: int) -> int:
    """A virtual machine's cores may differ by some ticks in their counters."""
    return 1000 if kind == COUNTER else 0


def test_the_scale_survives_days() -> None:
    """A product of ticks and scale in 64 bits would overflow after two seconds."""
    clock = new_record(CLOCK)
    calibrate(clock)
    if clock[0]["kind"] != COUNTER:
        pytest.skip("this host's counter is not invariant")
    days_ns = 30 * 86_400 * 10**9
    clock[0]["base_ticks"] -= int(days_ns * 2**32 / int(clock[0]["scale"]))
    shifted = now_ns(address_of_array(clock)) - days_ns

    assert abs(shifted - time.monotonic_ns()) < NEAR_NS


def test_a_virtual_clock_stands_until_it_is_set() -> None:
    clock = virtual_clock(77)
    assert clock[0]["kind"] == VIRTUAL
    assert [now_ns(address_of_array(clock)) for _ in range(3)] == [77] * 3
    clock[0]["now_ns"] = -5
    assert now_ns(address_of_array(clock)) == -5


def test_the_counter_is_used_exactly_where_the_host_says_that_it_is_invariant() -> None:
    assert (calibrated()[0]["kind"] == COUNTER) == counter_is_invariant()
