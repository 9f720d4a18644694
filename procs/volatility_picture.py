"""A series and its particle filter in one picture: returns, volatility with its band, the parameters over time."""

from pathlib import Path
from typing import Any

import numpy as np

from procs.errors import OperatorError
from procs.volatility_series import Series
from procs.volatility_study import Studied

INSTALL = "python -m pip install 'trader[plot]', or make install"
POINTS_MAX = 20_000
"""Windows drawn at most: of a longer series every second one, or every third, and so on."""

_LABELS = (r"$\mu$", r"$\varphi$", r"$\sigma_\eta$")
_RANGES = ((-np.inf, np.inf), (0.0, 1.0), (0.0, np.inf))


def load_matplotlib() -> Any:
    """matplotlib's figure module, without a screen. Raises OperatorError where it is not installed."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.figure
    except ImportError as error:
        raise OperatorError(f"--plot: found no matplotlib ({error}), allowed after: {INSTALL}") from None
    return matplotlib.figure


def draw(path: Path, series: Series, studied: Studied) -> None:
    """Write the picture, in the format that the file's ending names. Raises OperatorError where that cannot be done."""
    figure = load_matplotlib().Figure(figsize=(11, 11), layout="constrained")
    axes = figure.subplots(5, 1, sharex=True, height_ratios=(2, 3, 1, 1, 1))
    every = slice(None, None, -(-len(series.returns) // POINTS_MAX))
    windows = np.arange(len(series.returns))[every]
    filtered, unit = studied.filtered, f" ({series.unit})" if series.unit else ""
    axes[0].plot(windows, series.returns[every], linewidth=0.6, color="0.3")
    axes[0].set_ylabel(f"return{unit}")
    axes[0].set_title(f"{series.name}: {series.source}; noise: {studied.study.noise}", loc="left", fontsize=11)
    low, high = (studied.scale * filtered.quantiles[every, at] for at in range(2))
    _band(axes[1], windows, studied.scale * filtered.volatility[every], low, high, ("mean", "5 to 95 %"))
    axes[1].set_ylabel(f"volatility of a window{unit}")
    # The prior's first windows would flatten all others.
    axes[1].set_ylim(0, 1.1 * float(high[len(high) // 50 :].max()))
    for at, label in enumerate(_LABELS):
        mean, sd = filtered.parameters[every, at], filtered.parameters_sd[every, at]
        low, high = np.clip((mean - 2 * sd, mean + 2 * sd), *_RANGES[at])
        _band(axes[2 + at], windows, mean, low, high, ("posterior mean", "two deviations"))
        axes[2 + at].set_ylabel(label)
        axes[2 + at].get_legend().set_visible(at == 0)
    axes[-1].set_xlabel(f"window of {series.window}" if series.window != "row" else "row")
    axes[-1].set_xlim(0, max(len(series.returns) - 1, 1))
    for panel in axes:
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    figure.align_ylabels(axes)
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise OperatorError(f"--plot: found '{path}' ({error}), allowed a writable .png, .svg or .pdf") from None


def _band(panel: Any, windows: np.ndarray, mean: np.ndarray, low: np.ndarray, high: np.ndarray, names: Any) -> None:
    """A line in its band; `names` of both."""
    panel.plot(windows, mean, linewidth=0.9, label=names[0])
    panel.fill_between(windows, low, high, alpha=0.25, linewidth=0, label=names[1])
    panel.legend(loc="upper right", ncols=2, frameon=False, fontsize=9)
