"""Detectors on labelled stress of the simulated exchange: how many are found, how soon, and how often for nothing."""

import msgspec
import numpy as np

from procs.config import RunConfig
from procs.exchange_market import exchange_instruments
from procs.stress_kernels import DETECTORS, QUIET, SCENARIOS, SHOCK, WATCH, watch_market
from shm.kernel import new_record
from trader.exchange.venue import EXCHANGE, open_markets, prepare
from trader.signals.forecasts import MARKET_SIGNALS, configure_signals
from trader.tail_risk.assessment import TAIL_RISK, configure_tail_risk, new_pool

NS_PER_S = 1_000_000_000
OPENING_NS = 1_000 * NS_PER_S
LEAD_S = 90.0
"""Quiet before a stress, so that the usual is known."""

STRESS_S = 5.0
AFTER_S = 20.0
GRACE_S = 5.0
"""An alarm this long after the end of a stress still belongs to it."""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """One detector on one scenario. `delay_ms_p50`: from its beginning to the first alarm, null without one."""

    scenario: str
    detector: str
    runs: int
    found: int
    delay_ms_p50: float | None


class StressStudy(msgspec.Struct, frozen=True, kw_only=True):
    """`false_per_hour`: alarms of each detector an hour of quiet market, on the exchange's own clock.

    `size_permille_p50`: by scenario, the median over runs of the smallest size that was recommended.
    """

    quiet_hours: float
    false_per_hour: dict[str, float]
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
    own["scenario"], own["size_permille_min"] = scenario, 1_000
    own["from_ns"] = OPENING_NS + round(LEAD_S * NS_PER_S)
    own["until_ns"] = own["from_ns"] + round(STRESS_S * NS_PER_S)
    length_s = quiet_s if scenario == QUIET else LEAD_S + STRESS_S + AFTER_S
    own["end_ns"] = OPENING_NS + round(length_s * NS_PER_S)
    exchange["markets"]["flow"]["last_ns"][0, 0] = OPENING_NS
    watch_market(exchange["markets"][0, 0], signals[0], tail[0], pool[0], own)
    return watch


def study(config: RunConfig, *, runs: int, quiet_s: float) -> StressStudy:
    """`runs` seeded markets a scenario, and as many quiet ones of `quiet_s` seconds."""
    quiet = [watched(config, QUIET, seed, quiet_s=quiet_s) for seed in range(1, runs + 1)]
    hours = runs * quiet_s / 3_600
    detections, sizes = [], {SCENARIOS[QUIET]: _size(quiet)}
    for scenario in range(1, len(SCENARIOS)):
        watches = [watched(config, scenario, 1_000 + seed) for seed in range(runs)]
        sizes[SCENARIOS[scenario]] = _size(watches)
        detections += [_detection(scenario, detector, watches) for detector in range(len(DETECTORS))]
    return StressStudy(
        quiet_hours=hours,
        false_per_hour={
            name: sum(len(_times(watch, index)) for watch in quiet) / hours for index, name in enumerate(DETECTORS)
        },
        size_permille_p50=sizes,
        detections=detections,
    )


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
    """A line a scenario and detector, then what quiet markets set off."""
    lines = [f"{'scenario':<14}{'detector':<10}{'found':>9}{'delay p50':>13}{'smallest size':>16}"]
    for one in told.detections:
        delay = "-" if one.delay_ms_p50 is None else f"{one.delay_ms_p50:.0f} ms"
        size = f"{told.size_permille_p50[one.scenario] / 10:.0f} %" if one.detector == "alert" else ""
        lines.append(f"{one.scenario:<14}{one.detector:<10}{one.found:>5}/{one.runs:<3}{delay:>13}{size:>16}")
    false = ", ".join(f"{name} {count:.1f}" for name, count in told.false_per_hour.items())
    lines += ["", f"false alarms an hour of quiet market ({told.quiet_hours:.2f} h): {false}"]
    return "\n".join(lines)
