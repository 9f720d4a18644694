"""`trader topology`: draws the table that the system is launched from."""

import click


@click.command()
def topology() -> None:
    """Draw the stages and links that every run is launched from.

    The table is checked first: a contradiction in it is an error here, as it would be at a launch.
    """
    from procs.errors import OperatorError
    from procs.topology import picture, problems

    found = problems()
    if found:
        raise OperatorError(*found)
    click.echo(picture())
