"""What `trader limits` tells of risk's limits, read from risk's own record."""

from types import SimpleNamespace

import numpy as np
import pytest

from procs import order_views
from procs.order_views import LimitView, limits_in
from procs.readings import Units
from tests.trader.test_risk_pulling import ASK, BID, believe, quoting, show, ticks_allowed


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch):
    """The limits of one risk record by name, as a run's memory would give them."""

    def limits(risk: np.ndarray) -> dict[str, LimitView]:
        monkeypatch.setattr(order_views, "record_of", lambda memory, stage, wanted: risk[0])
        monkeypatch.setattr(order_views, "units_of_run", lambda memory: [Units("BTCUSDT", 1, 1, 3, 1)])
        return {limit.name: limit for limit in limits_in(SimpleNamespace()).limits}

    return limits


def test_what_rests_and_what_is_held_counts_against_its_limits(told) -> None:
    risk = quoting()
    open_orders = told(risk)["open_orders_max"]

    assert (open_orders.scope, open_orders.used) == ("BTCUSDT", 4)
    assert open_orders.effective == open_orders.configured == risk[0]["symbols"][0]["configured"]["open_orders_max"]
    assert told(risk)["position_lots_max"].used == 4, "two bids, or two asks, of two lots each"
    assert told(risk)["account_orders_max"].used == 4


def test_how_far_the_mid_has_gone_within_the_window_counts_against_what_is_foreseen(told) -> None:
    risk = quoting(pull_through_ticks=10**6)
    assert told(risk)["pull_move_ticks_max"].effective == float("inf"), "nothing is believed of the volatility yet"
    assert told(risk)["pull_move_ticks_max"].utilisation == 0

    believe(risk, 3.0)
    show(risk, BID, ASK, event_ms=1_000)
    show(risk, BID + 7, ASK + 7, event_ms=1_010)
    move = told(risk)["pull_move_ticks_max"]
    assert move.used == 7
    assert move.effective == pytest.approx(ticks_allowed(3.0), abs=1)
