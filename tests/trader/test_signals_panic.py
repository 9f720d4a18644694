"""The panic detector beside a naive model, Page's closed form, and what it must and must not learn from."""

import math

import numpy as np
import pytest

from shm.kernel import new_record
from tests.trader.panic_truth import Truth
from trader.signals import MarketSignals, SignalsConfig
from trader.signals.panic import DETECTOR, configure_detector, pass_time, see_book

MS = 1_000_000
S = 1_000 * MS

PAIRS = {"b": "buyers", "a": "sellers", "u": "up", "d": "down", "j": "jumps", "s": "spread", "t": "depth"}


def events(rng: np.random.Generator, count: int) -> list[tuple]:
    """A market with everything in it: quiet, runs, wide and thin moments, gaps, silences, late events."""
    now, bid, found = 10**15, 60_000, []
    for number in range(count):
        mood = number // 150 % 6
        now += int(rng.integers(1, 40)) * MS * (-1 if rng.random() < 0.03 else 1)
        now += 2 * S if rng.random() < 0.004 else 0
        bid += int(rng.choice([-1, 0, 0, 0, 1])) - (int(rng.integers(0, 40)) if mood == 3 else 0)
        spread, lots = (60, 1) if mood == 5 else (int(rng.integers(1, 4)), 40)
        if rng.random() < (0.9 if mood == 3 else 0.4):
            sign = -1 if mood == 3 else int(rng.choice([-1, 1]))
            found.append(("trade", now, sign, int(rng.exponential(90 if mood == 3 else 12)) + 1))
        sizes = rng.integers(1, 2 * lots + 1, (2, 5)).tolist()
        levels = 0 if rng.random() < 0.02 else 5 if rng.random() < 0.9 else int(rng.integers(1, 5))
        bids = [(bid - 2 * level, sizes[0][level]) for level in range(levels)]
        asks = [(bid + spread + 2 * level, sizes[1][level]) for level in range(levels)]
        found.append(("book", now, bids, asks))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_naive_model(seed: int) -> None:
    """All signs, the confidence, the state and what is usual, after every event."""
    config = SignalsConfig(warm_ms=1_500, slow_ms=12_000, block_ms=100, freeze_ms=2_500, hold_ms=700)
    found, truth = MarketSignals(config), Truth(config)
    states = set()
    for kind, now, first, second in events(np.random.default_rng(seed), 1_300):
        said = found.on_trade(now, first, second) if kind == "trade" else found.on_book(now, first, second)
        getattr(truth, kind)(now, first, second)
        own = found.state[0]["detector"]
        for short, name in PAIRS.items():
            assert own[name] == pytest.approx(truth.signs[short], rel=1e-9, abs=1e-9), name
        assert said.confidence == pytest.approx(truth.confidence, rel=1e-9, abs=1e-12)
        assert said.panic == truth.panic
        states.add((said.panic, truth.warm))
    usual = found.state[0]["detector"]["usual"]
    names = {"s": "spread_ticks", "d": "depth_lots", "r": "reach_ticks", "m": "move_variance", "f": "flow_variance"}
    for short, name in names.items():
        assert usual[name] == pytest.approx(truth.usual(short), rel=1e-9)
    assert states == {(False, False), (False, True), (True, True)}
    assert found.state[0]["detector"]["alarms"] == truth.alarms >= 2


def test_a_random_walk_sets_off_a_run_as_often_as_pages_closed_form_says() -> None:
    """Mean time of a Brownian motion with drift -k to the limit h: (exp(2 k h) - 1 - 2 k h) / (2 k^2), Siegmund 1985.

    Steps overshoot, which is as if the limit were farther by 0.583 of their deviation at either end.
    """
    allowance, limit, step_s, steps = 1.0, 1.5, 1e-3, 400_000
    detector = new_record(DETECTOR)[0]
    configure_detector(detector, SignalsConfig(run=(allowance, limit), block_ms=1, slow_ms=1e9, warm_ms=1))
    rng, now = np.random.default_rng(11), 10**15
    detector["usual"]["learned_ns"] = 10**18
    detector["usual"]["per_bps"] = detector["usual"]["move_variance"] = detector["usual"]["spread_ticks"] = 1.0
    detector["usual"]["depth_lots"] = 1.0
    crossed = 0
    for move in (math.sqrt(step_s) * rng.standard_normal(steps)).tolist():
        now += round(step_s * S)
        pass_time(detector, now)
        detector["usual"]["per_bps"] = 1.0
        see_book(detector, move, 1, 1, 1)
        for name in ("up", "down"):
            if detector[name] >= 1.0:
                crossed += 1
                detector[name] = 0.0
    reach = 2 * allowance * (limit + 2 * 0.583 * math.sqrt(step_s))
    mean_s = (math.exp(reach) - 1 - reach) / (2 * allowance**2)
    expected = 2 * steps * step_s / mean_s

    assert crossed == pytest.approx(expected, abs=4 * math.sqrt(expected))
    assert expected > 80


