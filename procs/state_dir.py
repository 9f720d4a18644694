"""What outlives a run: the epoch of client order ids, and latches that only a person takes off.

    state_dir/
      epoch          decimal, the epoch of the newest run; grows by one with each
      lock           held while the epoch is read and written, so that two runs never share one
      latch-NAME     why trading was halted; while it is there, no order is sent
      kill           the kill switch pressed by a file: its text is the reason (procs.kill_switch)
      day            date (UTC), profit and loss since it began, the best of it, in 1e-8: the day's loss outlives a run
      acts.jsonl     who did what to latches: time, user id, act, name, reason; one line each, only ever appended
      volatility-SYM what was learned of a symbol's volatility (procs.kept_beliefs)

Every write is complete or absent: a temporary file, synced, renamed, and the folder synced, before the first
order leaves. An unreadable epoch is an error, never a fresh start: a second use of an id could be taken for
the first order's.
"""

import fcntl
import json
import os
import re
import time
from pathlib import Path

from procs.config import RunConfig
from procs.errors import OperatorError

EPOCH_MAX = (1 << 19) - 1
"""Client order ids hold the epoch above bit 44 of a positive int64."""

_LATCH_NAME = re.compile(r"[a-z][a-z0-9-]*")


def default_state_dir() -> Path:
    """`TRADER_STATE_DIR`, else the user's state folder."""
    configured = os.environ.get("TRADER_STATE_DIR")
    if configured:
        return Path(configured)
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "trader"


def state_dir_of(config: RunConfig) -> Path:
    """A run's state folder."""
    return Path(config.state_dir) if config.state_dir else default_state_dir()


class StateDir:
    """The folder, created with mode 0700. Raises OperatorError where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OperatorError(f"state_dir: found '{path}' ({error.strerror}), allowed a writable folder") from None

    def next_epoch(self) -> int:
        """Take the next epoch, 1 to EPOCH_MAX; it is on disk before this returns."""
        try:
            with (self.path / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                epoch = self.epoch() + 1
                if epoch > EPOCH_MAX:
                    raise OperatorError(f"{self.path / 'epoch'}: found {epoch - 1}, allowed 0 to {EPOCH_MAX - 1}")
                self.write("epoch", f"{epoch}\n".encode())
                return epoch
        except OSError as error:
            raise OperatorError(
                f"state_dir: found '{self.path}' ({error.strerror}), allowed a writable folder"
            ) from None

    def epoch(self) -> int:
        """The newest run's epoch; 0 before the first run."""
        path = self.path / "epoch"
        try:
            text = path.read_text(errors="replace").strip()
        except FileNotFoundError:
            return 0
        if not re.fullmatch(r"[0-9]{1,7}", text):
            raise OperatorError(
                f"{path}: found '{text[:20]}', allowed a number: write one above every epoch ever used, never 0"
            )
        return int(text)

    def latch(self, name: str, reason: str) -> None:
        """Halt trading beyond this run, and say why. A latch that is set keeps its first reason."""
        assert _LATCH_NAME.fullmatch(name), name
        if not (self.path / f"latch-{name}").exists():
            self.write(f"latch-{name}", reason.rstrip().encode() + b"\n")
            self.note("latch", name, reason)

    def latches(self) -> dict[str, str]:
        """Every latch that is set, with its reason."""
        files = sorted(self.path.glob("latch-*"))
        return {file.name.removeprefix("latch-"): file.read_text().strip() for file in files}

    def take_off(self, name: str) -> None:
        """A person has looked: trading may go on. Raises OperatorError if no such latch is set."""
        try:
            (self.path / f"latch-{name}").unlink()
        except FileNotFoundError:
            found = ", ".join(self.latches()) or "none"
            raise OperatorError(f"latch '{name}': not set, set are: {found}") from None
        self._sync_folder()
        self.note("arm", name, "")

    def press_kill(self, reason: str) -> None:
        """Ask every run of this folder to cancel all and stop trading; the latch follows."""
        self.note("kill", "kill-switch", reason)
        self.write("kill", reason.encode() + b"\n")

    def pressed_kill(self) -> str | None:
        """The reason in the file, "no reason given" in an empty one; None without the file."""
        try:
            return (self.path / "kill").read_text(errors="replace").strip() or "no reason given"
        except FileNotFoundError:
            return None

    def release_kill(self) -> None:
        """The act is done and latched."""
        (self.path / "kill").unlink(missing_ok=True)
        self._sync_folder()

    def day(self, date: str) -> tuple[int, int]:
        """(profit and loss, its best) of a day so far, 1e-8 of the quote currency; (0, 0) before its first run."""
        try:
            words = (self.path / "day").read_text(errors="replace").split()
        except FileNotFoundError:
            return 0, 0
        if len(words) != 3 or not all(re.fullmatch(r"-?[0-9]{1,18}", word) for word in words[1:]):
            raise OperatorError(
                f"{self.path / 'day'}: found '{' '.join(words)[:40]}', allowed a date and two numbers: write what the "
                f"day has made and its best, 1e-8 of the quote currency, or remove the file to count from nothing"
            )
        return (int(words[1]), int(words[2])) if words[0] == date else (0, 0)

    def keep_day(self, date: str, pnl_e8: int, peak_e8: int) -> None:
        """Write down what a day has made so far."""
        self.write("day", f"{date} {pnl_e8} {peak_e8}\n".encode())

    def note(self, act: str, name: str, reason: str) -> None:
        """Append to the acts who did something to a latch, and when; synced."""
        line = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "uid": os.getuid(), "act": act}
        text = json.dumps(line | {"name": name, "reason": reason}) + "\n"
        descriptor = os.open(self.path / "acts.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def write(self, name: str, content: bytes) -> None:
        """Write one of the folder's files: after a crash it is the old one or the new one, whole. Raises OSError."""
        temporary = self.path / f".{name}.{os.getpid()}"
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / name)
        self._sync_folder()

    def _sync_folder(self) -> None:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
