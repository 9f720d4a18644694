"""`trader record`: writes what a feed receives into a recording."""

import sys
from pathlib import Path

import click

from procs.errors import OperatorError


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--url", help="A venue to record from: http://HOST:PORT, as trader venue shows it.")
@click.option(
    "--run",
    "run_dir",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="The folder of a run: what its feed has received, and goes on to receive.",
)
@click.option("--symbol", "symbols", multiple=True, help="With --url: what to record, repeatable; default BTCUSDT.")
@click.option("--duration", help="How long, such as 30s or 1h; default: until Ctrl-C, or until the run ends.")
def record(file: Path, url: str | None, run_dir: Path | None, symbols: tuple[str, ...], duration: str | None) -> None:
    """Write what a feed receives to FILE: lines of `<receive ns> <raw json>`, packed where FILE ends in .gz.

    Snapshots stand among the frames, where they arrived. `trader book FILE --verify` proves the recording,
    `trader run --replay FILE` trades on it. Nothing depends on the recorder; killed, it leaves a whole file.
    """
    from procs.cli.progress import Loading
    from procs.durations import parse_duration
    from procs.recorder import load_recorder, record_run, record_venue
    from procs.recording_writer import RecordingWriter
    from procs.settings import load_config

    if (url is None) == (run_dir is None):
        raise OperatorError("record: found both or none of --url and --run, allowed one of them")
    if run_dir is not None and symbols:
        raise OperatorError("--symbol: found it with --run, allowed with --url")
    duration_s = parse_duration(duration, key="--duration") if duration else 0.0
    config = load_config(None, {"symbols": list(symbols)} if symbols else {})
    writer = RecordingWriter(file)
    try:
        if url is not None:
            load_recorder(Loading().update)
            record_venue(config, url, writer, duration_s=duration_s, show=click.echo)
        elif run_dir is not None:
            record_run(run_dir, writer, duration_s=duration_s, show=click.echo)
    finally:
        writer.close()
        if not writer.frames:
            file.unlink(missing_ok=True)
    click.echo(f"{file}: {writer.frames:,} frames, {writer.stored_bytes:,} bytes")
    sys.exit(0 if writer.frames else 1)
