"""RESULTS.md, BASELINE.json and the README's figures: a named machine's, written by one command and never by hand."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.budget import Verdict
from bench.harness import Report
from bench.pictures import pictures_of
from bench.prove import Proof
from bench.quoting import README, quote
from bench.report import readable
from bench.results import TIME, Row

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "RESULTS.md"
PICTURES = FOLDER / "results"
BASELINE = FOLDER / "BASELINE.json"

NOISY_SPREAD = 0.15
"""Of the median row: a host whose rows differ more between repetitions than this is said to have been noisy."""


def publish(machine: str, report: Report, verdicts: Sequence[Verdict], proofs: Sequence[Proof]) -> None:
    """Write both files, and the README's few lines of them."""
    date = time.strftime("%Y-%m-%d")
    RESULTS.write_text(page(machine, date, report, verdicts, proofs))
    BASELINE.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    # Last: a README that has lost its marks must not cost the two that took a quarter of an hour.
    README.write_text(quote(README.read_text(), machine, date, report.rows))


def page(machine: str, date: str, report: Report, verdicts: Sequence[Verdict], proofs: Sequence[Proof]) -> str:
    """The text of RESULTS.md."""
    parts = [
        f"# Results: {machine}, {date}",
        f'Written by `trader bench --publish "{machine}"`; `make bench-rivals` first builds the rivals.',
        "Times are medians of each repetition's percentiles, ours and the rivals' measured in turn in one run, answers"
        " checked. A figure that misses its target says so.",
        _host(report.host, report.rows),
        "## Budgets",
        _budgets(verdicts),
        "![hops of a run](results/hops.png)",
        "## Proofs",
        _proofs(proofs),
    ]
    for suite in dict.fromkeys(row.suite for row in report.rows):
        rows = [row for row in report.rows if row.suite == suite]
        pictures = [f"![{name}](results/{name}.png)" for name in pictures_of(suite, rows)]
        parts += [f"## {suite}", *pictures, _suite(rows)]
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _host(host: dict[str, Any], rows: Sequence[Row]) -> str:
    spreads = sorted(row.spread for row in rows)
    middle = spreads[len(spreads) // 2] if spreads else 0.0
    noise = (
        f"; the host was noisy (the median row's repetitions differ by {middle:.0%})" if middle > NOISY_SPREAD else ""
    )
    floor = "one core only" if host["core_to_core_ns"] is None else f"{host['core_to_core_ns']} ns one way"
    return (
        f"{host['cpu']}, {host['cores']} of {host['cores_of_host']} cores, {host['threads_per_core']} thread(s) a core,"
        f" governor {host['governor']}, Linux {host['kernel']}, Python {host['python']}, numba {host['numba']}, numpy"
        f" {host['numpy']}; core to core {floor}; load before {host['load'][0]}{noise}."
    )


def _verdict(passed: bool | None) -> str:
    return "-" if passed is None else "yes" if passed else "**no**"


def _budgets(verdicts: Sequence[Verdict]) -> str:
    rows = [
        [
            budget.source,
            budget.component,
            readable(budget.theirs_ns, TIME),
            readable(budget.ours_ns, TIME),
            f"{readable(achieved, TIME)} {budget.percentile if achieved is not None else ''}".strip(),
            _verdict(passed),
        ]
        for budget, achieved, passed in verdicts
    ]
    return _table(("source", "component", "its budget", "ours", "achieved", "kept"), rows)


def _proofs(proofs: Sequence[Proof]) -> str:
    return _table(("what", "found", "holds"), [[claim, found, _verdict(holds)] for claim, found, holds in proofs])


def _suite(rows: Sequence[Row]) -> str:
    """A line for each row and rival; a row's own figures stand only once."""
    lines, before = [], ""
    for row in rows:
        own = (readable(value, row.unit) for value in (row.p50, row.p99, row.p999))
        figures = [row.name, *own, f"{row.spread:.0%}"] if row.name != before else [""] * 5
        before = row.name
        target = f"{readable(row.target, row.unit)} {_verdict(row.passed)}" if row.target is not None else ""
        theirs = f"{row.rival}: {readable(row.rival_p50, row.unit)}" if row.rival else ""
        ratio = f"{row.ratio:g}" if row.ratio is not None else "absent" if row.rival else ""
        lines.append([*figures, target, theirs, ratio])
    return _table(("row", "p50", "p99", "p99.9", "spread", "target, reached", "rival", "times better"), lines)
