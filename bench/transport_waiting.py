"""Transport rows of what sleeps between messages: round trips, their CPU, and a chain of seven processes.

Blocking rivals are compared with blocking waits: each contestant sleeps in the kernel until there is a message. On a
host whose cores sleep too, all of them pay for the same wake-up; what differs is what they add.
"""

import functools
import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

import faster_fifo
import numpy as np

from bench import waiting_kernels as kernels
from bench.harness import Bench
from bench.results import TIME, Result, times
from bench.rivals import rival
from bench.two_processes import in_both, shared_bytes
from procs.affinity import pin
from shm.clock import CLOCK, calibrate
from shm.kernel import address_of_array, new_record
from shm.ring import READER, WRITER, format_ring, open_reader, open_writer, ring_bytes

CAPACITY_BYTES = 1 << 16
PAYLOAD = bytes(24)
"""What a 64-byte frame of ours carries behind its header, rounded to whole words."""

WAIT_S = 10.0
GAP_NS = 1_000_000
STATIONS = 7
_FEEDER_S = 0.05
"""A queue's feeder thread may still have the last message when its process has nothing more to do."""

CAME_BACK, ARRIVED = "every message came back", "every message arrived"

SLEPT_SHARE = 0.9
"""Of the waits in a run of round trips, how many must have been sleeps: else it polled, and compares with nothing."""


class Line:
    """A ring with a doorbell for whoever reads it, in memory that a fork shares."""

    def __init__(self) -> None:
        self.memory = shared_bytes(ring_bytes(CAPACITY_BYTES))
        self.writer, self.reader = new_record(WRITER), new_record(READER)
        format_ring(self.memory, CAPACITY_BYTES, consumers=1)
        open_writer(self.writer[0], address_of_array(self.memory))
        open_reader(self.reader[0], address_of_array(self.memory), 0, 0)


def new_clock() -> np.ndarray:
    """A calibrated clock."""
    clock = new_record(CLOCK)
    calibrate(clock)
    return clock


def rows(bench: Bench) -> None:
    """`ring_one_way_blocking`, `ring_blocking_cpu`, `chain_7` and `chain_7_cpu`: CPU is of all processes a message."""
    few = bench.size(3_000, 100)
    zmq = str(few)
    bench.row(
        "ring_one_way_blocking",
        unit=TIME,
        ours=functools.partial(ring_round_trips, few, bench.cores),
        rivals={
            **{name: functools.partial(queue_round_trips, few, bench.cores, make) for name, make in PAIRS.items()},
            "pyzmq ipc": rival("pyzmq", "bench/rivals_pyzmq.py", zmq, str(bench.cores[0]), str(bench.cores[1])),
        },
        at_least={"faster-fifo": 2, "multiprocessing.Queue": 2},
        answer=CAME_BACK,
    )
    paced = bench.size(2_000, 30)
    bench.row(
        "ring_blocking_cpu",
        unit=TIME,
        ours=functools.partial(ring_cpu, paced, bench.cores),
        rivals={name: functools.partial(queue_cpu, paced, bench.cores, make) for name, make in PAIRS.items()},
        at_least={"faster-fifo": 10, "multiprocessing.Queue": 10},
        answer=ARRIVED,
        repeats=3,
    )
    found: list[float] = []
    bench.row(
        "chain_7",
        unit=TIME,
        target=80_000,
        ours=functools.partial(chain, bench.size(3_000, 30), bench.cores, found),
        answer=ARRIVED,
        repeats=3,
    )
    # 6 % of a machine of two cores for 1,000 messages a second
    bench.row(
        "chain_7_cpu",
        unit=TIME,
        target=120_000,
        ours=lambda: times(np.array(found), ARRIVED),
        answer=ARRIVED,
        repeats=1,
    )


def ring_round_trips(trips: int, cores: tuple[int, int]) -> Result:
    """Half a round trip over two of our rings; both sides sleep in the futex, and it is counted that they do."""
    there, back, bells, clock = Line(), Line(), shared_bytes(256), new_clock()
    scratch, measured = np.zeros(4, dtype=np.int64), np.zeros(trips, dtype=np.int64)
    sleeps = shared_bytes(16).view(np.int64)
    addresses = (address_of_array(bells), address_of_array(scratch))
    right: list[int] = []

    def lead(samples: np.ndarray) -> None:
        rings = (there.writer[0], back.reader[0])
        right.append(kernels.ask_and_wait(*rings, *addresses, address_of_array(clock), samples, sleeps[:1]))

    def follow(count: int) -> None:
        kernels.answer_each(back.writer[0], there.reader[0], *addresses, count, sleeps[1:])

    lead(measured[:0])
    follow(0)
    in_both(lambda: lead(measured), lambda: follow(trips), cores=cores)
    if right[-1] != trips:
        return times(measured, f"{right[-1]} of {trips} came back")
    slept = sleeps.min() >= SLEPT_SHARE * trips
    return times(measured, CAME_BACK if slept else f"slept {sleeps.tolist()} times of {trips}: that is polling")


Pair = tuple[Callable[[bytes], object], Callable[[], bytes]]
"""How to send and how to await a message of one direction."""


def _faster_fifo() -> Pair:
    queue = faster_fifo.Queue(max_size_bytes=CAPACITY_BYTES)
    return queue.put, functools.partial(queue.get, True, WAIT_S)


def _multiprocessing_queue() -> Pair:
    queue: Any = multiprocessing.get_context("fork").Queue()
    return queue.put, functools.partial(queue.get, True, WAIT_S)


