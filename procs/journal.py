"""A stage's journal files: made, rotated and closed by the warm loop; read back whole.

    <stage>.0000.journal    0            4096                     4096 + first record
                            +------------+------------------------+-----------------------
                            | JSON header| SNAPSHOT of the state  | INPUT OUTPUT ... (shm.journal)
                            +------------+------------------------+-----------------------

A file is preallocated and mapped, and its next pages are there before they are needed, so an append is a store; it
survives kill -9 to the last whole record. Each begins with a snapshot, so any of them replays alone. When the next file
cannot be had, journaling stays on in the old one until it is full, and the stage latches "no new orders".
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from procs.config import SEGMENT_BYTES_MIN, RunConfig
from procs.errors import OperatorError
from procs.mapped_file import BufferedFile, MappedFile
from procs.run_segments import layout_hash
from procs.topology import inboxes
from procs.wiring import Station
from shm.checksum import HARDWARE
from shm.journal import (
    CLOSED,
    KIND_NAMES,
    RECORD_BYTES,
    SNAPSHOT,
    append,
    next_record,
    record_key,
)
from shm.kernel import address_of_array, kernel, load_i64

HEADER_BYTES = 4096
FORMAT = 1
ROTATE_BELOW_BYTES = 4 << 20
"""A file with less room than this is followed by the next one."""

assert 2 * ROTATE_BELOW_BYTES <= SEGMENT_BYTES_MIN


class JournalHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself, as JSON and its hash in its first 4096 bytes."""

    format: int
    run: str
    stage: str
    generation: int
    index: int
    state_bytes: int
    schema: str
    target: str
    symbols: int
    batch_max: int
    inboxes: list[str]
    outboxes: list[str]
    config: str


@kernel
def append_record(journal, now_ns, kind, port, sequence, value, payload, payload_bytes):
    """Append from Python: 1 when it is in, 0 when there is no room."""
    return append(journal, now_ns, record_key(kind, port, sequence), value, payload, payload_bytes)


class JournalWriter:
    """The files of one stage. Binds and rebinds the JOURNAL record that the duty cycle appends to."""

    file_type: type[MappedFile] | type[BufferedFile] = MappedFile

    def __init__(self, folder: Path, header: JournalHeader, journal: Any, state: np.ndarray, *, bytes_max: int) -> None:
        self.folder = folder
        self.header = header
        self.journal = journal
        self.state = state
        self.file_bytes = HEADER_BYTES + _padded(state.nbytes) + RECORD_BYTES + bytes_max
        self.files: list[Path] = []
        self.path = folder
        """The file that is being written."""
        self._file: MappedFile | BufferedFile | None = None
        self.failure = ""

    def rotate(self, now_ns: int) -> bool:
        """Begin the next file with a snapshot of the state as it is; False when it cannot be had."""
        index = len(self.files)
        path = self.folder / f"{self.header.stage}.{index:04d}.journal"
        try:
            file = self.file_type(path, _head(msgspec.structs.replace(self.header, index=index)), self.file_bytes)
        except OSError as error:
            self.failure = f"journal {path}: {error.strerror}"
            return False
        self._finish()
        self._file = file
        self.path = path
        self.files.append(path)
        self.journal["base"] = file.address + HEADER_BYTES
        self.journal["position"] = 0
        self.journal["capacity"] = self.file_bytes - HEADER_BYTES
        append_record(self.journal, now_ns, SNAPSHOT, 0, index, 0, address_of_array(self.state), self.state.nbytes)
        file.map_ahead(self._used_bytes)
        return True

    def begin(self, folder: Path, generation: int, now_ns: int) -> bool:
        """End the files of this generation and begin another's in `folder`; False when that cannot be had."""
        before = self.folder, self.header, self.files
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            self.failure = f"journal {folder}: {error.strerror}"
            return False
        self.folder, self.header = folder, msgspec.structs.replace(self.header, generation=generation)
        self.files = []
        if self.rotate(now_ns):
            return True
        self.folder, self.header, self.files = before
        return False

    def keep_room(self, now_ns: int) -> bool:
        """Rotate when the file is nearly full, and have its next pages mapped; False when it had to and could not."""
        if self._file is not None:
            self._file.map_ahead(self._used_bytes)
        if int(self.journal["capacity"]) - int(self.journal["position"]) >= ROTATE_BELOW_BYTES:
            return True
        return self.rotate(now_ns)

    def close(self, now_ns: int) -> None:
        """Mark the orderly end and give unused space back."""
        if self._file is not None:
            append_record(self.journal, now_ns, CLOSED, 0, 0, 0, 0, 0)
            self._finish()

    @property
    def _used_bytes(self) -> int:
        return HEADER_BYTES + int(self.journal["position"])

    def _finish(self) -> None:
        if self._file is None:
            return
        self.journal["base"] = 0
        self._file.end(self._used_bytes)
        self._file = None


def _head(header: JournalHeader) -> bytes:
    encoded = _sealed(msgspec.json.encode(header))
    if len(encoded) > HEADER_BYTES - 1:
        raise ValueError(f"journal header: {len(encoded)} bytes, allowed {HEADER_BYTES - 1}")
    return encoded


def _sealed(body: bytes) -> bytes:
    """A header's JSON with its hash on the next line: a flipped digit is still JSON."""
    return body + b"\n" + hash_text(body.decode(errors="replace")).encode()


