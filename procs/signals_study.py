"""Signals on a recording: weights from its first half, information coefficient and hit rate on its second.

Everything between the halves that looks across the border is left out: the last horizon of the first half.
"""

from pathlib import Path

import msgspec
import numpy as np

from procs.recorded_frames import RecordedFrames
from procs.recording import RecordingError
from procs.signals_kernels import SAMPLE, SAMPLER, sample_signals
from procs.verify import Session, replayed
from procs.verify_survey import Survey
from shm.kernel import new_record
from trader.signals.config import SignalsConfig
from trader.signals.forecasts import MARKET_SIGNALS, SIGNALS, configure_signals
from trader.signals.scoring import calibrate, future_moves_bps, score

NS_PER_S = 1_000_000_000
SAMPLE_MS = 50
SAMPLES_MAX = 1 << 22
"""Two days of samples."""

SAMPLES_MIN = 200
HORIZONS_S = (0.2, 1.0, 5.0)
"""Scored beside the configured horizon."""

COMBINED = "combined"


class SignalScore(msgspec.Struct, frozen=True, kw_only=True):
    """One signal at one horizon, out of sample. `weight`: fitted on the first half; null for the combination."""

    signal: str
    horizon_s: float
    weight: float | None
    coefficient: float
    standard_error: float
    hit_rate: float
    moves: int


class SignalsStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording says of the signals."""

    source: str
    books: int
    trades: int
    samples: int
    hours: float
    fitted_on: int
    scored_on: int
    panics: int
    panics_per_hour: float
    weights: dict[str, float]
    scores: list[SignalScore]


class Sampled(msgspec.Struct, frozen=True, kw_only=True):
    """A recording's samples (SAMPLE records) and what they came from."""

    source: str
    samples: np.ndarray
    books: int
    trades: int
    panics: int


class _Sampling(Session):
    """A session whose chosen symbol's books and trades go to the signals."""

    def __init__(self, found: Survey, config: SignalsConfig, symbol: str) -> None:
        if symbol and symbol not in found.symbols:
            raise RecordingError(f"--symbol: found '{symbol}', allowed {', '.join(found.symbols)}")
        self.symbol = symbol or found.symbols[0]
        self.state, self.sampler = new_record(MARKET_SIGNALS), new_record(SAMPLER)
        configure_signals(self.state[0], config)
        self.samples = np.zeros(SAMPLES_MAX, SAMPLE)
        self.sampler["symbol"] = found.symbols.index(self.symbol)
        self.sampler["every_ns"] = SAMPLE_MS * 1_000_000
        super().__init__(found)

    def run_rows(self, text: int, rows: int, count: int) -> None:
        """The rows one by one, with their trades and a look at the book after each."""
        sample_signals(self.sampler[0], self.own[0], self.entry, text, rows, count, self.state[0], self.samples)


def sample_recording(*paths: Path, config: SignalsConfig, symbol: str = "") -> Sampled:
    """The signals all along a recording, or several parts of one in order; of its symbols the first by default.

    Raises OSError, or RecordingError for what holds too little.
    """
    session = replayed(RecordedFrames(list(paths)), lambda found: _Sampling(found, config, symbol))
    own = session.sampler[0]
    count = int(own["count"])
    if count < SAMPLES_MIN:
        raise RecordingError(f"{paths[0]}: found {count} samples of {SAMPLE_MS} ms, allowed {SAMPLES_MIN} or more")
    return Sampled(
        source=f"{session.found.venue.name} {session.symbol}",
        samples=session.samples[:count].copy(),
        books=int(own["books"]),
        trades=int(own["trades"]),
        panics=int(session.state[0]["detector"]["alarms"]),
    )


def study(sampled: Sampled, config: SignalsConfig) -> SignalsStudy:
    """Weights on the first half of the samples, scores on the second, at the configured horizon and at HORIZONS_S."""
    samples = sampled.samples
    times, half = samples["event_ns"], len(samples) // 2
    own = config.horizon_ms / 1e3
    warm = np.searchsorted(times, times[0] + int(1e6 * config.warm_ms))
    weights = fitted_weights(samples[min(warm, half) : half], own)
    scores = []
    for horizon_s in sorted({own, *HORIZONS_S}):
        scores += _scores(samples[half:], horizon_s, weights)
    hours = float(times[-1] - times[0]) / (3_600 * NS_PER_S)
    return SignalsStudy(
        source=sampled.source,
        books=sampled.books,
        trades=sampled.trades,
        samples=len(samples),
        hours=hours,
        fitted_on=max(half - int(warm), 0),
        scored_on=len(samples) - half,
        panics=sampled.panics,
        panics_per_hour=sampled.panics / hours,
        weights=dict(zip(SIGNALS, map(float, weights), strict=True)),
        scores=scores,
    )


def fitted_weights(samples: np.ndarray, horizon_s: float) -> np.ndarray:
    """Weights (4,) by regression on samples; moves that end behind the last one are not known to it."""
    moves = _moves(samples, horizon_s)
    return calibrate(samples["signals"], moves, samples["deviation_bps"])


def _scores(samples: np.ndarray, horizon_s: float, weights: np.ndarray) -> list[SignalScore]:
    moves = _moves(samples, horizon_s)
    blocks = int((samples["event_ns"][-1] - samples["event_ns"][0]) / (horizon_s * NS_PER_S))
    columns = [*samples["signals"].T, samples["signals"] @ weights]
    found = []
    for name, values, weight in zip((*SIGNALS, COMBINED), columns, [*map(float, weights), None], strict=True):
        one = score(values, moves, blocks)
        found.append(
            SignalScore(
                signal=name,
                horizon_s=horizon_s,
                weight=weight,
                coefficient=one.coefficient,
                standard_error=one.standard_error,
                hit_rate=one.hit_rate,
                moves=one.moves,
            )
        )
    return found


def _moves(samples: np.ndarray, horizon_s: float) -> np.ndarray:
    return future_moves_bps(samples["event_ns"], samples["mid_halfticks"], round(horizon_s * NS_PER_S))


def render(told: SignalsStudy) -> str:
    """The study as it is printed: scores by horizon, then the weights as they are configured."""
    lines = [
        f"{told.source}: {told.books} books, {told.trades} trades, {told.hours:.3f} h",
        f"{told.samples} samples of {SAMPLE_MS} ms: weights from {told.fitted_on} of the first half, scores on the"
        f" {told.scored_on} of the second",
        f"panics: {told.panics}, {told.panics_per_hour:.1f} an hour",
        "",
        f"{'ahead':>7}  {'signal':<10}{'coefficient':>12}{'+-':>8}{'hit rate':>10}{'moves':>9}",
    ]
    for one in told.scores:
        lines.append(
            f"{one.horizon_s:>6.1f}s  {one.signal:<10}{one.coefficient:>12.3f}{one.standard_error:>8.3f}"
            f"{one.hit_rate:>10.1%}{one.moves:>9}"
        )
    lines += ["", "[signals]", *(f"{name} = {weight:.4f}" for name, weight in told.weights.items())]
    return "\n".join(lines)
