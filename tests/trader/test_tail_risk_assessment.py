"""The tail-risk engine: it tightens when something is wrong, releases with hysteresis, and can only tighten."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.tail_risk import TailRisk, TailRiskConfig
from trader.tail_risk.assessment import HISTORY_LENGTH, SHARES
from trader.tail_risk.recommendation import (
    RECOMMENDATION,
    SPREAD_MAX,
    WHOLE,
    join,
    recommend_nothing,
    tightened_size,
    widened_distance,
)

MS = 1_000_000
S = 1_000 * MS
WINDOW = 150 * MS
BEGIN = 10**15

WORDS = st.integers(-(2**63), 2**63 - 1)


def recommendation(size: int, spread: int, halt: int) -> np.void:
    """A record of these words, whatever they are."""
    record = np.zeros(1, RECOMMENDATION)[0]
    record["size_permille"], record["spread_permille"], record["halt"] = size, spread, halt
    return record


@settings(max_examples=300, deadline=None)
@given(limit=st.integers(0, 2**62), ticks=st.integers(0, 10**12), size=WORDS, spread=WORDS, halt=WORDS)
def test_whatever_is_recommended_limits_never_exceed_the_configured_ones(
    limit: int, ticks: int, size: int, spread: int, halt: int
) -> None:
    asked = recommendation(size, spread, halt)

    assert 0 <= tightened_size(limit, asked) <= limit
    assert ticks <= widened_distance(ticks, asked) <= ticks * SPREAD_MAX // WHOLE
    assert tightened_size(limit, asked) == 0 or halt == 0


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.tuples(WORDS, WORDS, st.integers(-1, 1)), min_size=1, max_size=6), limit=st.integers(0, 2**62))
def test_joined_recommendations_are_as_strict_as_each_of_them_in_any_order(
    words: list[tuple[int, int, int]], limit: int
) -> None:
    forth, back = recommendation(0, 0, 0), recommendation(0, 0, 0)
    for out, order in ((forth, words), (back, words[::-1])):
        recommend_nothing(out)
        assert tightened_size(limit, out) == limit and widened_distance(77, out) == 77
        for each in order:
            join(out, recommendation(*each))

    assert forth == back
    for each in words:
        assert tightened_size(limit, forth) <= tightened_size(limit, recommendation(*each))
        assert widened_distance(1_000, forth) >= widened_distance(1_000, recommendation(*each))


class Engine:
    """An engine that has seen an hour of quiet market, and its clock."""

    def __init__(self, **settings_: object) -> None:
        self.engine = TailRisk(TailRiskConfig(**settings_))  # type: ignore[arg-type]
        self.rng, self.now_ns, self.mid = np.random.default_rng(1), BEGIN, 60_000.0
        self.engine.expose(10, [(-2, 5), (2, -5)])

    def windows(self, count: int, *, scale_bps: float = 0.4) -> None:
        """So many windows with one mid each, and a trade."""
        for move in scale_bps * self.rng.standard_t(5, count):
            self.now_ns += WINDOW
            self.mid *= math.exp(1e-4 * move)
            self.engine.on_mid(self.now_ns, self.mid)
            self.engine.on_trade(self.now_ns, 1, 1 + int(self.rng.exponential(10)))

    def level(self, panic: float = 0.0) -> float:
        return self.engine.assess(self.now_ns, panic=panic, volatility_ticks=3.0).level


def test_quiet_markets_ask_for_nothing() -> None:
    market, asked = Engine(), []
    for _ in range(15):
        market.windows(100)
        asked.append(market.engine.assess(market.now_ns))

    assert all(not each.alert and each.size_permille == 1_000 and each.spread_permille == 1_000 for each in asked)
    assert all(each.reasons == () and not each.halt for each in asked)


def test_an_extreme_move_tightens_at_once_and_lets_go_slowly() -> None:
    market = Engine()
    market.windows(3_000)
    market.mid *= 1 - 30e-4
    market.windows(2, scale_bps=0.0)
    hit = market.engine.assess(market.now_ns, volatility_ticks=3.0)

    assert hit.alert and hit.level > 0.7 and "extreme" in hit.reasons and hit.shares["extreme"] > 0.9
    assert hit.size_permille < 800 and hit.spread_permille > 2_000
    levels = []
    for _ in range(60):
        market.windows(10)
        levels.append(market.level())
    released = next(index for index, level in enumerate(levels) if level < 0.2)
    after = market.engine.assess(market.now_ns)
    assert 3 < released < 40 and all(a >= b for a, b in itertools.pairwise(levels[:released]))
    assert not after.alert and after.size_permille == 1_000 and market.engine.state[0]["alerts"] == 1


def test_hysteresis_holds_between_the_two_levels() -> None:
    market = Engine(hold_ms=3_000, release_ms=1_000)
    market.windows(500)
    alerts = []
    for panic, seconds in ((0.4, 3), (0.6, 1), (0.4, 10), (0.05, 2), (0.4, 1), (0.05, 2), (0.05, 2)):
        for _ in range(10 * seconds):
            market.now_ns += 100 * MS
            market.level(panic)
        alerts.append(market.engine.assess(market.now_ns, panic=panic).alert)

    assert alerts == [False, True, True, True, True, True, False]


def test_a_new_regime_is_told_and_then_becomes_usual() -> None:
    market = Engine(memory_windows=3_000)
    market.windows(4_000)
    before = market.engine.assess(market.now_ns).shares["regime"]
    market.windows(400, scale_bps=4.0)
    changed = market.engine.assess(market.now_ns)
    market.windows(15_000, scale_bps=4.0)

    assert before == 0 and changed.shares["regime"] > 0.4 and "regime" in changed.reasons
    assert market.engine.assess(market.now_ns).shares["regime"] == 0


def test_a_whale_alone_does_not_alert_but_adds_up() -> None:
    market = Engine()
    market.windows(1_000)
    assert market.engine.on_trade(market.now_ns, -1, 50_000)
    alone = market.engine.assess(market.now_ns)
    together = market.engine.assess(market.now_ns, panic=0.4)

    assert 0.2 < alone.level < 0.5 and not alone.alert
    assert together.alert and set(together.reasons) >= {"whale", "panic"}


def test_a_fragile_position_shrinks_more_than_a_robust_one() -> None:
    sizes = []
    for position, orders in ((10.0, []), (0.0, [(-1.0, 50.0), (1.0, -50.0)])):
        market = Engine()
        market.windows(500)
        market.engine.expose(position, orders)
        asked = market.engine.assess(market.now_ns, panic=1.0, volatility_ticks=3.0)
        sizes.append(asked.size_permille)
        assert ("fragile" in asked.reasons) == bool(orders)

    assert 200 <= sizes[1] < sizes[0] < 1_000


def test_what_is_not_a_number_counts_as_the_worst() -> None:
    market = Engine()
    market.windows(500)
    asked = market.engine.assess(market.now_ns, panic=math.nan, volatility_ticks=math.nan)

    assert asked.alert and asked.shares["panic"] == 1 and asked.fragility == -1


def test_a_halt_is_recommended_only_where_it_is_configured() -> None:
    never, at_once = Engine(), Engine(halt_level=0.8)
    for market in (never, at_once):
        market.windows(500)

    assert not never.engine.assess(never.now_ns, panic=1.0).halt
    assert at_once.engine.assess(at_once.now_ns, panic=1.0).halt


def test_gaps_and_silences_are_no_returns() -> None:
    market = Engine()
    market.windows(1_000)
    market.now_ns += 60 * S
    market.mid *= 1.05
    assert market.engine.on_mid(market.now_ns, market.mid) == 0
    assert market.engine.on_mid(market.now_ns + S, math.nan) == 0
    market.mid *= 1.05
    market.windows(3)

    assert market.level() < 0.2
    market.now_ns += 10 * WINDOW
    assert market.engine.on_mid(market.now_ns, market.mid) == 10, "quiet windows are returns of nothing"


EVENTS = st.lists(
    st.tuples(
        st.integers(-S, 10 * S),
        st.floats(allow_nan=True, allow_infinity=True),
        st.integers(-10, 2**62),
        st.floats(allow_nan=True, allow_infinity=True),
        st.floats(allow_nan=True, allow_infinity=True),
    ),
    max_size=80,
)


@settings(max_examples=60, deadline=None)
@given(events=EVENTS)
def test_whatever_happens_recommendations_stay_in_their_ranges(
    events: list[tuple[int, float, int, float, float]],
) -> None:
    engine, now_ns = TailRisk(TailRiskConfig(warm_windows=2, whale_warm=2, halt_level=0.9)), BEGIN
    for elapsed_ns, mid, lots, panic, volatility in events:
        now_ns += elapsed_ns
        engine.on_mid(now_ns, mid)
        engine.on_trade(now_ns, 1, lots)
        asked = engine.assess(now_ns, panic=panic, volatility_ticks=volatility)
        assert 0 <= asked.level <= 1 and -1 <= asked.fragility <= 1
        assert all(0 <= share <= 1 for share in asked.shares.values())
        assert 200 <= asked.size_permille <= 1_000 and 1_000 <= asked.spread_permille <= 3_000
        assert asked.alert or (asked.size_permille, asked.spread_permille, asked.halt) == (1_000, 1_000, False)


def test_history_keeps_the_last_thousand() -> None:
    engine = TailRisk()
    for number in range(HISTORY_LENGTH + 5):
        engine.assess(BEGIN + number, panic=number / 2_000)
    history = engine.history[0]

    assert history["count"] == HISTORY_LENGTH + 5
    for number in (5, 6, HISTORY_LENGTH, HISTORY_LENGTH + 4):
        record = history["records"][number % HISTORY_LENGTH]
        assert record["sequence"] == number + 1 and record["event_ns"] == BEGIN + number
        assert record["shares"][SHARES.index("panic")] == pytest.approx(number / 2_000)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match=r"tail_risk.size_permille_min: found 1001, allowed 0 to 1000"):
        TailRisk(TailRiskConfig(size_permille_min=1_001))
    assert TailRiskConfig(regime_change=(0.5, 0.5)).problems() == [
        "tail_risk.regime_change: found 0.5, 0.5, allowed two numbers, 0 or more, rising"
    ]
