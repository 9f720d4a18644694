"""Indicators and signals for Python programs, notebooks and tests: an object each, every method one kernel call.

`update` takes one value, `batch` many; both go on from the same state, so they can be mixed. `state` is the numpy
record that compiled code can work on: pass `indicator.state[0]` to the kernels of trader.signals.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from shm.kernel import new_record
from trader.signals import batch, indicators, order_flow
from trader.signals.config import SignalsConfig
from trader.signals.forecasts import MARKET_SIGNALS, configure_signals, forecast, on_book, on_trade
from trader.signals.indicators import WINDOW_MAX
from trader.signals.scan import ema_batch


class Indicator:
    """One indicator: what all of them have in common."""

    _update: Callable[..., Any]
    _batch: Callable[..., None]
    _inputs: type = np.float64

    def __init__(self, dtype: np.dtype, **settings: float) -> None:
        self.state = new_record(dtype)
        for name, value in settings.items():
            self.state[name] = value

    def update(self, *values: float) -> float:
        """Take one observation; the indicator after it."""
        return float(type(self)._update(self.state[0], *map(self._inputs, values)))

    def batch(self, *values: np.ndarray | Sequence[float]) -> np.ndarray:
        """Take arrays of one length (n,); the indicator after each observation, shape (n,) float64.

        Raises ValueError for arrays of other shapes.
        """
        arrays: list[np.ndarray] = [np.ascontiguousarray(each, dtype=self._inputs) for each in values]
        shapes = {each.shape for each in arrays}
        if len(shapes) != 1 or arrays[0].ndim != 1:
            raise ValueError(f"batch: found arrays of shapes {[each.shape for each in arrays]}, allowed one length")
        out = np.empty(len(arrays[0]))
        type(self)._batch(self.state[0], *arrays, out)
        return out


class Ema(Indicator):
    """Exponential moving average: y += gain (x - y), seeded with the first value; NaN before it. Unit of x."""

    _update, _batch = indicators.ema_update, ema_batch

    def __init__(self, gain: float) -> None:
        """`gain`: above 0, at most 1; 2 / (n + 1) for a span of n. Raises ValueError else."""
        if not 0 < gain <= 1:
            raise ValueError(f"gain: found {gain}, allowed above 0 and at most 1")
        super().__init__(indicators.EMA, gain=gain, value=np.nan)


class Rsi(Indicator):
    """Wilder's relative strength index of a price, 0 to 100; 50 until `length` changes are known."""

    _update, _batch = indicators.rsi_update, batch.rsi_batch

    def __init__(self, length: int = 14) -> None:
        """`length`: changes, 1 and more. Raises ValueError else."""
        super().__init__(indicators.RSI, length=_within("length", length, 1, 10**6), value=50.0)


class ZScore(Indicator):
    """(x - mean) / sd (n - 1) of the last `length` values, x included; 0 where nothing varies."""

    _update, _batch = indicators.zscore_update, batch.zscore_batch

    def __init__(self, length: int = 100) -> None:
        """`length`: values, 2 to WINDOW_MAX. Raises ValueError else."""
        super().__init__(indicators.ZSCORE, length=_within("length", length, 2, WINDOW_MAX))


class RealisedVolatility(Indicator):
    """Root mean square log return of the last `length` prices' steps, in bps of one step."""

    _update, _batch = indicators.realised_update, batch.realised_batch

    def __init__(self, length: int = 100) -> None:
        """`length`: returns, 1 to WINDOW_MAX. Raises ValueError else."""
        super().__init__(indicators.REALISED, length=_within("length", length, 1, WINDOW_MAX))


class Vwap(Indicator):
    """Volume-weighted average price of the last `length` trades: `update(price, size)`; NaN before any size."""

    _update, _batch = indicators.vwap_update, batch.vwap_batch

    def __init__(self, length: int = 100) -> None:
        """`length`: trades, 1 to WINDOW_MAX. Raises ValueError else."""
        super().__init__(indicators.VWAP, length=_within("length", length, 1, WINDOW_MAX), value=np.nan)


class OrderFlowImbalance(Indicator):
    """Cont, Kukanov and Stoikov's imbalance of the last `length` changes of the touch, in lots; above 0: buyers.

    `update(bid_ticks, bid_lots, ask_ticks, ask_lots)`, integers.
    """

    _update, _batch, _inputs = order_flow.flow_update, batch.flow_batch, np.int64

    def __init__(self, length: int = 100) -> None:
        """`length`: changes, 1 to WINDOW_MAX. Raises ValueError else."""
        super().__init__(order_flow.FLOW, length=_within("length", length, 1, WINDOW_MAX))


class SignAutocorrelation(Indicator):
    """Autocorrelation of the last `length` trade signs (1, -1) at a lag, -1 to 1; 0 where nothing varies."""

    _update, _batch, _inputs = order_flow.signs_update, batch.signs_batch, np.int64

    def __init__(self, length: int = 100, lag: int = 1) -> None:
        """`length`: signs, 2 to WINDOW_MAX; `lag`: 1 to `length` - 1. Raises ValueError else."""
        length = _within("length", length, 2, WINDOW_MAX)
        super().__init__(order_flow.SIGNS, length=length, lag=_within("lag", lag, 1, length - 1))


class Signals(NamedTuple):
    """What is seen after an event.

    `confidence`: of panic, 0 to 1; `panic`: whether it is one; `direction`: -1, 0, 1; the four signals: -1 to 1;
    `shift_bps`: fair price less mid, bps of the mid; `aggressiveness`: 0 to 1.
    """

    confidence: float
    panic: bool
    direction: int
    momentum: float
    reversion: float
    flow: float
    pressure: float
    shift_bps: float
    aggressiveness: float


class MarketSignals:
    """All signals of one symbol from its books and trades, in the venue's time."""

    def __init__(self, config: SignalsConfig | None = None) -> None:
        """Raises ValueError with every value of the configuration that is out of its range."""
        config = config or SignalsConfig()
        if problems := config.problems():
            raise ValueError("; ".join(problems))
        self.state = new_record(MARKET_SIGNALS)
        self._depth = config.depth_levels
        configure_signals(self.state[0], config)

    def on_book(self, event_ns: int, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> Signals:
        """Take a book: (price_ticks, size_lots), best first, as many as there are; `event_ns` above 0."""
        ladder = np.zeros((4, self._depth), dtype=np.int64)
        for row, side in ((0, bids), (2, asks)):
            for level, (ticks, lots) in enumerate(side[: self._depth]):
                ladder[row, level], ladder[row + 1, level] = ticks, lots
        on_book(self.state[0], event_ns, *ladder)
        return self._signals()

    def on_trade(self, event_ns: int, sign: int, lots: int) -> Signals:
        """Take a trade: 1 for a buyer's, -1 for a seller's; lots above 0."""
        on_trade(self.state[0], event_ns, sign, lots)
        return self._signals()

    def _signals(self) -> Signals:
        own = self.state[0]
        forecast(own)
        detector = own["detector"]
        momentum, reversion, flow, pressure = map(float, own["signals"])
        return Signals(
            confidence=float(detector["confidence"]),
            panic=bool(detector["state"]),
            direction=int(detector["direction"]),
            momentum=momentum,
            reversion=reversion,
            flow=flow,
            pressure=pressure,
            shift_bps=float(own["shift_bps"]),
            aggressiveness=float(own["aggressiveness"]),
        )


def _within(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"{name}: found {value}, allowed {low} to {high}")
    return value
