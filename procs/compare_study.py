"""The main job with and without signals and tail risk: the same seeded markets for every variant, differences in pairs.

    seed 1 --- off --- signals --- tail_risk --- both        each on the virtual clock, in one process (procs.backtest)
    seed 2 --- off ...                                       difference = variant - off on the same seed

The market is the same up to the first order that differs; from there on it answers to our orders. Orders reach the
exchange in no time, which flatters every variant alike.
"""

import math
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from statistics import NormalDist

import msgspec
import numpy as np

from procs.backtest import Backtest
from procs.config import RunConfig
from procs.readings import orders_of, pnl_of, quoted_share, record_of
from trader.signals.forecasts import SIGNALS
from trader.tail_risk.assessment import SHARES

START_NS = 1_000_000_000
WALL_OFFSET_NS = 1_700_000_000_000_000_000
SAMPLE_NS = 100_000_000
SAMPLES_A_SECOND = 10

NO_SIGNALS = dict.fromkeys((*SIGNALS, "caution", "wariness"), 0.0)
NO_TAIL_RISK = dict.fromkeys((f"weight_{name}" for name in SHARES), 0.0)

OFF = "off"
VARIANTS = {
    OFF: {"signals": NO_SIGNALS, "tail_risk": NO_TAIL_RISK},
    "signals": {"tail_risk": NO_TAIL_RISK},
    "tail_risk": {"signals": NO_SIGNALS},
    "both": {},
}
"""What each variant takes away from the configuration; in the order in which they are told."""

MEASURES = ("pnl", "drawdown", "inventory", "inventory_max", "fills", "quoted")
TITLES = {
    "pnl": "PnL",
    "drawdown": "drawdown",
    "inventory": "mean |inventory|",
    "inventory_max": "max |inventory|",
    "fills": "fills",
    "quoted": "quoted on both sides",
}
"""Money in the quote currency, inventory in lots, `quoted` a share of the time with a LIVE book."""


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `pnl_path`: PnL at the mid every tenth of a second, `lots_path` the position then."""

    variant: str
    seed: int
    pnl: float
    drawdown: float
    inventory: float
    inventory_max: float
    fills: float
    quoted: float
    alert_share: float
    pnl_path: list[float]
    lots_path: list[int]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of one variant: its mean, and the mean of its differences from OFF with their confidence interval."""

    variant: str
    measure: str
    mean: float
    difference: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves no doubt about the sign."""
        return self.low > 0 or self.high < 0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `confidence`: of the intervals, 0 to 1."""

    seeds: int
    first_seed: int
    duration_s: float
    stress: str
    confidence: float
    differences: list[Difference]
    runs: list[Played]


def with_variant(config: RunConfig, variant: str) -> RunConfig:
    """A configuration less what a variant takes away. Raises KeyError for a variant that is none."""
    changes = {
        section: msgspec.structs.replace(getattr(config, section), **knobs)
        for section, knobs in VARIANTS[variant].items()
    }
    return msgspec.structs.replace(config, **changes)


def play(config: RunConfig, variant: str, seed: int, duration_s: float) -> Played:
    """One run on a generated market. Raises RuntimeError where a step fails or an end cannot be confirmed."""
    exchange = msgspec.structs.replace(config.exchange, seed=seed, recorded=False)
    settings = {"placement": "fused", "speed": 0.0, "epoch": 1, "wall_offset_ns": WALL_OFFSET_NS, "exchange": exchange}
    run = Backtest(msgspec.structs.replace(with_variant(config, variant), **settings), START_NS)
    if not run.start():
        raise RuntimeError(f"seed {seed}, {variant}: {run.failure or 'a stage did not get ready'}")
    risk, advice = record_of(run, "risk", "RISK"), run.state("tail_risk")[0]["told"]
    symbols = len(config.symbols)
    pnl, lots, alerts = [], [], 0
    for _ in range(round(duration_s * SAMPLES_A_SECOND)):
        run.pass_time(SAMPLE_NS)
        pnl.append(pnl_of(run))
        lots.append(int(np.abs(risk["symbols"]["position"]["lots"][:symbols]).sum()))
        alerts += int(advice["is_alert"][:symbols].any())
    if not run.stop():
        raise RuntimeError(f"seed {seed}, {variant}: {run.failure or 'not everything was cancelled in the end'}")
    path, held = np.array(pnl), np.array(lots)
    return Played(
        variant=variant,
        seed=seed,
        pnl=pnl_of(run),
        drawdown=float((np.maximum.accumulate(np.maximum(path, 0.0)) - path).max()),
        inventory=float(held.mean()),
        inventory_max=float(held.max()),
        fills=float(orders_of(run).filled),
        quoted=quoted_share(run),
        alert_share=alerts / len(pnl),
        pnl_path=pnl,
        lots_path=lots,
    )


