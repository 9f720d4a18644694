"""Latency against load and against symbols: a line a percentile, both axes logarithmic, so that the knee shows."""

from collections.abc import Sequence
from pathlib import Path

from bench.report import readable
from bench.results import TIME, Row
from procs.volatility_picture import load_matplotlib

GROWTHS = {"load": "market events per second", "symbols": "symbols on one core"}
"""First part of the rows' names, and what grows; the rest of a name is the number."""

_LINES = {"p50": ("C0", "median"), "p99": ("C1", "99 %"), "p999": ("C3", "99.9 %")}


def growth_of(row: Row) -> str:
    """Which of GROWTHS a row belongs to; empty: none."""
    kind, _, number = row.name.partition("_")
    return kind if kind in GROWTHS and number.isdigit() else ""


def draw_growth(path: Path, suite: str, rows: Sequence[Row]) -> Path:
    """One picture, a panel a growth that was measured."""
    kinds = [kind for kind in GROWTHS if any(growth_of(row) == kind for row in rows)]
    figure = load_matplotlib().Figure(figsize=(6 * len(kinds), 4.2), layout="constrained")
    figure.suptitle(f"{suite}: from falling due to coming to rest, open loop, fused on one core")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        points = sorted((int(row.name.partition("_")[2]), row) for row in rows if growth_of(row) == kind)
        for name, (colour, label) in _LINES.items():
            values = [getattr(row, name) for _, row in points]
            axes.plot([number for number, _ in points], values, "o-", color=colour, label=label, markersize=4)
            axes.annotate(
                readable(values[-1], TIME), (points[-1][0], values[-1]), fontsize=7, color=colour,
                xytext=(5, 0), textcoords="offset points", va="center",
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks([number for number, _ in points], [_count(number) for number, _ in points], fontsize=8)
        axes.minorticks_off()
        axes.set_xlabel(GROWTHS[kind])
        axes.yaxis.set_major_formatter(lambda value, _: readable(value, TIME))
        axes.grid(alpha=0.3)
        axes.margins(x=0.12)
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=110)
    return path


def _count(number: int) -> str:
    return f"{number / 1e6:g}M" if number >= 1e6 else f"{number / 1e3:g}k" if number >= 1e3 else str(number)
