"""Real processes for tests: forked children, and one stepped an instruction at a time, as a kill -9 would find it."""

import ctypes
import os
import select
import signal
import traceback
from collections.abc import Callable

import numpy as np
import pytest
from numba import types

from shm.kernel import kernel

CRASHED = 99
_LIBC = ctypes.CDLL(None, use_errno=True)
_TRACE_ME, _CONTINUE, _SINGLE_STEP = 0, 7, 9
_STEPS_MAX = 200_000
_STOP = int(signal.SIGSTOP)

_raise = types.ExternalFunction("raise", types.int32(types.int32))


@kernel
def stop_here():
    """Stop this process: where stepping begins, and where it ends."""
    _raise(types.int32(_STOP))


class Child:
    """A forked process that runs `action` and leaves with its result as exit code."""

    def __init__(self, action: Callable[[], int | None]) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            code = CRASHED
            try:
                code = action() or 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        self._descriptor = os.pidfd_open(self.pid)

    def kill(self) -> None:
        """Kill -9 and reap."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def ended(self, timeout_s: float) -> bool:
        """Whether it ends within `timeout_s`."""
        poller = select.poll()
        poller.register(self._descriptor, select.POLLIN)
        return bool(poller.poll(timeout_s * 1000))

    def wait(self, timeout_s: float = 60.0) -> int:
        """The exit code, or minus the signal that ended it; killed when it takes longer than `timeout_s`."""
        if not self.ended(timeout_s):
            os.kill(self.pid, signal.SIGKILL)
        status = os.waitpid(self.pid, 0)[1]
        os.close(self._descriptor)
        return os.waitstatus_to_exitcode(status)


def _traced(action: Callable[[], object]) -> int:
    """A forked child that lets us trace it while it acts; its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            if _LIBC.ptrace(_TRACE_ME, 0, None, None) == 0:
                action()
        finally:
            os._exit(CRASHED)
    return pid


def crash_images(action: Callable[[], object], memory: np.ndarray) -> list[bytes]:
    """What `memory` (shared) holds after each instruction of `action` between its two calls of `stop_here`.

    Each image is what the rest of the world has when a kill -9 hits at that instruction; equal neighbours are
    given once. The memory is left as the last one. Skips where a child may not be traced.
    """
    pid = _traced(action)
    images = [memory.tobytes()]
    try:
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            pytest.skip("this host lets no process trace its child")
        for _ in range(_STEPS_MAX):
            _step(pid)
            _, status = os.waitpid(pid, 0)
            if not os.WIFSTOPPED(status):
                raise AssertionError(f"the stepped process ended: {os.waitstatus_to_exitcode(status)}")
            image = memory.tobytes()
            if image != images[-1]:
                images.append(image)
            if os.WSTOPSIG(status) == _STOP:
                return images
        raise AssertionError(f"not done after {_STEPS_MAX} instructions")
    finally:
        if not os.WIFEXITED(status):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def interleave(action: Callable[[], object], prepare: Callable[[], object], rival: Callable[[], object]) -> int:
    """Run `rival` here after each single instruction of what `action` does between two calls of `stop_here`.

    `action`, in a child, does the same again and again, a stop before and one behind. At the first `prepare`
    runs here; the n-th time `rival` runs after n instructions more. Ends when the rival would come behind the
    last of them; returns how many there were. Skips where a child may not be traced.
    """
    pid = _traced(action)
    status = os.waitpid(pid, 0)[1]
    if not os.WIFSTOPPED(status):
        pytest.skip("this host lets no process trace its child")
    try:
        for instructions in range(_STEPS_MAX):
            prepare()
            for _ in range(instructions):
                _step(pid)
                if _stop_signal(pid) == _STOP:
                    return instructions
            rival()
            for _ in ("to the second stop", "to the next first"):
                _step(pid, _CONTINUE)
                _stop_signal(pid)
        raise AssertionError(f"not done after {_STEPS_MAX} instructions")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _stop_signal(pid: int) -> int:
    """Wait for the traced child's next stop; its signal."""
    status = os.waitpid(pid, 0)[1]
    if not os.WIFSTOPPED(status):
        raise AssertionError(f"the stepped process ended: {os.waitstatus_to_exitcode(status)}")
    return os.WSTOPSIG(status)


def _step(pid: int, request: int = _SINGLE_STEP) -> None:
    if _LIBC.ptrace(request, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
