"""The volatility stage: what it publishes, when, and what a gap or an untrusted book does."""

from types import SimpleNamespace

import numpy as np
import pytest

from procs.errors import OperatorError
from procs.wiring import stage_module
from tests.procs.one_stage import OneStage
from trader.enums import BeliefState, BookState, MarketEventKind
from trader.messages import Gap, MarketEvent
from trader.volatility import VolatilityConfig

WINDOW_NS = 150_000_000
LINK = "volatility_estimate"


def make_stage(*, symbols: int = 1, method: str = "ewma", **knobs: float) -> OneStage:
    config = VolatilityConfig(method=method, **knobs)
    return OneStage("volatility", SimpleNamespace(volatility=config), symbols=symbols)


def mid_event(window: int, bid_ticks: int, *, symbol_id: int = 0, state: int = BookState.LIVE) -> MarketEvent:
    event_ns = window * WINDOW_NS + 5
    return MarketEvent(symbol_id, 0, event_ns, MarketEventKind.MID, state, bid_ticks, bid_ticks + 1, 0, 0, 0)


def give_windows(stage: OneStage, first: int, count: int, *, step_ticks: int = 60, symbol_id: int = 0) -> None:
    """A mid that hops up and down by `step_ticks` of 618,000, about a basis point each way."""
    for window in range(first, first + count):
        stage.give(mid_event(window, 618_000 + step_ticks * (window % 2), symbol_id=symbol_id), window)


def test_prior_is_published_at_the_start_for_every_symbol() -> None:
    found = make_stage(symbols=3, prior_bps=2.0, prior_bps_p95=5.0).taken(LINK)

    assert [estimate.symbol_id for estimate in found] == [0, 1, 2]
    assert {(estimate.state, estimate.volatility_bps) for estimate in found} == {(BeliefState.WARMING, 2.0)}
    assert found[0].volatility_bps_p95 == pytest.approx(5.0)


def test_estimate_is_published_at_each_windows_end_with_its_venue_time() -> None:
    stage = make_stage(warm_windows=10)
    stage.taken(LINK)
    stage.give(mid_event(1_000, 618_000), 1)
    stage.give(mid_event(1_001, 618_000), 2)
    none_yet = stage.taken(LINK)
    stage.give(mid_event(1_001, 618_060), 3)
    within = stage.taken(LINK)
    stage.give(mid_event(1_002, 618_060), 4)
    first = stage.taken(LINK)
    give_windows(stage, 1_003, 12)
    last = stage.taken(LINK)

    assert none_yet == within == []
    assert (first[0].window_count, first[0].event_ns, first[0].state) == (1, 1_002 * WINDOW_NS, BeliefState.WARMING)
    assert (last[0].window_count, last[0].event_ns, last[0].state) == (13, 1_014 * WINDOW_NS, BeliefState.LIVE)
    assert last[0].volatility_bps == pytest.approx(60 / 618_000 * 1e4 / 0.15**0.5, rel=0.1)
    assert last[0].volatility_bps_p05 < last[0].volatility_bps < last[0].volatility_bps_p95


@pytest.mark.parametrize("why", ["gap", "stale"])
def test_gap_and_untrusted_book_do_not_corrupt_the_estimate(why: str) -> None:
    stage = make_stage(warm_windows=10)
    give_windows(stage, 1_000, 40)
    before = stage.taken(LINK)[0]
    if why == "gap":
        stage.give(Gap(0, 7), 1)
    else:
        stage.give(mid_event(1_040, 618_000, state=BookState.STALE), 1)
    give_windows(stage, 1_041, 1)
    stage.give(mid_event(1_042, 900_000), 2)
    silent = stage.taken(LINK)
    stage.give(mid_event(1_043, 900_000), 3)
    stage.give(mid_event(1_044, 900_000), 4)
    after = stage.taken(LINK)[0]

    assert silent == []
    assert after.window_count > before.window_count
    assert stage.row["estimators"][0]["reset_count"] == 1
    # The jump from 618,000 to 900,000 came one window after the restart and is a true return; without the
    # reset the return across the hole would count as well.
    assert after.window_count == before.window_count + 2


def test_symbols_do_not_touch_each_other() -> None:
    stage = make_stage(symbols=2, warm_windows=10)
    give_windows(stage, 1_000, 30, step_ticks=60, symbol_id=0)
    give_windows(stage, 1_000, 30, step_ticks=300, symbol_id=1)
    calm, wild = stage.taken(LINK)

    assert wild.volatility_bps == pytest.approx(5 * calm.volatility_bps, rel=1e-3)


