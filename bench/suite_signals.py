"""Signals: indicators an update, the panic detector an event, and the signal plane beside numpy.

Times of updates and events are means of 64 in one compiled loop. `indicator_incremental` is the slowest of all
indicators; a row each follows.
"""

import functools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench import signal_kernels as loops
from bench.harness import Bench
from bench.results import TIME, Contestant, Result, times
from shm.clock import CLOCK, calibrate
from shm.codec import record_dtype
from shm.kernel import address_of_array, new_record
from trader.messages import LEVELS, BookTop
from trader.signals import (
    Ema,
    Indicator,
    MarketSignals,
    OrderFlowImbalance,
    PlaneCache,
    RealisedVolatility,
    Rsi,
    SignalsConfig,
    SignAutocorrelation,
    Vwap,
    ZScore,
    orthogonalise,
    zscore,
)

FINITE = "finite"
PLANE = (252, 60, 6)
NS_PER_MS = 1_000_000

INDICATORS: tuple[tuple[str, Callable[[], Indicator], Callable[..., float], str], ...] = (
    ("ema", lambda: Ema(0.1), loops.time_ema, "prices"),
    ("rsi", Rsi, loops.time_rsi, "prices"),
    ("zscore", ZScore, loops.time_zscore, "prices"),
    ("realised", RealisedVolatility, loops.time_realised, "prices"),
    ("vwap", Vwap, loops.time_vwap, "prices"),
    ("flow_imbalance", OrderFlowImbalance, loops.time_flow, "touches"),
    ("sign_correlation", SignAutocorrelation, loops.time_signs, "signs"),
)


def rows(bench: Bench) -> None:
    """Indicators, panic, forecasts, then the plane."""
    inputs = _inputs(bench.size(2_000, 20))
    runs: dict[str, Contestant] = {}
    for name, make, loop, needs in INDICATORS:
        runs[name] = functools.partial(_timed, inputs, make, loop, needs)
    bench.row(
        "indicator_incremental",
        unit=TIME,
        target=10,
        ours=functools.partial(_slowest, tuple(runs.values())),
        answer=FINITE,
    )
    for name, run in runs.items():
        bench.row(f"indicator_{name}", unit=TIME, target=10, ours=run, answer=FINITE)
    bench.row(
        "ema_1000",
        unit=TIME,
        target=500,
        ours=functools.partial(_ema_1000, inputs, loops.time_ema_batch),
        rivals={"plain recurrence, compiled": functools.partial(_ema_1000, inputs, loops.time_plain_ema)},
        answer=FINITE,
    )
    bench.row("signal_panic", unit=TIME, target=100, ours=functools.partial(_panic, inputs), answer=FINITE)
    bench.row("signal_forecast", unit=TIME, target=100, ours=functools.partial(_forecast, inputs), answer=FINITE)
    _plane_rows(bench)


