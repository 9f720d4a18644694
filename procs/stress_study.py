"""Detectors on labelled stress of the simulated exchange: how many are found, how soon, and how often for nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from procs.config import RunConfig
from procs.exchange_market import exchange_instruments
from procs.stress_kernels import DETECTORS, WATCH, watch_market
from procs.stress_recorded import watched_recordings
from shm.kernel import new_record
from trader.exchange.venue import EXCHANGE, open_markets, prepare
from trader.signals.forecasts import MARKET_SIGNALS, configure_signals
from trader.tail_risk.assessment import TAIL_RISK, configure_tail_risk, new_pool

QUIET, CRASH, WHALE, FLASH, SHOCK = range(5)
SCENARIOS = ("quiet", "crash", "whale", "flash spread", "shock")
"""QUIET: nothing. SHOCK: volatility times ten (trader.exchange.shock). The others: trader.exchange.stress."""

NS_PER_S = 1_000_000_000
OPENING_NS = 1_000 * NS_PER_S
LEAD_S = 90.0
"""Quiet before a stress, so that the usual is known."""

STRESS_S = 5.0
AFTER_S = 20.0
_STRESSES = {CRASH: "crash", WHALE: "whale", FLASH: "flash_spread"}

TUNING_SEED = 1_000
HELD_OUT_SEED = 500_000
SAMPLES = ("tuning", "held out")
"""Settings were chosen on seeds from TUNING_SEED on; what counts is told of others."""

SEEDS_APART = 10_000

GRACE_S = 5.0
"""An alarm this long after the end of a stress still belongs to it."""

SOON_S = 1.0
BURST_DEVIATIONS = 4.0
"""An alarm is at a burst where the mid went so many usual deviations of a second, within a second before and after."""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """One detector on one scenario. `soon`: found within SOON_S of its beginning; delays from there to the first alarm,
    null without one."""

    sample: str
    scenario: str
    detector: str
    runs: int
    found: int
    soon: int
    delay_ms_p50: float | None
    delay_ms_p90: float | None


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """A quiet market: alarms of each detector an hour of the venue's own clock, and how many of them were at bursts."""

    sample: str
    source: str
    hours: float
    false_per_hour: dict[str, float]
    at_bursts_per_hour: dict[str, float]


class StressStudy(msgspec.Struct, frozen=True, kw_only=True):
    """`size_permille_p50`: by sample and scenario, the median over runs of the smallest size that was recommended."""

    first_seeds: dict[str, int]
    quiets: list[Quiet]
    size_permille_p50: dict[str, dict[str, float]]
    detections: list[Detection]


def watched(config: RunConfig, scenario: int, seed: int, *, quiet_s: float = 0.0) -> np.ndarray:
    """One run: a WATCH record of shape (1,) with its alarms. `quiet_s`: how long, for QUIET."""
    exchange_config = msgspec.structs.replace(
        config.exchange,
        seed=seed,
        recorded=False,
        shock_at_s=LEAD_S if scenario == SHOCK else 0.0,
        shock_for_s=STRESS_S if scenario == SHOCK else 0.0,
        stress=_STRESSES.get(scenario, ""),
        stress_at_s=LEAD_S,
        stress_for_s=STRESS_S,
    )
    exchange = new_record(EXCHANGE)
    prepare(exchange, exchange_config, exchange_instruments(config)[:1], wall_offset_ns=0)
    exchange["markets"]["flow"]["last_ns"] = OPENING_NS
    open_markets(exchange[0], OPENING_NS)
    signals, tail, pool = new_record(MARKET_SIGNALS), new_record(TAIL_RISK), new_pool()
    configure_signals(signals[0], config.signals)
    configure_tail_risk(tail[0], pool[0], config.tail_risk)
    watch = new_record(WATCH)
    own = watch[0]
    own["is_stressed"], own["size_permille_min"] = scenario in _STRESSES, 1_000
    own["from_ns"] = OPENING_NS + round(LEAD_S * NS_PER_S)
    own["until_ns"] = own["from_ns"] + round(STRESS_S * NS_PER_S)
    length_s = quiet_s if scenario == QUIET else LEAD_S + STRESS_S + AFTER_S
    own["end_ns"] = OPENING_NS + round(length_s * NS_PER_S)
    exchange["markets"]["flow"]["last_ns"][0, 0] = OPENING_NS
    watch_market(exchange["markets"][0, 0], signals[0], tail[0], pool[0], own)
    return watch


