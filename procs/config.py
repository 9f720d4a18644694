"""What a run is made of: RunConfig, composed of each noun's own section, and its check before anything starts."""

import math
import re
from pathlib import Path
from typing import Literal

import msgspec

from procs.affinity import available_cores, core_problems
from procs.restarts import RestartsConfig
from trader.book.state import BookConfig
from trader.exchange.config import SYMBOLS_MAX, ExchangeConfig
from trader.feed.config import FeedConfig
from trader.risk.limits import RiskConfig
from trader.router.config import RouterConfig
from trader.signals.config import SignalsConfig
from trader.strategy.config import StrategyConfig
from trader.tail_risk.config import TailRiskConfig
from trader.venues.markets import MARKETS, USDM
from trader.volatility.config import VolatilityConfig

DURATION_S_MAX = 30 * 86_400.0
SPEED_MAX = 10_000.0
M = 1 << 20
SEGMENT_BYTES_MIN = 8 * M
"""Twice the room below which a journal's file is followed by the next."""


class JournalConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[journal]: what each stage records of itself, so that the run can be replayed exactly."""

    enabled: bool = True
    segment_bytes: int = 64 * M
    """Size of one preallocated file; the next begins with a snapshot of the stage's state."""

    def problems(self) -> list[str]:
        """Every value that is out of its range, one line each."""
        size = self.segment_bytes
        if SEGMENT_BYTES_MIN <= size <= 4096 * M and size % 4096 == 0:
            return []
        return [f"journal.segment_bytes: found {size}, allowed {SEGMENT_BYTES_MIN} to {4096 * M}, a multiple of 4096"]


class BudgetsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[budgets]: how long each hop may take, in microseconds; the field is the hop's name and `_us`.

    A hop is the time from the origin's publication to the end of the consumer's step. `tick_to_order_us`:
    from the receive stamp of the market frame to the order's bytes handed to the socket; a decision that is
    older is not sent.
    """

    feed_us: float = 2_000.0
    feed_book_us: float = 2_000.0
    book_strategy_us: float = 2_000.0
    strategy_risk_us: float = 2_000.0
    risk_router_us: float = 2_000.0
    tick_to_order_us: float = 10_000.0

    def budget_ns(self, hop: str) -> int:
        """Nanoseconds for a hop, such as "feed_book"."""
        return round(getattr(self, f"{hop}_us") * 1_000)

    def problems(self) -> list[str]:
        """Every value that is out of its range, one line each."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [
            f"budgets.{name}: found {value:g}, allowed 1 to 10^7" for name, value in values if not 1 <= value <= 1e7
        ]


HOPS = tuple(name.removesuffix("_us") for name in BudgetsConfig.__struct_fields__)
"""The hops that have a budget, in flow order."""


class SymbolUnits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Decimals of a symbol's prices and sizes, as a recording writes them."""

    price_decimals: int
    size_decimals: int


DEFAULT_SYMBOLS = ("BTCUSDT",)


class RunConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides a run. Each section's Struct documents its own knobs.

    The last fields belong to the run itself and cannot be configured: the persisted epoch of client order ids, what
    to add to our clock to have nanoseconds since 1970, the hash of code and configuration that every process must
    share, and what earlier runs of this day (UTC) made, with the day's best, in 1e-8 of the quote currency; `units`
    are a recording's.
    """

    market: str = MARKETS[USDM].name
    """Whose protocol is spoken: a name of trader.venues.markets; a recording says it itself."""
    symbols: tuple[str, ...] = DEFAULT_SYMBOLS
    """With a recording that has none of the default's: the recording's own."""
    duration_s: float = 30.0
    """0: until the recording ends, or until it is told to stop."""
    placement: Literal["process", "fused"] = "process"
    wait: Literal["auto", "spin", "yield", "futex"] = "auto"
    """How a stage waits; auto spins only where the stage owns its core."""
    idle: Literal["auto", "poll", "halt"] = "auto"
    """What a core does whose stages all sleep while the market moves: poll, so that they come back to warm caches, or
    halt. auto polls unless CPU time is rationed or `wait` is given."""
    cores: dict[str, int] = {}
    """Stage to core; what is left out is planned by procs.affinity."""
    out_dir: str = ""
    """Folder of this run's journal and results; empty: a new folder in runs/."""
    state_dir: str = ""
    """Folder of what outlives runs; empty: the user's state folder."""
    replay: str = ""
    """A recording to serve instead of the generated market."""
    speed: float = 1.0
    """How many times faster than recorded; 0: as fast as it goes."""
    decode: bool = True
    """Whether a backtest plays the numbers of a recording, decoded once and kept, or (off) scans its text each time."""

    journal: JournalConfig = JournalConfig()
    budgets: BudgetsConfig = BudgetsConfig()
    restarts: RestartsConfig = RestartsConfig()
    feed: FeedConfig = FeedConfig()
    book: BookConfig = BookConfig()
    volatility: VolatilityConfig = VolatilityConfig()
    signals: SignalsConfig = SignalsConfig()
    tail_risk: TailRiskConfig = TailRiskConfig()
    strategy: StrategyConfig = StrategyConfig()
    risk: RiskConfig = RiskConfig()
    router: RouterConfig = RouterConfig()
    exchange: ExchangeConfig = ExchangeConfig()

    units: dict[str, SymbolUnits] = {}
    epoch: int = 0
    wall_offset_ns: int = 0
    build: int = 0
    day_pnl_e8: int = 0
    day_peak_e8: int = 0

    def problems(self) -> list[str]:
        """Everything that keeps this from running on this host: key, what was found, what is allowed."""
        found = [*_market_problems(self), *_symbol_problems(self.symbols)]
        if not (self.duration_s == 0 or 0.1 <= self.duration_s <= DURATION_S_MAX):
            found.append(f"duration_s: found {self.duration_s:g}, allowed 0.1 to {DURATION_S_MAX:g}, or 0 for no end")
        if not (self.speed == 0 or 0.01 <= self.speed <= SPEED_MAX):
            found.append(f"speed: found {self.speed:g}, allowed 0.01 to {SPEED_MAX:g}, or 0 for as fast as it goes")
        if self.speed != 1 and not self.replay:
            found.append(f"speed: found {self.speed:g}, allowed 1 without a recording to replay")
        for key, file in (("replay", self.replay), ("strategy.file", self.strategy.file)):
            if file and not Path(file).is_file():
                found.append(f"{key}: found no file '{file}', allowed an existing file")
        found += core_problems(self.cores, available_cores())
        for name in SECTIONS:
            found += getattr(self, name).problems()
        known = set(self.symbols)
        for key, names in (
            ("risk.symbols_allowed", self.risk.symbols_allowed),
            ("exchange.price_start_by_symbol", self.exchange.price_start_by_symbol),
        ):
            found += [
                f"{key}: found '{name}', allowed {', '.join(sorted(known))}" for name in names if name not in known
            ]
        return found


SECTIONS = tuple(
    field.name
    for field in msgspec.structs.fields(RunConfig)
    if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
)
"""The configuration's sections, each a Struct with `problems()`."""

RUN_OWNED = ("units", "epoch", "wall_offset_ns", "build", "day_pnl_e8", "day_peak_e8")
"""Fields that no file and no flag may set."""


def _market_problems(config: RunConfig) -> list[str]:
    allowed = [market.name for market in MARKETS if market.is_traded or config.replay]
    if config.market in allowed:
        return []
    hint = "" if config.replay else " without a recording to replay"
    return [f"market: found '{config.market}', allowed {', '.join(allowed)}{hint}"]


def _symbol_problems(symbols: tuple[str, ...]) -> list[str]:
    found = []
    if not 1 <= len(symbols) <= SYMBOLS_MAX:
        found.append(f"symbols: found {len(symbols)} symbols, allowed 1 to {SYMBOLS_MAX}")
    for name in symbols:
        if not re.fullmatch(r"[A-Z0-9/_-]{2,24}", name):
            found.append(f"symbols: found '{name}', allowed 2 to 24 capital letters, digits, /, _ and -")
        if symbols.count(name) > 1:
            found.append(f"symbols: found '{name}' twice, allowed once")
    return list(dict.fromkeys(found))


def not_finite(value: object) -> bool:
    """Whether a configured value is NaN or infinite: no knob allows that."""
    return isinstance(value, float) and not math.isfinite(value)
