"""`trader bench`: measures, side by side with rivals, on this host."""

import importlib
import sys
from pathlib import Path

import click

from procs.errors import OperatorError


@click.command()
@click.argument("suites", nargs=-1, metavar="[SUITE]...")
@click.option("--smoke", is_flag=True, help="Small sizes: checks every answer, judges no speed.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write host and rows here.")
@click.option(
    "--compare",
    "compare_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="An older --json: say which rows have become slower, as ratios to each run's own floor.",
)
@click.option("--plot", "plot_folder", type=click.Path(file_okay=False, path_type=Path), help="Draw into this folder.")
@click.option("--budget", is_flag=True, help="Only what the latency budgets look at, as a table: pass or fail.")
@click.option(
    "--prove",
    is_flag=True,
    help="Vector instructions, allocations, memory, page faults and context switches instead of times.",
)
@click.option(
    "--publish", metavar="MACHINE", help="Everything, written to bench/RESULTS.md and bench/BASELINE.json by this name."
)
def bench(
    suites: tuple[str, ...],
    smoke: bool,
    json_file: Path | None,
    compare_file: Path | None,
    plot_folder: Path | None,
    budget: bool,
    prove: bool,
    publish: str | None,
) -> None:
    """Measure SUITEs (default: all), each row beside its rivals in one run.

    Rivals that are not in this environment live in their own: `make bench-rivals` builds them. An absent one
    is said to be absent. Exit code 1 when an answer is wrong, a row slower
    than in --compare, a budget not kept, or a proof that does not hold.
    """
    # The benches stand beside the packages in a checkout and are not installed with them: nothing that is
    # shipped depends on them, so they are looked up by name.
    try:
        command = importlib.import_module("bench.command")
    except ModuleNotFoundError as error:
        if error.name not in ("bench", "bench.command"):
            raise
        raise OperatorError("bench: found no bench/ folder, allowed in a checkout of the project only") from None
    alone = [flag for flag, given in (("--budget", budget), ("--prove", prove), ("--publish", publish)) if given]
    if alone and (suites or json_file or compare_file or plot_folder or len(alone) > 1 or (publish and smoke)):
        raise OperatorError(f"{alone[0]}: found another flag or a suite beside it, allowed alone or with --smoke")
    if publish:
        sys.exit(command.publish(publish))
    if alone:
        sys.exit(command.budgets(smoke=smoke) if budget else command.proofs(smoke=smoke))
    files = {"json_file": json_file, "compare_file": compare_file, "plot_folder": plot_folder}
    sys.exit(command.main(list(suites), smoke=smoke, **files))
