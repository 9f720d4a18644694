"""The server that stages are forked from: kernels loaded once, one thread, a stage in milliseconds.

    supervisor --(forks, before it has threads)--> nursery --(forks)--> stage, stage, ...
                 <-------- one seqpacket socket ------->

The nursery imports every stage and loads every kernel from the cache, then forks on request. Each link of the
chain dies with its parent: PDEATHSIG sends SIGTERM down, and a stage that owns orders cancels them first.
"""

import ctypes
import logging
import os
import select
import signal
import socket
import traceback
from collections.abc import Callable, Iterable

import msgspec

_PR_SET_PDEATHSIG = 1
_MESSAGE_BYTES_MAX = 1 << 16


class Spawn(msgspec.Struct, tag=1, array_like=True):
    """Fork the process `group` in its `generation`."""

    group: str
    generation: int


class Spawned(msgspec.Struct, tag=2, array_like=True):
    """It runs as `pid`."""

    group: str
    pid: int


class Exited(msgspec.Struct, tag=3, array_like=True):
    """It has ended: exit code, or minus the signal."""

    group: str
    pid: int
    code: int


class Loading(msgspec.Struct, tag=4, array_like=True):
    """`done` of `total` kernels are in memory; `name` is the next."""

    name: str
    done: int
    total: int


_ENCODER = msgspec.msgpack.Encoder()
_REPLIES = msgspec.msgpack.Decoder(Spawned | Exited | Loading)
_REQUESTS = msgspec.msgpack.Decoder(Spawn)


def how_it_ended(code: int) -> str:
    """An exit code, or minus the signal, in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exited with code {code}"


def die_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM to this process when its parent ends; exits if it already has."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


class Nursery:
    """The supervisor's end: spawns processes, hears of their ends."""

    def __init__(self, load: Callable[[], Iterable[tuple[str, int, int]]], run: Callable[[str, int], int]) -> None:
        """Fork the server at once. `load` loads the kernels, telling (name, done, total); `run` is a stage."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            # A group of its own, made from both sides so that neither is early: what a terminal or `timeout` sends
            # to the whole group reaches the supervisor only.
            os.setpgid(0, 0)
            ours.close()
            _exit_with(lambda: _serve(theirs, parent, load, run))
        theirs.close()
        os.setpgid(self.pid, self.pid)
        self.socket = ours

    def spawn(self, group: str, generation: int) -> None:
        """Ask for a process; `Spawned` follows."""
        self.socket.send(_ENCODER.encode(Spawn(group, generation)))

    def replies(self, timeout_s: float) -> list[Spawned | Exited | Loading]:
        """What has arrived, waiting up to `timeout_s` for the first. Raises ConnectionError when the server is gone."""
        found: list[Spawned | Exited | Loading] = []
        while select.select([self.socket], [], [], 0 if found else timeout_s)[0]:
            data = self.socket.recv(_MESSAGE_BYTES_MAX)
            if not data:
                if found:
                    return found
                raise ConnectionError(f"the process that stages are forked from has ended: {self._how_it_ended()}")
            found.append(_REPLIES.decode(data))
        return found

    def _how_it_ended(self) -> str:
        """Exit code or signal of a server that has closed its end; it stays to be waited for."""
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        return how_it_ended(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)

    def close(self) -> None:
        """End the server, even in the middle of compiling, and whoever compiles for it."""
        self.socket.close()
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _exit_with(body: Callable[[], int]) -> None:
    """Run a forked child's whole life; never returns into the parent's code."""
    code = 1
    try:
        code = body()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        logging.getLogger("trader").exception("the process failed")
        traceback.print_exc()
    finally:
        os._exit(code)


def _serve(
    channel: socket.socket,
    parent: int,
    load: Callable[[], Iterable[tuple[str, int, int]]],
    run: Callable[[str, int], int],
) -> int:
    # A SIGTERM that is sent to every process at once is for the supervisor, which stops all in order: here it
    # counts only when the supervisor is gone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0) if os.getppid() != parent else None)
    die_with_parent(parent)
    for name, done, total in load():
        _tell(channel, Loading(name, done, total))
    children: dict[int, tuple[int, str]] = {}
    poller = select.poll()
    poller.register(channel, select.POLLIN)
    while True:
        for descriptor, _ in poller.poll():
            if descriptor != channel.fileno():
                pid, group = children.pop(descriptor)
                poller.unregister(descriptor)
                os.close(descriptor)
                _, status = os.waitpid(pid, 0)
                _tell(channel, Exited(group, pid, os.waitstatus_to_exitcode(status)))
                continue
            data = channel.recv(_MESSAGE_BYTES_MAX)
            if not data:
                return 0
            request = _REQUESTS.decode(data)
            pid = _fork_stage(channel, request, run)
            pidfd = os.pidfd_open(pid)
            children[pidfd] = (pid, request.group)
            poller.register(pidfd, select.POLLIN)
            _tell(channel, Spawned(request.group, pid))


def _fork_stage(channel: socket.socket, request: Spawn, run: Callable[[str, int], int]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        channel.close()
        die_with_parent(parent)
        _exit_with(lambda: run(request.group, request.generation))
    return pid


def _tell(channel: socket.socket, message: Spawned | Exited | Loading) -> None:
    try:
        channel.send(_ENCODER.encode(message))
    except OSError:
        # The supervisor is gone; PDEATHSIG is on its way.
        return
