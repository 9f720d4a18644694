"""Detectors on labelled stress of the simulated exchange: how many are found, how soon, and how often for nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from procs.config import RunConfig
from procs.exchange_market import exchange_instruments
from procs.stress_kernels import DETECTORS, WATCH, watch_market
from procs.stress_recorded import watched_recording
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

HELD_OUT_SEED = 500_000
"""Ramps and weights were chosen on smaller seeds: what is told is out of sample."""

SEEDS_APART = 10_000

GRACE_S = 5.0
"""An alarm this long after the end of a stress still belongs to it."""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """One detector on one scenario. `delay_ms_p50`: from its beginning to the first alarm, null without one."""

    scenario: str
    detector: str
    runs: int
    found: int
    delay_ms_p50: float | None


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """A quiet market: alarms of each detector an hour, on the venue's own clock."""

    source: str
    hours: float
    false_per_hour: dict[str, float]


class StressStudy(msgspec.Struct, frozen=True, kw_only=True):
    """`size_permille_p50`: by scenario, the median over runs of the smallest size that was recommended."""

    first_seed: int
    quiets: list[Quiet]
    size_permille_p50: dict[str, float]
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
    """`runs` seeded markets a scenario, as many quiet ones of `quiet_s` seconds, and recordings, which count as quiet.

    Raises what `watched_recording` raises.
    """
    quiet, sizes, detections = [], {}, []
    total = runs * len(SCENARIOS) + len(recordings)
    for number in range(runs):
        progress(SCENARIOS[QUIET], number, total)
        quiet.append(watched(config, QUIET, first_seed + number, quiet_s=quiet_s))
    sizes[SCENARIOS[QUIET]] = _size(quiet)
    for scenario in range(1, len(SCENARIOS)):
        watches = []
        for number in range(runs):
            progress(SCENARIOS[scenario], scenario * runs + number, total)
            watches.append(watched(config, scenario, first_seed + scenario * SEEDS_APART + number))
        sizes[SCENARIOS[scenario]] = _size(watches)
        detections += [_detection(scenario, detector, watches) for detector in range(len(DETECTORS))]
    hours = runs * quiet_s / 3_600
    quiets = [Quiet(source="simulated market", hours=hours, false_per_hour=_rates(quiet, hours))]
    for number, path in enumerate(recordings):
        progress(path.name, total - len(recordings) + number, total)
        source, hours, watch = watched_recording(path, config)
        quiets.append(Quiet(source=f"{source}, {path.name}", hours=hours, false_per_hour=_rates([watch], hours)))
    progress("", total, total)
    return StressStudy(
        first_seed=first_seed,
        quiets=quiets,
        size_permille_p50=sizes,
        detections=detections,
    )


def _rates(watches: list[np.ndarray], hours: float) -> dict[str, float]:
    return {name: sum(len(_times(watch, index)) for watch in watches) / hours for index, name in enumerate(DETECTORS)}


def _size(watches: list[np.ndarray]) -> float:
    return float(np.median([watch["size_permille_min"][0] for watch in watches]))


def _times(watch: np.ndarray, detector: int) -> np.ndarray:
    alarms = watch["alarms"][0][: watch["count"][0]]
    return np.asarray(alarms["time_ns"][alarms["detector"] == detector])


def _detection(scenario: int, detector: int, watches: list[np.ndarray]) -> Detection:
    delays = []
    for watch in watches:
        begin, end = int(watch["from_ns"][0]), int(watch["until_ns"][0] + GRACE_S * NS_PER_S)
        times = _times(watch, detector)
        times = times[(times >= begin) & (times < end)]
        delays += [(int(times[0]) - begin) / 1e6] if len(times) else []
    return Detection(
        scenario=SCENARIOS[scenario],
        detector=DETECTORS[detector],
        runs=len(watches),
        found=len(delays),
        delay_ms_p50=float(np.median(delays)) if delays else None,
    )


def render(told: StressStudy) -> str:
    """A line a scenario and detector, then a line a quiet market with what it set off."""
    lines = [f"{'scenario':<14}{'detector':<10}{'found':>9}{'delay p50':>13}{'smallest size':>16}"]
    for one in told.detections:
        delay = "-" if one.delay_ms_p50 is None else f"{one.delay_ms_p50:.0f} ms"
        size = f"{told.size_permille_p50[one.scenario] / 10:.0f} %" if one.detector == "alert" else ""
        lines.append(f"{one.scenario:<14}{one.detector:<10}{one.found:>5}/{one.runs:<3}{delay:>13}{size:>16}")
    lines += ["", f"{'for nothing, an hour':<58}{'hours':>7}" + "".join(f"{name:>9}" for name in DETECTORS)]
    for quiet in told.quiets:
        rates = "".join(f"{quiet.false_per_hour[name]:>9.1f}" for name in DETECTORS)
        lines.append(f"{quiet.source:<58}{quiet.hours:>7.2f}{rates}")
    return "\n".join(lines)
