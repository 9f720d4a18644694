"""Shared-memory segments: create, attach, close, and the sweep of what a killed run left behind.

A name is `trader-<run>-<generation>-<noun>`; a run is its supervisor's `<pid>.<start time>`, so a sweep can
tell a dead run's leftovers from a living neighbour's. Segments are 0600, allocated in full at creation (a full
/dev/shm is an error here, not a SIGBUS later) and invisible to Python's resource tracker, which would unlink
what other processes still use.
"""

import contextlib
import mmap
import os
import re
import secrets
from multiprocessing import resource_tracker, shared_memory
from pathlib import Path

import numpy as np

from shm import layout
from shm.atomics import load_acquire, store_release
from shm.kernel import kernel

FOLDER = Path("/dev/shm")
PREFIX = "trader-"
_RUN = re.compile(r"(\d+)\.(\d+)\.[0-9a-f]+")
_POPULATE_WRITE = 23
"""madvise's MADV_POPULATE_WRITE, of Linux 5.14."""

_UNTRACKED = {"track": False} if "track" in shared_memory.SharedMemory.__init__.__code__.co_varnames else {}


class SegmentError(Exception):
    """A segment that cannot be had: missing, of another layout, unfinished, or no memory for it."""


class _Memory(shared_memory.SharedMemory):
    """Never unlinks: the standard class does when a mapping fails, even what another process made."""

    def unlink(self) -> None:
        """Segments unlink their names themselves."""


@kernel
def _publish_magic(address, magic):
    store_release(address, magic)


@kernel
def _read_magic(address):
    return load_acquire(address)


class Segment:
    """One named piece of shared memory. `address` is its first content byte; 0 after `close`.

    An address keeps nothing alive: hold the Segment as long as anything uses its addresses.
    """

    def __init__(self, memory: shared_memory.SharedMemory, *, owner: bool) -> None:
        view = np.frombuffer(_buffer(memory), dtype=np.uint8)
        self._base = int(view.ctypes.data)
        del view
        self._memory: shared_memory.SharedMemory | None = memory
        self.name = memory.name
        self.owner = owner
        self.content_bytes = memory.size - layout.SEGMENT_HEADER_BYTES

    @property
    def address(self) -> int:
        """Address of the first content byte, 128-byte aligned."""
        return self._base + layout.SEGMENT_HEADER_BYTES if self._memory else 0

    @classmethod
    def create(cls, name: str, content_bytes: int, *, layout_hash: int, generation: int = 1) -> "Segment":
        """Make a zeroed segment. Raises SegmentError when it exists or memory is short."""
        total = content_bytes + layout.SEGMENT_HEADER_BYTES
        try:
            memory = _untracked(name, create=True, size=total)
        except FileExistsError:
            raise SegmentError(f"segment {name}: already exists") from None
        except OSError as error:
            (FOLDER / name).unlink(missing_ok=True)
            raise SegmentError(f"segment {name}: {total} bytes cannot be had in {FOLDER}: {error.strerror}") from None
        try:
            os.posix_fallocate(_descriptor(memory), 0, total)
        except OSError as error:
            memory.close()
            (FOLDER / name).unlink(missing_ok=True)
            raise SegmentError(f"segment {name}: {total} bytes cannot be had in {FOLDER}: {error.strerror}") from None
        header = np.frombuffer(_buffer(memory), dtype=np.int64, count=5)
        header[1:5] = layout_hash, total, generation, os.getpid()
        del header
        segment = cls(memory, owner=True)
        _publish_magic(segment._base, layout.SEGMENT_MAGIC)
        return segment

    @classmethod
    def attach(cls, name: str, *, layout_hash: int, generation: int = 0) -> "Segment":
        """Map an existing segment. Raises SegmentError when missing, unfinished, foreign or of another layout.

        `generation`: the only one that will do; 0: any.
        """
        try:
            memory = _untracked(name, create=False, size=0)
        except FileNotFoundError:
            raise SegmentError(f"segment {name}: not found in {FOLDER}") from None
        except OSError as error:
            raise SegmentError(f"segment {name}: cannot be mapped: {error.strerror}") from None
        except ValueError:
            # Created and not yet given its size: an empty file cannot be mapped.
            raise SegmentError(f"segment {name}: unfinished or not a trader segment") from None
        segment = cls(memory, owner=False)
        reason = _reason_to_refuse(segment, memory, layout_hash)
        if not reason and generation not in (0, segment.generation):
            reason = f"generation {segment.generation}, wanted {generation}"
        if reason:
            segment.close()
            raise SegmentError(f"segment {name}: {reason}")
        return segment

    @property
    def generation(self) -> int:
        """Which incarnation of its stage the segment was made for."""
        header = np.frombuffer(_buffer(self._mapping()), dtype=np.int64, count=4)
        generation = int(header[3])
        del header
        return generation

    def bytes_view(self) -> np.ndarray:
        """The content as uint8. Drop every view before `close`."""
        return np.frombuffer(
            _buffer(self._mapping()), dtype=np.uint8, offset=layout.SEGMENT_HEADER_BYTES, count=self.content_bytes
        )

    def map_now(self) -> None:
        """Have every page mapped, which takes a microsecond each when it is first touched."""
        mapping: mmap.mmap = self._mapping()._mmap  # type: ignore[attr-defined]
        map_pages(mapping, 0, len(mapping))

    def _mapping(self) -> shared_memory.SharedMemory:
        if self._memory is None:
            raise SegmentError(f"segment {self.name}: closed")
        return self._memory

    def close(self) -> None:
        """Unmap. Addresses into the segment are dead from here on."""
        if self._memory is not None:
            memory, self._memory = self._memory, None
            try:
                memory.close()
            except BufferError:
                # A numpy view is alive somewhere; the mapping goes with the process.
                memory._buf = None  # type: ignore[attr-defined]
                memory._mmap = None  # type: ignore[attr-defined]
                memory.close()

    def unlink(self) -> None:
        """Remove the name; who has it mapped keeps it."""
        (FOLDER / self.name).unlink(missing_ok=True)


