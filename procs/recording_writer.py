"""Writes recordings: `<receive ns> <raw json>` lines, packed in pieces that are each whole.

    [gzip member of up to a MiB of lines] [gzip member] ...      appended with one write each

A reader sees one gzip file. Killed at any moment, what is on disk is a recording that lacks its last second.
Memory holds one piece at most. A name that does not end in .gz gets plain lines, in the same pieces.
"""

import gzip
import os
import time
from pathlib import Path

from procs.errors import OperatorError

PIECE_BYTES = 1 << 20
FLUSH_EVERY_S = 1.0
LEVEL = 4
"""Of gzip: some 80 MB of frames a second on one core."""


class RecordingWriter:
    """One recording that grows. Raises OperatorError where the file exists, cannot be made or cannot grow."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = 0
        self.raw_bytes = 0
        self.stored_bytes = 0
        self._packed = path.suffix == ".gz"
        self._piece = bytearray()
        self._flushed_s = time.monotonic()
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            raise OperatorError(f"{path}: found a file, allowed a name that is not taken") from None
        except OSError as error:
            raise OperatorError(
                f"{path}: found no way to make it ({error.strerror}), allowed a writable folder"
            ) from None

    def write(self, receive_ns: int, payload: bytes | memoryview) -> None:
        """One frame, received at `receive_ns` since 1970. Line ends in it, which JSON takes for spaces, become some."""
        piece, start = self._piece, len(self._piece)
        piece += b"%d " % receive_ns
        first = len(piece)
        piece += payload
        if piece.find(b"\n", first) >= 0 or piece.find(b"\r", first) >= 0:
            piece[first:] = piece[first:].replace(b"\n", b" ").replace(b"\r", b" ")
        piece += b"\n"
        self.frames += 1
        self.raw_bytes += len(piece) - start
        if len(piece) >= PIECE_BYTES:
            self.flush()

    def flush_when_due(self) -> None:
        """Bring to disk what is older than a second."""
        if time.monotonic() - self._flushed_s >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Bring everything to disk. Raises OperatorError where it is full; the file then ends with a whole piece."""
        self._flushed_s = time.monotonic()
        if not self._piece:
            return
        packed = gzip.compress(self._piece, LEVEL, mtime=0) if self._packed else bytes(self._piece)
        self._piece.clear()
        try:
            written = os.write(self._descriptor, packed)
            if written < len(packed):
                raise OSError(28, "No space left on device")
        except OSError as error:
            os.ftruncate(self._descriptor, self.stored_bytes)
            raise OperatorError(
                f"{self.path}: {error.strerror} after {self.stored_bytes:,} bytes, allowed a disk with room"
            ) from None
        self.stored_bytes += written

    def close(self) -> None:
        """Write the rest."""
        if self._descriptor >= 0:
            try:
                self.flush()
            finally:
                os.close(self._descriptor)
                self._descriptor = -1
