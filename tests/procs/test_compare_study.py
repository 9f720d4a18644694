"""`trader compare`: the same markets for every variant, differences in pairs, intervals that are Student's."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from procs.cli import main
from procs.compare_study import MEASURES, OFF, VARIANTS, compare, interval, play, render, t_quantile, with_variant
from procs.settings import load_config
from trader.signals.forecasts import SIGNALS
from trader.tail_risk.assessment import SHARES

CONFIG = load_config(None, {})


@pytest.mark.parametrize(
    ("probability", "freedom", "expected"),
    [(0.975, 1, 12.7062), (0.975, 2, 4.3027), (0.975, 5, 2.5706), (0.975, 19, 2.0930), (0.95, 9, 1.8331)],
)
def test_quantiles_are_those_of_the_tables(probability: float, freedom: int, expected: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(expected, rel=2e-3)


def test_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    within = [low <= 0.3 <= high for low, high in (interval(rng.normal(0.3, 2.0, 8), 0.9) for _ in range(2_000))]

    assert np.mean(within) == pytest.approx(0.9, abs=0.02)
    assert interval(np.array([1.0]), 0.95) == (-math.inf, math.inf)


def test_variants_take_away_what_they_say_and_nothing_else() -> None:
    off = with_variant(CONFIG, OFF)

    assert all(getattr(off.signals, name) == 0 for name in (*SIGNALS, "caution", "wariness"))
    assert all(getattr(off.tail_risk, f"weight_{name}") == 0 for name in SHARES)
    assert with_variant(CONFIG, "both") == CONFIG
    assert with_variant(CONFIG, "signals").signals == CONFIG.signals
    assert with_variant(CONFIG, "tail_risk").tail_risk == CONFIG.tail_risk


def test_a_seed_plays_the_same_again_and_figures_are_those_of_the_runs() -> None:
    told = compare(CONFIG, ["signals"], seeds=2, first_seed=3, duration_s=6)
    again = play(CONFIG, "signals", 4, 6)
    runs = {(one.variant, one.seed): one for one in told.runs}
    found = {(one.variant, one.measure): one for one in told.differences}

    assert runs["signals", 4] == again and len(told.runs) == 4
    assert len(told.differences) == 2 * len(MEASURES)
    for measure in MEASURES:
        pairs = [getattr(runs["signals", seed], measure) - getattr(runs[OFF, seed], measure) for seed in (3, 4)]
        assert found["signals", measure].difference == pytest.approx(np.mean(pairs))
        assert found[OFF, measure].difference == 0
    assert again.quoted > 0.9 and len(again.pnl_path) == 60
    assert "differences from off on the same seed" in render(told)


def test_command_prints_writes_and_draws(tmp_path: Path) -> None:
    files = tmp_path / "found.json", tmp_path / "found.png"
    flags = ["--seeds", "2", "--duration", "2s", "--variants", "tail_risk", "--stress", "crash"]
    result = CliRunner().invoke(main, ["compare", *flags, "--json", str(files[0]), "--plot", str(files[1])])

    assert result.exit_code == 0, result.output
    assert "PnL" in result.output and "tail_risk" in result.output
    told = json.loads(files[0].read_text())
    assert {one["variant"] for one in told["runs"]} == {OFF, "tail_risk"} and told["stress"] == "crash"
    assert files[1].read_bytes().startswith(b"\x89PNG") and files[1].stat().st_size > 10_000


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--seeds", "0"], "--seeds: found 0, allowed 1 to 10000"),
        (["--variants", "nothing"], f"--variants: found 'nothing', allowed {', '.join(VARIANTS)}"),
        (["--stress", "flood"], "--stress: found 'flood', allowed crash, whale, flash_spread"),
        (["--duration", "2"], "--duration: found '2' (the unit is missing)"),
        (["--plot", "nowhere/x.png"], "--plot: found no folder 'nowhere'"),
    ],
)
def test_what_cannot_be_compared_is_refused(flags: list[str], says: str) -> None:
    result = CliRunner().invoke(main, ["compare", *flags])

    assert result.exit_code == 2 and says in result.output
