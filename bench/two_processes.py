"""Two pinned processes over anonymous shared memory, for what is measured across cores."""

import mmap
from collections.abc import Callable

import numpy as np

from bench.several_processes import PartnerFailed as PartnerFailed
from bench.several_processes import in_all


def shared_bytes(count: int) -> np.ndarray:
    """Zeroed memory, every page touched, that a process forked later shares; it goes with the array."""
    memory = np.frombuffer(mmap.mmap(-1, count), dtype=np.uint8)
    memory[:] = 0
    return memory


def in_both(lead: Callable[[], None], follow: Callable[[], None], *, cores: tuple[int, int]) -> None:
    """Run `lead` here on the first core and `follow` in a forked child on the second, at the same time.

    Compile what they call before: the child inherits it. Raises PartnerFailed.
    """
    in_all(lead, [follow], cores=cores)
