"""`trader stress`: stress of the simulated exchange is noticed, quiet is left alone, and both are counted rightly."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from procs.cli import main
from procs.config import RunConfig
from procs.stress_kernels import ALERT, BIG, DETECTORS, PANIC
from procs.stress_study import (
    CRASH,
    FLASH,
    LEAD_S,
    OPENING_NS,
    QUIET,
    SCENARIOS,
    SEEDS_APART,
    STRESS_S,
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


def test_figures_are_those_of_the_runs() -> None:
    told = study(CONFIG, runs=2, quiet_s=60, first_seed=7)
    crash = [watched(CONFIG, CRASH, 7 + CRASH * SEEDS_APART + number) for number in range(2)]
    found = {(one.scenario, one.detector): one for one in told.detections}

    assert len(told.detections) == (len(SCENARIOS) - 1) * len(DETECTORS)
    assert [quiet.hours for quiet in told.quiets] == [pytest.approx(2 / 60)]
    delays = []
    for watch in crash:
        within = [second for second in alarms(watch, PANIC) if LEAD_S <= second < LEAD_S + STRESS_S + 5]
        delays += within[:1]
    one = found["crash", "panic"]
    assert (one.runs, one.found) == (2, len(delays))
    assert one.delay_ms_p50 == (pytest.approx(1e3 * (np.median(delays) - LEAD_S)) if delays else None)
    assert told.size_permille_p50["quiet"] >= told.size_permille_p50["crash"]


def test_command_prints_and_writes(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["stress", "--runs", "1", "--quiet", "60", "--json", str(tmp_path / "found.json")]
    )

    assert result.exit_code == 0, result.output
    assert "flash spread" in result.output and "for nothing, an hour" in result.output
    assert json.loads((tmp_path / "found.json").read_text())["quiets"][0]["hours"] == pytest.approx(1 / 60)


def test_numbers_out_of_range_are_refused() -> None:
    for arguments, message in ((["--runs", "0"], "--runs: found 0, allowed 1 to 1000"), (["--quiet", "1"], "--quiet")):
        result = CliRunner().invoke(main, ["stress", *arguments])
        assert result.exit_code == 2 and message in result.output
