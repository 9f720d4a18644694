"""A shock in the generated market: nothing before it, its factor during it, nothing after it."""

import numpy as np
import pytest

from tests.trader.exchange_desk import Desk

STEP_MS = 100


def fair_prices(steps: int, **knobs: float) -> np.ndarray:
    """The fair price in ticks at every tenth of a second, its volatility otherwise constant."""
    desk = Desk(seed=9, log_variance_sd=0.0, connect=False, **knobs)
    flow = desk.row["markets"][0]["flow"]
    found = []
    for _ in range(steps):
        desk.pass_time(STEP_MS)
        found.append(float(flow["fair_ticks"]))
    return np.array(found)


def test_market_is_the_same_up_to_the_shock_and_another_after_it() -> None:
    plain, shocked = fair_prices(40), fair_prices(40, shock_at_s=2.0)

    assert np.array_equal(plain[:20], shocked[:20])
    assert not np.array_equal(plain[20:], shocked[20:])


@pytest.mark.parametrize("factor", [4.0, 12.0])
def test_volatility_is_multiplied_while_it_lasts(factor: float) -> None:
    prices = fair_prices(900, shock_at_s=30.0, shock_for_s=30.0, shock_factor=factor)
    before, during, after = (float(np.diff(part).std()) for part in np.split(prices, 3))

    assert during / before == pytest.approx(factor, rel=0.2)
    assert after / before == pytest.approx(1.0, rel=0.25)


def test_more_orders_arrive_in_a_shock() -> None:
    counts = []
    for knobs in ({}, {"shock_at_s": 0.001, "shock_factor": 9.0}):
        desk = Desk(seed=4, log_variance_sd=0.0, connect=False, **knobs)
        desk.pass_time(10_000)
        counts.append(int(desk.row["markets"][0]["flow"]["arrivals"]))

    assert counts[1] == pytest.approx(3 * counts[0], rel=0.25)
