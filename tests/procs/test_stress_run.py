"""Stress in the exchange's order flow, through the whole system on the virtual clock: it tightens, and is released.

The order flow runs away at STRESS_S; what the strategy quotes, what risk allows and what rests at the exchange follow.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from procs.backtest import Backtest
from procs.config import SEGMENT_BYTES_MIN, JournalConfig, RunConfig
from procs.replay import replay_run
from procs.settings import load_config
from procs.stress_views import past_assessments, stress_of
from procs.topology import TRADING
from shm.segment import new_run
from trader.exchange.config import ExchangeConfig
from trader.tail_risk.config import TailRiskConfig

START_NS = 1_000_000_000
STRESS_S, LASTS_S, OVER_S = 40.0, 5.0, 120.0
STEP_NS = 50_000_000


@dataclass(frozen=True)
class Seen:
    """One moment. `lots`: sizes of all quotes; `spread`: of the nearest two, 0 without both."""

    seconds: float
    lots: int
    spread: int
    size_permille: int
    position_lots_max: int


def configured(stress: str) -> RunConfig:
    """The main job with a market that is stressed; tail risk learns and forgets a little sooner than by default."""
    exchange = ExchangeConfig(seed=5, stress=stress, stress_at_s=STRESS_S, stress_for_s=LASTS_S)
    return msgspec.structs.replace(
        load_config(None, {}),
        placement="fused",
        speed=0.0,
        epoch=1,
        wall_offset_ns=1_700_000_000_000_000_000,
        exchange=exchange,
        journal=JournalConfig(segment_bytes=SEGMENT_BYTES_MIN),
        tail_risk=TailRiskConfig(warm_windows=200, recent_windows=60),
    )


def observed(config: RunConfig, until_s: float, journals: Path | None = None) -> tuple[Backtest, list[Seen]]:
    """A run from 5 s before the stress on, until it is released again or `until_s` have passed."""
    run = Backtest(config, START_NS)
    if journals is not None:
        (journals / "journal").mkdir()
        run.open_journals(journals / "journal", new_run())
    assert run.start()
    risk, desk = run.state("risk")[0]["risk"], run.state("strategy")[0]["desk"]["symbols"][0]
    found: list[Seen] = []
    while (seconds := (run.now_ns - START_NS) / 1e9) < until_s:
        run.pass_time(STEP_NS)
        run.keep_journals()
        quotes = desk["quotes"]
        wide = quotes["bid_count"] > 0 and quotes["ask_count"] > 0
        if seconds < STRESS_S - 5:
            continue
        found.append(
            Seen(
                seconds,
                int(quotes["bid_lots"].sum() + quotes["ask_lots"].sum()),
                int(quotes["ask_ticks"][0] - quotes["bid_ticks"][0]) if wide else 0,
                int(risk["advice"]["size_permille"]),
                int(risk["symbols"][0]["limits"]["position_lots_max"]),
            )
        )
        if seconds > STRESS_S + LASTS_S + 1 and found[-1].size_permille == 1_000:
            break
    assert run.failure == ""
    return run, found


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Backtest, list[Seen]]:
    folder = tmp_path_factory.mktemp("crash")
    run, found = observed(configured("crash"), OVER_S, folder)
    return folder, run, found


def test_a_crash_tightens_risk_and_quotes_within_a_second_and_is_released_some_time_after_it_is_over(crash) -> None:
    _, run, found = crash
    limit = int(run.state("risk")[0]["risk"]["symbols"][0]["configured"]["position_lots_max"])
    calm = [seen for seen in found if seen.seconds < STRESS_S]
    first = next(seen for seen in found if seen.size_permille < 1_000)
    worst = [seen for seen in found if STRESS_S + 1 < seen.seconds < STRESS_S + LASTS_S]

    assert all((seen.size_permille, seen.position_lots_max) == (1_000, limit) for seen in calm)
    assert STRESS_S < first.seconds < STRESS_S + 1
    assert all(seen.position_lots_max < 0.9 * limit for seen in worst)
    widest = max(seen.spread for seen in calm)
    assert all(seen.lots == 0 or (seen.spread > widest and seen.lots < calm[0].lots) for seen in worst)
    assert found[-1].size_permille == 1_000 and found[-1].position_lots_max == limit
    assert STRESS_S + LASTS_S + 3 < found[-1].seconds < OVER_S, "it is held on to, and it ends"
    releases = [after for before, after in pairwise(found) if after.size_permille == 1_000 > before.size_permille]
    assert len(releases) == 1


def test_the_history_tells_of_it_while_the_system_runs(crash) -> None:
    _, run, _ = crash
    past = past_assessments(run)
    alert = past[past["state"] == 1]

    assert (past["symbol_id"] == 0).all() and len(alert) > 20
    assert alert["recommendation"]["size_permille"].min() < 900
    assert not stress_of(run, 0).alert


def test_all_stages_replay_to_the_same_outputs(crash) -> None:
    folder, run, _ = crash
    assert run.stop()
    run.close()
    result = replay_run(folder)

    assert result.identical, result.first_difference
    assert [stage.stage for stage in result.stages] == list(TRADING)
    assert all(stage.outputs > 0 for stage in result.stages)


@pytest.mark.parametrize("stress", ["flash_spread"])
def test_a_flash_spread_tightens_too(stress: str) -> None:
    _, found = observed(configured(stress), STRESS_S + LASTS_S)

    assert min(seen.size_permille for seen in found) < 900
    assert all(seen.size_permille == 1_000 for seen in found if seen.seconds < STRESS_S)
