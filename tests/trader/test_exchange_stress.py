"""Stress in the generated market: nothing before it, what its name says while it lasts, calm after it."""

import numpy as np
import pytest

from tests.trader.exchange_desk import Desk, price_of

STRESSES = ("crash", "whale", "flash_spread")
STEP_MS = 50
FROM_S, FOR_S = 2.0, 2.0


def market(stress: str, seconds: float = 6.0, **knobs: float) -> np.ndarray:
    """(best bid, best ask, fair price in ticks, trades so far) at every step, volatility otherwise constant."""
    times = {"stress_at_s": FROM_S, "stress_for_s": FOR_S} if stress else {}
    desk = Desk(seed=9, log_variance_sd=0.0, connect=False, stress=stress, **times, **knobs)
    own = desk.row["markets"][0]
    found = []
    for _ in range(round(1e3 * seconds / STEP_MS)):
        desk.pass_time(STEP_MS)
        book, trades = own["book"], int(own["stream"]["trade_id"])
        found.append((int(book["best_bid"]), int(book["best_ask"]), float(own["flow"]["fair_ticks"]), trades))
    return np.array(found)


def parts(found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Before, while and after it lasts."""
    first, last = (round(1e3 * at / STEP_MS) for at in (FROM_S, FROM_S + FOR_S))
    return found[: first - 1], found[first:last], found[last + 20 :]


@pytest.mark.parametrize("stress", STRESSES)
def test_up_to_its_beginning_a_market_is_the_one_without(stress: str) -> None:
    before, during, _ = parts(market(stress))
    plain_before, plain_during, _ = parts(market(""))

    assert np.array_equal(before, plain_before)
    assert not np.array_equal(during, plain_during)


def test_a_crash_runs_downwards_with_more_trades_and_then_no_further() -> None:
    before, during, after = parts(market("crash"))

    assert during[-1, 0] < before[-1, 0] - 100
    assert np.diff(during[:, 3]).mean() > 2 * np.diff(before[:, 3]).mean()
    assert abs(after[-1, 2] - after[0, 2]) < abs(during[-1, 2] - during[0, 2]) / 3


def test_a_whale_takes_hundreds_of_orders_at_once_and_once() -> None:
    trades = np.diff(market("whale")[:, 3])
    at = int(trades.argmax())

    assert abs((at + 1) * STEP_MS / 1e3 - FROM_S) <= 2 * STEP_MS / 1e3
    assert trades[at] > 100 > 1.2 * np.delete(trades, at).max()


def test_a_flash_spread_keeps_the_touch_wide_while_it_lasts() -> None:
    spreads = [part[:, 1] - part[:, 0] for part in parts(market("flash_spread"))]

    assert np.median(spreads[1]) >= 30 > 5 >= np.median(spreads[2])
    assert np.median(spreads[0]) <= 5


def test_our_own_order_at_the_touch_is_not_withdrawn() -> None:
    desk = Desk(seed=9, log_variance_sd=0.0, stress="flash_spread", stress_at_s=0.2, stress_for_s=2.0)
    bid, _ = desk.touch()
    desk.place("BUY", price_of(bid), "0.100")
    desk.pass_time(1_000)

    assert desk.row["account"]["open_count"][0] == 1 or desk.ledger["position_lots"] == 100
    assert desk.touch()[1] - bid >= 25
