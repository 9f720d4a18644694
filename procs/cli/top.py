"""`trader top`: watches a running system."""

import click


@click.command()
@click.option("--run", metavar="RUN", help="Which run, by name or by its supervisor's pid.  [default: the only one]")
@click.option("--once", is_flag=True, help="Print one look and leave.")
def top(run: str | None, once: bool) -> None:
    """Watch a running system from another terminal.

    Reads its shared memory and writes nothing: the run does not notice. Ends with the run, or with Ctrl-C.
    """
    from procs.monitor import watch

    watch(run, once)
