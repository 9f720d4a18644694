"""Two pinned processes over anonymous shared memory, for what is measured across cores."""

import mmap
import os
import signal
import traceback
from collections.abc import Callable
from typing import NoReturn

import numpy as np

from procs.affinity import pin


class PartnerFailed(Exception):
    """The second process did not end well; its traceback is on stderr."""


def shared_bytes(count: int) -> np.ndarray:
    """Zeroed memory, every page touched, that a process forked later shares; it goes with the array."""
    memory = np.frombuffer(mmap.mmap(-1, count), dtype=np.uint8)
    memory[:] = 0
    return memory


def in_both(lead: Callable[[], None], follow: Callable[[], None], *, cores: tuple[int, int]) -> None:
    """Run `lead` here on the first core and `follow` in a forked child on the second, at the same time.

    Compile what they call before: the child inherits it. Raises PartnerFailed.
    """
    affinity = os.sched_getaffinity(0)
    child = os.fork()
    if child == 0:
        _follow(follow, cores[1])
    try:
        pin(cores[0])
        lead()
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        os.sched_setaffinity(0, affinity)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise PartnerFailed(f"the second process ended with {status}")


def _follow(follow: Callable[[], None], core: int) -> NoReturn:
    """The child's whole life. It leaves without Python's clean-up: what it inherited is its parent's."""
    status = 1
    try:
        pin(core)
        follow()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
