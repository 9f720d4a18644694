"""Volatility: one window through the particle filters, called from Python, beside `particles` and a numpy filter.

Ours learn the parameters and tell mean, deviation, quantiles, transform and likelihood of every window; the rivals
know the parameters and tell the mean and the likelihood. `volatility_cached` is a filter's first window in a new
process whose kernels are in the cache, imports of numba and numpy not counted; `volatility_compiled` the same with an
empty cache. `volatility_update_avx2` is compiled for a Haswell, in a process of its own. Both of these take a
compilation, so a smoke run leaves them out.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import llvmlite.binding
import numpy as np

from bench import volatility_quotes
from bench.harness import Bench
from bench.results import TIME, Absent, Contestant, Result, times
from bench.rivals import rival
from trader.volatility import ParticleFilter, Prior

PARTICLES = 7_000
FINITE = "finite"
MU, PHI, SIGMA = 0.0, 0.97, 0.2

HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2,+lzcnt,+popcnt,+f16c,+movbe"}
"""What numba is to compile for instead of this host."""

FIRST = """
import json, time
import numba, numpy
start = time.perf_counter_ns()
from trader.volatility import ParticleFilter, Prior
ParticleFilter(prior=Prior()).update(0.5)
print(json.dumps(time.perf_counter_ns() - start))
"""


def rows(bench: Bench) -> None:
    """Each filter at its default size, and the smaller one."""
    windows = bench.size(2_000, 30)
    theirs: dict[str, Contestant | Absent] = {
        "particles": rival("particles", "bench/rivals_particles.py", str(PARTICLES), str(bench.size(600, 30))),
        "numpy": functools.partial(numpy_filter, bench.size(600, 30)),
    }
    for name, target_us, settings, at_least in (
        ("volatility_update", 60, {}, {"particles": 5, "numpy": 1 / 0.6}),
        ("volatility_update_student", 85, {"noise": "student"}, {"particles": 3.5}),
        ("volatility_update_joint", 25, {"method": "joint"}, {"particles": 10, "numpy": 1 / 0.15}),
        ("volatility_update_2048", 20, {"particle_count": 2048}, {}),
    ):
        bench.row(
            name,
            unit=TIME,
            target=target_us * 1_000,
            ours=functools.partial(our_filter, windows, settings),
            rivals={} if name.endswith("2048") else theirs,
            at_least=at_least,
            answer=FINITE,
        )
    bench.row("volatility_cached", unit=TIME, target=0.5e9, ours=first_window, answer=FINITE, repeats=3)
    volatility_quotes.rows(bench)
    if bench.smoke:
        return
    bench.row("volatility_compiled", unit=TIME, target=15e9, ours=first_window_ever, answer=FINITE, repeats=1)
    if "avx2" in host_features():
        bench.row(
            "volatility_update_avx2",
            unit=TIME,
            target=100_000,
            ours=functools.partial(our_filter_elsewhere, windows),
            answer=FINITE,
        )


def our_filter(windows: int, settings: dict[str, Any]) -> Result:
    """A filter that learns, one `update` a window."""
    ours = ParticleFilter(prior=Prior(), **settings)
    returns = np.random.default_rng(1).standard_normal(windows + windows // 10).tolist()
    measured = np.zeros(len(returns), dtype=np.int64)
    for index, value in enumerate(returns):
        start_ns = time.perf_counter_ns()
        belief = ours.update(value)
        measured[index] = time.perf_counter_ns() - start_ns
    fine = np.isfinite(belief.volatility) and belief.quantiles[0] < belief.volatility < belief.quantiles[1]
    return times(measured[windows // 10 :], FINITE if fine else f"belief {belief}")


def numpy_filter(windows: int) -> Result:
    """A bootstrap filter as it is written down: float64, known parameters, systematic resampling below half."""
    rng = np.random.default_rng(1)
    returns = rng.standard_normal(windows)
    measured = np.zeros(windows, dtype=np.int64)
    h = MU + SIGMA / np.sqrt(1 - PHI**2) * rng.standard_normal(PARTICLES)
    weights = np.full(PARTICLES, 1 / PARTICLES)
    likelihood = volatility = 0.0
    for index, value in enumerate(returns):
        start_ns = time.perf_counter_ns()
        h = MU + PHI * (h - MU) + SIGMA * rng.standard_normal(PARTICLES)
        log_weights = np.log(weights) - 0.5 * (np.log(2 * np.pi) + h + value * value * np.exp(-h))
        top = log_weights.max()
        weights = np.exp(log_weights - top)
        total = weights.sum()
        weights /= total
        likelihood += top + np.log(total)
        volatility = float(weights @ np.exp(0.5 * h))
        if 1 / np.square(weights).sum() < 0.5 * PARTICLES:
            positions = (rng.random() + np.arange(PARTICLES)) / PARTICLES
            h = h[np.minimum(np.searchsorted(np.cumsum(weights), positions), PARTICLES - 1)]
            weights = np.full(PARTICLES, 1 / PARTICLES)
        measured[index] = time.perf_counter_ns() - start_ns
    return times(measured[windows // 10 :], FINITE if np.isfinite(likelihood + volatility) else "not finite")


def first_window() -> Result:
    """A new process up to its first belief."""
    return times(np.array([_said(FIRST)]), FINITE)


def first_window_ever() -> Result:
    """A new process up to its first belief, everything compiled in it."""
    with tempfile.TemporaryDirectory(prefix="trader-cold-") as folder:
        return times(np.array([_said(FIRST, TRADER_CACHE_DIR=folder)]), FINITE)


def our_filter_elsewhere(windows: int) -> Result:
    """The filter as compiled for a CPU without AVX-512."""
    program = f"""
import json
from bench.suite_volatility import our_filter
found = our_filter({windows}, {{}})
print(json.dumps([found.samples_ns.tolist(), found.answer]))
"""
    samples_ns, answer = _said(program, **HASWELL)
    return times(np.array(samples_ns), answer)


def host_features() -> list[str]:
    """What LLVM says that this CPU has; empty where it cannot say."""
    try:
        return [name for name, has in llvmlite.binding.get_host_cpu_features().items() if has]
    except RuntimeError:
        return []


def _said(program: str, **environment: str) -> Any:
    """The JSON that a new Python prints last."""
    told = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return json.loads(told.stdout.strip().splitlines()[-1])
