"""What one run of a contestant gives, what many runs come to (medians over runs, with their spread), and one row."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

TIME = "ns"
RATE = "1/s"


@dataclass(frozen=True)
class Result:
    """One run: times of many operations in ns, or only their p50, p99, p99.9 and maximum, or one rate per second.

    `answer` is what is checked.
    """

    samples_ns: np.ndarray | None = None
    percentiles_ns: tuple[float, float, float, float] | None = None
    rate: float | None = None
    answer: Any = None


@dataclass(frozen=True)
class Absent:
    """A rival that is not on this host, and why."""

    reason: str


Contestant = Callable[[], Result]


def times(samples_ns: np.ndarray, answer: Any = None) -> Result:
    """A run of timed operations, one sample each (or the mean of a small batch), in ns."""
    return Result(samples_ns=np.asarray(samples_ns, dtype=np.float64), answer=answer)


def rate(count: int, elapsed_ns: int, answer: Any = None) -> Result:
    """A run of `count` operations in so many ns."""
    return Result(rate=count * 1e9 / max(elapsed_ns, 1), answer=answer)


@dataclass(frozen=True)
class Summary:
    """Many runs of one contestant: medians over the runs; `spread` is (max - min) / median of their medians."""

    p50: float
    p99: float | None
    p999: float | None
    max: float
    spread: float


class Row(msgspec.Struct, kw_only=True, rename={"passed": "pass"}):
    """One figure of ours beside one rival's. Times in ns, rates per second, null where there is none.

    `passed`: p50 within `target` (at most for times, at least for rates); null without a target and in smoke
    mode. `ratio`: how many times better ours is. `spread`: (max - min) / median of the runs' medians. `floor_ns`: the
    floor (see bench.floor) between the runs.
    """

    suite: str
    name: str
    unit: str
    p50: float
    p99: float | None
    p999: float | None
    max: float
    target: float | None
    passed: bool | None
    rival: str | None
    rival_p50: float | None
    ratio: float | None
    spread: float
    floor_ns: float


def summarise(results: Sequence[Result]) -> Summary:
    """Medians over runs of each run's percentiles; the maximum is over all. A rate has no percentiles."""
    rates = [result.rate for result in results if result.rate is not None]
    if rates:
        middle = float(np.median(rates))
        return Summary(_rounded(middle), None, None, _rounded(max(rates)), _spread(rates))
    found = [_percentiles(result) for result in results]
    known = np.array([run for run in found if run is not None])
    if not len(known):
        raise ValueError("a contestant gave neither times nor a rate")
    percentiles, greatest = known[:, :3], float(known[:, 3].max())
    middle, high, higher = np.median(percentiles, axis=0)
    return Summary(
        _rounded(middle), _rounded(high), _rounded(higher), _rounded(greatest), _spread(percentiles[:, 0].tolist())
    )


def external(command: Sequence[str], *, timeout_s: float = 120) -> Contestant:
    """A contestant that is a program of its own: its last line is JSON with `samples_ns` or `rate`, and `answer`."""

    def run() -> Result:
        told = subprocess.run(list(command), capture_output=True, text=True, timeout=timeout_s)
        if told.returncode:
            raise RuntimeError(f"{command[0]} ended with {told.returncode}: {told.stderr.strip()[-300:]}")
        said = json.loads(told.stdout.strip().splitlines()[-1])
        if "rate" in said:
            return Result(rate=float(said["rate"]), answer=said.get("answer"))
        return times(np.array(said["samples_ns"]), said.get("answer"))

    return run


def _percentiles(result: Result) -> tuple[float, ...] | None:
    """p50, p99, p99.9 and maximum of a run, None where it has no times."""
    if result.percentiles_ns is not None or result.samples_ns is None or not len(result.samples_ns):
        return result.percentiles_ns
    return (*np.percentile(result.samples_ns, (50, 99, 99.9)).tolist(), float(result.samples_ns.max()))


def _spread(values: Sequence[float]) -> float:
    middle = float(np.median(values))
    return (max(values) - min(values)) / middle if middle else 0.0


def _rounded(value: float) -> float:
    """Four significant digits are more than any of these figures hold."""
    return float(f"{value:.4g}")