def _pipe() -> Pair:
    reader, writer = multiprocessing.get_context("fork").Pipe(duplex=False)
    return writer.send_bytes, reader.recv_bytes


PAIRS: dict[str, Callable[[], Pair]] = {
    "faster-fifo": _faster_fifo,
    "multiprocessing.Queue": _multiprocessing_queue,
    "multiprocessing.Pipe": _pipe,
}


def queue_round_trips(trips: int, cores: tuple[int, int], make: Callable[[], Pair]) -> Result:
    """Half a round trip over two of a rival's."""
    (ask, asked), (reply, replied) = make(), make()
    measured, right = np.zeros(trips, dtype=np.int64), [0]

    def lead() -> None:
        for index in range(trips):
            start_ns = time.perf_counter_ns()
            ask(PAYLOAD)
            echo = replied()
            measured[index] = (time.perf_counter_ns() - start_ns) // 2
            right[0] += echo == PAYLOAD

    def follow() -> None:
        for _ in range(trips):
            reply(asked())
        time.sleep(_FEEDER_S)

    in_both(lead, follow, cores=cores)
    return times(measured, CAME_BACK if right[0] == trips else f"{right[0]} of {trips} came back")


def ring_cpu(count: int, cores: tuple[int, int]) -> Result:
    """CPU of both sides for a message a millisecond."""
    line, bells, clock = Line(), shared_bytes(256), new_clock()
    scratch, measured = np.zeros(4, dtype=np.int64), np.zeros(count, dtype=np.int64)
    bell, hand = address_of_array(bells), address_of_array(scratch)
    right: list[int] = []

    def send(number: int) -> None:
        kernels.send_paced(line.writer[0], bell, bell + 128, hand, address_of_array(clock), number, GAP_NS)

    def take(samples: np.ndarray) -> None:
        right.append(kernels.take_all(line.reader[0], bell, hand, address_of_array(clock), samples))

    send(0)
    take(measured[:0])
    cpu_ns = _cpu_ns(lambda: send(count), lambda: take(measured), cores)
    return times(np.array([cpu_ns / count]), ARRIVED if right[-1] == count else f"{right[-1]} of {count} arrived")


def queue_cpu(count: int, cores: tuple[int, int], make: Callable[[], Pair]) -> Result:
    """The same of a rival, paced by the same clock."""
    (send, take), right = make(), [0]

    def lead() -> None:
        next_ns = time.monotonic_ns() + GAP_NS
        for _ in range(count):
            time.sleep(max(next_ns - time.monotonic_ns(), 0) / 1e9)
            next_ns += GAP_NS
            send(PAYLOAD)
        time.sleep(_FEEDER_S)

    def follow() -> None:
        for _ in range(count):
            right[0] += take() == PAYLOAD

    cpu_ns = _cpu_ns(lead, follow, cores)
    return times(np.array([cpu_ns / count]), ARRIVED if right[0] == count else f"{right[0]} of {count} arrived")


def _cpu_ns(send: Callable[[], None], take: Callable[[], None], cores: tuple[int, int]) -> float:
    """CPU time that this process takes for `take` and a child for `send`."""
    spent = shared_bytes(16).view(np.int64)
    in_both(functools.partial(_timed, take, spent[:1]), functools.partial(_timed, send, spent[1:]), cores=cores)
    return float(spent.sum())


def _timed(work: Callable[[], None], spent: np.ndarray) -> None:
    """Note the CPU time that a piece of work takes of this process."""
    before_ns = time.process_time_ns()
    work()
    spent[0] = time.process_time_ns() - before_ns


def chain(count: int, cores: tuple[int, int], cpu_ns: list[float]) -> Result:
    """Seven processes, six hops, a message a millisecond: the first four on one core, the others on the other.

    `cpu_ns` gets what all of them took for one message.
    """
    lines, clock = [Line() for _ in range(STATIONS - 1)], new_clock()
    bells, scratch = shared_bytes(128 * STATIONS), np.zeros(4, dtype=np.int64)
    measured = np.zeros(count, dtype=np.int64)
    hand, clock_at = address_of_array(scratch), address_of_array(clock)
    right: list[int] = []

    def bell(station: int) -> int:
        return address_of_array(bells) + 128 * station

    def serve(station: int, number: int) -> None:
        pin(cores[1] if station < (STATIONS + 1) // 2 else cores[0])
        if station == 0:
            kernels.send_paced(lines[0].writer[0], bell(1), bell(0), hand, clock_at, number, GAP_NS)
        elif station < STATIONS - 1:
            writer, reader = lines[station].writer[0], lines[station - 1].reader[0]
            kernels.pass_on(writer, reader, bell(station), bell(station + 1), hand, number)
        else:
            reader = lines[-1].reader[0]
            right.append(kernels.take_all(reader, bell(station), hand, clock_at, measured[:number]))

    affinity = os.sched_getaffinity(0)
    for station in range(STATIONS):
        serve(station, 0)
    spent = shared_bytes(8 * STATIONS).view(np.int64)
    works = [
        functools.partial(_timed, functools.partial(serve, station, count), spent[station : station + 1])
        for station in range(STATIONS)
    ]
    children = [_forked(work) for work in (*works[1:-1], works[0])]
    works[-1]()
    os.sched_setaffinity(0, affinity)
    for child in children:
        os.waitpid(child, 0)
    cpu_ns[:] = [float(spent.sum()) / count]
    return times(measured, ARRIVED if right[-1] == count else f"{right[-1]} of {count} arrived")


def _forked(work: Callable[[], None]) -> int:
    """A child that does one thing and leaves without Python's clean-up."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child