def test_event_of_an_unknown_symbol_is_counted_and_ignored() -> None:
    stage = make_stage()

    assert stage.give(mid_event(1_000, 618_000, symbol_id=5), 1) == 0
    assert stage.row["ignored"] == 1


def give_walk(stage: OneStage, first: int, returns_bps: np.ndarray, *, symbol_id: int = 0) -> None:
    """A mid that moves by such returns, one a window; ticks so fine that rounding does not matter."""
    for window, bid_ticks in enumerate(np.round(1e9 * np.exp(np.cumsum(returns_bps) / 1e4)).astype(np.int64), first):
        stage.give(mid_event(window, int(bid_ticks), symbol_id=symbol_id), window)


@pytest.mark.parametrize("method", ["particle", "joint"])
def test_particle_filters_estimate_is_published_with_its_band_and_parameters(method: str) -> None:
    rng = np.random.default_rng(4)
    stage = make_stage(method=method, particle_count=2048, prior_bps=1.0, symbols=2)
    moving = rng.random(1_500) < 0.4
    wide = np.where(moving, 2.0 * np.sqrt(0.15 / 0.4) * rng.standard_normal(1_500), 0.0)
    give_walk(stage, 1_000, wide)
    give_walk(stage, 1_000, 3 * wide, symbol_id=1)
    found, tripled = stage.taken(LINK)

    assert found.state == tripled.state == BeliefState.LIVE
    assert found.volatility_bps == pytest.approx(2.0, rel=0.35)
    assert tripled.volatility_bps == pytest.approx(3 * found.volatility_bps, rel=0.25)
    assert found.volatility_bps_p05 < found.volatility_bps < found.volatility_bps_p95
    assert 0.8 < found.phi_mean < 1 and found.phi_sd > 0 and found.sigma_eta_mean > 0 and found.mu_sd > 0
    assert found.effective_sample_size > 100 and 0 <= found.pit <= 1
    assert found.window_count == 1_498


def test_particle_filter_widens_within_a_window_of_a_shock_and_follows_it() -> None:
    rng = np.random.default_rng(5)
    stage = make_stage(method="particle", particle_count=2048, prior_bps=1.0)
    give_walk(stage, 1_000, 0.4 * rng.standard_normal(800))
    calm = stage.taken(LINK)[0]
    give_walk(stage, 1_800, np.array([0.0, 8.0, 0.0]))
    shocked = stage.taken(LINK)[0]
    give_walk(stage, 1_803, 4.0 * rng.standard_normal(15))
    wild = stage.taken(LINK)[0]

    assert shocked.volatility_bps_p95 > 1.05 * calm.volatility_bps_p95
    assert wild.volatility_bps_p95 > 2 * calm.volatility_bps_p95


def test_particle_filter_whose_returns_are_not_where_predicted_is_not_trusted() -> None:
    rng = np.random.default_rng(6)
    stage = make_stage(method="particle", particle_count=2048, prior_bps=1.0)
    give_walk(stage, 1_000, 0.4 * rng.standard_normal(600))
    stage.row["judgements"][0]["extreme_share"] = 0.5
    before = stage.taken(LINK)[0]
    give_walk(stage, 1_600, 0.4 * rng.standard_normal(10))
    doubted = stage.taken(LINK)[0]
    give_walk(stage, 1_610, 0.4 * rng.standard_normal(200))

    assert (before.state, doubted.state) == (BeliefState.LIVE, BeliefState.DOUBTED)
    assert stage.taken(LINK)[0].state == BeliefState.LIVE


def test_particle_filters_state_goes_on_elsewhere_bit_for_bit() -> None:
    returns = 0.5 * np.random.default_rng(7).standard_normal(400)
    one, other = (make_stage(method="particle", particle_count=1024) for _ in range(2))
    give_walk(one, 1_000, returns)
    one.taken(LINK)
    other.taken(LINK)
    other.state[:] = one.state
    other.state[0]["advance"] = 0
    stage_module("volatility").relink(other.state)
    for stage in (one, other):
        give_walk(stage, 1_400, returns[:50])

    assert one.taken(LINK) == other.taken(LINK)


def test_more_particles_than_there_is_room_for_are_refused() -> None:
    with pytest.raises(
        OperatorError, match=r"volatility.particle_count: found 20000 for each of 3 symbols, allowed 9344"
    ):
        make_stage(method="particle", particle_count=20_000, symbols=3)
