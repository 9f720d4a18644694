"""`trader stress`: how well the detectors find stress in the simulated exchange's order flow."""

from pathlib import Path

import click

from procs.errors import OperatorError


@click.command()
@click.argument("recordings", nargs=-1, metavar="[RECORDING]...", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--runs", default=20, show_default=True, help="Seeded markets a scenario.")
@click.option("--quiet", "quiet_s", default=600.0, show_default=True, help="Seconds of each quiet market.")
@click.option("--first-seed", default=500_000, show_default=True, help="Of the held-out markets.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A configuration file: its [signals], [tail_risk] and [exchange].",
)
def stress(
    recordings: tuple[Path, ...],
    runs: int,
    quiet_s: float,
    first_seed: int,
    json_file: Path | None,
    config: Path | None,
) -> None:
    """Put a crash, a whale, a flash spread and a shock into simulated markets, and see who notices and when.

    Prints detection rate and delay of the panic detector, of tail risk's alerts and of the whale detector, the smallest
    size that was recommended, and the false alarms an hour of quiet market; of the seeds that settings were chosen on,
    of others, and of every RECORDING. A part without a snapshot goes on from the file before it. Time is the markets'
    own: an hour takes seconds.
    """
    import msgspec

    from procs.cli.progress import Loading
    from procs.recording import RecordingError
    from procs.settings import load_config
    from procs.stress_study import render, study

    for name, value, low, high in (
        ("--runs", runs, 1, 1_000),
        ("--quiet", quiet_s, 60, 86_400),
        ("--first-seed", first_seed, 100_000, 2**31),
    ):
        if not low <= value <= high:
            raise OperatorError(f"{name}: found {value:g}, allowed {low} to {high}")
    try:
        told = study(
            load_config(config, {}),
            runs=runs,
            quiet_s=quiet_s,
            first_seed=first_seed,
            recordings=recordings,
            progress=Loading("watching").update,
        )
    except OSError as error:
        raise OperatorError(
            f"{error.filename}: found nothing to read ({error.strerror}), allowed a recording"
        ) from None
    except RecordingError as error:
        raise OperatorError(str(error)) from None
    click.echo(render(told))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
