"""One stage's control cell: the supervisor's command, the stage's answers, its heartbeat.

+0    command       sequence << 8 | command     supervisor
+8    argument                                  supervisor
+128  acknowledged  last command done           stage
+136  state         BOOT -> RUN -> DONE | FAILED (stage)
+144  heartbeat_ns  written by the work loop itself: a hung stage stops beating
+152  pid
+160  failure       code of the step that failed
+168  halted        1: an outbox that must not lose was full, or the journal cannot grow
+176  build         hash of the code and the configuration that the stage's process runs
+256  doorbell      the stage process's (see doorbell)
"""

from shm.atomics import load_acquire, store_release
from shm.kernel import inlined, kernel, store_i64

BOOT, RUNNING, DONE, FAILED = range(4)
STATE_NAMES = ("boot", "running", "done", "failed")

COMMAND, ARGUMENT = 0, 8
ACKNOWLEDGED, STATE, HEARTBEAT, PID, FAILURE, HALTED, BUILD = 128, 136, 144, 152, 160, 168, 176
DOORBELL = 256
CONTROL_BYTES = 384
_COMMAND_BITS = 8


@inlined
def acknowledge_command(control, command):
    """The stage has done `command`."""
    store_release(control + ACKNOWLEDGED, command)


@kernel
def load_word(address):
    """Acquire one word, for callers in Python."""
    return load_acquire(address)


@kernel
def store_word(address, value):
    """Release one word, for callers in Python."""
    store_release(address, value)


@kernel
def _issue(control, command, argument):
    word = load_acquire(control + COMMAND)
    store_i64(control + ARGUMENT, argument)
    store_release(control + ACKNOWLEDGED, 0)
    store_release(control + COMMAND, (((word >> _COMMAND_BITS) + 1) << _COMMAND_BITS) | command)


class ControlCell:
    """The supervisor's view of a stage's cell at an address."""

    def __init__(self, address: int) -> None:
        self.address = address

    def issue(self, command: int, argument: int = 0) -> None:
        """Give a command; the former one must have been acknowledged or is overridden."""
        _issue(self.address, int(command), argument)

    def reset(self) -> None:
        """Forget a dead process's answers, before its successor takes the cell."""
        for word in (ACKNOWLEDGED, STATE, HEARTBEAT, PID, FAILURE, HALTED, BUILD):
            store_word(self.address + word, 0)

    def acknowledged(self, command: int) -> bool:
        """Whether the stage has done this command since it was issued."""
        return bool(load_word(self.address + ACKNOWLEDGED) == command)

    @property
    def state(self) -> int:
        """BOOT, RUNNING, DONE or FAILED."""
        return int(load_word(self.address + STATE))

    @property
    def heartbeat_ns(self) -> int:
        """When the work loop last beat, on the run's clock; 0 before the first."""
        return int(load_word(self.address + HEARTBEAT))

    @property
    def pid(self) -> int:
        """The stage's process."""
        return int(load_word(self.address + PID))

    @property
    def failure(self) -> int:
        """The failing step's code, 0 when none."""
        return int(load_word(self.address + FAILURE))

    @property
    def halted(self) -> bool:
        """Whether the stage latched "no new orders"."""
        return bool(load_word(self.address + HALTED))

    @property
    def build(self) -> int:
        """Hash of what the stage's process runs; 0 before it has told."""
        return int(load_word(self.address + BUILD))


def control_cells(count: int) -> int:
    """Bytes for `count` cells."""
    return count * CONTROL_BYTES
