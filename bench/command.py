"""What `trader bench` does: suites, the budgets, the proofs; printed, and an exit code."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import budget, prove
from bench import publish as publication
from bench.compare import Change, changes, read_rows, settled
from bench.harness import Report, WrongAnswer, run_suites, suites
from bench.pictures import draw_all
from bench.report import print_changes
from bench.results import Row
from procs.volatility_picture import load_matplotlib

LOOKS_AGAIN = 2
"""How often --compare measures again what seems slower before it says so."""


def budgets(*, smoke: bool = False) -> int:
    """Measure what the budgets look at, print them; 1 when one is not kept."""
    wanted = budget.rows_wanted()
    names = sorted({suite for suite, _ in wanted} & set(suites()))
    verdicts = budget.judge(run_suites(names, smoke=smoke, only=wanted).rows, budget.measure_hops(smoke=smoke))
    budget.print_budgets(verdicts, smoke=smoke)
    return int(not smoke and any(verdict.passed is False for verdict in verdicts))


def proofs(*, smoke: bool = False) -> int:
    """Prove what the figures rest on, print it; 1 when something does not hold."""
    found = prove.prove(smoke=smoke)
    prove.print_proofs(found)
    return int(any(proof.holds is False for proof in found))


def publish(machine: str) -> int:
    """Measure everything, write RESULTS.md, its pictures and BASELINE.json; 1 and nothing written if ours was wrong."""
    load_matplotlib()  # what is missing is said before minutes are spent
    try:
        report = run_suites()
    except WrongAnswer as error:
        print(f"wrong answer: {error}", file=sys.stderr)
        return 1
    hops = budget.measure_hops(smoke=False)
    verdicts = budget.judge(report.rows, hops)
    budget.print_budgets(verdicts, smoke=False)
    found = prove.prove(smoke=False)
    prove.print_proofs(found)
    publication.publish(machine, report, verdicts, found)
    draw_all(publication.PICTURES, report.rows, hops)
    print(f"\nwritten: {publication.RESULTS}, {publication.BASELINE}, {publication.PICTURES}")
    return 0


def main(
    names: Sequence[str],
    *,
    smoke: bool = False,
    json_file: Path | None = None,
    compare_file: Path | None = None,
    plot_folder: Path | None = None,
) -> int:
    """Measure, print, write JSON, draw, compare; 1 when an answer of ours is wrong or a row is slower, else 0."""
    if plot_folder is not None:
        load_matplotlib()
    old = read_rows(compare_file) if compare_file is not None else []
    try:
        report = run_suites(names, smoke=smoke)
    except WrongAnswer as error:
        print(f"wrong answer: {error}", file=sys.stderr)
        return 1
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    if plot_folder is not None:
        hops = {} if names else budget.measure_hops(smoke=smoke)
        for file in draw_all(plot_folder, report.rows, hops):
            print(f"drawn: {file}")
    missed = [row for row in report.rows if row.passed is False]
    judged = [row for row in report.rows if row.passed is not None]
    if judged:
        print(f"\n{len(judged) - len(missed)} of {len(judged)} rows with a target reach it")
    if compare_file is None:
        return 0
    found = _looked_at_again(old, report, smoke=smoke)
    print_changes(found, compare_file)
    return int(any(change.regressed for change in found))


def _looked_at_again(old: list[Row], report: Report, *, smoke: bool) -> list[Change]:
    """What changed; rows that seem slower are measured again: a neighbour leaves, a slow-down stays."""
    found = changes(old, report.rows)
    for _ in range(LOOKS_AGAIN):
        slower = {(change.suite, change.name) for change in found if change.regressed}
        if not slower:
            break
        print(f"\n{len(slower)} rows seem slower and are measured again")
        again = run_suites(sorted({suite for suite, _ in slower}), smoke=smoke, only=slower)
        found = settled(found, changes(old, again.rows))
    return found
