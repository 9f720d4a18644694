"""`trader stress`: stress of the simulated exchange is noticed, quiet is left alone, and both are counted rightly."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from procs.cli import main
from procs.config import RunConfig
from procs.stress_kernels import ALERT, BIG, DETECTORS, PANIC
from procs.stress_recorded import watched_recordings
from procs.stress_study import (
    CRASH,
    FLASH,
    LEAD_S,
    OPENING_NS,
    QUIET,
    SAMPLES,
    SCENARIOS,
    SEEDS_APART,
    STRESS_S,
    TUNING_SEED,
    WHALE,
    study,
    watched,
)

S = 1_000_000_000
CONFIG = RunConfig()


def alarms(watch: np.ndarray, detector: int) -> list[float]:
    """Seconds after the opening of a detector's alarms."""
    told = watch["alarms"][0][: watch["count"][0]]
    return ((told["time_ns"][told["detector"] == detector] - OPENING_NS) / S).tolist()


@pytest.mark.parametrize("scenario", [CRASH, FLASH])
def test_stress_alerts_within_its_first_seconds_and_tightens(scenario: int) -> None:
    watch = watched(CONFIG, scenario, 3)
    first = [second for second in alarms(watch, ALERT) if second >= LEAD_S]

    assert first and first[0] < LEAD_S + 2
    assert 200 <= watch["size_permille_min"][0] < 900
    assert watch["from_ns"][0] == OPENING_NS + LEAD_S * S and watch["until_ns"][0] == watch["from_ns"][0] + STRESS_S * S


def test_up_to_the_stress_a_market_is_the_quiet_one() -> None:
    quiet, whale = (watched(CONFIG, scenario, 5, quiet_s=LEAD_S) for scenario in (QUIET, WHALE))
    for detector in range(len(DETECTORS)):
        before = [second for second in alarms(whale, detector) if second < LEAD_S]
        assert before == alarms(quiet, detector)
    assert quiet["events"][0] > 30_000
    assert alarms(whale, BIG)[-1] == pytest.approx(LEAD_S, abs=0.1)


def test_the_panic_detector_is_heard_wherever_it_panics_by_a_trade_or_by_a_book() -> None:
    watch = watched(CONFIG, CRASH, TUNING_SEED + CRASH * SEEDS_APART)
    told = alarms(watch, PANIC)

    assert len(told) == watch["panics"][0] > 0
    assert LEAD_S <= told[0] < LEAD_S + 1


def test_an_alarm_is_told_with_how_far_the_mid_went_around_it() -> None:
    watch = watched(CONFIG, CRASH, 3)
    told = watch["alarms"][0][: watch["count"][0]]
    first = told[(told["detector"] == PANIC) & (told["time_ns"] >= watch["from_ns"][0])][0]

    assert 4 < first["deviations"] < 200, "15 bps a second against one or so"


def test_figures_are_those_of_the_runs() -> None:
    told = study(CONFIG, runs=2, quiet_s=60, first_seed=200_007)
    found = {(one.sample, one.scenario, one.detector): one for one in told.detections}

    assert len(told.detections) == len(SAMPLES) * (len(SCENARIOS) - 1) * len(DETECTORS)
    assert [(quiet.sample, quiet.hours) for quiet in told.quiets] == [(sample, 2 / 60) for sample in SAMPLES]
    for sample, seed in zip(SAMPLES, (TUNING_SEED, 200_007), strict=True):
        delays = []
        for number in range(2):
            crash = watched(CONFIG, CRASH, seed + CRASH * SEEDS_APART + number)
            within = [second for second in alarms(crash, PANIC) if LEAD_S <= second < LEAD_S + STRESS_S + 5]
            delays += [1e3 * (second - LEAD_S) for second in within[:1]]
        one = found[sample, "crash", "panic"]
        assert (one.runs, one.found, one.soon) == (2, 2, sum(delay < 1_000 for delay in delays))
        assert one.delay_ms_p50 == pytest.approx(np.median(delays))
        assert one.delay_ms_p90 == pytest.approx(np.quantile(delays, 0.9))
        assert told.size_permille_p50[sample]["quiet"] > told.size_permille_p50[sample]["crash"]


def spot_recording(path: Path, *, with_snapshot: bool, turns: range) -> Path:
    """Spot depth updates without gap around a touch that stands still; a snapshot has no time there."""
    lines = []
    for turn in turns:
        levels = f'"b":[["100.00","{5 + turn % 3}"]],"a":[["100.01","7"]]'
        ids = f'"U":{10 * turn + 1},"u":{10 * turn + 10}'
        update = f'{{"e":"depthUpdate","E":{1_700_000_000_000 + 100 * turn},"s":"BTCUSDT",{ids},{levels}}}'
        lines.append(f'{{"stream":"btcusdt@depth@100ms","data":{update}}}')
        if turn == turns[0] and with_snapshot:
            lines.append(f'{{"lastUpdateId":{10 * turn + 5},"bids":[["100.00","5"]],"asks":[["100.01","7"]]}}')
    start_ns = 1_700_000_000_000_000_000 + turns[0]
    path.write_text("".join(f"{start_ns + number} {line}\n" for number, line in enumerate(lines)))
    return path


def test_parts_of_a_spot_recording_are_one_and_a_part_without_a_book_is_named(tmp_path: Path) -> None:
    first = spot_recording(tmp_path / "first", with_snapshot=True, turns=range(600))
    second = spot_recording(tmp_path / "second", with_snapshot=False, turns=range(600, 1_200))
    seen: list[tuple[str, int]] = []
    whole = list(watched_recordings([first, second], CONFIG, lambda name, number: seen.append((name, number))))

    assert [(source, round(hours, 4)) for source, hours, _ in whole] == [("binance BTCUSDT, first + second", 0.0333)]
    assert seen == [("first", 0), ("second", 1)]
    assert len(list(watched_recordings([first, first], CONFIG, lambda name, number: None))) == 2
    result = CliRunner().invoke(main, ["stress", "--runs", "1", "--quiet", "60", str(second)])
    assert result.exit_code == 2
    assert "second: found no book of BTCUSDT that can be trusted (updates, but no snapshot)" in result.output


def test_command_prints_and_writes(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["stress", "--runs", "1", "--quiet", "60", "--json", str(tmp_path / "found.json")]
    )

    assert result.exit_code == 0, result.output
    for words in ("tuning, seeds from 1000", "held out, seeds from 500000", "flash spread", "for nothing, an hour"):
        assert words in result.output
    assert json.loads((tmp_path / "found.json").read_text())["quiets"][0]["hours"] == pytest.approx(1 / 60)


def test_numbers_out_of_range_are_refused() -> None:
    for arguments, message in ((["--runs", "0"], "--runs: found 0, allowed 1 to 1000"), (["--quiet", "1"], "--quiet")):
        result = CliRunner().invoke(main, ["stress", *arguments])
        assert result.exit_code == 2 and message in result.output