def study(
    config: RunConfig,
    *,
    runs: int,
    quiet_s: float,
    first_seed: int = HELD_OUT_SEED,
    recordings: Sequence[Path] = (),
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> StressStudy:
    """`runs` seeded markets a scenario and sample, quiet ones of `quiet_s` seconds; recordings count as quiet.

    Raises what `watched_recordings` raises.
    """
    first_seeds = dict(zip(SAMPLES, (TUNING_SEED, first_seed), strict=True))
    total = len(SAMPLES) * runs * len(SCENARIOS) + len(recordings)
    found = watched_recordings(recordings, config, lambda name, number: progress(name, number, total))
    recorded = [_quiet("recorded", source, hours, [watch]) for source, hours, watch in found]
    done, quiets, detections = len(recordings), [], []
    sizes: dict[str, dict[str, float]] = {}
    for sample, first in first_seeds.items():
        sizes[sample] = {}
        for scenario, name in enumerate(SCENARIOS):
            watches = []
            for number in range(runs):
                progress(f"{sample}, {name}", done, total)
                watches.append(watched(config, scenario, first + scenario * SEEDS_APART + number, quiet_s=quiet_s))
                done += 1
            sizes[sample][name] = float(np.median([watch["size_permille_min"][0] for watch in watches]))
            if scenario == QUIET:
                quiets.append(_quiet(sample, "simulated market", runs * quiet_s / 3_600, watches))
            else:
                detections += [_detection(sample, scenario, detector, watches) for detector in range(len(DETECTORS))]
    progress("", total, total)
    return StressStudy(
        first_seeds=first_seeds,
        quiets=quiets + recorded,
        size_permille_p50=sizes,
        detections=detections,
    )


def _quiet(sample: str, source: str, hours: float, watches: list[np.ndarray]) -> Quiet:
    told = [_alarms(watches, index) for index in range(len(DETECTORS))]
    bursts = [own[own["deviations"] >= BURST_DEVIATIONS] for own in told]
    false, at_bursts = (
        {name: len(own) / hours for name, own in zip(DETECTORS, of, strict=True)} for of in (told, bursts)
    )
    return Quiet(sample=sample, source=source, hours=hours, false_per_hour=false, at_bursts_per_hour=at_bursts)


def _alarms(watches: list[np.ndarray], detector: int) -> np.ndarray:
    told = np.concatenate([watch["alarms"][0][: watch["count"][0]] for watch in watches])
    return told[told["detector"] == detector]


def _detection(sample: str, scenario: int, detector: int, watches: list[np.ndarray]) -> Detection:
    delays = []
    for watch in watches:
        begin, end = int(watch["from_ns"][0]), int(watch["until_ns"][0] + GRACE_S * NS_PER_S)
        times = _alarms([watch], detector)["time_ns"]
        times = times[(times >= begin) & (times < end)]
        delays += [(int(times[0]) - begin) / 1e6] if len(times) else []
    return Detection(
        sample=sample,
        scenario=SCENARIOS[scenario],
        detector=DETECTORS[detector],
        runs=len(watches),
        found=len(delays),
        soon=sum(delay < 1e3 * SOON_S for delay in delays),
        delay_ms_p50=float(np.median(delays)) if delays else None,
        delay_ms_p90=float(np.quantile(delays, 0.9)) if delays else None,
    )


def render(told: StressStudy) -> str:
    """By sample: a line a scenario and detector; then a line a quiet market, alarms at bursts in brackets."""
    lines = []
    for sample, first in told.first_seeds.items():
        titles = f"{'found':>9}{f'in {SOON_S:g} s':>9}{'delay p50':>12}{'p90':>9}{'smallest size':>15}"
        lines += [f"{f'{sample}, seeds from {first}':<30}{titles}"]
        for one in (one for one in told.detections if one.sample == sample):
            delays = "".join(
                f"{'-' if delay is None else f'{delay:.0f} ms':>{width}}"
                for delay, width in ((one.delay_ms_p50, 12), (one.delay_ms_p90, 9))
            )
            size = f"{told.size_permille_p50[sample][one.scenario] / 10:.0f} %" if one.detector == "alert" else ""
            found = f"{one.found:>5}/{one.runs:<3}{one.soon:>5}/{one.runs:<3}{delays}{size:>15}"
            lines.append(f"  {one.scenario:<14}{one.detector:<14}{found}")
        lines.append("")
    titles = "".join(f"{name:>15}" for name in DETECTORS)
    lines.append(f"{'for nothing, an hour (at bursts)':<48}{'hours':>7}{titles}")
    for quiet in told.quiets:
        rates = "".join(
            f"{f'{quiet.false_per_hour[name]:.1f} ({quiet.at_bursts_per_hour[name]:.1f})':>15}" for name in DETECTORS
        )
        lines.append(f"{f'{quiet.sample}: {quiet.source}':<48}{quiet.hours:>7.2f}{rates}")
    lines.append(f"a burst: the mid went {BURST_DEVIATIONS:g} usual deviations of a second in the two around it")
    return "\n".join(lines)
