"""Small recordings for one test each: the first lines of one in the data folder, or frames made by hand."""

import gzip
import io
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import zstandard


def first_lines(source: Path, target: Path, lines: int) -> Path:
    """The first lines of a recording, packed as it is."""
    if source.suffix == ".zst":
        with source.open("rb") as file:
            text = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
            taken = b"".join(islice(text, lines))
        target.write_bytes(zstandard.ZstdCompressor().compress(taken))
        return target
    with gzip.open(source) as text:
        taken = b"".join(islice(text, lines))
    target.write_bytes(gzip.compress(taken, 1))
    return target


def written(target: Path, frames: Iterable[bytes], *, every_ms: int = 10) -> Path:
    """A recording of frames that came at an even pace."""
    start_ns = 1_723_161_256_000_000_000
    lines = [b"%d %s\n" % (start_ns + index * every_ms * 1_000_000, frame) for index, frame in enumerate(frames)]
    target.write_bytes(b"".join(lines))
    return target