def _padded(size: int) -> int:
    return (size + 7) & ~7


def target() -> str:
    """What the compiled code of this host is compiled for; floats may differ elsewhere."""
    from numba.core.registry import cpu_target

    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    return f"{triple}/{name}/{hash_text(features)}/{'hw' if HARDWARE else 'table'}-crc"


def hash_text(text: str) -> str:
    """A short stable hash."""
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


class JournalFile:
    """One file, read and checked. `log` are its records behind the snapshot, `damage` where it is harmed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        raw = np.fromfile(path, dtype=np.uint8)
        if raw.size < HEADER_BYTES:
            raise OperatorError(f"journal {path}: {raw.size} bytes, a header alone has {HEADER_BYTES}")
        text = bytes(raw[:HEADER_BYTES]).split(b"\0", 1)[0]
        body = text.rpartition(b"\n")[0]
        if text != _sealed(body):
            raise OperatorError(f"journal {path}: damaged header at offset 0")
        try:
            self.header = msgspec.json.decode(body, type=JournalHeader)
        except msgspec.MsgspecError as error:
            raise OperatorError(f"journal {path}: damaged header at offset 0: {error}") from None
        padding = raw[len(text) : HEADER_BYTES]
        if padding.any():
            offset = len(text) + int(np.flatnonzero(padding)[0])
            raise OperatorError(f"journal {path}: damaged header at offset {offset}")
        # A few zero bytes behind the end let every 8-byte load stay inside.
        self.records = np.zeros((raw.size - HEADER_BYTES + 15) // 8 * 8, dtype=np.uint8)
        self.records[: raw.size - HEADER_BYTES] = raw[HEADER_BYTES:]
        base = address_of_array(self.records)
        first = next_record(base, 0, self.records.size)
        if first <= 0 or (load_word(base + 16) >> 56) != SNAPSHOT:
            raise OperatorError(f"journal {path}: damaged snapshot at offset {HEADER_BYTES}")
        self.state = self.records[RECORD_BYTES : RECORD_BYTES + self.header.state_bytes]
        self.start = int(first)
        self.end, sound, self.closed, self.count = (
            int(value) for value in scan_records(base, self.start, self.records.size)
        )
        if not sound:
            raise OperatorError(f"journal {path}: damaged record at offset {HEADER_BYTES + self.end}")

    @property
    def log(self) -> np.ndarray:
        """The whole records behind the snapshot, without the closing one."""
        return self.records[self.start : self.end]


@kernel
def load_word(address):
    """One plain int64, for callers in Python."""
    return load_i64(address)


@kernel
def scan_records(base, position, capacity):
    """(end of the sound records, 1 if nothing is damaged, 1 if closed in order, records).

    A zero word is where the preallocated rest begins. Anything else that is no whole record is damage: a torn
    last record cannot arise, because its length and checksum are stored last, in one word.
    """
    count = 0
    while True:
        length = next_record(base, position, capacity)
        if length < 0:
            return position, 0, 0, count
        if length == 0:
            return position, 1, 0, count
        if load_i64(base + position + 16) >> 56 == CLOSED:
            return position, 1, 1, count
        position += length
        count += 1


def read_journal(folder: Path, stage: str) -> list[JournalFile]:
    """All files of a stage, in order. Raises OperatorError where one is missing or damaged, naming it."""
    paths = sorted(folder.glob(f"{stage}.*.journal"))
    if not paths:
        raise OperatorError(f"journal of stage {stage}: no {stage}.NNNN.journal in {folder}")
    files = [JournalFile(path) for path in paths]
    for index, file in enumerate(files):
        if file.header.index != index or file.header.stage != stage:
            raise OperatorError(
                f"journal {file.path}: is number {file.header.index} of {file.header.stage}, expected {index}"
            )
    return files


def describe(key: int) -> str:
    """A record's kind, port and sequence in words."""
    kind = KIND_NAMES.get(key >> 56, f"kind {key >> 56}")
    return f"{kind} port {(key >> 48) & 0xFF} sequence {key & ((1 << 48) - 1)}"


class BufferedJournalWriter(JournalWriter):
    """A backtest's: what was appended last is in memory only (see BufferedFile). The files are the same."""

    file_type = BufferedFile


def open_journal(
    config: RunConfig,
    folder: Path,
    run: str,
    station: Station,
    now_ns: int,
    *,
    generation: int = 1,
    kind: type[JournalWriter] = JournalWriter,
) -> JournalWriter:
    """A stage's writer with its first file begun. Raises OSError when that cannot be had."""
    header = JournalHeader(
        format=FORMAT,
        run=run,
        stage=station.name,
        generation=generation,
        index=0,
        state_bytes=station.state.nbytes,
        schema=f"{layout_hash():x}",
        target=target(),
        symbols=len(config.symbols),
        batch_max=int(station.row["batch_max"]),
        inboxes=[link.name for link in inboxes(station.name)],
        outboxes=list(station.module.OUTBOXES),
        config=hash_text(msgspec.json.encode(config).decode()),
    )
    size = config.journal.segment_bytes
    writer = kind(folder, header, station.row["ports"]["journal"], station.state, bytes_max=size)
    if not writer.rotate(now_ns):
        raise OSError(writer.failure)
    return writer
