"""Queues that Python users know, carrying 64 bytes as they are: round trips and streams between two processes.

Nothing is pickled or encoded where a queue lets us say so, which favours the rivals.
"""

import functools
import multiprocessing
import time
from collections.abc import Callable
from queue import Empty, Full
from typing import Any

import faster_fifo
import numpy as np

from bench.results import Contestant, Result, rate, times
from bench.rings import ARRIVED, CAME_BACK, LOST
from bench.two_processes import in_both

WAIT_S = 10.0
QUEUE_BYTES = 1 << 20
MANY = 100
MESSAGE = bytes(range(64))


def as_it_is(message: bytes) -> bytes:
    """No codec."""
    return message


def faster_fifo_queue() -> Any:
    """A faster-fifo queue of bytes. It hands out views, whose comparison would cost more than the queue does."""
    return faster_fifo.Queue(max_size_bytes=QUEUE_BYTES, loads=bytes, dumps=as_it_is)


def multiprocessing_queue() -> Any:
    """The standard library's queue, which pickles."""
    return multiprocessing.get_context("fork").Queue()


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


def round_trips(make: Callable[[], Any], get: Callable[[Any], Any], trips: int, cores: tuple[int, int]) -> Contestant:
    """Half a round trip over two queues."""
    return functools.partial(_round_trips, make, get, trips, cores)


def _round_trips(make: Callable[[], Any], get: Callable[[Any], Any], trips: int, cores: tuple[int, int]) -> Result:
    there, back = make(), make()
    measured, right = np.zeros(trips), [0]

    def lead() -> None:
        for index in range(trips):
            start_ns = time.perf_counter_ns()
            there.put(MESSAGE)
            echo = get(back)
            measured[index] = (time.perf_counter_ns() - start_ns) / 2
            right[0] += echo == MESSAGE
        close(there, back)

    def follow() -> None:
        for _ in range(trips):
            back.put(get(there))
        close(there, back)

    in_both(lead, follow, cores=cores)
    return times(measured, CAME_BACK if right[0] == trips else LOST)


def stream(count: int, cores: tuple[int, int], *, many: int = 1) -> Contestant:
    """Messages through one faster-fifo queue: single calls, or put_many and get_many of `many` at a time."""
    return functools.partial(_stream, count, cores, many)


def _stream(count: int, cores: tuple[int, int], many: int) -> Result:
    queue = faster_fifo_queue()
    span, right = [0, 0], [0]

    def lead() -> None:
        taken = 0
        while taken < count:
            found = [get_blocking(queue)] if many == 1 else queue.get_many(True, WAIT_S, many)
            if taken == 0:
                span[0] = time.perf_counter_ns()
            right[0] += sum(message == MESSAGE for message in found)
            taken += len(found)
        span[1] = time.perf_counter_ns()

    def follow() -> None:
        for _ in range(count // many):
            while True:
                try:
                    if many == 1:
                        queue.put(MESSAGE, True, WAIT_S)
                    else:
                        queue.put_many([MESSAGE] * many, True, WAIT_S)
                    break
                except Full:
                    continue

    in_both(lead, follow, cores=cores)
    return rate(count, span[1] - span[0], ARRIVED if right[0] == count else LOST)


def close(*queues: Any) -> None:
    """Let a queue's feeder thread, where it has one, send what it holds."""
    for queue in queues:
        queue.close()
        if hasattr(queue, "join_thread"):
            queue.join_thread()
