"""The built-in quotes: the closed form, directions, the touch, whatever the market."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from procs.strategy_file import BELIEF
from shm.kernel import new_record
from tests.trader.one_desk import ASK, BID, make_top
from trader.enums import BeliefState
from trader.strategy import POSITION, QUOTES, StrategyConfig, quoting
from trader.strategy.restraint import trust

CERTAIN = {"phi_mean": 1.0, "pit": 0.5}
LEARNED = {"mu_mean": 0.0, "mu_sd": 0.3, "phi_mean": 0.97, "phi_sd": 0.01, "sigma_eta_mean": 0.2, "sigma_eta_sd": 0.05}
"""A filter's parameters; `certain` ones are a decaying mean's."""


def make_belief(volatility_bps: float, *, band: float = 1.5, warming: bool = False, **fields: float) -> np.ndarray:
    """An estimate whose 5th and 95th percentiles are a factor `band` away."""
    belief = new_record(BELIEF)
    trust(belief[0])
    belief["state"] = BeliefState.WARMING if warming else BeliefState.LIVE
    belief["volatility_bps"] = volatility_bps
    belief["volatility_bps_p05"], belief["volatility_bps_p95"] = volatility_bps / band, volatility_bps * band
    for name, value in {**CERTAIN, **fields}.items():
        belief[name] = value
    return belief


def quotes_of(
    *,
    volatility_bps: float = 1.0,
    position_lots: int = 0,
    belief: np.ndarray | None = None,
    bid=BID,
    ask=ASK,
    **knobs,
) -> np.void:
    state, position, out = new_record(quoting.STATE), new_record(POSITION), new_record(QUOTES)
    for name, value in quoting.parameters(StrategyConfig(**knobs)).items():
        state[name] = value
    position["position_lots"] = position_lots
    belief = make_belief(volatility_bps) if belief is None else belief
    quoting.quote(state[0], make_top(bid, ask)[0], belief[0], position[0], out[0])
    return out[0].copy()


def spread(quotes: np.void) -> int:
    return int(quotes["ask_ticks"][0] - quotes["bid_ticks"][0])


def test_quotes_stand_on_both_sides_in_order_around_the_mid() -> None:
    quotes = quotes_of(levels=4)

    assert quotes["bid_count"] == quotes["ask_count"] == 4
    assert (np.diff(quotes["bid_ticks"][:4]) < 0).all()
    assert (np.diff(quotes["ask_ticks"][:4]) > 0).all()
    assert quotes["bid_ticks"][0] + quotes["ask_ticks"][0] == BID + ASK
    assert (quotes["bid_lots"][:4] == 2).all()


def test_wider_estimate_widens_every_level() -> None:
    calm, wild = quotes_of(volatility_bps=1.0), quotes_of(volatility_bps=4.0)

    assert spread(wild) > spread(calm)
    assert (wild["ask_ticks"][:3] > calm["ask_ticks"][:3]).all()
    assert (wild["bid_ticks"][:3] < calm["bid_ticks"][:3]).all()


def test_warming_belief_quotes_its_95th_percentile() -> None:
    warming = quotes_of(belief=make_belief(1.0, warming=True))

    assert spread(warming) == spread(quotes_of(belief=make_belief(1.5, band=1.0)))


def test_half_spread_and_skew_equal_the_closed_form() -> None:
    gamma, kappa, arrivals = 0.3, 2.0, 4.0
    knobs = {"risk_aversion_per_bps": gamma, "arrival_decay_per_bps": kappa, "arrivals_per_s": arrivals}
    c1 = math.log(1 + gamma / kappa) / gamma
    c2 = math.sqrt(gamma / (2 * kappa * arrivals) * (1 + gamma / kappa) ** (kappa / gamma + 1))
    ticks_per_bps = 618_000 / 10_000
    certain = make_belief(3.0, band=1.0)
    flat = quotes_of(belief=certain, **knobs)
    long = quotes_of(belief=certain, position_lots=2, bid=617_000, ask=619_000, improve_ticks_max=10_000, **knobs)

    assert spread(flat) / 2 == pytest.approx((c1 + c2 * 3.0 / 2) * ticks_per_bps, abs=1)
    assert (long["bid_ticks"][0] + long["ask_ticks"][0]) / 2 == pytest.approx(618_000 - c2 * 3.0 * ticks_per_bps, abs=1)


def test_inventory_moves_the_quotes_against_itself() -> None:
    flat, long, short = quotes_of(), quotes_of(position_lots=2), quotes_of(position_lots=-2)

    assert long["bid_ticks"][0] < flat["bid_ticks"][0] < short["bid_ticks"][0]
    assert long["ask_ticks"][0] < flat["ask_ticks"][0] < short["ask_ticks"][0]


def test_quotes_join_the_touch_at_best_however_large_the_inventory() -> None:
    long, short = quotes_of(position_lots=90), quotes_of(position_lots=-90)

    assert long["ask_ticks"][:3].tolist() == [ASK, ASK + 1, ASK + 2]
    assert short["bid_ticks"][:3].tolist() == [BID, BID - 1, BID - 2]


def test_belief_that_is_no_number_quotes_nothing() -> None:
    for volatility in (math.nan, math.inf, 0.0, -1.0):
        quotes = quotes_of(volatility_bps=volatility)

        assert quotes["bid_count"] == quotes["ask_count"] == 0


@settings(max_examples=200, deadline=None)
@given(
    volatility=some.floats(0.001, 1e6),
    band=some.floats(1, 100),
    pit=some.floats(0, 1),
    position=some.integers(-(10**9), 10**9),
    bid=some.integers(1, 10**9),
    width=some.integers(1, 10**6),
    levels=some.integers(1, 10),
)
def test_whatever_the_market_quotes_are_ordered_and_never_cross(
    volatility, band, pit, position, bid, width, levels
) -> None:
    belief = make_belief(volatility, band=band, **LEARNED | {"pit": pit})
    quotes = quotes_of(belief=belief, position_lots=position, bid=bid, ask=bid + width, levels=levels)
    count = int(quotes["bid_count"])

    assert 0 <= count == quotes["ask_count"] <= levels
    assert (0 <= quotes["bid_lots"]).all() and (quotes["bid_lots"] <= StrategyConfig().size_lots).all()
    if count:
        assert quotes["bid_ticks"][0] <= bid
        assert quotes["ask_ticks"][0] >= bid + width
        assert (np.diff(quotes["bid_ticks"][:count]) < 0).all()
        assert (np.diff(quotes["ask_ticks"][:count]) > 0).all()


def test_config_names_what_is_out_of_range() -> None:
    assert StrategyConfig().problems() == []
    assert StrategyConfig(levels=11, parameters={"x": math.inf}).problems() == [
        "strategy.levels: found 11, allowed 1 to 10",
        "strategy.parameters.x: found inf, allowed a finite number",
    ]
