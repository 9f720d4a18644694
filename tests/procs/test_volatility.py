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


def test_particle_filter_of_which_few_particles_count_is_not_trusted() -> None:
    stage = make_stage(method="particle", particle_count=2048, prior_bps=1.0)
    returns = 0.4 * np.random.default_rng(6).standard_normal(200)
    give_walk(stage, 1_000, returns)
    before = stage.taken(LINK)[0]
    # As if there were so many that those which count are one in a hundred.
    stage.row["judgements"][0]["particles"] = 100 * before.effective_sample_size
    give_walk(stage, 1_200, returns[:2])
    few = stage.taken(LINK)[0]
    stage.row["judgements"][0]["particles"] = 2048
    give_walk(stage, 1_202, returns[:2])

    assert (before.state, few.state) == (BeliefState.LIVE, BeliefState.DOUBTED)
    assert stage.taken(LINK)[0].state == BeliefState.LIVE


def give_mids(stage: OneStage, window: int, mids_bps: dict[int, float]) -> list:
    """Mids of one window, in bps from 10^9 half ticks, at so many ms; what was published after each."""
    published = []
    for at_ms, mid_bps in mids_bps.items():
        mid, event_ns = round(5e8 * np.exp(mid_bps / 1e4)), window * WINDOW_NS + at_ms * 1_000_000
        stage.give(MarketEvent(0, 0, event_ns, MarketEventKind.MID, BookState.LIVE, mid, mid + 1, 0, 0, 0), window)
        published.append(stage.taken(LINK))
    return published


def learned_stage(**knobs: object) -> OneStage:
    """A stage that has seen 300 windows of 0.4 bps, and begins one at a mid of 0."""
    stage = make_stage(particle_count=2048, prior_bps=1.0, **({"method": "particle"} | knobs))
    returns = 0.4 * np.random.default_rng(8).standard_normal(300)
    for window, mid_bps in enumerate((returns.cumsum() - returns.sum()).tolist(), 1_000):
        give_mids(stage, window, {70: mid_bps})
    give_mids(stage, 1_300, {0: 0.0})
    return stage


def test_movement_that_was_all_but_excluded_is_published_before_its_window_ends() -> None:
    stage = learned_stage()
    small, first, same, worse = give_mids(stage, 1_300, {10: 0.5, 30: -6.0, 31: -6.1, 60: 20.0})
    end = give_mids(stage, 1_301, {5: 20.0})[0]

    assert small == same == []
    assert (first[0].event_ns, worse[0].event_ns) == (1_300 * WINDOW_NS + 30_000_000, 1_300 * WINDOW_NS + 60_000_000)
    assert first[0].pit < 2e-3 and worse[0].pit > 1 - 1e-4
    assert first[0].window_count == worse[0].window_count == end[0].window_count - 1
    assert first[0].volatility_bps == worse[0].volatility_bps < end[0].volatility_bps
    assert (end[0].event_ns, stage.row["early"]) == (1_301 * WINDOW_NS, 2)


def test_market_that_is_torn_to_and_fro_is_noticed_although_it_comes_nowhere() -> None:
    """Each movement may happen, so many of them in one window may not."""
    once, often = learned_stage(), learned_stage()
    swings = {10 * part: 1.2 * (-1.0) ** part for part in range(1, 9)}
    first = dict.fromkeys(swings, 1.2 * -1.0)

    assert not any(give_mids(once, 1_300, first))
    assert any(give_mids(often, 1_300, swings))


def test_first_movement_of_a_window_counts_although_its_event_ends_the_one_before() -> None:
    stage = learned_stage()
    end = give_mids(stage, 1_301, {5: 12.0})[0]

    assert len(end) == 1 and end[0].event_ns == 1_301 * WINDOW_NS + 5_000_000
    assert end[0].window_count == 300 and end[0].pit > 0.999


@pytest.mark.parametrize("knobs", [{"early_tail": 0.0}, {"method": "ewma"}, {"warm_windows": 1_000}])
def test_nothing_is_published_early_without_a_limit_a_filter_or_its_belief(knobs: dict) -> None:
    stage = learned_stage(**knobs)

    assert give_mids(stage, 1_300, {10: 5.0, 20: 50.0}) == [[], []]


def test_calm_walks_alarm_as_rarely_as_told() -> None:
    """Fifteen steps a window, as steady as can be: fewer windows than one in a hundred have an early alarm."""
    rng = np.random.default_rng(9)
    stage, windows = make_stage(method="particle", particle_count=1024, prior_bps=1.0), 3_000
    mids = (0.1 * rng.standard_normal((windows, 15))).cumsum().reshape(windows, 15)
    for window, of_window in enumerate(mids.tolist(), 1_000):
        for part, mid_bps in enumerate(of_window):
            mid, event_ns = round(5e8 * np.exp(mid_bps / 1e4)), window * WINDOW_NS + part * 10_000_000
            stage.give(MarketEvent(0, 0, event_ns, MarketEventKind.MID, BookState.LIVE, mid, mid + 1, 0, 0, 0), window)

    assert stage.row["early"] < 0.01 * windows


def test_realised_variances_tell_of_windows_that_end_where_they_began() -> None:
    """A market that moves within each window and comes back: returns alone would say that nothing trades."""
    rng = np.random.default_rng(10)
    told = {}
    for observed in ("return", "realised"):
        stage = make_stage(method="particle", particle_count=1024, prior_bps=1.0, observed=observed)
        for window in range(1_000, 1_400):
            there = float(rng.standard_normal())
            give_mids(stage, window, {20: there, 60: -there, 120: 0.0 if window % 4 else 0.1 * there})
        told[observed] = stage.row["newest"][0].copy()

    assert told["return"]["zero_share"] > 0.4
    assert told["realised"]["zero_share"] < 0.05


@pytest.mark.parametrize("window_ms", [10, 150])
def test_realised_and_returns_agree_on_the_volatility_of_a_walk(window_ms: int) -> None:
    rng = np.random.default_rng(11)
    steps = 2.0 * np.sqrt(window_ms / 5_000) * rng.standard_normal((600, 5))
    mids = steps.cumsum().reshape(600, 5)
    found = {}
    for observed in ("return", "realised"):
        stage = make_stage(
            method="particle", particle_count=1024, prior_bps=1.0, observed=observed, window_ms=window_ms
        )
        for window, of_window in enumerate(mids.tolist(), 1_000):
            for part, mid_bps in enumerate(of_window):
                mid, event_ns = round(5e8 * np.exp(mid_bps / 1e4)), (5 * window + part) * window_ms * 200_000
                event = MarketEvent(0, 0, event_ns, MarketEventKind.MID, BookState.LIVE, mid, mid + 1, 0, 0, 0)
                stage.give(event, window)
        found[observed] = stage.taken(LINK)[0]

    for estimate in found.values():
        assert estimate.volatility_bps == pytest.approx(2.0, rel=0.35)
    assert found["realised"].volatility_bps == pytest.approx(found["return"].volatility_bps, rel=0.25)


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
