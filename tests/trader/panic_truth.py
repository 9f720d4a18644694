"""The panic detector written down naively: plain Python, lists of blocks, every mean from its definition.

It shares no code with trader.signals. A block keeps its stretches of time; moves and trades are added up when it ends;
the usual is a list of means and weights that is gone through anew.
"""

import math
from dataclasses import dataclass, field

from trader.signals import SignalsConfig

LIMITS = {"flow": "one_sided", "run": "run", "jumps": "jumps", "spread": "spread", "depth": "depth"}


def within(value: float, low: float = 0.0, high: float = 1.0) -> float:
    return min(max(value, low), high)


def forgetting(values: list[float], lengths: list[float], horizon: float) -> float:
    """A mean over all while that is short; then the older count less by the share that each new one has."""
    seen, weights = 0.0, []
    for length in lengths:
        counted = min(length, horizon // 8)
        seen += counted
        gain = counted / min(seen, horizon)
        weights = [weight * (1 - gain) for weight in weights] + [gain]
    return math.fsum(value * weight for value, weight in zip(values, weights, strict=True))


@dataclass
class Truth:
    """What has been seen, and what follows from it."""

    config: SignalsConfig
    now: int = 0
    linked: bool = False
    mid: float = 0.0
    levels: tuple[float, float, float] = (0.0, 0.0, 0.0)
    stretches: list[tuple[float, tuple[float, float, float] | None]] = field(default_factory=list)
    moves: list[float] = field(default_factory=list)
    trades: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    learned: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in "sdrmfpq"})
    signs: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("b", "a", "u", "d", "j", "s", "t"), 0.0))
    panic: bool = False
    began: int = 0
    loud: int = 0
    alarms: int = 0

    def usual(self, name: str) -> float:
        return forgetting(self.learned[name], self.lengths, 1e6 * self.config.slow_ms)

    @property
    def warm(self) -> bool:
        counted = sum(min(length, 1e6 * self.config.slow_ms // 8) for length in self.lengths)
        return bool(self.lengths) and counted >= 1e6 * self.config.warm_ms

    def pair(self, sign: str) -> tuple[float, float]:
        return getattr(self.config, LIMITS[sign])

    def away(self, level: float, mean: float) -> float:
        return (level - mean) / (level + mean) if level + mean > 0 else 0.0

    def at(self, now: int) -> None:
        """Time passes: signs fall or rise with it, and a block may end."""
        span = max(now - self.now, 0) if self.now else 0
        self.now = max(now, self.now)
        if not span:
            return
        if self.warm:
            for names, sign in (("ba", "flow"), ("ud", "run")):
                allowance, limit = self.pair(sign)
                for name in names:
                    self.signs[name] = max(self.signs[name] - allowance / limit * span / 1e9, 0.0)
            if self.linked:
                for name, sign, index, way in (("s", "spread", 0, 1), ("t", "depth", 1, -1)):
                    allowance, limit = self.pair(sign)
                    deviation = max(math.sqrt(self.usual("pq"[index])), self.config.distance_min)
                    away = way * self.away(self.levels[index], self.usual("sd"[index])) / deviation
                    self.signs[name] = within(self.signs[name] + (away - allowance) / limit * span / 1e9)
        self.stretches.append((span, self.levels if self.linked else None))
        if sum(length for length, _ in self.stretches) >= 1e6 * self.config.block_ms:
            self.end_block()

    def end_block(self) -> None:
        length = float(sum(span for span, _ in self.stretches))
        seen = [(span, levels) for span, levels in self.stretches if levels is not None]
        linked = float(sum(span for span, _ in seen))
        if 2 * linked > length:
            move, flow = math.fsum(self.moves), math.fsum(self.trades)
            least = self.config.volatility_bps_min**2
            if self.warm:
                allowance, limit = self.pair("jumps")
                square = move**2 / max(self.usual("m"), least) / (length / 1e9)
                allowed = allowance * length / (1e6 * self.config.block_ms)
                self.signs["j"] = within(self.signs["j"] + (min(square, 2 * allowance) - allowed) / limit)
            if not self.panic or self.now - self.began >= 1e6 * self.config.freeze_ms:
                self.learn(
                    length, [sum(span * levels[k] for span, levels in seen) / linked for k in range(3)], move, flow
                )
        self.stretches, self.moves, self.trades = [], [], []

    def learn(self, length: float, means: list[float], move: float, flow: float) -> None:
        per_s, squares = 1e9 / length, [move**2, flow**2]
        if self.warm:
            means[0] = min(means[0], 4 * self.usual("s"))
            means[1] = within(means[1], self.usual("d") / 4, 4 * self.usual("d"))
            squares[0] = min(squares[0], 25 * max(self.usual("m"), self.config.volatility_bps_min**2) / per_s)
            squares[1] = min(squares[1], 25 * self.usual("f") / per_s)
        self.lengths.append(length)
        for name, value in zip("sdrmf", (*means, squares[0] * per_s, squares[1] * per_s), strict=True):
            self.learned[name].append(value)
        for name, level, mean in (("p", means[0], self.usual("s")), ("q", means[1], self.usual("d"))):
            self.learned[name].append(self.away(level, mean) ** 2)

    def trade(self, now: int, sign: int, lots: int) -> None:
        self.at(now)
        self.trades.append(sign * lots)
        if self.warm:
            self.push("ba", "flow", sign * lots, self.usual("f"))
        self.judge()

    def book(self, now: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
        self.at(now)
        if not (bids and asks and bids[0][1] > 0 and asks[0][1] > 0):
            self.linked = False
            self.judge()
            return
        mid = (bids[0][0] + asks[0][0]) / 2
        move = 1e4 * math.log(mid / self.mid) if self.linked else 0.0
        reach = asks[-1][0] - bids[-1][0]
        near = int(1.5 * (self.usual("r") if self.lengths else reach))
        depth = sum(lots for ticks, lots in (*bids, *asks) if 2 * abs(ticks - mid) <= near)
        self.linked, self.mid, self.levels = True, mid, (asks[0][0] - bids[0][0], depth, reach)
        self.moves.append(move)
        if self.warm:
            self.push("ud", "run", move, max(self.usual("m"), self.config.volatility_bps_min**2))
        self.judge()

    def push(self, names: str, sign: str, value: float, variance: float) -> None:
        part = within(value / math.sqrt(variance), -1, 1) / self.pair(sign)[1] if variance > 0 else 0.0
        self.signs[names[0]] = within(self.signs[names[0]] + part)
        self.signs[names[1]] = within(self.signs[names[1]] - part)

    @property
    def confidence(self) -> float:
        own = self.signs
        total = max(own["b"], own["a"]) + max(own["u"], own["d"], own["j"]) + own["s"] + own["t"]
        return 1 / (1 + math.exp(self.config.certainty * (self.config.signs_needed - total))) if self.warm else 0.0

    def judge(self) -> None:
        if not self.warm:
            return
        if self.confidence >= self.config.leave:
            self.loud = self.now
        if not self.panic and self.confidence >= self.config.enter:
            self.panic, self.began, self.alarms = True, self.now, self.alarms + 1
        elif self.panic and self.now - self.loud >= 1e6 * self.config.hold_ms:
            self.panic = False
