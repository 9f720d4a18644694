"""A recording and its signals in one picture: the mid with its panics, coefficients by horizon, moves by forecast."""

from pathlib import Path

import numpy as np

from procs.errors import OperatorError
from procs.signals_study import COMBINED, NS_PER_S, Sampled, SignalsStudy
from procs.volatility_picture import load_matplotlib
from trader.signals.config import SignalsConfig
from trader.signals.forecasts import SIGNALS
from trader.signals.scoring import future_moves_bps

GROUPS = 10


def draw(path: Path, sampled: Sampled, told: SignalsStudy, config: SignalsConfig) -> None:
    """Write the picture, in the format that the file's ending names. Raises OperatorError where that cannot be done."""
    figure = load_matplotlib().Figure(figsize=(11, 10), layout="constrained")
    axes = figure.subplots(3, 1)
    samples = sampled.samples
    seconds = (samples["event_ns"] - samples["event_ns"][0]) / NS_PER_S
    axes[0].plot(seconds, 1e4 * np.log(samples["mid_halfticks"] / samples["mid_halfticks"][0]), linewidth=0.7)
    high = {"transform": axes[0].get_xaxis_transform(), "alpha": 0.15, "color": "red", "linewidth": 0}
    axes[0].fill_between(seconds, 0, 1, where=samples["panic"] > 0, **high)
    axes[0].axvline(seconds[-told.scored_on], color="0.5", linestyle=":")
    axes[0].set(xlabel="s", ylabel="mid, bps", title=f"{told.source}: fitted left of the dots, scored right of them")
    right = axes[0].twinx()
    right.plot(seconds, samples["confidence"], linewidth=0.4, color="red")
    right.set(ylabel="confidence of panic", ylim=(0, 1))
    horizons = sorted({one.horizon_s for one in told.scores})
    for place, name in enumerate((*SIGNALS, COMBINED)):
        own = [one for one in told.scores if one.signal == name]
        at = np.arange(len(horizons)) + (place - len(SIGNALS) / 2) * 0.15
        errors = [2 * one.standard_error for one in own]
        axes[1].bar(at, [one.coefficient for one in own], 0.13, yerr=errors, label=name)
    axes[1].set_xticks(np.arange(len(horizons)), [f"{horizon:g} s" for horizon in horizons])
    axes[1].axhline(0, color="0.3", linewidth=0.6)
    axes[1].set(ylabel="information coefficient", title="out of sample, two standard errors")
    axes[1].legend(ncols=5, loc="lower left")
    _draw_groups(axes[2], samples[-told.scored_on :], told, config)
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise OperatorError(f"--plot: found '{path}' ({error}), allowed a writable .png, .svg or .pdf") from None


def _draw_groups(axes: object, samples: np.ndarray, told: SignalsStudy, config: SignalsConfig) -> None:
    """Mean move against mean forecast, in tenths of the forecasts, out of sample."""
    forecasts = (samples["signals"] @ np.array(list(told.weights.values()))) * samples["deviation_bps"]
    horizon_ns = round(config.horizon_ms * 1e6)
    moves = future_moves_bps(samples["event_ns"], samples["mid_halfticks"], horizon_ns)
    known = np.isfinite(moves) & np.isfinite(forecasts)
    groups = np.array_split(np.argsort(forecasts[known], kind="stable"), GROUPS)
    expected = [float(forecasts[known][group].mean()) for group in groups]
    seen = [float(moves[known][group].mean()) for group in groups]
    axes.plot(expected, expected, color="0.6", linewidth=0.7)  # type: ignore[attr-defined]
    axes.plot(expected, seen, marker="o")  # type: ignore[attr-defined]
    labels = {"xlabel": "forecast, bps", "ylabel": f"move after {config.horizon_ms:g} ms, bps"}
    axes.set(**labels, title="out of sample, tenths of the forecasts")  # type: ignore[attr-defined]