class Market:
    """Ten books of two levels a second, a buyer's and a seller's trade in turns; what is asked for lasts so long."""

    def __init__(self, **knobs: float) -> None:
        self.signals = MarketSignals(SignalsConfig(warm_ms=10_000, **knobs))
        self.rng, self.now, self.bid, self.way = np.random.default_rng(3), 10**15, 60_000, 1

    def on(self, seconds: float, *, spread: int = 2, lots: int = 50, trade: int = 0) -> list:
        said = []
        for _ in range(round(10 * seconds)):
            self.now += 100 * MS
            self.bid += int(self.rng.choice([-1, 0, 1]))
            self.way = -self.way
            own = trade or self.way * int(self.rng.integers(2, 5))
            self.signals.on_trade(self.now, 1 if own > 0 else -1, abs(own))
            bids = [(self.bid - 30 * level, lots) for level in range(2)]
            asks = [(self.bid + spread + 30 * level, lots) for level in range(2)]
            said.append(self.signals.on_book(self.now, bids, asks))
        return said

    @property
    def detector(self) -> np.void:
        return self.signals.state[0]["detector"]


@pytest.mark.parametrize(
    ("stress", "sign"),
    [({"spread": 30}, "spread"), ({"lots": 3}, "depth"), ({"trade": -60}, "sellers"), ({"trade": 60}, "buyers")],
)
def test_one_sign_that_lasts_becomes_whole_and_is_not_enough(stress: dict, sign: str) -> None:
    market = Market()
    market.on(60)
    before = float(market.detector[sign])
    said = market.on(3, **stress)

    assert before < 0.2 and market.detector[sign] == 1.0
    assert max(one.confidence for one in said) < 0.5 and not any(one.panic for one in said)
    market.on(3)
    assert market.detector[sign] < 0.2, "and is gone as soon"


def test_two_signs_that_last_are_a_panic_and_a_moment_of_them_is_none() -> None:
    market = Market()
    market.on(60)

    assert not any(one.panic for one in market.on(0.2, spread=30, lots=3) + market.on(5))
    assert market.on(1.5, spread=30, lots=3)[-1].panic


def test_a_panic_teaches_nothing_until_it_is_the_new_usual() -> None:
    market = Market(freeze_ms=8_000, hold_ms=500)
    market.on(60)
    usual = market.detector["usual"].copy()
    market.on(5, spread=40, lots=3)
    stands = market.detector["usual"]["learned_ns"] - usual["learned_ns"]
    assert market.detector["state"] == 1 and 0 <= stands < 2 * S
    assert market.detector["usual"]["spread_ticks"] < 1.1 * usual["spread_ticks"]
    said = market.on(200, spread=40, lots=3)

    assert said[0].panic and not said[-1].panic and said[-1].confidence < 0.01
    assert market.detector["usual"]["spread_ticks"] > 10 * usual["spread_ticks"]


def test_a_minute_of_madness_in_calm_does_not_become_usual() -> None:
    market = Market()
    market.on(100)
    before = float(market.detector["usual"]["spread_ticks"])
    market.on(2, spread=50_000)

    assert market.detector["usual"]["spread_ticks"] < 1.1 * before


def test_a_single_print_is_no_run() -> None:
    market = Market()
    market.on(60)
    market.signals.on_trade(market.now, 1, 10**9)
    said = market.on(0.1)

    assert market.detector["buyers"] <= 1.0 and said[-1].confidence < 0.1


def test_pairs_out_of_range_are_named() -> None:
    config = SignalsConfig(run=(-1.0, 5.0), spread=(1.0, 0.0), jumps=(math.nan, 1.0))

    assert [problem.split(":")[0] for problem in config.problems()] == [
        "signals.run",
        "signals.jumps",
        "signals.spread",
    ]
