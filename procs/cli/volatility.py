"""`trader volatility`: what a series says of its own volatility, and how good the models are that say it."""

from pathlib import Path

import click

from procs.errors import OperatorError


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw the filter into this picture.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
@click.option("--symbol", default="", help="Of a recording's symbols the one to look at; default: the first.")
@click.option("--column", default="", help="Of a table's columns the one to take, by name or number from 1.")
@click.option("--returns", "kind", flag_value="returns", help="A table's column holds returns.")
@click.option("--prices", "kind", flag_value="prices", help="A table's column holds prices.")
@click.option(
    "--noise",
    type=click.Choice(["auto", "student", "gaussian"]),
    default="auto",
    show_default=True,
    help="Of returns; auto: what the first third says.",
)
@click.option("--degrees-of-freedom", default=5.0, show_default=True, help="With --noise student, above 2.")
@click.option("--particles", default=7_000, show_default=True, help="Of the filter.")
@click.option(
    "--window", "window_ms", type=int, help="Of a recording, in ms of the venue's clock; default: as configured."
)
@click.option(
    "--observed",
    type=click.Choice(["auto", "return", "realised"]),
    help="Of a recording's windows; realised: a filter that is told realised variances is scored beside.",
)
@click.option(
    "--config", type=click.Path(dir_okay=False, path_type=Path), help="A configuration file: its [volatility]."
)
@click.option("--keep", help="Keep what [volatility] learns from a recording for the next run, as this symbol's.")
def volatility(
    file: Path,
    plot: Path | None,
    json_file: Path | None,
    symbol: str,
    column: str,
    kind: str | None,
    noise: str,
    degrees_of_freedom: float,
    particles: int,
    window_ms: int | None,
    observed: str | None,
    config: Path | None,
    keep: str | None,
) -> None:
    """Score the particle filter, EWMA and GARCH(1,1) on FILE, one window ahead.

    FILE is a recording, ours or cryptofeed's, of a venue whose books we know (returns of the mid, window by window), or
    a table of numbers: returns, or prices. Its content tells. The log score of each model and the histogram of its
    probability integral transform are printed.
    """
    import msgspec

    from procs.recording import RecordingError
    from procs.settings import load_config
    from procs.volatility_picture import draw, load_matplotlib
    from procs.volatility_series import read_series
    from procs.volatility_study import render, settings_for, study

    if plot is not None:
        load_matplotlib()
    if not degrees_of_freedom > 2:
        raise OperatorError(f"--degrees-of-freedom: found {degrees_of_freedom:g}, allowed above 2")
    told = {"window_ms": window_ms, "observed": observed}
    run = load_config(config, {"volatility": {name: value for name, value in told.items() if value is not None}})
    try:
        learned = read_series(file, run, symbol=symbol, column=column, kind=kind or "")
    except OSError as error:
        raise OperatorError(f"{file}: found nothing to read ({error.strerror}), allowed a file") from None
    except RecordingError as error:
        raise OperatorError(str(error)) from None
    try:
        settings = settings_for(learned.series, noise=noise, degrees_of_freedom=degrees_of_freedom, particles=particles)
        studied = study(learned.series, settings)
    except ValueError as error:
        raise OperatorError(str(error)) from None
    click.echo(render(studied.study))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(studied.study)) + b"\n")
    if plot is not None:
        draw(plot, learned.series, studied)
        click.echo(f"{plot}: returns, volatility with its band, parameters")
    if keep:
        from procs.kept_beliefs import keep_learned

        click.echo(keep_learned(run, keep, learned.state))
