"""Memory that tests hand to kernels: spans that end at an unreadable page, and spans that forked children share."""

import ctypes
import mmap

import numpy as np

_LIBC = ctypes.CDLL(None, use_errno=True)
_PROT_NONE, _PROT_BOTH = 0, mmap.PROT_READ | mmap.PROT_WRITE


class Guarded:
    """Room whose end touches a page that may be neither read nor written: one byte too far is a SIGSEGV.

    | pages of room ............ bytes placed here | PROT_NONE |
    """

    def __init__(self, room_bytes: int) -> None:
        pages = (room_bytes + mmap.PAGESIZE - 1) // mmap.PAGESIZE
        self._map = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
        self._array = np.frombuffer(self._map, dtype=np.uint8)
        self.end = int(self._array.ctypes.data) + pages * mmap.PAGESIZE
        self.room = self._array[: pages * mmap.PAGESIZE]
        self._protect(_PROT_NONE)

    def _protect(self, protection: int) -> None:
        if _LIBC.mprotect(ctypes.c_void_p(self.end), ctypes.c_size_t(mmap.PAGESIZE), protection):
            raise OSError(ctypes.get_errno(), "mprotect")

    def place(self, data: bytes) -> int:
        """Put bytes at the very end of the room; their address."""
        if data:
            self.room[-len(data) :] = np.frombuffer(data, dtype=np.uint8)
        return self.end - len(data)

    def tail(self, count: int) -> bytes:
        """The last `count` bytes of the room."""
        return self.room[self.room.size - count :].tobytes()


def shared(size: int) -> np.ndarray:
    """Zeroed bytes, page aligned, that forked children share with us; no name, so nothing can be left behind."""
    return np.frombuffer(mmap.mmap(-1, size), dtype=np.uint8)


def shared_record(dtype: np.dtype) -> np.ndarray:
    """One zeroed record that forked children share with us."""
    return shared(dtype.itemsize)[: dtype.itemsize].view(dtype)


def aligned(size: int) -> np.ndarray:
    """Zeroed private bytes, 128-byte aligned."""
    raw = np.zeros(size + 128, dtype=np.uint8)
    return raw[-raw.ctypes.data % 128 :][:size]
