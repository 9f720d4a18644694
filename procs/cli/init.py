"""`trader init`: writes a user's first strategy."""

from pathlib import Path

import click


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Write a working strategy file with its test into DIR.

    A strategy is a state dtype and a compiled quote(state, book, belief, position, out); the built-in one
    uses the same door. Nothing that exists is overwritten.
    """
    from procs.scaffold import STRATEGY, write_project

    for path in write_project(directory):
        click.echo(f"wrote {path}")
    click.echo(f"\ntest it    python -m pytest {directory}")
    click.echo(f"trade it   trader run --strategy {directory / STRATEGY}")
