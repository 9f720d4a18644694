"""Tail risk: updates of its detectors, and whole assessments one by one, beside numpy where it can be written so.

Updates are means of 64 in one compiled loop; antifragility (40 open orders) and assessments are timed singly. A run
that allocates anything gives a wrong answer.
"""

import functools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.runtime import _nrt_python, rtsys

from bench import tail_risk_kernels as loops
from bench.harness import Bench
from bench.results import TIME, Result, times
from shm.clock import CLOCK, calibrate
from shm.kernel import address_of_array, new_record
from trader.tail_risk import AmplitudePool, BlackSwanDetector, TailRisk, WhaleDetector
from trader.tail_risk.antifragility import EXPOSURE, NODES, WEIGHTS

FINE = "finite, nothing allocated"
ORDERS = 40


def rows(bench: Bench) -> None:
    """Detectors, antifragility, fidelity, and all of them together."""
    _nrt_python.memsys_enable_stats()
    rng, samples = np.random.default_rng(3), bench.size(2_000, 20)
    count = loops.BATCH * samples
    clock = new_record(CLOCK)
    calibrate(clock)
    values, lots = 0.4 * rng.standard_t(4, count), 1 + rng.exponential(20, count).astype(np.int64)
    given = functools.partial(_timed, samples, clock)
    bench.row("whale", unit=TIME, target=100, ours=functools.partial(given, _whale, lots), answer=FINE)
    bench.row("black_swan_update", unit=TIME, target=100, ours=functools.partial(given, _swan, values), answer=FINE)
    bench.row(
        "antifragility",
        unit=TIME,
        target=10_000,
        ours=functools.partial(given, _antifragility, None),
        rivals={"numpy": functools.partial(_numpy_antifragility, bench.size(300, 3))},
        answer=FINE,
    )
    bench.row(
        "amplitude_fidelity",
        unit=TIME,
        target=1_000,
        ours=functools.partial(given, _fidelity, values),
        rivals={"numpy": functools.partial(_numpy_fidelity, bench.size(300, 3))},
        answer=FINE,
    )
    together = functools.partial(given, _assessment, (values, lots))
    bench.row("tail_assessment", unit=TIME, target=20_000, ours=together, answer=FINE)


def _timed(samples: int, clock: np.ndarray, make: Callable[[Any], Callable[..., float]], given: Any) -> Result:
    measured = np.zeros(samples)
    run = make(given)
    allocated = []
    for part in (measured[:0], measured):
        before = rtsys.get_allocation_stats().alloc
        value = run(address_of_array(clock), part)
        allocated.append(rtsys.get_allocation_stats().alloc - before)
    # An array that is handed over is one, however long the run.
    extra = allocated[1] - allocated[0]
    return times(measured, FINE if math.isfinite(value) and not extra else f"{value}, {extra} allocations")


def _whale(lots: np.ndarray) -> Callable[..., float]:
    return functools.partial(loops.time_whale, WhaleDetector().state[0], lots)


def _swan(values: np.ndarray) -> Callable[..., float]:
    detector = BlackSwanDetector(decay=0.9999, memory=10_000)
    return functools.partial(loops.time_black_swan, detector.moments[0], detector.tail[0], values)


def _exposed() -> np.ndarray:
    exposure = new_record(EXPOSURE)
    own, rng = exposure[0], np.random.default_rng(4)
    own["stress"], own["robust"], own["volatility_ticks"], own["order_count"] = 0.5, 0.1, 30.0, ORDERS
    side = np.where(np.arange(ORDERS) % 2, 1, -1)
    own["order_ticks"][:ORDERS] = -side * rng.integers(1, 60, ORDERS)
    own["order_lots"][:ORDERS] = side * rng.integers(1, 9, ORDERS)
    return exposure


def _antifragility(_: None) -> Callable[..., float]:
    return functools.partial(loops.time_antifragility, _exposed()[0])


def _fidelity(values: np.ndarray) -> Callable[..., float]:
    pool = AmplitudePool()
    base, current = pool.take(scale=0.5), pool.take(scale=0.5, decay=0.99)
    pool.observe(base, values[:1_000])
    pool.fidelity(base, current)
    states = pool.pool["states"][0]
    return functools.partial(loops.time_fidelity, states[base], states[current], values)


def _assessment(given: tuple[np.ndarray, np.ndarray]) -> Callable[..., float]:
    engine = TailRisk()
    engine.state["exposure"][0] = _exposed()[0]
    for number, value in enumerate(given[0][:1_000].tolist()):
        engine.on_mid(10**15 - (1_001 - number) * 150_000_000, 60_000 * math.exp(1e-4 * value))
    records = engine.state[0], engine.pool[0], engine.history[0]
    return functools.partial(loops.time_assessment, *records, *given)


def _numpy_antifragility(count: int) -> Result:
    """The same payoff on the same grid at three volatilities, gap and score."""
    own, samples = _exposed()[0], np.zeros(count)
    ticks, lots = own["order_ticks"][:ORDERS], own["order_lots"][:ORDERS]
    for index in range(count):
        start_ns = time.perf_counter_ns()
        moves = NODES * (30.0 * np.array([[0.5], [1.0], [1.5]]))
        payoff = index * moves + np.minimum(lots * (moves[..., None] - ticks), 0).sum(axis=2)
        score = WEIGHTS @ payoff[1] / (WEIGHTS @ np.abs(payoff[1]))
        samples[index] = time.perf_counter_ns() - start_ns
    return times(samples, FINE if math.isfinite(score) else str(score))


def _numpy_fidelity(count: int) -> Result:
    """Square roots of two normalised histograms, their overlap squared."""
    a, b = np.random.default_rng(5).random((2, 64))
    samples = np.zeros(count)
    for index in range(count):
        start_ns = time.perf_counter_ns()
        overlap = float(np.sqrt(a / a.sum()) @ np.sqrt(b / b.sum())) ** 2
        samples[index] = time.perf_counter_ns() - start_ns
    return times(samples, FINE if 0 <= overlap <= 1 else str(overlap))