def _plane_rows(bench: Bench) -> None:
    x = np.random.default_rng(1).standard_normal(PLANE)
    x[:, :, 1] += 0.7 * x[:, :, 0]
    cache, count = PlaneCache(), bench.size(200, 3)
    residuals = round(float(np.square(least_squares(x)).sum()), 6)
    scores = round(float(np.abs(numpy_zscore(x)).sum()), 6)
    bench.row(
        "orthogonalise",
        unit=TIME,
        target=2 * NS_PER_MS,
        ours=functools.partial(_plane, orthogonalise, x, count, np.square),
        rivals={"numpy, K least squares": functools.partial(_plane, least_squares, x, 1, np.square)},
        at_least={"numpy, K least squares": 20},
        answer=residuals,
        repeats=3,
    )
    bench.row(
        "zscore",
        unit=TIME,
        target=NS_PER_MS,
        ours=functools.partial(_plane, zscore, x, count, np.abs),
        rivals={"numpy": functools.partial(_plane, numpy_zscore, x, max(count // 10, 1), np.abs)},
        answer=scores,
    )
    cached = functools.partial(_plane, cache.orthogonalise, x, count, np.square)
    bench.row("orthogonalise_cached", unit=TIME, ours=cached, answer=residuals)


def _inputs(samples: int) -> dict[str, Any]:
    """A market's events, seeded, and a clock to time them with."""
    rng, count = np.random.default_rng(2), loops.BATCH * samples
    bid = 100_000 + rng.integers(-1, 2, count).cumsum()
    levels = np.arange(LEVELS)
    lots = rng.integers(1, 60, (2, count, LEVELS))
    tops = np.zeros(count, record_dtype(BookTop))
    for side, ticks in enumerate((bid[:, None] - levels, bid[:, None] + 1 + levels)):
        tops[("bid_ticks", "ask_ticks")[side]], tops[("bid_lots", "ask_lots")[side]] = ticks, lots[side]
    clock = new_record(CLOCK)
    calibrate(clock)
    return {
        "prices": 100 * np.exp(np.cumsum(1e-4 * rng.standard_normal(count))),
        "signs": rng.choice([-1, 1], count),
        "touches": np.stack([bid, lots[0, :, 0], bid + 1, lots[1, :, 0]], axis=1),
        "tops": tops,
        "times": 10**15 + np.cumsum(rng.integers(1, 10, count)) * NS_PER_MS,
        "clock": clock,
        "samples": samples,
    }


def _told(samples: np.ndarray, value: float) -> Result:
    return times(samples, FINITE if math.isfinite(value) else f"{value}")


def _timed(inputs: dict[str, Any], make: Callable[[], Indicator], loop: Callable[..., float], needs: str) -> Result:
    samples = np.zeros(inputs["samples"])
    value = loop(make().state[0], inputs[needs], address_of_array(inputs["clock"]), samples)
    return _told(samples, value)


def _slowest(runs: tuple[Contestant, ...]) -> Result:
    """The run with the greatest median."""
    results = [run() for run in runs]
    return max(results, key=_median)


def _median(result: Result) -> float:
    assert result.samples_ns is not None
    return float(np.median(result.samples_ns))


def _ema_1000(inputs: dict[str, Any], loop: Callable[..., float]) -> Result:
    samples, out = np.zeros(inputs["samples"]), np.zeros(1_000)
    ema = Ema(0.1)
    ema.update(100.0)
    value = loop(ema.state[0], inputs["prices"][:1_000].copy(), out, address_of_array(inputs["clock"]), samples)
    return _told(samples, value)


def _market() -> MarketSignals:
    return MarketSignals(SignalsConfig(warm_ms=0))


def _panic(inputs: dict[str, Any]) -> Result:
    samples = np.zeros(inputs["samples"])
    given = inputs["times"], inputs["tops"], inputs["signs"], address_of_array(inputs["clock"])
    return _told(samples, loops.time_panic(_market().state[0], *given, samples))


def _forecast(inputs: dict[str, Any]) -> Result:
    samples = np.zeros(inputs["samples"])
    given = inputs["times"], inputs["tops"], address_of_array(inputs["clock"])
    return _told(samples, loops.time_forecast(_market().state[0], *given, samples))


def _plane(compute: Callable[[np.ndarray], np.ndarray], x: np.ndarray, count: int, fold: Any) -> Result:
    samples = np.zeros(count)
    for index in range(count):
        start_ns = time.perf_counter_ns()
        out = compute(x)
        samples[index] = time.perf_counter_ns() - start_ns
    return times(samples, round(float(fold(out).sum()), 6))


def least_squares(x: np.ndarray) -> np.ndarray:
    """K regressions a timestamp, as they are written down with numpy."""
    out = np.empty_like(x)
    ones = np.ones((x.shape[1], 1))
    for t in range(x.shape[0]):
        for j in range(x.shape[2]):
            others = np.hstack([np.delete(x[t], j, axis=1), ones])
            out[t, :, j] = x[t, :, j] - others @ np.linalg.lstsq(others, x[t, :, j], rcond=None)[0]
    return out


def numpy_zscore(x: np.ndarray) -> np.ndarray:
    """NaN-aware cross-sectional z-scores with numpy."""
    return (x - np.nanmean(x, axis=1, keepdims=True)) / np.nanstd(x, axis=1, ddof=1, keepdims=True)
