"""Robust control: every level's spread, lean and size answer to the posterior, each in its direction."""

import math

import numpy as np
import pytest

from shm.kernel import new_record
from tests.trader.one_desk import make_top
from tests.trader.test_strategy import LEARNED, make_belief, quotes_of
from trader.strategy import POSITION, QUOTES, StrategyConfig, quoting
from trader.strategy.outlook import alarm_of, outlook

LEVELS = 4
KNOBS = {"levels": LEVELS, "size_lots": 1_000, "volatility_bps_full": 1.0, "improve_ticks_max": 100_000}
WIDE = {"bid": 617_000, "ask": 619_000}
"""A touch far away: nothing is cut by it."""


def answers(belief: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread, lean for one size of inventory, and size at each level, in ticks and lots."""
    flat = quotes_of(belief=belief, **KNOBS, **WIDE)
    long = quotes_of(belief=belief, position_lots=1_000, **KNOBS, **WIDE)
    spreads = flat["ask_ticks"][:LEVELS] - flat["bid_ticks"][:LEVELS]
    leans = (flat["ask_ticks"] + flat["bid_ticks"] - long["ask_ticks"] - long["bid_ticks"])[:LEVELS]
    return spreads, leans, flat["bid_lots"][:LEVELS]


RESPONSES = {
    "volatility itself": (make_belief(1.0, **LEARNED), make_belief(2.0, **LEARNED)),
    "95th percentile": (make_belief(1.0, **LEARNED), make_belief(1.0, volatility_bps_p95=2.5, **LEARNED)),
    "5th percentile": (make_belief(1.0, **LEARNED), make_belief(1.0, volatility_bps_p05=0.9, **LEARNED)),
    "deviation of mu": (make_belief(1.0, **LEARNED), make_belief(1.0, **LEARNED | {"mu_sd": 1.5})),
    "deviation of phi": (make_belief(2.0, **LEARNED), make_belief(2.0, **LEARNED | {"phi_sd": 0.04})),
    "deviation of sigma_eta": (make_belief(1.0, **LEARNED), make_belief(1.0, **LEARNED | {"sigma_eta_sd": 0.3})),
    "sigma_eta": (make_belief(1.0, **LEARNED), make_belief(1.0, **LEARNED | {"sigma_eta_mean": 0.4})),
    "a surprise": (make_belief(1.0, **LEARNED), make_belief(1.0, **LEARNED | {"pit": 1 - 2e-4})),
    "too few windows": (make_belief(1.0, **LEARNED), make_belief(1.0, warming=True, **LEARNED)),
}


@pytest.mark.parametrize("cause", RESPONSES)
def test_every_level_widens_leans_harder_and_shrinks_with(cause: str) -> None:
    before, after = (answers(belief) for belief in RESPONSES[cause])

    assert (after[0] > before[0]).all()
    assert (after[1] > before[1]).all()
    if cause not in ("5th percentile", "too few windows"):
        assert (after[2] < before[2]).all()


def test_what_is_known_well_is_known_to_be_small_risk() -> None:
    """A higher 5th percentile raises the middle, but the 95th stays: the size does not grow, nor fall by much."""
    before, after = (answers(belief)[2] for belief in RESPONSES["5th percentile"])

    assert (abs(after - before) < 0.25 * before).all()


def test_further_levels_reckon_with_more() -> None:
    spreads, leans, lots = answers(make_belief(1.0, **LEARNED))

    assert (np.diff(leans) > 0).all() and (np.diff(lots) < 0).all()
    assert (np.diff(np.diff(spreads)) > 0).all()


def test_same_mean_with_another_posterior_is_quoted_otherwise() -> None:
    certain, uncertain = answers(make_belief(1.0, band=1.01)), answers(make_belief(1.0, band=3.0))

    assert (uncertain[0] > certain[0]).all() and (uncertain[2] < certain[2]).all()


def test_size_is_cut_in_proportion_and_below_the_least_share_nothing_is_quoted() -> None:
    knobs = KNOBS | {"caution_per_level": 0.0, "size_share_min": 0.3}
    lots = {
        band: quotes_of(belief=make_belief(1.0, band=band), **knobs)["ask_lots"][0] for band in (1.0, 2.0, 3.0, 4.0)
    }

    assert lots == {1.0: 1_000, 2.0: 500, 3.0: 333, 4.0: 0}


def test_surprise_beyond_a_quarter_of_the_limit_pulls_the_quotes() -> None:
    def lots(pit: float) -> int:
        belief = make_belief(1.0, **LEARNED | {"pit": pit})
        return int(quotes_of(belief=belief, surprise_tail=1e-3)["bid_lots"].sum())

    assert lots(0.5) == lots(1 - 0.6e-3) == lots(0.6e-3) > 0
    assert lots(1 - 1e-5) == lots(1e-5) == lots(0.0) == lots(1.0) == 0


def test_band_is_the_outlook_of_a_random_walk_without_noise() -> None:
    centre, sd = outlook(make_belief(2.0, band=1.8)[0], 40)

    assert math.exp(centre + 1.6448536269514722 * sd) == pytest.approx(2.0 * 1.8)
    assert math.exp(centre - 1.6448536269514722 * sd) == pytest.approx(2.0 / 1.8)


def test_outlook_is_that_of_simulated_volatility() -> None:
    """Draw state and parameters from the posterior, let them run for the horizon: the first order is within 3 %."""
    rng = np.random.default_rng(3)
    belief = make_belief(2.0, **LEARNED | {"phi_sd": 0.002, "mu_sd": 0.4})[0]
    runs, windows = 200_000, 30
    mu = rng.normal(0.0, 0.4, runs)
    phi, sigma = rng.normal(0.97, 0.002, runs), rng.normal(0.2, 0.05, runs)
    h = 2 * (math.log(2.0) + math.log(1.5) / 1.6448536269514722 * rng.standard_normal(runs))
    for _ in range(windows):
        h = mu + phi * (h - mu) + sigma * rng.standard_normal(runs)
    centre, sd = outlook(belief, windows)

    assert centre == pytest.approx(float(np.mean(h / 2)), abs=0.01)
    assert sd == pytest.approx(float(np.std(h / 2)), rel=0.03)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (math.nan, 1.0), (1.0, math.inf), (2.0, 1.0), (-1.0, 1.0)])
def test_percentiles_that_are_none_are_not_quoted_on(low: float, high: float) -> None:
    quotes = quotes_of(belief=make_belief(1.0, volatility_bps_p05=low, volatility_bps_p95=high))

    assert quotes["bid_count"] == quotes["ask_count"] == 0


def test_alarm_counts_the_powers_of_ten_beyond_the_limit() -> None:
    def alarm(pit: float, sigma_eta: float = 0.1) -> float:
        return alarm_of(make_belief(1.0, pit=pit, sigma_eta_mean=sigma_eta)[0], 1e-2)

    assert alarm(0.5) == alarm(0.005) == alarm(math.nan) == 0
    assert alarm(0.0005) == pytest.approx(1) == alarm(0.9995)
    assert 9 < alarm(0.0) <= 10
    assert alarm(1e-9, sigma_eta=0.0) == 0, "a decaying mean is not surprised"


def test_alarm_dies_down_by_windows_and_not_by_calls() -> None:
    state = new_record(quoting.STATE)
    for name, value in quoting.parameters(StrategyConfig(surprise_tail=1e-2, surprise_kept=0.5)).items():
        state[name] = value

    def after(window_count: int, pit: float) -> float:
        belief = make_belief(1.0, **LEARNED | {"pit": pit, "window_count": window_count})
        for _ in range(3):
            quoting.quote(state[0], make_top()[0], belief[0], new_record(POSITION)[0], new_record(QUOTES)[0])
        return float(state["alarm"][0])

    assert [after(10, 5e-5), after(11, 0.5), after(13, 0.3)] == pytest.approx([2, 1, 0.25])
    assert after(14, 5e-4) == pytest.approx(1)


def test_movement_within_a_window_raises_the_alarm_at_once() -> None:
    """The same window is told again, later: the alarm follows what is worse and never falls before the window's end."""
    state = new_record(quoting.STATE)
    for name, value in quoting.parameters(StrategyConfig(surprise_tail=1e-2, surprise_kept=0.5)).items():
        state[name] = value

    def after(event_ns: int, pit: float, window_count: int = 10) -> float:
        belief = make_belief(1.0, **LEARNED | {"pit": pit, "window_count": window_count, "event_ns": event_ns})
        quoting.quote(state[0], make_top()[0], belief[0], new_record(POSITION)[0], new_record(QUOTES)[0])
        return float(state["alarm"][0])

    assert [after(1, 0.5), after(2, 5e-4), after(3, 1 - 5e-5), after(4, 0.4)] == pytest.approx([0, 1, 2, 2])
    assert after(5, 0.5, window_count=11) == pytest.approx(1)
