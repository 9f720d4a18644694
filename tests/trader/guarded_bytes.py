"""Bytes between two pages that nobody may touch: a read outside them ends the process."""

import ctypes
import mmap

PAGE = mmap.PAGESIZE
_PROT_NONE = 0


class GuardedBytes:
    """Room for texts of up to a few pages, forbidden pages before and after.

    `at_end` puts a text flush against the page behind it, `at_start` against the one before it.
    """

    def __init__(self, pages: int = 2) -> None:
        self.size = pages * PAGE
        self.memory = mmap.mmap(-1, self.size + 2 * PAGE)
        self.pin = (ctypes.c_char * len(self.memory)).from_buffer(self.memory)
        self.start = ctypes.addressof(self.pin) + PAGE
        libc = ctypes.CDLL(None, use_errno=True)
        for page in (self.start - PAGE, self.start + self.size):
            if libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), _PROT_NONE) != 0:
                raise OSError(ctypes.get_errno(), "mprotect")

    def at_end(self, text: bytes) -> int:
        """Address of a text whose last byte is the last that may be read."""
        address = self.start + self.size - len(text)
        ctypes.memmove(address, text, len(text))
        return address

    def at_start(self, text: bytes) -> int:
        """Address of a text whose first byte is the first that may be read."""
        ctypes.memmove(self.start, text, len(text))
        return self.start
