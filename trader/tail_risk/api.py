"""The tail-risk engine and its parts for Python programs, notebooks and tests: a method is one kernel call or two."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from shm.kernel import new_record
from trader.tail_risk import amplitudes, antifragility, assessment, moments, returns, tail, whale
from trader.tail_risk.config import TailRiskConfig
from trader.tail_risk.recommendation import REASONS


class Whale(NamedTuple):
    """One trade or order against the usual: its side, deviations of log lots above the mean, confidence 0 to 1."""

    side: int
    deviations: float
    confidence: float
    is_whale: bool


class WhaleDetector:
    """Unusually large trades or orders against a running baseline."""

    def __init__(self, *, memory: int = 2_000, warm_count: int = 100, deviations_min: float = 4.0) -> None:
        """`memory`: trades of the baseline; none before `warm_count` is a whale. Raises ValueError below 2, 2 and 0."""
        if memory < 2 or warm_count < 2 or not deviations_min > 0:
            raise ValueError(f"whales: found {memory}, {warm_count}, {deviations_min}, allowed 2, 2 and above 0")
        self.state = new_record(whale.WHALE)
        for name, value in (("memory", memory), ("warm_count", warm_count), ("deviations_min", deviations_min)):
            self.state[name] = value

    def update(self, event_ns: int, side: int, lots: int) -> Whale:
        """Take one: venue time, 1 for a buyer's and -1 for a seller's, lots above 0."""
        found = whale.whale_update(self.state[0], event_ns, side, lots)
        own = self.state[0]
        return Whale(side, float(own["deviations"]), float(own["confidence"]), bool(found))


class Swan(NamedTuple):
    """What a stream's moments and tail say; see trader.tail_risk.moments and trader.tail_risk.tail."""

    mean: float
    variance: float
    skewness: float
    kurtosis: float
    tail_alpha: float
    tail_alpha_error: float
    threshold: float


class BlackSwanDetector:
    """Incremental mean, variance, skewness, kurtosis and tail index of returns; how likely and large an extreme is."""

    def __init__(self, *, decay: float = 1.0, share: float = 0.05, memory: float = math.inf) -> None:
        """`decay`: weight of a value against the next, above 0 and at most 1; `share`: of the values, what is tail.

        `memory`: values that the tail remembers. Raises ValueError out of range.
        """
        if not (0 < decay <= 1 and 0 < share <= 0.5 and memory * share >= 2):
            found = f"decay {decay}, share {share}, memory {memory}"
            raise ValueError(f"black swan: found {found}, allowed 0 to 1, 0 to 0.5, 2 / share and more")
        self.moments, self.tail = new_record(moments.MOMENTS), new_record(tail.TAIL)
        self.moments["decay"] = decay
        self.tail["share"], self.tail["memory"] = share, memory

    def update(self, value: float) -> None:
        """Take one return, any unit; NaN and infinities are missing."""
        moments.moments_update(self.moments[0], value)
        tail.tail_update(self.tail[0], value)

    def batch(self, values: np.ndarray) -> None:
        """Take returns, shape (n,)."""
        returns.take_returns(self.moments[0], self.tail[0], np.ascontiguousarray(values, dtype=np.float64))

    @property
    def swan(self) -> Swan:
        """Moments (population) and tail index so far."""
        own, edge = self.moments[0], self.tail[0]
        mean = float(own["mean"] + own["mean_low"])
        return Swan(
            mean,
            float(moments.variance(own)),
            float(moments.skewness(own)),
            float(moments.kurtosis(own)),
            float(tail.tail_alpha(edge)),
            float(tail.tail_alpha_error(edge)),
            float(np.exp(edge["log_threshold"])),
        )

    def probability(self, size: float) -> float:
        """Chance that the next |value| is above `size`, above 0."""
        return float(tail.tail_probability(self.tail[0], size))

    def expected(self, size: float) -> float:
        """Mean of |value| beyond `size`; infinite for a tail index of 1 and below."""
        return float(tail.tail_expected(self.tail[0], size))


class Antifragility(NamedTuple):
    """Score -1 to 1 and its sign as kind (-1 fragile, 0 robust, 1 antifragile); the rest in the payoff's money."""

    score: float
    kind: int
    gap: float
    tail_sensitivity: float
    second_difference: float


def antifragility_of(
    payoff: Callable[[np.ndarray], np.ndarray],
    volatility: float,
    *,
    stress: float = 0.5,
    loss: float = 0.0,
    robust: float = 0.1,
) -> Antifragility:
    """Judge any payoff: a function of moves (n,) to money (n,), less what it is without a move.

    `volatility`: deviation of the moves, above 0. Raises ValueError for one that is not, or a stress outside 0 to 1.
    """
    if not 0 < volatility < math.inf or not 0 < stress < 1:
        raise ValueError(f"antifragility: found volatility {volatility}, stress {stress}, allowed above 0, 0 to 1")
    exposure = new_record(antifragility.EXPOSURE)
    own = exposure[0]
    for name, value in (("volatility_ticks", volatility), ("stress", stress), ("loss", loss), ("robust", robust)):
        own[name] = value
    still = payoff(np.zeros(1))[0]
    for row, factor in enumerate((1 - stress, 1.0, 1 + stress)):
        own["payoff"][row] = payoff(volatility * factor * antifragility.NODES) - still
    antifragility.judge_payoff(own)
    return _antifragility(own)


