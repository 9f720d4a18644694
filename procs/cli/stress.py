"""`trader stress`: how well the detectors find stress in the simulated exchange's order flow."""

from pathlib import Path

import click

from procs.errors import OperatorError


@click.command()
@click.option("--runs", default=10, show_default=True, help="Seeded markets a scenario.")
@click.option("--quiet", "quiet_s", default=600.0, show_default=True, help="Seconds of each quiet market.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A configuration file: its [signals], [tail_risk] and [exchange].",
)
def stress(runs: int, quiet_s: float, json_file: Path | None, config: Path | None) -> None:
    """Put a crash, a whale, a flash spread and a shock into simulated markets, and see who notices and when.

    Prints detection rate and delay of the panic detector, of tail risk's alerts and of the whale detector, the smallest
    size that was recommended, and the false alarms an hour of quiet market. Time is the markets' own: an hour takes
    seconds.
    """
    import msgspec

    from procs.settings import load_config
    from procs.stress_study import render, study

    for name, value, low, high in (("--runs", runs, 1, 1_000), ("--quiet", quiet_s, 60, 86_400)):
        if not low <= value <= high:
            raise OperatorError(f"{name}: found {value:g}, allowed {low} to {high}")
    told = study(load_config(config, {}), runs=runs, quiet_s=quiet_s)
    click.echo(render(told))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
