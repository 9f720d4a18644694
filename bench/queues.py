"""Queues that Python users know: round trips and streams of one message between two processes.

A contest names how a queue is made (`make`) and what it carries. Bytes go as they are: nothing is pickled or encoded
where a queue lets us say so, which favours the rivals.
"""

import functools
import multiprocessing
import time
from collections.abc import Callable
from queue import Empty, Full
from typing import Any

import faster_fifo
import numpy as np

from bench.processes import in_both
from bench.results import Contestant, Result, rate, times
from bench.rings import ARRIVED, CAME_BACK, LOST

WAIT_S = 10.0
QUEUE_BYTES = 1 << 20
MANY = 100
MESSAGE = bytes(range(64))


Make = Callable[[], Any]
"""How a contestant makes its queue, before the fork."""


def as_it_is(message: bytes) -> bytes:
    """No codec."""
    return message


def faster_fifo_queue() -> Any:
    """A faster-fifo queue of bytes. It hands out views, whose comparison would cost more than the queue does."""
    return faster_fifo.Queue(max_size_bytes=QUEUE_BYTES, loads=bytes, dumps=as_it_is)


def multiprocessing_queue() -> Any:
    """The standard library's queue, which pickles."""
    return multiprocessing.get_context("fork").Queue()


class Pipe:
    """The standard library's pipe of bytes, spoken to like a queue."""

    def __init__(self) -> None:
        reader, writer = multiprocessing.get_context("fork").Pipe(duplex=False)
        self.put, self._take = writer.send_bytes, reader.recv_bytes

    def get(self, block: bool = True, timeout: float | None = None) -> bytes:
        """The next message; waits however long."""
        return self._take()

    def close(self) -> None:
        """Nothing is held back."""


def get_polled(queue: Any) -> Any:
    """Ask until there is something; never sleeps."""
    deadline_s = time.monotonic() + WAIT_S
    while True:
        try:
            return queue.get_nowait()
        except Empty:
            if time.monotonic() > deadline_s:
                raise


def get_blocking(queue: Any) -> Any:
    """Sleep until there is something."""
    return queue.get(True, WAIT_S)


Get = Callable[[Any], Any]


def round_trips(
    make: Make, trips: int, cores: tuple[int, int], *, get: Get = get_blocking, message: Any = MESSAGE
) -> Contestant:
    """Half a round trip over two queues."""
    return functools.partial(_round_trips, make, trips, cores, get, message)


def _round_trips(make: Make, trips: int, cores: tuple[int, int], get: Get, message: Any) -> Result:
    there, back = make(), make()
    measured, right = np.zeros(trips), [0]

    def lead() -> None:
        for index in range(trips):
            start_ns = time.perf_counter_ns()
            there.put(message)
            echo = get(back)
            measured[index] = (time.perf_counter_ns() - start_ns) / 2
            right[0] += echo == message
        close(there, back)

    def follow() -> None:
        for _ in range(trips):
            back.put(get(there))
        close(there, back)

    in_both(lead, follow, cores=cores)
    return times(measured, CAME_BACK if right[0] == trips else LOST)


def stream(make: Make, count: int, cores: tuple[int, int], *, many: int = 1, message: Any = MESSAGE) -> Contestant:
    """Messages a second through one queue: single calls, or faster-fifo's put_many and get_many of `many` at a time."""
    return functools.partial(_stream, make, count, cores, many, message)


def _stream(make: Make, count: int, cores: tuple[int, int], many: int, message: Any) -> Result:
    queue = make()
    span, right = [0, 0], [0]

    def lead() -> None:
        taken = 0
        while taken < count:
            found = [get_blocking(queue)] if many == 1 else queue.get_many(True, WAIT_S, many)
            if taken == 0:
                span[0] = time.perf_counter_ns()
            right[0] += sum(each == message for each in found)
            taken += len(found)
        span[1] = time.perf_counter_ns()
        close(queue)

    def follow() -> None:
        for _ in range(count // many):
            while True:
                try:
                    if many == 1:
                        queue.put(message, True, WAIT_S)
                    else:
                        queue.put_many([message] * many, True, WAIT_S)
                    break
                except Full:
                    continue
        close(queue)

    in_both(lead, follow, cores=cores)
    return rate(count, span[1] - span[0], ARRIVED if right[0] == count else LOST)


def close(*queues: Any) -> None:
    """Let a queue's feeder thread, where it has one, send what it holds."""
    for queue in queues:
        queue.close()
        if hasattr(queue, "join_thread"):
            queue.join_thread()
