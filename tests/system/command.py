"""A `trader` command as a real process: forked from here with the kernels loaded, or started as a user does.

    tests --fork--> trader run (supervisor) --> nursery --> trader: feed, trader: book, ...

A forked command saves the seconds that Python and the kernels take to load, and is the same code from its flags
to its exit code. Everything that it says and writes goes to its folder. Times are seconds.
"""

import contextlib
import faulthandler
import io
import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil

from procs.cli import main
from procs.readings import ledger_of, orders_of
from procs.run_segments import RunSegments
from shm.segment import SegmentError

ROOT = Path(__file__).resolve().parents[2]
SHARED_MEMORY = Path("/dev/shm")

START_S = 110.0
"""Until the first order rests: kernels may have to be compiled first."""

POLL_S = 0.005
_CRASHED = 99
_STAGE = "trader: "


class Trader:
    """One command under way. `folder` holds stdout, stderr, and what `--out` and `--json` were given."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        installed: bool = False,
        limits: Mapping[int, int] | None = None,
        output: int = -1,
    ) -> None:
        """Start it: as a user does when `installed`, under resource `limits`, with stdout to `output` if it is one."""
        self.folder = folder
        self.code: int | None = None
        self.ended_s = 0.0
        self._memory: RunSegments | None = None
        folder.mkdir(parents=True)
        for name in ("stdout", "stderr"):
            (folder / name).touch()
        self.pid = os.fork()
        if self.pid == 0:
            _become_trader(folder, arguments, installed, limits or {}, output)
        self._pidfd = os.pidfd_open(self.pid)
        self.seen: dict[str, psutil.Process] = {}

    @property
    def out(self) -> Path:
        """The run's own folder."""
        return self.folder / "out"

    @property
    def result(self) -> dict[str, Any]:
        """What `--json` wrote."""
        found: dict[str, Any] = msgspec.json.decode((self.folder / "result.json").read_bytes())
        return found

    @property
    def said(self) -> str:
        """Both outputs, for the message of a failed assertion."""
        return (self.folder / "stdout").read_text() + (self.folder / "stderr").read_text()

    def wait(self, timeout_s: float) -> int:
        """The exit code, or minus the signal. Fails when it takes longer; then it is killed."""
        if self.code is None:
            if not select.select([self._pidfd], [], [], timeout_s)[0]:
                self.kill_all()
                raise AssertionError(f"still running after {timeout_s:g} s; it said:\n{self.said}")
            self.ended_s = time.monotonic()
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._pidfd)
        return self.code

    def has_ended(self) -> bool:
        """Whether the command's own process is over."""
        return self.code is not None or bool(select.select([self._pidfd], [], [], 0)[0])

    def until(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Poll until something is so. Fails when time is over or the command ends first."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert not self.has_ended(), f"ended with {self.wait(0)} before {what}; it said:\n{self.said}"
            assert time.monotonic() < end, f"not within {timeout_s:g} s: {what}; it said:\n{self.said}"
            time.sleep(POLL_S)

    def until_quoting(self) -> None:
        """Until an order of ours rests at the exchange. Remembers the processes in `seen`."""
        self.until(self._is_quoting, START_S, "the first order rests")
        self.seen = self.processes()

    def _is_quoting(self) -> bool:
        return self.attached() and self.resting() > 0

    def attached(self) -> bool:
        """Map the run's segments as soon as they are complete; whether they are mapped."""
        if self._memory is None:
            names = [path.name for path in SHARED_MEMORY.glob(f"trader-{self.pid}.*-1-run")]
            try:
                self._memory = RunSegments.attach(names[0].removeprefix("trader-").split("-")[0]) if names else None
            except SegmentError:
                return False
        return self._memory is not None

    @property
    def memory(self) -> RunSegments:
        """The run's segments, which stay mapped when their names are gone."""
        assert self.attached(), f"no segments of this run; it said:\n{self.said}"
        assert self._memory is not None
        return self._memory

    def resting(self) -> int:
        """Orders of ours that rest at the exchange, by its own ledger."""
        return int(ledger_of(self.memory, 0)["open_orders"])

    def placed(self) -> int:
        """Orders sent so far, by the router's account."""
        return orders_of(self.memory).placed

    def replaced(self) -> int:
        """How often a process was replaced, once an order rests again after the last time; else 0."""
        row = self.memory.restarts()[0]
        return int(row["count"]) if row["quoting_ns"] else 0

    def processes(self) -> dict[str, psutil.Process]:
        """Living processes of this command by the name they show in ps, without `trader: `."""
        found = {}
        for process in psutil.Process(self.pid).children(recursive=True):
            try:
                title = " ".join(process.cmdline()).strip()
            except psutil.Error:
                continue
            if title.startswith(_STAGE):
                found[title.removeprefix(_STAGE)] = process
        return found

    def segments(self) -> list[Path]:
        """Its names in /dev/shm."""
        return sorted(SHARED_MEMORY.glob(f"trader-{self.pid}.*"))

    def signal(self, number: int) -> None:
        """As the terminal does: to the whole process group."""
        os.killpg(self.pid, number)

    def kill_all(self) -> None:
        """Nothing of this command is left, whatever it takes."""
        for process in self.seen.values():
            if process.is_running():
                process.kill()
        if self.code is None:
            family = psutil.Process(self.pid).children(recursive=True)
            os.kill(self.pid, signal.SIGKILL)
            for process in family:
                if process.is_running():
                    process.kill()
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._pidfd)
            for path in self.segments():
                path.unlink()

    def close(self) -> None:
        """End what still runs, forget the mapping."""
        self.kill_all()
        if self._memory is not None:
            self._memory.close()
            self._memory = None


def _let_go_of_descriptors() -> None:
    """Point what is inherited beyond stdin, stdout and stderr at nothing.

    Closing would free the numbers, while log handlers, garbage and the resource tracker of this process still hold
    them: they would write to, or close, what the command has opened since.
    """
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the listing's own is closed by now
                os.fstat(int(name))
                os.dup2(nothing, int(name), inheritable=False)


def _become_trader(
    folder: Path, arguments: tuple[str, ...], installed: bool, limits: Mapping[int, int], output: int
) -> None:
    """The forked child's whole life: never returns."""
    code = _CRASHED
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC), descriptor)
        if output >= 0:
            os.dup2(output, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)
        # Not to the descriptor of pytest's, which is about to be somebody else's.
        faulthandler.enable(2)
        _let_go_of_descriptors()
        for which, value in limits.items():
            resource.setrlimit(which, (value, value))
        if installed:
            os.chdir(ROOT)
            os.execv(sys.executable, [sys.executable, "-m", "procs.cli", *arguments])
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), line_buffering=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True)
        warnings.resetwarnings()
        main(args=list(arguments), prog_name="trader")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)
