"""A preallocated file, mapped to be written from its start on; its next pages are there before they are needed."""

import mmap
import os
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import numpy as np

from shm.segment import map_pages

AHEAD_BYTES = 2 << 20
"""Room behind what is used whose pages are mapped. The first store into one that is not takes a microsecond."""

PIECE_BYTES = 256 << 10
"""What a file is written by from memory: less is not worth the thread's attention."""

ZEROED_BYTES = 4 << 20
"""Room behind what was told whose pages the thread has ready: two slices of the busiest stage."""

_END = -1


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
    """The same to its owner, but written in pieces from memory, by a thread: what a killed owner told last is lost.

    New pages of a mapped file cost several times what writing does; a backtest that is killed is run again.

        owner   [ written | told | appended since |  ...      zeroed  ]   appends, and tells how far it has come
        thread     -> write(told); the pages of the next ZEROED_BYTES
    """

    def __init__(self, path: Path, head: bytes, size: int) -> None:
        """Raises OSError where there is such a file or it cannot be made."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._map.madvise(mmap.MADV_HUGEPAGE)
        self._map[: len(head)] = head
        self._size = size
        self._told = self._zeroed = 0
        self._failure: OSError | None = None
        self._places: SimpleQueue[int] = SimpleQueue()
        self._thread = Thread(target=self._write, name=f"writes {path.name}", daemon=True)
        self._thread.start()

    @property
    def address(self) -> int:
        """Of the first byte, good until `end`."""
        return int(np.frombuffer(self._map, dtype=np.uint8).ctypes.data)

    def map_ahead(self, used: int) -> None:
        """Have what has been added written, where it is worth it by now. Raises OSError where that failed before."""
        if self._failure is not None:
            raise self._failure
        if used - self._told >= PIECE_BYTES or self._told == 0:
            self._told = used
            self._places.put(used)

    def end(self, used: int) -> None:
        """Have the rest written, and wait for it. Raises OSError."""
        self._places.put(used)
        self._places.put(_END)
        self._thread.join()
        self._map.close()
        os.close(self._descriptor)
        if self._failure is not None:
            raise self._failure

    def _write(self) -> None:
        """The thread: write up to each place that was told, until the end."""
        written = 0
        with memoryview(self._map) as content:
            while (place := self._places.get()) != _END:
                try:
                    while written < place:
                        written += os.write(self._descriptor, content[written:place])
                except OSError as error:
                    self._failure = error.with_traceback(None)  # which holds a view of the map
                    return
                self._zero_ahead(place)

    def _zero_ahead(self, used: int) -> None:
        start, end = max(self._zeroed, _page_end(used)), min(_page_end(used + ZEROED_BYTES), self._size)
        if end > start:
            map_pages(self._map, start, end - start)
            self._zeroed = end


def _page_end(size: int) -> int:
    return (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE * mmap.PAGESIZE