def played(
    config: RunConfig, variants: Iterable[str], seeds: Iterable[int], duration_s: float, *, jobs: int
) -> Iterator[Played]:
    """Every variant on every seed, as they are done; `jobs` of them at a time, each in a forked process from 2 on."""
    wanted = [(config, variant, seed, duration_s) for seed in seeds for variant in variants]
    if jobs == 1:
        yield from (play(*one) for one in wanted)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(_play_one, wanted)


def _play_one(wanted: tuple[RunConfig, str, int, float]) -> Played:
    return play(*wanted)


def compare(
    config: RunConfig,
    variants: list[str],
    *,
    seeds: int,
    first_seed: int = 1,
    duration_s: float,
    confidence: float = 0.95,
    jobs: int = 1,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Comparison:
    """`seeds` markets from `first_seed` on; OFF is played in any case, because everything is a difference from it."""
    order = [name for name in VARIANTS if name == OFF or name in variants]
    total, runs = seeds * len(order), []
    progress(f"seed {first_seed}", 0, total)
    for one in played(config, order, range(first_seed, first_seed + seeds), duration_s, jobs=jobs):
        runs.append(one)
        progress(f"seed {one.seed}, {one.variant}", len(runs), total)
    return Comparison(
        seeds=seeds,
        first_seed=first_seed,
        duration_s=duration_s,
        stress=config.exchange.stress,
        confidence=confidence,
        differences=[_difference(runs, variant, measure, confidence) for variant in order for measure in MEASURES],
        runs=runs,
    )


def _difference(runs: list[Played], variant: str, measure: str, confidence: float) -> Difference:
    own, plain = (np.array([getattr(one, measure) for one in runs if one.variant == name]) for name in (variant, OFF))
    low, high = interval(own - plain, confidence)
    return Difference(
        variant=variant,
        measure=measure,
        mean=float(own.mean()),
        difference=float((own - plain).mean()),
        low=low,
        high=high,
    )


def interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Student's interval of a mean; all of the line for fewer than two values."""
    count = len(values)
    if count < 2:
        return -math.inf, math.inf
    reach = t_quantile(0.5 + confidence / 2, count - 1) * float(values.std(ddof=1)) / math.sqrt(count)
    return float(values.mean()) - reach, float(values.mean()) + reach


def t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's distribution, above the median; exact for 1 and 2 degrees of freedom, else to a thousandth.

    Abramowitz and Stegun, 26.7.5.
    """
    if freedom == 1:
        return math.tan(math.pi * (probability - 0.5))
    if freedom == 2:
        return (2 * probability - 1) / math.sqrt(2 * probability * (1 - probability))
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))


def render(told: Comparison) -> str:
    """A table a measure: the mean of each variant, its difference from OFF, the interval; * where that is clear."""
    stress = f", {told.stress.replace('_', ' ')} in each" if told.stress else ""
    lines = [
        f"{told.seeds} simulated markets of {told.duration_s:g} s (seeds {told.first_seed} to"
        f" {told.first_seed + told.seeds - 1}){stress}; differences from off on the same seed,"
        f" {told.confidence:.0%} intervals",
        "",
        f"{'':<22}{'variant':<11}{'mean':>10}{'difference':>13}{'interval':>24}",
    ]
    for measure in MEASURES:
        for one in (one for one in told.differences if one.measure == measure):
            title = TITLES[measure] if one.variant == OFF else ""
            lines.append(f"{title:<22}{one.variant:<11}{_number(one, one.mean):>10}{_told(one)}")
    share = {name: np.mean([one.alert_share for one in told.runs if one.variant == name]) for name in _variants(told)}
    lines += ["", "share of the time in alert: " + ", ".join(f"{name} {value:.1%}" for name, value in share.items())]
    return "\n".join(lines)


def _variants(told: Comparison) -> list[str]:
    return list(dict.fromkeys(one.variant for one in told.differences))


def _number(one: Difference, value: float) -> str:
    return f"{value:.1%}" if one.measure == "quoted" else f"{value:,.2f}"


def _told(one: Difference) -> str:
    if one.variant == OFF:
        return ""
    span = f"{_number(one, one.low)} to {_number(one, one.high)}"
    return f"{_number(one, one.difference):>13}{span:>24}{' *' if one.is_clear else ''}"
