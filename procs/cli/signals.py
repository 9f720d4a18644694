"""`trader signals`: how good the signals are on a recording, out of sample, and which weights it asks for."""

from pathlib import Path

import click

from procs.errors import OperatorError


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw the signals into this picture.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
@click.option("--symbol", default="", help="Of a recording's symbols the one to look at; default: the first.")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="A configuration file: its [signals].")
def signals(
    files: tuple[Path, ...], plot: Path | None, json_file: Path | None, symbol: str, config: Path | None
) -> None:
    """Score momentum, reversion, flow and pressure on the recording FILE, or on several parts of one in order.

    Weights are fitted on its first half. The information coefficient (rank correlation with the move that came after)
    and the hit rate are those of its second half.
    """
    import msgspec

    from procs.recording import RecordingError
    from procs.settings import load_config
    from procs.signals_picture import draw, load_matplotlib
    from procs.signals_study import render, sample_recording, study

    if plot is not None:
        load_matplotlib()
    settings = load_config(config, {}).signals
    try:
        sampled = sample_recording(*files, config=settings, symbol=symbol)
    except OSError as error:
        raise OperatorError(
            f"{error.filename}: found nothing to read ({error.strerror}), allowed a recording"
        ) from None
    except RecordingError as error:
        raise OperatorError(str(error)) from None
    told = study(sampled, settings)
    click.echo(render(told))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    if plot is not None:
        draw(plot, sampled, told, settings)
        click.echo(f"{plot}: mid and panics, coefficients, moves by forecast")
