"""What a stage received from its sockets, read from its journal while the run goes on, or afterwards.

The journal is read as a file, some kilobytes at a time: the run does not notice. Records are whole or not there
yet, so the reader stands still at the last whole one and looks again later.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from procs.errors import OperatorError
from procs.journal import HEADER_BYTES, JournalHeader
from shm.journal import CLOSED, INPUT, KIND_SHIFT, PORT_SHIFT, RECORD_BYTES, next_record
from shm.kernel import address_of_array
from shm.layout import FRAME_HEADER_BYTES, FRAME_ORIGIN, TYPE_SHIFT
from trader.messages import WIRE_IN, WireIn

BLOCK_BYTES = 256 << 10
"""Read at a time; more where a record is larger."""

RECORD_BYTES_MAX = 64 << 20
"""No record is larger: a length beyond it is damage."""

LOOKS_MAX = 3
"""Looks at a record that is not whole before it is called damaged: a write under way takes no such time."""

_decoder = msgspec.msgpack.Decoder(WireIn)


class JournalTail:
    """The WireIn messages that one stage has taken, in order. `closed`: the stage has stopped in order."""

    def __init__(self, folder: Path, stage: str, inbox: str) -> None:
        """`inbox`: the stage's link from its sockets. Raises OperatorError where there is no journal of that stage."""
        self.folder, self.stage, self.inbox = folder, stage, inbox
        self.closed = False
        self._index = -1
        self._position = 0
        self._looks = 0
        self._block_bytes = BLOCK_BYTES
        if not self._next_file():
            raise OperatorError(
                f"{folder}: found no journal of stage {stage}, allowed the folder of a run that keeps one"
            )

    @property
    def place(self) -> tuple[int, int]:
        """(file, byte) of the next record: what grows as long as the run lives."""
        return self._index, self._position

    def read(self) -> Iterator[tuple[int, WireIn]]:
        """(origin on the run's clock, message) of everything that has come since. Raises OperatorError on damage."""
        while not self.closed:
            followed = self._path(self._index + 1).exists()
            before = self._position, self._block_bytes
            yield from self._read_block()
            if (self._position, self._block_bytes) != before:
                self._looks = 0
            elif not followed or not self._next_file():
                return

    def _path(self, index: int) -> Path:
        return self.folder / f"{self.stage}.{index:04d}.journal"

    def _next_file(self) -> bool:
        """Stand behind the snapshot of the next file."""
        path = self._path(self._index + 1)
        if not path.exists():
            return False
        with path.open("rb") as file:
            text = file.read(HEADER_BYTES).split(b"\0", 1)[0]
            first = int.from_bytes(file.read(4), "little")
        try:
            header = msgspec.json.decode(text.rpartition(b"\n")[0], type=JournalHeader)
        except msgspec.MsgspecError:
            return False  # made this moment: its header is not written yet
        if first == 0:
            return False
        self._port = header.inboxes.index(self.inbox)
        self._index += 1
        self._position = HEADER_BYTES + first
        return True

    def _read_block(self) -> Iterator[tuple[int, WireIn]]:
        """The whole records of the next block."""
        with self._path(self._index).open("rb") as file:
            file.seek(self._position)
            data = file.read(self._block_bytes)
        size = len(data)
        block = np.zeros(size + 64, dtype=np.uint8)
        block[:size] = np.frombuffer(data, dtype=np.uint8)
        base, at = address_of_array(block), 0
        while at + RECORD_BYTES <= size:
            declared = int(block[at : at + 4].view(np.uint32)[0])
            if declared == 0:
                break
            if at + declared > size and size == self._block_bytes and declared <= RECORD_BYTES_MAX:
                self._block_bytes = max(BLOCK_BYTES, declared)
                break
            length = int(next_record(base, at, size))
            if length <= 0:
                self._harmed()
                break
            key = int(block[at + 16 : at + 24].view(np.int64)[0])
            if key >> KIND_SHIFT == CLOSED:
                self.closed = True
                break
            if key >> KIND_SHIFT == INPUT and (key >> PORT_SHIFT) & 0xFF == self._port:
                yield from self._message(block[at + RECORD_BYTES : at + length])
            at += length
            self._position += length

    def _harmed(self) -> None:
        self._looks += 1
        if self._looks >= LOOKS_MAX:
            raise OperatorError(f"journal {self._path(self._index)}: damaged record at offset {self._position}")

    def _message(self, frame: np.ndarray) -> Iterator[tuple[int, WireIn]]:
        word, origin_ns = (
            int(frame[:8].view(np.int64)[0]),
            int(frame[FRAME_ORIGIN : FRAME_ORIGIN + 8].view(np.int64)[0]),
        )
        if word >> TYPE_SHIFT == WIRE_IN:
            body = frame[FRAME_HEADER_BYTES : word & 0xFFFF_FFFF]
            yield origin_ns, _decoder.decode(body.data)
