"""What was measured, drawn: latencies from median to maximum, rivals beside them, how many times better, hops."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.results import TIME, Row
from procs.volatility_picture import load_matplotlib

PERCENTILES = ("p50", "p99", "p999", "max")
_MARKS = dict(zip(PERCENTILES, ("|", "4", "3", "."), strict=True))
_INCHES_A_ROW, _INCHES_BESIDES = 0.32, 1.4


def draw_all(folder: Path, rows: Sequence[Row], hops: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    """Write every picture into a folder, made where there is none; returns the files.

    `hops`: of one run of each placement, by placement (see bench.budget.measure_hops); empty draws none. Raises
    OperatorError where matplotlib is not installed.
    """
    load_matplotlib()
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for suite in dict.fromkeys(row.suite for row in rows):
        of_suite = [row for row in rows if row.suite == suite]
        timed = [row for row in of_suite if row.unit == TIME]
        if timed:
            files.append(_latencies(folder / f"{suite}.png", suite, timed))
        beside = [row for row in of_suite if row.ratio is not None]
        if beside:
            files.append(_ratios(folder / f"{suite}-rivals.png", suite, beside))
    if hops:
        files.append(_hops(folder / "hops.png", hops))
    return files


def _axes(lines: int, title: str, label: str) -> tuple[Any, Any]:
    figure = load_matplotlib().Figure(figsize=(10, _INCHES_BESIDES + _INCHES_A_ROW * lines), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_title(title)
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.3)
    return figure, axes


def _spread_of(axes: Any, line: int, values: Mapping[str, float | None], colour: str, label: str) -> None:
    """One line: a bar from the median to the maximum, a mark at each percentile."""
    known = {name: value for name, value in values.items() if value}
    if known:
        axes.plot([min(known.values()), max(known.values())], [line, line], color=colour, linewidth=1, alpha=0.4)
    for name, value in known.items():
        axes.plot([value], [line], _MARKS[name], color=colour, label=f"{label} {name}", markersize=8)


def _latencies(path: Path, suite: str, rows: Sequence[Row]) -> Path:
    """A line a row: ours from median to maximum; rivals' medians on the same line."""
    names = list(dict.fromkeys(row.name for row in rows))
    figure, axes = _axes(len(names), f"{suite}: median to maximum, rivals' medians in orange", "ns")
    for line, name in enumerate(names):
        same = [row for row in rows if row.name == name]
        _spread_of(axes, line, {key: getattr(same[0], key) for key in PERCENTILES}, "C0", "ours")
        for row in same:
            if row.rival_p50:
                axes.plot([row.rival_p50], [line], "D", color="C1", markersize=5)
                axes.annotate(
                    row.rival or "", (row.rival_p50, line), fontsize=6, xytext=(3, 4), textcoords="offset points"
                )
        if same[0].target:
            axes.plot([same[0].target], [line], "x", color="C3")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    figure.savefig(path, dpi=110)
    return path


def _ratios(path: Path, suite: str, rows: Sequence[Row]) -> Path:
    """A bar a rival: how many times better ours is."""
    figure, axes = _axes(len(rows), f"{suite}: times better than", "times")
    ratios = [row.ratio or 0.0 for row in rows]
    axes.barh(
        range(len(rows)), [ratio - 1 for ratio in ratios], left=1, color=["C0" if r >= 1 else "C3" for r in ratios]
    )
    axes.axvline(1, color="0.3", linewidth=1)
    axes.set_yticks(range(len(rows)), [f"{row.name}: {row.rival}" for row in rows])
    axes.bar_label(axes.containers[0], [f"{ratio:g}" for ratio in ratios], fontsize=7, padding=3)
    axes.invert_yaxis()
    figure.savefig(path, dpi=110)
    return path


def _hops(path: Path, hops: Mapping[str, Mapping[str, Any]]) -> Path:
    """A line a hop and placement."""
    lines = [(placement, hop) for hop in next(iter(hops.values())) for placement in hops]
    figure, axes = _axes(len(lines), "hops of a run, median to maximum", "ns")
    for line, (placement, hop) in enumerate(lines):
        colour = f"C{list(hops).index(placement)}"
        found = hops[placement].get(hop, {})
        _spread_of(axes, line, {key: found.get(key) for key in PERCENTILES}, colour, placement)
    axes.set_yticks(range(len(lines)), [f"{hop}, {placement}" for placement, hop in lines])
    axes.invert_yaxis()
    figure.savefig(path, dpi=110)
    return path
