"""What was measured, drawn: latencies from median to maximum, rivals beside them, how many times better, hops."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.growth_picture import draw_growth, growth_of
from bench.report import readable
from bench.results import TIME, Row
from procs.volatility_picture import load_matplotlib

PERCENTILES = {"p50": "|", "p99": "4", "p999": "3", "max": "."}
"""Each percentile and its mark."""

_WORDS = {"p50": "median", "p99": "99 %", "p999": "99.9 %", "max": "maximum"}
_INCHES_A_ROW, _INCHES_BESIDES = 0.34, 1.7
_ABOVE, _BELOW = (3, 5), (3, -10)


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
        files += [draw(folder / f"{name}.png", suite, own) for name, (draw, own) in _pictures(suite, of_suite).items()]
    if hops:
        files.append(_hops(folder / "hops.png", hops))
    return files


def pictures_of(suite: str, rows: Sequence[Row]) -> list[str]:
    """Names of the pictures of a suite's rows."""
    return list(_pictures(suite, rows))


def _pictures(suite: str, rows: Sequence[Row]) -> dict[str, tuple[Callable[..., Path], list[Row]]]:
    """What is drawn of a suite: by the picture's name, who draws it, of which rows."""
    found = {
        suite: (_latencies, [row for row in rows if row.unit == TIME and not growth_of(row)]),
        f"{suite}-growth": (draw_growth, [row for row in rows if growth_of(row)]),
        f"{suite}-rivals": (_ratios, [row for row in rows if row.ratio is not None]),
    }
    return {name: picture for name, picture in found.items() if picture[1]}


def _axes(lines: int, title: str, label: str) -> tuple[Any, Any]:
    figure = load_matplotlib().Figure(figsize=(10, _INCHES_BESIDES + _INCHES_A_ROW * lines), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.3)
    axes.set_ylim(lines - 0.3, -0.7)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure, axes


def _times_axis(axes: Any) -> None:
    axes.xaxis.set_major_formatter(lambda value, _: readable(value, TIME))
    axes.minorticks_off()


def _legend(figure: Any, axes: Any) -> None:
    """Each kind of mark once, below everything."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(),
        handles,
        loc="outside lower center",
        ncols=len(handles) if len(handles) < 8 else 4,
        frameon=False,
        fontsize=8,
    )


def _spread_of(axes: Any, line: int, values: Mapping[str, float | None], colour: str, label: str) -> None:
    """One line: a bar from the median to the maximum, a mark at each percentile."""
    known = {name: value for name, value in values.items() if value}
    if known:
        axes.plot([min(known.values()), max(known.values())], [line, line], color=colour, linewidth=1.5, alpha=0.35)
    for name, value in known.items():
        mark = {"color": colour, "label": f"{label} {_WORDS[name]}".strip(), "linestyle": "none"}
        axes.plot([value], [line], PERCENTILES[name], markersize=9, markeredgewidth=1.6, **mark)


def _latencies(path: Path, suite: str, rows: Sequence[Row]) -> Path:
    """A line a row: ours from median to maximum; rivals' medians on the same line."""
    names = list(dict.fromkeys(row.name for row in rows))
    figure, axes = _axes(len(names), f"{suite}: times from median to maximum, beside rivals' medians", "")
    for line, name in enumerate(names):
        same = [row for row in rows if row.name == name]
        _spread_of(axes, line, {key: getattr(same[0], key) for key in PERCENTILES}, "C0", "")
        target = min((row.target for row in same if row.target), default=None)
        if target:
            axes.plot([target], [line], "x", color="C3", label="target", markersize=7)
        beside = sorted((row.rival_p50, row.rival or "") for row in same if row.rival_p50)
        for place, (value, rival) in enumerate(beside):
            axes.plot([value], [line], "D", color="C1", markersize=5, label="rival's median")
            offset = _BELOW if place % 2 else _ABOVE
            axes.annotate(rival, (value, line), fontsize=7, color="C1", xytext=offset, textcoords="offset points")
    axes.set_yticks(range(len(names)), names)
    _times_axis(axes)
    _legend(figure, axes)
    figure.savefig(path, dpi=110)
    return path


def _ratios(path: Path, suite: str, rows: Sequence[Row]) -> Path:
    """A bar a rival: how many times better ours is."""
    figure, axes = _axes(len(rows), f"{suite}: how many times better than", "")
    ratios = [row.ratio or 0.0 for row in rows]
    axes.barh(
        range(len(rows)), [ratio - 1 for ratio in ratios], left=1, color=["C0" if r >= 1 else "C3" for r in ratios]
    )
    axes.axvline(1, color="0.3", linewidth=1)
    axes.set_yticks(range(len(rows)), [f"{row.name}: {row.rival}" for row in rows])
    axes.bar_label(axes.containers[0], [f"{ratio:.3g}" for ratio in ratios], fontsize=8, padding=3)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    axes.margins(x=0.08)
    figure.savefig(path, dpi=110)
    return path


def _hops(path: Path, hops: Mapping[str, Mapping[str, Any]]) -> Path:
    """A line a hop and placement."""
    lines = [(placement, hop) for hop in next(iter(hops.values())) for placement in hops]
    figure, axes = _axes(len(lines), "hops of a run, from median to maximum", "")
    for line, (placement, hop) in enumerate(lines):
        colour = f"C{list(hops).index(placement)}"
        found = hops[placement].get(hop, {})
        _spread_of(axes, line, {key: found.get(key) for key in PERCENTILES}, colour, placement)
    axes.set_yticks(range(len(lines)), [f"{hop}, {placement}" for placement, hop in lines])
    _times_axis(axes)
    _legend(figure, axes)
    figure.savefig(path, dpi=110)
    return path
