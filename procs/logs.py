"""Logs of a run: records of Python's `logging` from every process, merged in time order into OUT/log.jsonl.

    process --put_nowait--> its queue --.
    process --put_nowait--> its queue ---+--> collector --> log.jsonl, one JSON object a line
                            ...       --'     a process of its own, ten times a second

Cold traffic only, and nothing depends on it. A sender never waits: a record that finds no room is counted, and
the next one that gets through says how many were lost. The collector may hang or die; the supervisor waits for
it for a bounded time at the end, then kills it.
"""

import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import setproctitle

from procs.errors import OperatorError
from procs.log_queue import GATE_TRIES, SUPERVISOR_NAME, LogLine, LogQueue, LogQueues, decode_line, encode_line
from procs.nursery import die_with_parent

__all__ = [
    "Collector",
    "LogHandler",
    "LogQueues",
    "attach_logging",
    "detach_logging",
    "format_text",
    "read_text",
]

MESSAGE_BYTES_MAX = 8_192
NAME_CHARACTERS_MAX = 64
FILE_BYTES_MAX = 256 << 20
"""What one run may log; the file's last line then says so."""

WINDOW_NS = 200_000_000
"""How long a record waits in the collector for older ones of other processes."""

_POLL_S = 0.1
_ROUND_S_MAX = 5
_KILL_S = 0.5
_CUT = " [cut]"

log = logging.getLogger("trader")


class LogHandler(logging.Handler):
    """Sends records into one queue. `lost` counts those that found no room since the last that did."""

    def __init__(self, log_queue: LogQueue, process_name: str) -> None:
        super().__init__()
        self._queue = log_queue
        self._process = process_name[:NAME_CHARACTERS_MAX]
        self.lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises, never waits longer than a few milliseconds, and after a failure not at all."""
        try:
            line = LogLine(
                time_ns=time.monotonic_ns(),
                process=self._process,
                level=record.levelname[:NAME_CHARACTERS_MAX],
                message=_capped(self.format(record)),
                logger=record.name[:NAME_CHARACTERS_MAX],
                wall_ns=time.time_ns(),
                lost=self.lost,
            )
            self.lost = 0 if self._queue.put(line, 1 if self.lost else GATE_TRIES) else self.lost + 1
        except Exception:
            self.lost += 1


def _capped(text: str) -> str:
    data = text.encode("utf-8", "replace")
    if len(data) <= MESSAGE_BYTES_MAX:
        return data.decode()
    return data[: MESSAGE_BYTES_MAX - len(_CUT)].decode("utf-8", "ignore") + _CUT


def attach_logging(log_queue: LogQueue, process_name: str, level: int = logging.INFO) -> LogHandler:
    """Send everything that this process logs from `level` on into the queue.

    For a child after fork: what its parent had attached in this way is taken off first.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, LogHandler):
            root.removeHandler(handler)
    own = LogHandler(log_queue, process_name)
    root.addHandler(own)
    root.setLevel(level)
    logging.captureWarnings(True)
    return own


def detach_logging(handler: LogHandler) -> None:
    """Undo `attach_logging`."""
    root = logging.getLogger()
    root.removeHandler(handler)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(False)


class Collector:
    """The process that writes the log. Start it before anything else is forked: it keeps no descriptor open.

    While it runs, this process (the supervisor) logs into it too.
    """

    def __init__(self, queues: LogQueues, path: Path) -> None:
        self.queues = queues
        self.path = path
        self.pid = 0
        self._handler: LogHandler | None = None

    def start(self) -> None:
        """Fork it. Raises OperatorError where the file cannot be written."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OperatorError(f"log: found '{self.path}' ({error.strerror}), allowed a writable file") from None
        parent = os.getpid()
        # Blocked from its first moment on: a SIGTERM that comes early is a wish to finish, not an end.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _collect(self.queues, descriptor, parent)
            finally:
                os._exit(0)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(descriptor)
        self._handler = attach_logging(self.queues.of(SUPERVISOR_NAME), SUPERVISOR_NAME)

    def stop(self, timeout_s: float = 1.0) -> bool:
        """Let it write what is under way and end; kill it after `timeout_s`. False when it had to be killed."""
        if self._handler is not None:
            detach_logging(self._handler)
            self._handler = None
        if not self.pid:
            return True
        pid, self.pid = self.pid, 0
        os.kill(pid, signal.SIGTERM)
        if _ended(pid, timeout_s):
            return True
        os.kill(pid, signal.SIGKILL)
        _ended(pid, _KILL_S)
        return False


def _ended(pid: int, timeout_s: float) -> bool:
    end = time.monotonic() + timeout_s
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def _collect(queues: LogQueues, descriptor: int, parent: int) -> None:
    """The collector's whole life: take, merge, write, until SIGTERM, which also comes when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    die_with_parent(parent)
    setproctitle.setproctitle("trader: log")
    # Somebody else's socket kept open here would hide that its owner has ended.
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))
    merger = LogMerger(descriptor)
    told = False
    while not told:
        signal.alarm(_ROUND_S_MAX)  # ends a collector that hangs when nobody is left to kill it
        told = signal.sigtimedwait({signal.SIGTERM}, _POLL_S) is not None
        merger.add(queues.take())
        merger.write(-1 if told else time.monotonic_ns() - WINDOW_NS)


class LogMerger:
    """Records by time, written once they are older than the window; a later straggler stands where it arrived."""

    def __init__(self, descriptor: int, bytes_max: int = FILE_BYTES_MAX) -> None:
        self._descriptor = descriptor
        self._room = bytes_max
        self._waiting: list[LogLine] = []

    def add(self, lines: list[LogLine]) -> None:
        """Take records in any order."""
        self._waiting += lines
        self._waiting.sort(key=lambda line: line.time_ns)

    def write(self, before_ns: int) -> None:
        """Write all records before a time, or all there are for -1. What the disk refuses is gone."""
        count = len(self._waiting)
        if before_ns >= 0:
            count = next((at for at, line in enumerate(self._waiting) if line.time_ns >= before_ns), count)
        ready, self._waiting = self._waiting[:count], self._waiting[count:]
        data = b"".join(map(self._within_cap, ready))
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            return

    def _within_cap(self, line: LogLine) -> bytes:
        if self._room <= 0:
            return b""
        data = encode_line(line) + b"\n"
        self._room -= len(data)
        if self._room > 0:
            return data
        self._room = 0
        full = LogLine(line.time_ns, "log", "WARNING", "the log is full; what follows is lost", wall_ns=line.wall_ns)
        return encode_line(full) + b"\n"


def format_text(line: bytes | str) -> str:
    """A line of log.jsonl as people read it; one that is torn comes back as it is."""
    try:
        found = decode_line(line)
    except msgspec.MsgspecError:
        return (line.decode("utf-8", "replace") if isinstance(line, bytes) else line).rstrip("\n")
    second, rest_ns = divmod(found.wall_ns, 1_000_000_000)
    clock = f"{time.strftime('%H:%M:%S', time.localtime(second))}.{rest_ns // 1_000:06d}"
    lost = f"  ({found.lost} lost before)" if found.lost else ""
    return f"{clock}  {found.level:<8}{found.process:<12}{found.message}{lost}"


def read_text(path: Path) -> Iterator[str]:
    """Every line of a log as text."""
    with path.open("rb") as file:
        for line in file:
            yield format_text(line)
