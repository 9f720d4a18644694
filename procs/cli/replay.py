"""`trader replay`: runs a recorded session again and compares every output frame."""

import sys
from pathlib import Path

import click


@click.command()
@click.argument("run_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
def replay(run_dir: Path) -> None:
    """Replay the run recorded in RUN_DIR and compare every output frame of every stage.

    Exit code 0 when all are identical; else 1, and the first message that differs is named. Of a run in which a
    stage was replaced, what came before is compared; that says so, and is not 0 either.
    """
    from procs.replay import replay_run

    result = replay_run(run_dir)
    for stage in result.stages:
        left_out = f"; {stage.left_out:,} more not compared" if stage.left_out else ""
        verdict = stage.difference or f"identical{left_out}"
        click.echo(f"{stage.stage:<12}{stage.inputs:>12,} taken {stage.outputs:>12,} sent   {verdict}")
    click.echo(f"{run_dir}: {result.verdict}")
    sys.exit(0 if result.identical else 1)
