"""Logs of a run: Python's `logging` and the events of compiled code, of every process, merged in time order.

    logging, any process --put_nowait--> its queue --.
    ...                                              |
    log_event, a stage ----64-byte record--> its ring +--> collector --> log.jsonl, one JSON object a line
    ...                                            --'     (a process)   log.txt, the same for people

    idle     the collector sleeps on its doorbell and looks by itself twice a second
    rung     by the first record after a pause: a millisecond later it takes everything, writes it, and sleeps again
    burst    more than one record in a round: another round every millisecond, until there is one without

So a burst pays for one wake-up, and an idle run for none. What is younger than the window, or than a record that
some process is just making, waits for older ones. Nothing depends on the log: a sender never waits, what finds no
room is counted, and the next that gets through says how many were lost. The collector may hang or die; the
supervisor waits for it for a bounded time at the end, then kills it.
"""

import logging
import os
import signal
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import setproctitle

from procs.errors import OperatorError
from procs.hot_log import BATCH_MAX, LOGGER, HotLog
from procs.log_files import LogMerger
from procs.log_queue import GATE_TRIES, SUPERVISOR_NAME, LogLine, LogQueue, LogQueues
from procs.nursery import die_with_parent
from shm.log_ring import LOG_RECORDS
from shm.segment import SegmentError

__all__ = [
    "Collector",
    "LogHandler",
    "LogQueues",
    "attach_logging",
    "detach_logging",
]

MESSAGE_BYTES_MAX = 8_192
NAME_CHARACTERS_MAX = 64
WINDOW_NS = 1_000_000
"""How long a record waits in the collector for older ones of others: clocks of two cores, a record on its way."""

HOLD_NS = 200_000_000
"""How long others wait for a record that a process has begun to make, before it is taken for dead."""

ROUND_S = 0.001
"""Between two rounds while records come; a round that takes longer is followed by a pause of its own length, so that
a storm of records costs half a core at most."""

SLEEP_NS = 500_000_000
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
        """Never raises, never waits longer than a collector may be off its core, and after a failure not at all."""
        try:
            self._queue.announce()
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
        finally:
            self._queue.withdraw()


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

    While it runs, this process (the supervisor) logs into it too. `path`: of log.jsonl; log.txt stands beside it.
    `run`, `symbols`: whose rings it reads, once the queues say that they are there, and what their symbols are.
    """

    def __init__(self, queues: LogQueues, path: Path, *, run: str = "", symbols: Sequence[str] = ()) -> None:
        self.queues = queues
        self.path = path
        self.run = run
        self.symbols = symbols
        self.pid = 0
        self._handler: LogHandler | None = None

    def start(self) -> None:
        """Fork it. Raises OperatorError where a file cannot be written."""
        descriptors = [_opened(self.path), _opened(self.path.with_suffix(".txt"))]
        parent = os.getpid()
        # Blocked from its first moment on: a SIGTERM that comes early is a wish to finish, not an end.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _become_collector(descriptors, parent)
                _Collecting(self.queues, LogMerger(*descriptors), self.run, self.symbols).run()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for descriptor in descriptors:
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
        self.queues.ring()
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


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperatorError(f"log: found '{path}' ({error.strerror}), allowed a writable file") from None


def _become_collector(descriptors: Sequence[int], parent: int) -> None:
    """In the forked child: a process that ends with its parent and holds nothing but the log's files."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    die_with_parent(parent)
    setproctitle.setproctitle("trader: log")
    # Somebody else's socket kept open here would hide that its owner has ended.
    kept = sorted(descriptors)
    for after, before in zip([2, *kept], [*kept, os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(after + 1, before)


class _Collecting:
    """The collector's whole life: take, merge, write, until SIGTERM, which also comes when the parent ends."""

    def __init__(self, queues: LogQueues, merger: LogMerger, run: str, symbols: Sequence[str]) -> None:
        self._queues = queues
        self._merger = merger
        self._run = run
        self._symbols = symbols
        self._hot: HotLog | None = None
        self._attached = False
        self._blocked_ns = 0
        self._puts = 0

    def run(self) -> None:
        """Until told. The alarm ends a collector that hangs when nobody is left to kill it."""
        busy = told = False
        pause_s = ROUND_S
        while not told:
            signal.alarm(_ROUND_S_MAX)
            if self._hot is None:
                told = _told_within(_POLL_S)
            elif busy:
                told = _told_within(pause_s)
            else:
                self._hot.sleep(self._puts, SLEEP_NS, WINDOW_NS)
                told = _told_within(0)
            self._attach()
            began_s = time.process_time()
            busy = self._take(everything=told or not busy)
            pause_s = max(ROUND_S, time.process_time() - began_s)
        for _ in range(LOG_RECORDS // BATCH_MAX):
            if self._hot is None or not self._hot.unread:
                break
            self._take(everything=False)
        self._merger.write(-1)

    def _attach(self) -> None:
        """The run's rings, as soon as they are there. Until then the log is Python's alone."""
        if self._attached or not self._queues.rings:
            return
        self._attached = True
        try:
            self._hot = HotLog.attach(self._run, self._queues.rings, self._symbols, self._queues)
        except SegmentError as error:
            now = time.monotonic_ns()
            self._merger.add([LogLine(now, "log", "WARNING", str(error), LOGGER, time.time_ns())])

    def _take(self, *, everything: bool) -> bool:
        """One round; whether the next should come soon. `everything`: trust no count of records put."""
        now = complete_ns = time.monotonic_ns()
        under_way_ns = self._queues.under_way_ns(now - HOLD_NS)
        self._puts = self._queues.puts
        # All of this before anything is taken: whoever begins later bears a later stamp.
        lines = self._queues.take() if everything else self._queues.take_new()
        if under_way_ns:
            complete_ns = min(complete_ns, under_way_ns)
        self._blocked_ns = (self._blocked_ns or now) if self._queues.blocked else 0
        blocked = self._blocked_ns > now - HOLD_NS
        if blocked:
            complete_ns = 0
        if self._hot is not None:
            offset_ns, wall_offset_ns = self._hot.offsets_ns()
            for line in lines:
                line.time_ns += offset_ns
            events, hot_complete_ns = self._hot.take(wall_offset_ns)
            complete_ns = 0 if blocked else min(complete_ns + offset_ns, hot_complete_ns)
            lines += events
        self._merger.add(lines)
        self._merger.write(max(complete_ns - WINDOW_NS, 0))
        return blocked or len(lines) > 1 or self._merger.waiting > 0


def _told_within(timeout_s: float) -> bool:
    return signal.sigtimedwait({signal.SIGTERM}, timeout_s) is not None
