"""Asks a strategy for its quotes once, on a market made up for it: what a strategy file's own test uses.

The compiled entry point is called, as the strategy stage calls it; nothing is started.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from procs.strategy_file import BELIEF, BOOK, load_configured
from shm.kernel import address_of_array, kernel, new_record
from shm.memory import call_entry
from trader.enums import BeliefState, BookState
from trader.messages import LEVELS
from trader.strategy import POSITION, QUOTES, StrategyConfig
from trader.strategy.restraint import trust


@dataclass(frozen=True)
class Quotes:
    """What a strategy wants to rest: (price_ticks, size_lots), nearest first, and its state afterwards."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    state: np.ndarray


@kernel
def ask_quote(entry, state, book, belief, position, out):
    """Call a strategy's entry point with the addresses of its five records."""
    call_entry(entry, state, book, belief, position, out)


def rehearse(
    file: str | Path = "",
    *,
    bid_ticks: int,
    ask_ticks: int,
    touch_lots: int = 10,
    volatility_bps: float = 1.0,
    volatility_bps_p95: float | None = None,
    warming: bool = False,
    position_lots: int = 0,
    position_lots_max: int = 100,
    parameters: dict[str, float] | None = None,
    config: StrategyConfig | None = None,
) -> Quotes:
    """The quotes of a strategy file (empty: the built-in strategy) on one book.

    The book has ten levels a side, one tick apart, `touch_lots` each. `volatility_bps` is per square-root
    second; its 95th percentile is 1.2 times that unless given. Raises StrategyError for a wrong file.
    """
    settings = config or StrategyConfig(file=str(file), parameters=parameters or {})
    loaded = load_configured(settings)
    state = new_record(loaded.state_dtype)
    first = loaded.new_states(1, settings.parameters)
    state.view(np.uint8)[:] = first[: loaded.state_dtype.itemsize]
    book, belief, position, out = (new_record(dtype) for dtype in (BOOK, BELIEF, POSITION, QUOTES))
    book["state"] = BookState.LIVE
    for level in range(LEVELS):
        book["bid_ticks"][0, level] = bid_ticks - level
        book["ask_ticks"][0, level] = ask_ticks + level
        book["bid_lots"][0, level] = book["ask_lots"][0, level] = touch_lots
    trust(belief[0])
    belief["state"] = BeliefState.WARMING if warming else BeliefState.LIVE
    belief["volatility_bps"] = volatility_bps
    belief["phi_mean"], belief["pit"] = 1.0, 0.5
    belief["volatility_bps_p05"] = volatility_bps / 1.2
    belief["volatility_bps_p95"] = volatility_bps * 1.2 if volatility_bps_p95 is None else volatility_bps_p95
    position["position_lots"] = position_lots
    position["position_lots_max"] = position_lots_max
    position["size_lots_min"] = 1
    position["tick_value_e8"] = 10_000
    records = (state, book, belief, position, out)
    ask_quote(loaded.entry_address, *[address_of_array(record) for record in records])
    return Quotes(_side(out[0], "bid"), _side(out[0], "ask"), state)


def _side(out: np.void, side: str) -> list[tuple[int, int]]:
    prices, sizes = out[f"{side}_ticks"], out[f"{side}_lots"]
    return [(int(prices[level]), int(sizes[level])) for level in range(int(out[f"{side}_count"])) if sizes[level]]
