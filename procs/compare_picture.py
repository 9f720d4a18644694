"""A comparison in one picture: what each variant made over time, its differences from off, and what it held."""

from pathlib import Path
from typing import Any

import numpy as np

from procs.compare_study import OFF, SAMPLES_A_SECOND, TITLES, Comparison, Difference, Played
from procs.errors import OperatorError
from procs.volatility_picture import load_matplotlib

COLOURS = {"off": "#6b7280", "signals": "#2563eb", "tail_risk": "#d97706", "both": "#059669"}
SHOWN = ("pnl", "drawdown", "inventory", "fills")
LABELS = {"tail_risk": "tail risk"}
STYLES = {"tail_risk": (0, (4, 4)), "both": (0, (4, 4))}
"""Of curves that may lie on those of others: through the gaps these are seen."""


def draw(path: Path, told: Comparison, stress_span_s: tuple[float, float] | None = None) -> None:
    """Write the picture, in the format that the file's ending names. Raises OperatorError where that cannot be done.

    `stress_span_s`: beginning and end of the stress, to be shaded.
    """
    figure = load_matplotlib().Figure(figsize=(12, 9), layout="constrained")
    grid = figure.add_gridspec(3, len(SHOWN), height_ratios=(5, 3.2, 3))
    money, held = figure.add_subplot(grid[0, :]), figure.add_subplot(grid[2, :])
    variants = list(dict.fromkeys(one.variant for one in told.runs))
    for variant in variants:
        runs = [one for one in told.runs if one.variant == variant]
        _draw_band(money, [one.pnl_path for one in runs], variant)
        _draw_mean(held, runs, variant)
    stress = f", {told.stress.replace('_', ' ')} in each" if told.stress else ""
    figure.suptitle(
        f"The main job with and without signals and tail risk: {told.seeds} simulated markets of"
        f" {told.duration_s:g} s{stress}",
        fontsize=13,
        fontweight="bold",
    )
    _label(money, "PnL at the mid: mean and its standard error", "quote currency")
    money.legend(loc="lower right", bbox_to_anchor=(1, 1.0), frameon=False, ncols=len(variants), borderaxespad=0.2)
    _label(held, "mean |inventory|", "lots")
    held.set_xlabel("seconds")
    for axes in (money, held):
        axes.set_xlim(0, told.duration_s)
        if stress_span_s is not None:
            axes.axvspan(*stress_span_s, color="#ef4444", alpha=0.12, linewidth=0)
    for place, measure in enumerate(SHOWN):
        own = [one for one in told.differences if one.measure == measure and one.variant != OFF]
        _draw_differences(figure.add_subplot(grid[1, place]), own, measure, labelled=place == 0)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise OperatorError(f"--plot: found '{path}' ({error}), allowed a writable .png, .svg or .pdf") from None


def _label(axes: Any, title: str, unit: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_ylabel(unit)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _seconds(count: int) -> np.ndarray:
    return np.arange(1, count + 1) / SAMPLES_A_SECOND


def _draw_band(axes: Any, paths: list[list[float]], variant: str) -> None:
    values = np.array(paths)
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1)) / np.sqrt(len(values))
    seconds = _seconds(values.shape[1])
    colour, name = COLOURS[variant], LABELS.get(variant, variant)
    axes.fill_between(seconds, mean - error, mean + error, color=colour, alpha=0.13, linewidth=0)
    axes.plot(
        seconds, mean, color=colour, linewidth=1.8, linestyle=STYLES.get(variant, "-"), label=f"{name}  {mean[-1]:+.1f}"
    )


def _draw_mean(axes: Any, runs: list[Played], variant: str) -> None:
    held = np.array([one.lots_path for one in runs]).mean(axis=0)
    smooth = np.convolve(held, np.ones(SAMPLES_A_SECOND) / SAMPLES_A_SECOND, mode="same")
    axes.plot(_seconds(len(held)), smooth, color=COLOURS[variant], linewidth=1.1, linestyle=STYLES.get(variant, "-"))


def _draw_differences(axes: Any, own: list[Difference], measure: str, *, labelled: bool) -> None:
    """Each variant's mean difference as a dot with its interval; filled where the sign is clear."""
    for place, one in enumerate(reversed(own)):
        colour = COLOURS[one.variant]
        if np.isfinite(one.low):
            axes.plot((one.low, one.high), (place, place), color=colour, linewidth=2.4, solid_capstyle="round")
        face = colour if one.is_clear else "white"
        axes.plot(one.difference, place, "o", markersize=8, color=colour, markerfacecolor=face, markeredgewidth=1.8)
    axes.axvline(0, color="0.35", linewidth=0.9)
    names = [LABELS.get(one.variant, one.variant) for one in reversed(own)] if labelled else [""] * len(own)
    axes.set_yticks(range(len(own)), names)
    axes.set_ylim(-0.6, len(own) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.set_title(f"{TITLES[measure]}: less off", loc="left", fontsize=11)
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
