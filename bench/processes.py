"""Several pinned processes at once: this one, and forked children that do not outlive it."""

import os
import signal
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from bench.cores import on_core
from procs.affinity import pin


class PartnerFailed(Exception):
    """A child did not end well; its traceback is on stderr."""


def in_all(lead: Callable[[], None], follow: Sequence[Callable[[], None]], *, cores: Sequence[int]) -> None:
    """Run `lead` here on the first core and each of `follow` in a forked child on its own of the other cores.

    Compile what they call before: the children inherit it. Raises PartnerFailed.
    """
    assert len(cores) == len(follow) + 1, (cores, len(follow))
    children: list[int] = []
    try:
        for run, core in zip(follow, cores[1:], strict=True):
            child = os.fork()
            if child == 0:
                _follow(run, core)
            children.append(child)
        with on_core(cores[0]):
            lead()
    except BaseException:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        raise
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    failed = [(number, end) for number, end in enumerate(ends, 2) if end]
    if failed:
        raise PartnerFailed(", ".join(f"process {number} ended with {end}" for number, end in failed))


def in_both(lead: Callable[[], None], follow: Callable[[], None], *, cores: tuple[int, int]) -> None:
    """`in_all` of two: `lead` here on the first core, `follow` in a child on the second."""
    in_all(lead, [follow], cores=cores)


def _follow(run: Callable[[], None], core: int) -> NoReturn:
    """A child's whole life. It leaves without Python's clean-up: what it inherited is its parent's."""
    status = 1
    try:
        pin(core)
        run()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
