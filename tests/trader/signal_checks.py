"""Checks of signals and tail risk that no deliberate bug may pass: `test_signal_sabotage` runs them on copies."""

import math

import numpy as np

from trader.risk.advice import ADVICE, ADVISED, clear_advice, renew_advice
from trader.signals import Ema, MarketSignals, PlaneCache, RealisedVolatility, SignalsConfig, ZScore, orthogonalise
from trader.signals import plane_cache as cache_module
from trader.tail_risk import AmplitudePool, BlackSwanDetector, TailRisk, WhaleDetector
from trader.tail_risk.assessment import resume_alert
from trader.tail_risk.recommendation import RECOMMENDATION, tightened_size, widened_distance

S = 1_000_000_000


def zscore_forgets_a_jump() -> None:
    """A level 10^9 higher for a while leaves nothing behind."""
    rng = np.random.default_rng(1)
    values = 100 + 1e-3 * rng.standard_normal(600)
    jumped = values.copy()
    jumped[100:200] += 1e9

    assert np.allclose(ZScore(50).batch(jumped)[300:], ZScore(50).batch(values)[300:], rtol=1e-9, atol=1e-9)


def volatility_forgets_a_jump() -> None:
    """A return of 10^8 that has left the window leaves nothing behind."""
    prices = 100 * np.exp(1e-7 * np.random.default_rng(3).standard_normal(400).cumsum())
    jumped = np.r_[prices[:100], 1e10, prices[100:]]
    found, expected = RealisedVolatility(50).batch(jumped)[-200:], RealisedVolatility(50).batch(prices)[-200:]

    assert np.allclose(found, expected, rtol=1e-9)


def batch_mean_survives_a_missing_value() -> None:
    """A batch with a missing value says what single updates say."""
    values = np.arange(40.0)
    values[11] = math.nan
    one = Ema(0.3)

    assert np.allclose(Ema(0.3).batch(values), [one.update(value) for value in values.tolist()])


def signals_that_explain_each_other_leave_nothing() -> None:
    """A combination of others, and what it is made of, are explained wholly."""
    x = np.random.default_rng(4).standard_normal((20, 30, 3))
    x[:, :, 2] = 2 * x[:, :, 0] - x[:, :, 1]

    assert (orthogonalise(x) == 0).all()


def cache_compares_bytes() -> None:
    """Inputs of one hash get their own answers."""
    cache_module.signature = lambda words: 0
    cache, rng = PlaneCache(), np.random.default_rng(5)
    for x in (rng.standard_normal((2, 9, 2)), rng.standard_normal((2, 9, 2))):
        assert (cache.zscore(x) != 0).any() and np.allclose(cache.zscore(x).mean(axis=1), 0)
        assert (cache.orthogonalise(x) == orthogonalise(x)).all()


def panic_holds_on() -> None:
    """A panic does not end with the first quiet event."""
    signals, now_ns, said = MarketSignals(SignalsConfig(warm_ms=5_000, hold_ms=5_000)), 1_000 * S, []
    for turn in range(2_300):
        now_ns += S // 100
        wide, lots = (40, 2) if 2_000 <= turn < 2_200 else (1, 50)
        said.append(signals.on_book(now_ns, [(10_000, lots)], [(10_000 + wide, lots)]))

    assert not said[1_999].panic and said[2_199].panic
    assert said[-1].confidence < 0.2 and said[-1].panic


def a_panic_teaches_nothing() -> None:
    """What is usual stays what it was before."""
    signals, now_ns, usual = MarketSignals(SignalsConfig(warm_ms=5_000)), 1_000 * S, []
    for turn in range(3_000):
        now_ns += S // 100
        wide, lots = (40, 2) if turn >= 2_000 else (1, 50)
        signals.on_book(now_ns, [(10_000, lots)], [(10_000 + wide, lots)])
        usual.append(float(signals.state[0]["detector"]["usual"]["spread_ticks"]))

    assert usual[-1] < 1.5 * usual[1_999]


def recommendations_only_tighten() -> None:
    """Whatever the words."""
    record = np.zeros(1, RECOMMENDATION)[0]
    for size, spread in ((5_000, -3), (2**62, 0), (1_001, 999), (-(2**62), 1)):
        record["size_permille"], record["spread_permille"] = size, spread
        assert 0 <= tightened_size(10**6, record) <= 10**6
        assert widened_distance(1_000, record) >= 1_000


def pool_takes_back_once() -> None:
    """A state that is given back twice is handed out once."""
    pool = AmplitudePool()
    index = pool.take(scale=1.0)
    pool.give_back(index)
    pool.give_back(index)

    assert pool.take(scale=1.0) != pool.take(scale=1.0)


def an_unknown_panic_is_one() -> None:
    """NaN for a confidence does not keep anything calm."""
    asked = TailRisk().assess(S, panic=math.nan)

    assert asked.alert and asked.size_permille < 1_000


def alert_is_let_go_slowly() -> None:
    """Between the two levels an alert stays, and its level falls by half in release_ms."""
    engine = TailRisk()
    engine.assess(S, panic=1.0)
    later = engine.assess(S + S // 10, panic=0.0)

    assert later.alert and later.level > 0.8


def whales_do_not_become_usual() -> None:
    """The twentieth whale in a row is still one."""
    detector, rng = WhaleDetector(memory=100), np.random.default_rng(6)
    for number, lots in enumerate(np.exp(rng.normal(2, 0.5, 500)) + 1):
        detector.update(number, 1, int(lots))

    assert all(detector.update(10**6 + number, 1, 10**8).is_whale for number in range(15))


def tail_index_is_paretos() -> None:
    """Within four standard errors of what the samples were drawn with."""
    detector = BlackSwanDetector(share=0.05)
    detector.batch((1 - np.random.default_rng(7).random(200_000)) ** (-1 / 3))

    assert abs(detector.swan.threshold / 0.05 ** (-1 / 3) - 1) < 0.1
    assert abs(detector.swan.tail_alpha - 3) < 4 * detector.swan.tail_alpha_error < 0.2


def moments_keep_an_offset() -> None:
    """10^8 more changes no central moment."""
    values = np.random.default_rng(8).standard_normal(100_000)
    plain, offset = BlackSwanDetector(), BlackSwanDetector()
    plain.batch(np.round(values, 6))
    offset.batch(np.round(values, 6) + 1e8)

    own = offset.moments[0]
    assert abs(own["mean"] - 1e8 + own["mean_low"] - plain.swan.mean) < 2e-9


def old_advice_only_tightens() -> None:
    """Words from before what is known may come late; they make nothing looser."""
    advised, advice = np.zeros(1, ADVISED), np.zeros(1, ADVICE)
    for event_ns, size, spread in ((5, 200, 3_000), (4, 900, 1_000), (3, 100, 1_500)):
        clear_advice(advice[0])
        advice["size_permille"], advice["spread_permille"] = size, spread
        renew_advice(advised[0], event_ns, advice[0])

    assert advised["advice"][0].tolist() == (100, 3_000, 0)


def a_successor_releases_slowly() -> None:
    """An engine that goes on from another's alert holds it from its own first assessment on."""
    engine = TailRisk()
    resume_alert(engine.state[0], 0.8)

    assert engine.assess(10**15).alert and engine.assess(10**15 + S).alert
    assert not engine.assess(10**15 + 20 * S).alert
