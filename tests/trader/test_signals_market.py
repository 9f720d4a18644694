"""Signals of one market: horizons hold what they say, panic is seen when there is one, forecasts lean; their scores."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.signals import MarketSignals, Signals, SignalsConfig
from trader.signals.horizons import FAST, MEDIUM
from trader.signals.scoring import calibrate, future_moves_bps, rank_correlation, score

MS = 1_000_000
S = 1_000 * MS
LOTS = 40


class Market:
    """A seeded market of quiet quotes and trades, which a test pushes."""

    def __init__(self, config: SignalsConfig | None = None, seed: int = 1) -> None:
        self.signals = MarketSignals(config)
        self.rng = np.random.default_rng(seed)
        self.now_ns, self.bid, self.spread, self.lots = 1_000 * S, 500_000, 1, LOTS
        self.alarms = 0

    def book(self) -> Signals:
        noise = self.rng.integers(-3, 4, (2, 5))
        bids = [(self.bid - level, max(self.lots + int(noise[0, level]), 1)) for level in range(5)]
        asks = [(self.bid + self.spread + level, max(self.lots + int(noise[1, level]), 1)) for level in range(5)]
        return self.signals.on_book(self.now_ns, bids, asks)

    def quiet(self, seconds: float) -> Signals:
        """Twenty books and ten trades a second, of both sides; the mid takes a step now and then."""
        for _ in range(int(20 * seconds)):
            self.now_ns += int(self.rng.integers(1, 100)) * MS
            self.bid += int(self.rng.choice([-1, 0, 0, 0, 0, 1]))
            if self.rng.random() < 0.5:
                self.signals.on_trade(self.now_ns, int(self.rng.choice([-1, 1])), int(self.rng.integers(1, 6)))
            said = self.book()
            self.alarms += said.panic
        return said

    def crash(self, seconds: float, sign: int) -> list[tuple[float, Signals]]:
        """Trades on one side only, forty times as many lots, the mid running away, the spread and depth giving in."""
        begun, said = self.now_ns, []
        self.spread, self.lots = 8, LOTS // 8
        while self.now_ns < begun + seconds * S:
            self.now_ns += 5 * MS
            self.bid += sign * int(self.rng.integers(0, 5))
            self.signals.on_trade(self.now_ns, sign, int(self.rng.integers(5, 30)))
            said.append(((self.now_ns - begun) / S, self.book()))
        self.spread, self.lots = 1, LOTS
        return said


def test_horizons_are_means_over_time_and_rates_a_second() -> None:
    config = SignalsConfig(fast_ms=300, medium_ms=2_000, slow_ms=9_000)
    signals, rng = MarketSignals(config), np.random.default_rng(2)
    times = 10**12 + np.cumsum(rng.integers(1, 200, 500)) * MS
    bid = 10_000 + rng.integers(-1, 2, 500).cumsum()
    spread, lots = rng.integers(4, 6, 500), rng.integers(1, 30, 500)
    trades = np.where(rng.random(500) < 0.3, rng.choice([-3, 4], 500), 0)
    for index in range(500):
        bids, asks = [(int(bid[index]), int(lots[index]))], [(int(bid[index] + spread[index]), 7)]
        signals.on_book(int(times[index]), bids, asks)
        if trades[index]:
            signals.on_trade(int(times[index]), int(np.sign(trades[index])), abs(int(trades[index])))
    found = signals.state[0]["horizons"]
    age, span = times[-1] - times, np.diff(times)
    log_mid = 1e4 * np.log(2 * bid + spread)
    for index, horizon_ms in ((FAST, 300), (MEDIUM, 2_000)):
        kept = np.exp(-age / (horizon_ms * MS))
        held = kept[1:] * (1 - np.exp(-span / (horizon_ms * MS)))
        assert found["weight"][index] == pytest.approx(held.sum(), rel=1e-9)
        mean = held @ (log_mid - log_mid[0])[:-1]
        assert found["mean_mid_bps"][index] == pytest.approx(mean, rel=1e-9, abs=1e-9)
    kept = np.exp(-age / (300 * MS))
    assert found["volume"] == pytest.approx(kept @ np.abs(trades) * 1e3 / 300, rel=1e-9)
    assert found["signed"] == pytest.approx(kept @ trades * 1e3 / 300, rel=1e-9)


def test_half_an_hour_of_quiet_market_is_no_panic() -> None:
    market = Market()
    market.quiet(1_800)

    assert market.now_ns > 2_700 * S
    assert market.alarms == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_a_crash_is_seen_within_a_second_told_by_its_direction_and_over_when_it_is_over(sign: int) -> None:
    market = Market()
    market.quiet(200)
    told = market.crash(2, sign)
    first = next(seconds for seconds, said in told if said.panic)

    assert first < 1.0
    assert all(said.direction == sign for seconds, said in told if seconds > 0.1)
    assert told[-1][1].confidence > 0.75 and told[-1][1].aggressiveness < 0.25
    assert market.quiet(1).panic, "it holds on while the horizons still remember"
    after = market.quiet(30)
    assert not after.panic and after.confidence < 0.3
    assert market.signals.state[0]["detector"]["alarms"] == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_a_run_in_steps_too_small_for_volatility_counts_like_a_jump(sign: int) -> None:
    market = Market()
    market.quiet(200)
    way, other = ("up", "down")[::sign]
    usual = float(market.signals.state[0]["detector"][way])
    for _ in range(400):
        market.now_ns += 2 * MS
        market.bid += sign
        market.book()
    detector = market.signals.state[0]["detector"]

    assert usual < 0.3 and detector[way] > 0.5 and detector[other] == 0 and detector["direction"] == sign


def test_nothing_is_told_before_the_market_is_known() -> None:
    market = Market(SignalsConfig(warm_ms=60_000))
    market.quiet(10)

    assert all(said.confidence == 0 for _, said in market.crash(3, -1))


EVENTS = st.lists(
    st.tuples(
        st.integers(-(10**9), 10**12),
        st.integers(1, 10**9),
        st.integers(0, 10**6),
        st.integers(1, 10**6),
        st.sampled_from([-1, 0, 1]),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(events=EVENTS)
def test_whatever_the_events_everything_stays_in_its_range(events: list[tuple[int, int, int, int, int]]) -> None:
    signals = MarketSignals(SignalsConfig(warm_ms=0, momentum=2, reversion=-3))
    now_ns = 10**15
    for elapsed_ns, bid, bid_lots, lots, sign in events:
        now_ns += elapsed_ns
        said = signals.on_book(now_ns, [(bid, bid_lots)], [(bid + lots, lots)])
        if sign:
            said = signals.on_trade(now_ns, sign, lots)
        assert 0 <= said.confidence <= 1 and 0 <= said.aggressiveness <= 1 and said.direction in (-1, 0, 1)
        assert all(-1 <= value <= 1 for value in (said.momentum, said.reversion, said.flow, said.pressure))
        assert abs(said.shift_bps) <= 2


def test_signals_lean_with_trend_flow_and_book_and_against_an_overshoot() -> None:
    market = Market(SignalsConfig(momentum=0.1, reversion=0.0, flow=0.1, pressure=0.1))
    market.quiet(100)
    for _ in range(60):
        market.now_ns += 50 * MS
        market.bid += 2
        market.signals.on_trade(market.now_ns, 1, 3)
        up = market.signals.on_book(market.now_ns, [(market.bid, 90)], [(market.bid + 1, 10)])

    assert up.momentum > 0.2 and up.flow > 0.5 and up.pressure == pytest.approx(0.8) and up.reversion < 0
    assert 0 < up.shift_bps <= 2 and up.aggressiveness < 1


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match=r"signals.enter: found 1.5, allowed 0.01 to 1; signals.run: found"):
        MarketSignals(SignalsConfig(enter=1.5, run=(3.0, 0.0)))
    assert SignalsConfig().problems() == []


def test_rank_correlation_of_normals_is_the_closed_form() -> None:
    rng = np.random.default_rng(5)
    for rho in (-0.8, 0.0, 0.3, 0.95):
        a, b = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 200_000).T
        assert rank_correlation(a, np.exp(b)) == pytest.approx(6 / math.pi * math.asin(rho / 2), abs=0.008)
    ties = rank_correlation(np.array([1.0, 1, 2, 2]), np.array([1.0, 2, 3, 4]))
    assert ties == pytest.approx(2 / math.sqrt(5))
    assert math.isnan(rank_correlation(np.ones(5), np.arange(5.0)))


def test_moves_look_ahead_by_the_horizon_and_no_farther() -> None:
    times = np.array([0, 1, 2, 10, 11, 30]) * S
    mid = np.exp(np.array([0.0, 1, 2, 3, 4, 5]) / 1e4)

    moves = future_moves_bps(times, mid, 9 * S)
    np.testing.assert_allclose(moves[:5], [2, 2, 2, 1, 0], atol=1e-9)
    assert math.isnan(moves[5])


def test_scores_and_weights_of_a_signal_that_is_known() -> None:
    rng = np.random.default_rng(6)
    signals = np.clip(rng.standard_normal((50_000, 3)) / 3, -1, 1)
    deviations = np.exp(0.2 * rng.standard_normal(50_000))
    moves = deviations * (signals @ np.array([0.5, 0.0, -0.2]) + rng.standard_normal(50_000))
    signals[7], moves[9] = np.nan, np.nan

    np.testing.assert_allclose(calibrate(signals, moves, deviations), [0.5, 0.0, -0.2], atol=0.05)
    good, none = score(signals[:, 0], moves, 5_000), score(signals[:, 1], moves, 5_000)
    assert good.coefficient > 5 * good.standard_error and good.hit_rate > 0.52
    assert abs(none.coefficient) < 3 * none.standard_error and none.hit_rate == pytest.approx(0.5, abs=0.02)
    assert good.moves == 49_998 - int((signals[:, 0] == 0).sum())
    assert (calibrate(signals[:0], moves[:0], deviations[:0]) == 0).all()
