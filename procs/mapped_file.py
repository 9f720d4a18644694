"""A preallocated file, mapped to be written from its start on; its next pages are there before they are needed."""

import mmap
import os
from pathlib import Path

import numpy as np

from shm.segment import map_pages

AHEAD_BYTES = 2 << 20
"""Room behind what is used whose pages are mapped. The first store into one that is not takes a microsecond."""


class MappedFile:
    """One file of `size` bytes, all of them on disk from the beginning; `head` are the first."""

    def __init__(self, path: Path, head: bytes, size: int) -> None:
        """Raises OSError where there is such a file or no room for it; then nothing is left."""
        self.path = path
        self.size = size
        self._ahead = 0
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            self._map = mmap.mmap(descriptor, size)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
        self._map[: len(head)] = head

    @property
    def address(self) -> int:
        """Of the first byte, good until `end`."""
        return int(np.frombuffer(self._map, dtype=np.uint8).ctypes.data)

    def map_ahead(self, used: int) -> None:
        """Have the pages of the AHEAD_BYTES behind `used` bytes mapped, as soon as half of them are used up."""
        if self._ahead - used >= AHEAD_BYTES // 2:
            return
        start = max(self._ahead, used // mmap.PAGESIZE * mmap.PAGESIZE)
        end = min(_page_end(used + AHEAD_BYTES), self.size)
        if end > start:
            map_pages(self._map, start, end - start)
        self._ahead = end

    def end(self, used: int) -> None:
        """Write what is used to disk and give the rest back."""
        self._map.flush(0, _page_end(used))
        self._map.close()
        os.truncate(self.path, used)


class BufferedFile:
    """The same to its owner, but written in pieces from memory: what a killed owner had not told `map_ahead` is lost.

    New pages of a mapped file cost several times what writing does; a backtest that is killed is run again.
    """

    def __init__(self, path: Path, head: bytes, size: int) -> None:
        """Raises OSError where there is such a file or it cannot be made."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._map.madvise(mmap.MADV_HUGEPAGE)
        self._map[: len(head)] = head
        self._written = 0

    @property
    def address(self) -> int:
        """Of the first byte, good until `end`."""
        return int(np.frombuffer(self._map, dtype=np.uint8).ctypes.data)

    def map_ahead(self, used: int) -> None:
        """Write what has been added. Raises OSError."""
        with memoryview(self._map) as content:
            while self._written < used:
                self._written += os.write(self._descriptor, content[self._written : used])

    def end(self, used: int) -> None:
        """Write the rest."""
        self.map_ahead(used)
        self._map.close()
        os.close(self._descriptor)


def _page_end(size: int) -> int:
    return (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE * mmap.PAGESIZE
