"""Progress of what may take long: kernels being compiled, a recording being read. Silent when it is quick."""

import sys
import time
from typing import TextIO

QUIET_S = 0.7
"""Loading compiled kernels from the cache takes less: only a real wait is shown."""

BAR_WIDTH = 30


class Loading:
    """A bar for `update(name, done, total)`: redrawn on a terminal, one line a piece anywhere else."""

    def __init__(self, verb: str = "compiling", *, file: TextIO | None = None) -> None:
        self._verb = verb
        self._file = file or sys.stderr
        self._began_s = time.monotonic()
        self._drawn = False

    def update(self, name: str, done: int, total: int) -> None:
        """`name` is next, `done` of `total` are finished; done == total ends it."""
        if time.monotonic() - self._began_s < QUIET_S:
            return
        if self._file.isatty():
            filled = BAR_WIDTH * done // max(total, 1)
            bar = "#" * filled + "." * (BAR_WIDTH - filled)
            end = "\r\033[K" if done == total else ""
            self._file.write(f"\r\033[K{self._verb} [{bar}] {done}/{total} {name}{end}")
        elif done < total:
            self._file.write(f"{self._verb} {done + 1}/{total}: {name}\n")
        elif not self._drawn:
            return
        else:
            self._file.write(f"{self._verb}: {total} done in {time.monotonic() - self._began_s:.0f} s\n")
        self._drawn = True
        self._file.flush()