def map_pages(mapping: mmap.mmap, start: int, length: int) -> None:
    """Have pages of a mapping, from the start of one on, there to be written; an older kernel does it later."""
    with contextlib.suppress(OSError):
        mapping.madvise(_POPULATE_WRITE, start, length)


def _reason_to_refuse(segment: Segment, memory: shared_memory.SharedMemory, layout_hash: int) -> str:
    status = os.fstat(_descriptor(memory))
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        return f"owned by uid {status.st_uid} with mode {status.st_mode & 0o777:o}, allowed this user and 600"
    if memory.size < layout.SEGMENT_HEADER_BYTES or _read_magic(segment._base) != layout.SEGMENT_MAGIC:
        return "unfinished or not a trader segment"
    header = np.frombuffer(_buffer(memory), dtype=np.int64, count=4)
    found, total = int(header[1]), int(header[2])
    del header
    if found != layout_hash:
        return f"layout {found:x}, this program has {layout_hash:x}"
    if total > memory.size:
        return f"holds {memory.size} bytes, its header says {total}"
    return ""


def _descriptor(memory: shared_memory.SharedMemory) -> int:
    return memory._fd  # type: ignore[attr-defined]


def _buffer(memory: shared_memory.SharedMemory) -> memoryview:
    assert memory.buf is not None, "closed"
    return memory.buf


def _untracked(name: str, *, create: bool, size: int) -> shared_memory.SharedMemory:
    if _UNTRACKED:
        return _Memory(name, create=create, size=size, **_UNTRACKED)
    # Before 3.13 the tracker cannot be told at construction: silence its registration for this one call.
    register, resource_tracker.register = resource_tracker.register, lambda *arguments: None
    try:
        return _Memory(name, create=create, size=size)
    finally:
        resource_tracker.register = register


def new_run() -> str:
    """A name for this run: this process's pid and start time, and a few random letters."""
    return f"{os.getpid()}.{_start_time(os.getpid())}.{secrets.token_hex(3)}"


def segment_name(run: str, generation: int, noun: str) -> str:
    """The name of a run's segment."""
    return f"{PREFIX}{run}-{generation}-{noun}"


def runs() -> dict[str, list[str]]:
    """Names of all segments in /dev/shm by run."""
    found: dict[str, list[str]] = {}
    for path in FOLDER.glob(f"{PREFIX}*"):
        found.setdefault(path.name[len(PREFIX) :].split("-")[0], []).append(path.name)
    return found


def is_alive(run: str) -> bool:
    """Whether the supervisor of a run still lives: its pid exists and started when the name says."""
    named = _RUN.fullmatch(run)
    return named is not None and _start_time(int(named[1])) == int(named[2])


def sweep(run: str | None = None) -> list[str]:
    """Unlink the segments of `run`, or of every dead run of this user; return the names.

    What does not bear a run's name is not ours and stays.
    """
    gone = []
    for owner, names in runs().items():
        if not _RUN.fullmatch(owner):
            continue
        if owner == run or (run is None and not is_alive(owner)):
            for name in names:
                path = FOLDER / name
                try:
                    if path.lstat().st_uid == os.getuid():
                        path.unlink()
                        gone.append(name)
                except FileNotFoundError:
                    continue
    return gone


def _start_time(pid: int) -> int:
    """Start of a process in clock ticks since boot; -1 when there is none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError):
        return -1
