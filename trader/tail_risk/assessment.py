"""The tail-risk engine of one symbol: what was seen becomes shares, a level, and a recommendation.

    trades -> whale          mids -> returns -> moments, tail, distributions         position, orders -> antifragility
                 \\                    |                                                      /
                  `-> level = 1 - product of (1 - weight x share), panic of trader.signals included

    CALM --- level >= enter ---> ALERT            in ALERT: sizes shrink and spreads widen with the level,
      ^                            |              which falls by half in release_ms at most
      +-- level < leave, hold_ms --+              in CALM: nothing is recommended

A level alone says how much to widen; how much smaller depends on the position, too: a fragile one shrinks most.
Assessments are kept in a ring of HISTORY_LENGTH records that is written in place: record n stands at n modulo it.
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.tail_risk import recommendation as advice
from trader.tail_risk.amplitudes import POOL, format_pool, regime_change, settle, take
from trader.tail_risk.antifragility import EXPOSURE, FRAGILE, antifragility
from trader.tail_risk.config import TailRiskConfig
from trader.tail_risk.recommendation import RECOMMENDATION, WHOLE
from trader.tail_risk.returns import RETURNS, configure_returns, observe_mid
from trader.tail_risk.tail import tail_alpha, tail_expected, tail_probability
from trader.tail_risk.whale import WHALE, whale_update

CALM = 0
ALERT = 1

RESUMED_NS = -1
"""Instead of when it was last loud: at the next assessment."""

HISTORY_LENGTH = 1_024
SHARES = ("whale", "extreme", "outlook", "regime", "panic")
_BITS = np.array([advice.WHALE, advice.EXTREME, advice.OUTLOOK, advice.REGIME, advice.PANIC])

ASSESSMENT = np.dtype(
    [
        ("sequence", "i8"),
        ("event_ns", "i8"),
        ("symbol_id", "i8"),
        ("state", "i8"),
        ("level", "f8"),
        ("shares", "f8", (len(SHARES),)),
        ("fragility", "f8"),
        ("tail_alpha", "f8"),
        ("outlook_probability", "f8"),
        ("outlook_bps", "f8"),
        ("recommendation", RECOMMENDATION),
    ],
    align=True,
)
"""One assessment. `shares`: 0 to 1 each, as SHARES; `fragility`: the antifragility score, -1 to 1;
`outlook_probability`: of a move above the configured one within the outlook; `outlook_bps`: its expected size, infinite
for a tail index of 1."""

HISTORY = np.dtype([("count", "i8"), ("records", ASSESSMENT, (HISTORY_LENGTH,))], align=True)

TAIL_RISK = np.dtype(
    [
        ("weights", "f8", (len(SHARES),)),
        ("enter", "f8"),
        ("leave", "f8"),
        ("hold_ns", "i8"),
        ("release_ns", "f8"),
        ("whale_ns", "f8"),
        ("extreme_ns", "f8"),
        ("regime_from", "f8"),
        ("regime_per_unit", "f8"),
        ("outlook_bps", "f8"),
        ("outlook_windows", "f8"),
        ("look_ahead_s", "f8"),
        ("size_permille_min", "i8"),
        ("spread_permille_max", "i8"),
        ("halt_level", "f8"),
        ("base", "i8"),
        ("current", "i8"),
        ("loud_ns", "i8"),
        ("alerts", "i8"),
        ("whale", WHALE),
        ("returns", RETURNS),
        ("exposure", EXPOSURE),
        ("now", ASSESSMENT),
    ],
    align=True,
)
"""One symbol's engine. `base`, `current`: its two distributions' indices in the pool; `exposure`: the position and open
orders, which the caller keeps; `now`: the last assessment."""


def configure_tail_risk(state: np.void, pool: np.void, config: TailRiskConfig) -> None:
    """Set up one zeroed TAIL_RISK with two states of a formatted pool (cold). Raises ValueError for an empty pool."""
    for index, name in enumerate(SHARES):
        state["weights"][index] = getattr(config, f"weight_{name}")
    for name in ("enter", "leave", "outlook_bps", "look_ahead_s", "size_permille_min", "spread_permille_max"):
        state[name] = getattr(config, name)
    state["halt_level"] = config.halt_level
    state["hold_ns"] = int(1e6 * config.hold_ms)
    state["release_ns"] = 1e6 * config.release_ms
    state["whale_ns"] = 1e6 * config.whale_ms
    state["extreme_ns"] = 1e6 * config.extreme_ms
    state["regime_from"], end = config.regime_change
    state["regime_per_unit"] = 1 / (end - config.regime_change[0])
    state["outlook_windows"] = 1e3 * config.outlook_s / config.window_ms
    whale, exposure = state["whale"], state["exposure"]
    whale["memory"], whale["warm_count"] = config.whale_memory, config.whale_warm
    whale["deviations_min"] = config.whale_deviations
    exposure["stress"], exposure["robust"] = config.stress, config.robust
    configure_returns(state["returns"], config)
    for name, memory in (("base", config.memory_windows), ("current", config.recent_windows)):
        state[name] = take(pool, config.cell_bps, 1 - 1 / memory)
        if state[name] < 0:
            raise ValueError("amplitude pool: found no free state, allowed two a symbol")
    state["now"]["recommendation"]["size_permille"] = WHOLE
    state["now"]["recommendation"]["spread_permille"] = WHOLE


def resume_alert(state: np.void, level: float) -> None:
    """Go on, in a state that has just been set up, from a level at which another engine was alert (cold)."""
    state["now"]["state"] = ALERT
    state["now"]["level"] = min(max(level, float(state["enter"])), 1.0)
    state["loud_ns"] = RESUMED_NS


@kernel
def on_trade(state, event_ns, side, lots):
    """Take a public trade: venue time, 1 for a buyer's and -1 for a seller's, lots above 0. 1 if it is a whale."""
    return whale_update(state.whale, event_ns, side, lots)


@kernel
def on_mid(state, pool, event_ns, mid):
    """Take a mid (any unit, above 0; what is not is a gap) at a venue time; how many windows that closed."""
    return observe_mid(state.returns, pool.states[state.base], pool.states[state.current], event_ns, mid)


@inlined
def _faded(share, age_ns, span_ns):
    return share * math.exp(-max(age_ns, 0) / span_ns)


@inlined
def _share_or_all(value):
    """A share within 0 and 1; what is not a number is all of it."""
    return min(max(value, 0.0), 1.0) if value == value else 1.0


@kernel
def assess(state, pool, event_ns, panic, volatility_ticks):
    """Judge everything at a venue time into `now`; the level, 0 to 1.

    `panic`: confidence of trader.signals, 0 to 1 (0 without it); `volatility_ticks`: deviation of the mid, ticks per
    square-root second. The exposure is judged as it stands; without a volatility it counts as fragile, and a panic that
    is not a number as one.
    """
    now, returns = state.now, state.returns
    elapsed_ns = max(event_ns - now.event_ns, 0) if now.sequence > 0 else 0
    shares = now.shares
    shares[0] = _faded(state.whale.whale_confidence, event_ns - state.whale.whale_ns, state.whale_ns)
    shares[1] = _faded(returns.extreme, event_ns - returns.extreme_ns, state.extreme_ns)
    chance = tail_probability(returns.tail, state.outlook_bps)
    now.outlook_probability = -math.expm1(state.outlook_windows * math.log1p(-min(chance, 0.999)))
    now.outlook_bps = tail_expected(returns.tail, state.outlook_bps)
    now.tail_alpha = tail_alpha(returns.tail)
    base, current = pool.states[state.base], pool.states[state.current]
    settle(base)
    settle(current)
    changed = (regime_change(base, current) - state.regime_from) * state.regime_per_unit
    warm = returns.windows >= returns.warm_windows
    shares[2] = now.outlook_probability if warm else 0.0
    shares[3] = min(max(changed, 0.0), 1.0) if warm else 0.0
    shares[4] = _share_or_all(panic)
    calm = 1.0
    reasons = 0
    for index in range(len(shares)):
        weighted = state.weights[index] * shares[index]
        calm *= 1.0 - weighted
        if weighted >= 0.5 * state.leave:
            reasons |= _BITS[index]
    level = 1.0 - calm
    _change_state(state, level, event_ns)
    if now.state == ALERT:
        level = max(level, now.level * math.exp2(-elapsed_ns / state.release_ns))
    now.level = level
    state.exposure.volatility_ticks = volatility_ticks * math.sqrt(state.look_ahead_s)
    score = antifragility(state.exposure)
    now.fragility = score if 0.0 < volatility_ticks < math.inf else -1.0
    now.event_ns = max(event_ns, now.event_ns)
    now.sequence += 1
    _recommend(state, level, reasons)
    return level


@inlined
def _change_state(state, level, event_ns):
    if level >= state.leave or state.loud_ns == RESUMED_NS:
        state.loud_ns = event_ns
    if state.now.state == CALM:
        if level >= state.enter:
            state.now.state = ALERT
            state.alerts += 1
    elif event_ns - state.loud_ns >= state.hold_ns:
        state.now.state = CALM


@inlined
def _recommend(state, level, reasons):
    """Write the recommendation; every rounding is to the strict side."""
    out = state.now.recommendation
    advice.recommend_nothing(out)
    if state.now.state == CALM:
        return
    fragile = max(-state.now.fragility, 0.0)
    smaller = level * (0.5 + 0.5 * fragile) * (WHOLE - state.size_permille_min)
    out.size_permille = WHOLE - math.ceil(smaller)
    out.spread_permille = WHOLE + math.ceil(level * (state.spread_permille_max - WHOLE))
    out.halt = 1 if level >= state.halt_level else 0
    out.reasons = reasons | (advice.FRAGILE if state.exposure.kind == FRAGILE else 0)


@kernel
def remember(history, assessment):
    """Append an assessment to a HISTORY; the oldest goes."""
    history.records[history.count % HISTORY_LENGTH] = assessment
    history.count += 1


def new_pool() -> np.ndarray:
    """A formatted pool of amplitude states, shape (1,)."""
    pool = np.zeros(1, dtype=POOL)
    format_pool(pool[0])
    return pool
