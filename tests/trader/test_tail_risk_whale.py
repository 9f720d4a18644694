"""Whales: what is large against the usual is told once, whatever the usual is, and does not become it."""

import numpy as np
import pytest

from trader.tail_risk import WhaleDetector
from trader.tail_risk.whale import impact_bps


def test_whales_stand_out_whatever_is_usual_and_do_not_become_it() -> None:
    detector, rng = WhaleDetector(), np.random.default_rng(4)
    told = [detector.update(i, 1, int(lots)) for i, lots in enumerate(np.exp(rng.normal(3, 0.7, 20_000)) + 1)]
    false_alarms = sum(one.is_whale for one in told)

    for number in range(20):
        whale = detector.update(10**6 + number, -1, 3_000)
        assert whale.is_whale and whale.confidence > 0.95 and whale.deviations > 5
        detector.update(10**6, 1, 20)
    assert false_alarms < 10 and not any(one.is_whale for one in told[:100])
    own = detector.state[0]
    assert own["whale_side"] == -1 and own["whale_lots"] == 3_000 and own["whale_ns"] == 10**6 + 19


def test_fills_of_one_order_are_one_whale() -> None:
    whole, in_parts = WhaleDetector(warm_count=50), WhaleDetector(warm_count=50)
    for number, lots in enumerate(np.random.default_rng(11).integers(1, 40, 400).tolist()):
        whole.update(number, 1, 3 * lots)
        for _ in range(3):
            in_parts.update(number, 1, lots)
    assert in_parts.state[0]["mean_log"] == whole.state[0]["mean_log"]

    told = [in_parts.update(10**6, -1, 200).is_whale for _ in range(60)]
    assert sum(told) == 1 and not told[0] and in_parts.state[0]["whale_count"] == 1
    assert in_parts.state[0]["whale_lots"] == 12_000 and whole.update(10**6, -1, 12_000).is_whale
    assert in_parts.update(10**6, 1, 12_000).is_whale, "the other side at the same time is another order"


def test_whales_among_trades_of_one_size() -> None:
    detector = WhaleDetector(warm_count=10)
    for i in range(50):
        assert detector.update(i, 1, 5).confidence == 0

    assert detector.update(99, 1, 50).is_whale
    assert detector.update(99, 1, 0).is_whale is False


def test_impact_is_the_square_root_of_size() -> None:
    assert impact_bps(400, 4.0, 2.0) == pytest.approx(2 * impact_bps(100, 4.0, 2.0)) == pytest.approx(10.0)
    assert impact_bps(400, 0.0, 2.0) == 0
