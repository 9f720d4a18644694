"""Signals: what the strategy sees in prices, trades and books. Pure kernels, and objects around them for Python.

    from trader.signals import Ema, MarketSignals, orthogonalise

`api`            an object each: Ema, Rsi, ZScore, RealisedVolatility, Vwap, OrderFlowImbalance, SignAutocorrelation,
                 and MarketSignals, all signals of one symbol
`indicators`     incremental, of prices         `order_flow`    of the book and of trades
`batch`          whole arrays                   `scan`          the blocked scan behind the EMA
`exact_sums`     sums in pairs, for windows that slide

`horizons`       what the market did lately           `usual`         what is usual in it, robustly
`panic`          the panic detector                   `forecasts`     four signals, fair price shift, aggressiveness
`config`         [signals]: horizons, signs of panic, weights
`scoring`        information coefficient and hit rate; weights by regression

`plane`          many assets: orthogonalisation, cross-sectional z-scores        `plane_cache`   results kept
"""

from typing import TYPE_CHECKING

from trader.lazy_members import lazy_members
from trader.signals.config import SignalsConfig as SignalsConfig

if TYPE_CHECKING:
    from trader.signals.api import Ema as Ema
    from trader.signals.api import Indicator as Indicator
    from trader.signals.api import MarketSignals as MarketSignals
    from trader.signals.api import OrderFlowImbalance as OrderFlowImbalance
    from trader.signals.api import RealisedVolatility as RealisedVolatility
    from trader.signals.api import Rsi as Rsi
    from trader.signals.api import Signals as Signals
    from trader.signals.api import SignAutocorrelation as SignAutocorrelation
    from trader.signals.api import Vwap as Vwap
    from trader.signals.api import ZScore as ZScore
    from trader.signals.order_flow import book_imbalance as book_imbalance
    from trader.signals.order_flow import microprice as microprice
    from trader.signals.plane import orthogonalise as orthogonalise
    from trader.signals.plane import zscore as zscore
    from trader.signals.plane_cache import PlaneCache as PlaneCache

__getattr__ = lazy_members(
    __name__,
    {
        "api": (
            "Ema",
            "Indicator",
            "MarketSignals",
            "OrderFlowImbalance",
            "RealisedVolatility",
            "Rsi",
            "Signals",
            "SignAutocorrelation",
            "Vwap",
            "ZScore",
        ),
        "order_flow": ("book_imbalance", "microprice"),
        "plane": ("orthogonalise", "zscore"),
        "plane_cache": ("PlaneCache",),
    },
)
"""A run reads the configuration only, and starts without the rest."""