def _antifragility(own: np.void) -> Antifragility:
    values = (float(own[name]) for name in ("gap", "tail_sensitivity", "second_difference"))
    return Antifragility(float(own["score"]), int(own["kind"]), *values)


class AmplitudePool:
    """A thousand distributions of returns, made once; see trader.tail_risk.amplitudes."""

    def __init__(self) -> None:
        self.pool = assessment.new_pool()

    def take(self, *, scale: float, decay: float = 1.0) -> int:
        """The number of an empty state. Raises ValueError out of range, MemoryError when none is free."""
        if not (scale > 0 and 0 < decay <= 1):
            raise ValueError(f"amplitudes: found scale {scale}, decay {decay}, allowed above 0, and above 0 to 1")
        index = int(amplitudes.take(self.pool[0], scale, decay))
        if index == amplitudes.NONE:
            raise MemoryError(f"amplitude pool: all {amplitudes.POOL_STATES} states are taken")
        return index

    def give_back(self, index: int) -> None:
        """Free a state."""
        amplitudes.give_back(self.pool[0], index)

    def observe(self, index: int, values: np.ndarray | Sequence[float]) -> None:
        """Put returns, shape (n,), into a state; NaN is missing."""
        for value in np.asarray(values, dtype=np.float64).tolist():
            amplitudes.observe_return(self.pool["states"][0, index], value)

    def fidelity(self, first: int, second: int) -> float:
        """Squared overlap of two states, 0 to 1."""
        states = self.pool["states"][0]
        for index in (first, second):
            amplitudes.settle(states[index])
        return float(amplitudes.fidelity(states[first], states[second]))

    def regime_change(self, base: int, current: int) -> float:
        """1 - fidelity beyond what chance would show, 0 to 1."""
        self.fidelity(base, current)
        return float(amplitudes.regime_change(self.pool["states"][0, base], self.pool["states"][0, current]))


class Assessment(NamedTuple):
    """What is asked for and why; `shares` by name, 0 to 1; `reasons` the names of those that weigh."""

    level: float
    alert: bool
    shares: dict[str, float]
    fragility: float
    tail_alpha: float
    size_permille: int
    spread_permille: int
    halt: bool
    reasons: tuple[str, ...]


class TailRisk:
    """One symbol's engine: trades, mids and the exposure in, assessments out; the last thousand are in `history`."""

    def __init__(self, config: TailRiskConfig | None = None) -> None:
        """Raises ValueError with every value of the configuration that is out of its range."""
        config = config or TailRiskConfig()
        if problems := config.problems():
            raise ValueError("; ".join(problems))
        self.pool, self.state = assessment.new_pool(), new_record(assessment.TAIL_RISK)
        self.history = new_record(assessment.HISTORY)
        assessment.configure_tail_risk(self.state[0], self.pool[0], config)

    def on_trade(self, event_ns: int, side: int, lots: int) -> bool:
        """Take a public trade; whether it is a whale."""
        return bool(assessment.on_trade(self.state[0], event_ns, side, lots))

    def on_mid(self, event_ns: int, mid: float) -> int:
        """Take a mid, above 0; how many windows that closed."""
        return int(assessment.on_mid(self.state[0], self.pool[0], event_ns, mid))

    def expose(self, position_lots: float, orders: Sequence[tuple[float, float]] = ()) -> None:
        """Set position and open orders: (price less mid in ticks, lots above 0 for a bid, below 0 for an ask).

        Raises ValueError for more orders than ORDERS_MAX.
        """
        if len(orders) > antifragility.ORDERS_MAX:
            raise ValueError(f"orders: found {len(orders)}, allowed {antifragility.ORDERS_MAX}")
        own = self.state["exposure"][0]
        own["position_lots"], own["order_count"] = position_lots, len(orders)
        for index, (ticks, lots) in enumerate(orders):
            own["order_ticks"][index], own["order_lots"][index] = ticks, lots

    def assess(self, event_ns: int, *, panic: float = 0.0, volatility_ticks: float = 1.0) -> Assessment:
        """Judge everything at a venue time. `volatility_ticks`: of the mid, ticks per square-root second."""
        assessment.assess(self.state[0], self.pool[0], event_ns, panic, volatility_ticks)
        now = self.state[0]["now"]
        assessment.remember(self.history[0], now)
        asked = now["recommendation"]
        return Assessment(
            level=float(now["level"]),
            alert=bool(now["state"]),
            shares=dict(zip(assessment.SHARES, map(float, now["shares"]), strict=True)),
            fragility=float(now["fragility"]),
            tail_alpha=float(now["tail_alpha"]),
            size_permille=int(asked["size_permille"]),
            spread_permille=int(asked["spread_permille"]),
            halt=bool(asked["halt"]),
            reasons=tuple(name for bit, name in REASONS.items() if asked["reasons"] & bit),
        )
