"""How a bench looks in a terminal: the host first, then one line a row as soon as it is measured."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.compare import Change
from bench.results import Row

WIDTH = 34


def header(facts: dict[str, Any]) -> None:
    """Print what the figures are measured on."""
    floor = facts["core_to_core_ns"]
    print(
        f"{facts['cpu']}, {facts['cores']} of {facts['cores_of_host']} cores, {facts['threads_per_core']} thread(s) a"
        f" core, governor {facts['governor']}, load {facts['load'][0]}"
    )
    print(f"Linux {facts['kernel']}, Python {facts['python']}, numba {facts['numba']}, numpy {facts['numpy']}")
    print(f"core to core: {'one core only' if floor is None else f'{floor} ns one way'}")
    if facts["smoke"]:
        print("smoke: small sizes, answers checked, speed not judged")
    print(f"\n{'':{WIDTH}}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}{'spread':>8}{'target':>9}  {'rival'}", flush=True)


def print_row(row: Row, *, remark: str) -> None:
    """Print one row; a second rival of the same row repeats the figure."""
    figures = "".join(f"{readable(value, row.unit):>9}" for value in (row.p50, row.p99, row.p999, row.max))
    target = f"{readable(row.target, row.unit)}{'' if row.passed is None else ' ok' if row.passed else ' no'}"
    rival = row.rival or ""
    if row.ratio is not None:
        rival += f" {readable(row.rival_p50, row.unit)}: {row.ratio:g} times better"
    print(
        f"{row.suite + ' ' + row.name:{WIDTH}}{figures}{row.spread:>7.0%} {target if row.target else '':>9}"
        f"  {' '.join(filter(None, (rival, remark)))}",
        flush=True,
    )


def print_changes(changes: Sequence[Change], old: Path) -> None:
    """Print what each row costs in floors beside what it cost in the old report."""
    print(f"\nbeside {old}, both as ratios to the floor of their own run")
    print(f"{'':{WIDTH}}{'old p50':>9}{'p50':>9}{'change':>9}{'allowed':>9}")
    for change in changes:
        old_p50, new_p50 = (readable(value, change.unit) for value in (change.old_p50, change.new_p50))
        print(
            f"{change.suite + ' ' + change.name:{WIDTH}}{old_p50:>9}{new_p50:>9}{change.change:>9.2f}"
            f"{change.allowed:>9.2f}{'  slower' if change.regressed else ''}"
        )
    slower = sum(change.regressed for change in changes)
    print(f"{slower} of {len(changes)} rows have become slower" if changes else "no row stands in both", flush=True)


def readable(value: float | None, unit: str) -> str:
    """1234 ns is "1.23us", 2.5e6 a second is "2.5M/s", nothing is "-"."""
    if value is None:
        return "-"
    steps = (
        ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns")) if unit == "ns" else ((1e6, "M/s"), (1e3, "k/s"), (1, "/s"))
    )
    for size, name in steps:
        if value >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}{steps[-1][1]}"
