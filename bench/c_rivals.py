"""Rivals in C: built with the host's compiler into the user's cache, once for each state of their sources."""

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from llvmlite.binding import get_host_cpu_name

from bench.results import Absent
from shm.kernel import cache_root

FOLDER = Path(__file__).resolve().parent / "c"
OPTIONS = ("-O3", "-march=native", "-std=gnu11", "-Wall", "-Wextra", "-shared", "-fPIC")


@functools.cache
def c_library(name: str) -> ctypes.CDLL | Absent:
    """The library of bench/c/NAME.c, or Absent with what is missing. Every function takes and gives int64."""
    compiler = os.environ.get("CC") or shutil.which("cc")
    if not compiler:
        return Absent("no C compiler, cc is looked for")
    sources = b"".join(path.read_bytes() for path in sorted(FOLDER.iterdir()))
    digest = hashlib.blake2b(
        sources + " ".join((compiler, get_host_cpu_name(), *OPTIONS)).encode(), digest_size=8
    ).hexdigest()
    library = cache_root() / "c" / f"{name}-{digest}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        made = library.with_suffix(f".{os.getpid()}")
        told = subprocess.run(
            [compiler, *OPTIONS, "-o", str(made), str(FOLDER / f"{name}.c")], capture_output=True, text=True
        )
        if told.returncode:
            return Absent(f"{compiler} ended with {told.returncode}: {told.stderr.strip()[:200]}")
        made.rename(library)
    return ctypes.CDLL(str(library))


def call(library: ctypes.CDLL, function: str, *arguments: int) -> int:
    """Call a function of a C rival: int64 in, int64 out; nothing else of Python runs meanwhile that could matter."""
    entry = getattr(library, function)
    entry.restype = ctypes.c_int64
    entry.argtypes = [ctypes.c_int64] * len(arguments)
    return int(entry(*arguments))
