"""`trader book`: builds the book from a recording and proves it."""

import sys
from pathlib import Path

import click

from procs.errors import OperatorError


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--verify", is_flag=True, help="Exit with 1 where a check does not agree.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the result here.")
def book(files: tuple[Path, ...], verify: bool, json_file: Path | None) -> None:
    """Build the book from the recording FILE, or from several parts of one in order.

    Format and venue are told by the content. Books are compared with what the venue itself says of them: its best
    quotes by update id, its checksums. LOBSTER data are two FILEs, messages and book: the book is compared row by row.
    """
    import msgspec

    from procs.cli.progress import Loading
    from procs.lobster import lobster_files, verify_lobster
    from procs.verify import RecordingError, verify_recording
    from procs.verify_report import render

    loading = Loading("reading")

    def progress(done: int, total: int) -> None:
        loading.update(files[-1].name, 100 * done // total, 100)

    try:
        pair = lobster_files(list(files))
        result = verify_lobster(pair, progress) if pair else verify_recording(*files, progress=progress)
    except OSError as error:
        raise OperatorError(
            f"{error.filename}: found nothing to read ({error.strerror}), allowed a recording"
        ) from None
    except RecordingError as error:
        raise OperatorError(str(error)) from None
    click.echo(render(result))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    sys.exit(1 if verify and result.mismatched else 0)
