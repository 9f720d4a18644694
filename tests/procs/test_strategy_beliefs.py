"""What the strategy stage does with an estimate of volatility: follow it, doubt it, find it too old."""

import pytest

from tests.procs.test_strategy import MS, acknowledge_all, belief, make_stage, report, top, width
from trader.enums import BeliefState, OrderState, ReportKind
from trader.volatility import VolatilityConfig


def test_wider_estimate_widens_the_quotes() -> None:
    widths = []
    for volatility_bps in (1.0, 2.5):
        stage = make_stage()
        stage.give(belief(volatility_bps), 1)
        stage.give(top(), 2)
        widths.append(width(stage.taken("strategy_risk")))

    assert widths[1] > widths[0]


def test_changed_estimate_moves_what_already_rests() -> None:
    stage = make_stage()
    stage.give(belief(1.0), 1)
    stage.give(top(), 2)
    acknowledge_all(stage, stage.taken("strategy_risk"), 3)
    stage.give(belief(6.0), 4)

    assert len(stage.taken("strategy_cancels")) == 6


def test_estimate_that_is_too_old_is_not_quoted_on_until_a_new_one_comes() -> None:
    stage = make_stage(belief_age_ms_max=500)
    stage.give(belief(1.0, event_ns=1), 1)
    stage.give(top(event_ns=400 * MS), 2)
    intents = stage.taken("strategy_risk")
    acknowledge_all(stage, intents, 3)
    stage.give(top(event_ns=600 * MS), 4)
    pulled = stage.taken("strategy_cancels")
    for intent in intents:
        stage.give(report(intent, ReportKind.CANCELED, OrderState.CANCELED), 5)
    while_old = stage.taken("strategy_risk")
    stage.give(belief(1.0, event_ns=590 * MS), 6)

    assert len(intents) == len(pulled) == 6 and while_old == []
    assert len(stage.taken("strategy_risk")) == 6
    assert (stage.row["doubts"], stage.row["doubted"][0]) == (1, 0)


def test_estimate_that_is_doubted_pulls_the_quotes_of_its_symbol_only() -> None:
    stage = make_stage(symbols=2)
    for symbol_id in range(2):
        stage.give(top(symbol_id=symbol_id), 2)
    acknowledge_all(stage, stage.taken("strategy_risk"), 3)
    stage.give(belief(1.0, state=BeliefState.DOUBTED), 4)

    assert len(stage.taken("strategy_cancels")) == 6
    assert stage.row["desk"]["symbols"]["busy_bids"].tolist()[:2] == [3, 3]
    assert stage.row["doubted"].tolist()[:2] == [1, 0]


def test_prior_has_no_age() -> None:
    stage = make_stage(belief_age_ms_max=500)
    stage.give(top(event_ns=10**18), 2)

    assert len(stage.taken("strategy_risk")) == 6


def test_estimate_of_an_earlier_run_is_as_old_as_the_first_top_that_it_meets() -> None:
    stage = make_stage(belief_age_ms_max=500)
    stage.give(belief(1.0, event_ns=0), 1)
    stage.give(top(event_ns=10**18), 2)
    intents = stage.taken("strategy_risk")
    acknowledge_all(stage, intents, 3)
    doubts = int(stage.row["doubts"])
    stage.give(top(event_ns=10**18 + 600 * MS), 4)

    assert len(intents) == 6 and doubts == 0
    assert len(stage.taken("strategy_cancels")) == 6 and stage.row["doubts"] == 1


def test_before_any_estimate_the_prior_is_quoted() -> None:
    stage = make_stage()
    prior = stage.row["beliefs"][0]

    assert prior["state"] == BeliefState.WARMING
    assert prior["volatility_bps_p95"] == pytest.approx(VolatilityConfig().prior_bps_p95)
