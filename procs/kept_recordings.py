"""What was found out about a recording once and is kept beside the compiled kernels, so that later runs begin at once.

    <user cache>/trader-kernels/recordings/<hash>.look     market, symbols, units (procs.recorded_market)
                                          <hash>.rows     its frames in numbers (procs.decoded_market)

The hash is over the recording's path, size and time of change, whatever else the file depends on, and the sources that
made it, so that none of them can change unnoticed. A file is written under another name and then renamed: a reader sees
all of it or nothing. What nobody has read for CACHE_DAYS_MAX days is removed when something new is written.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from shm.kernel import CACHE_DAYS_MAX, cache_root, sources_hash


def recording_file(recording: Path, module: str, suffix: str, *others: Any) -> Path:
    """Where something that `module` makes of a recording is kept. Raises OSError where there is no recording.

    `others`: what else it depends on; anything that JSON can say.
    """
    stat = recording.stat()
    identity = (str(recording.resolve()), stat.st_size, stat.st_mtime_ns, others)
    digest = hashlib.blake2b(msgspec.json.encode(identity) + sources_hash(module).encode(), digest_size=12)
    path = cache_root() / "recordings" / f"{digest.hexdigest()}{suffix}"
    if path.exists():
        os.utime(path)
    return path


@contextmanager
def new_kept(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which gets its name when the body has ended well."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _prune(path.parent)
    unfinished = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_kept(path: Path, content: bytes) -> None:
    """Keep a small file; where the cache cannot be written, nothing is kept."""
    try:
        with new_kept(path) as file:
            file.write(content)
    except OSError:
        return


def _prune(folder: Path) -> None:
    oldest = time.time() - CACHE_DAYS_MAX * 86_400
    for path in folder.iterdir():
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
