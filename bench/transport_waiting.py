"""Transport rows of what sleeps between messages: round trips, their CPU, and a chain of seven processes.

Blocking rivals are compared with blocking waits: each contestant sleeps in the kernel until there is a message. On a
host whose cores sleep too, all of them pay for the same wake-up; what differs is what they add.
"""

import functools
import time
from collections.abc import Callable

import faster_fifo
import numpy as np

from bench import queues
from bench import waiting_kernels as kernels
from bench.harness import Bench
from bench.processes import in_all, in_both
from bench.results import TIME, Result, times
from bench.rings import ARRIVED, CAME_BACK
from bench.rivals import rival
from bench.shared import SharedRing, new_clock, shared_bytes
from shm.kernel import address_of_array

CAPACITY_BYTES = 1 << 16
PAYLOAD = bytes(24)
"""What a 64-byte frame of ours carries behind its header, rounded to whole words."""

GAP_NS = 1_000_000
STATIONS = 7

SLEPT_SHARE = 0.9
"""Of the waits in a run of round trips, how many must have been sleeps: else it polled, and compares with nothing."""


def rows(bench: Bench) -> None:
    """`ring_one_way_blocking`, `ring_blocking_cpu`, `chain_7` and `chain_7_cpu`: CPU is of all processes a message."""
    few = bench.size(3_000, 100)
    zmq = str(few)
    bench.row(
        "ring_one_way_blocking",
        unit=TIME,
        ours=functools.partial(ring_round_trips, few, bench.cores),
        rivals={
            **{name: queues.round_trips(make, few, bench.cores, message=PAYLOAD) for name, make in QUEUES.items()},
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
        rivals={name: functools.partial(queue_cpu, paced, bench.cores, make) for name, make in QUEUES.items()},
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
    there, back, bells, clock = SharedRing(CAPACITY_BYTES), SharedRing(CAPACITY_BYTES), shared_bytes(256), new_clock()
    scratch, measured = np.zeros(4, dtype=np.int64), np.zeros(trips, dtype=np.int64)
    sleeps = shared_bytes(16).view(np.int64)
    addresses = (address_of_array(bells), address_of_array(scratch))
    right: list[int] = []

    def lead(samples: np.ndarray) -> None:
        rings = (there.writer, back.reader)
        right.append(kernels.ask_and_wait(*rings, *addresses, address_of_array(clock), samples, sleeps[:1]))

    def follow(count: int) -> None:
        kernels.answer_each(back.writer, there.reader, *addresses, count, sleeps[1:])

    lead(measured[:0])
    follow(0)
    in_both(lambda: lead(measured), lambda: follow(trips), cores=cores)
    if right[-1] != trips:
        return times(measured, f"{right[-1]} of {trips} came back")
    slept = sleeps.min() >= SLEPT_SHARE * trips
    return times(measured, CAME_BACK if slept else f"slept {sleeps.tolist()} times of {trips}: that is polling")


QUEUES: dict[str, queues.Make] = {
    "faster-fifo": functools.partial(faster_fifo.Queue, max_size_bytes=CAPACITY_BYTES),
    "multiprocessing.Queue": queues.multiprocessing_queue,
    "multiprocessing.Pipe": queues.Pipe,
}


def ring_cpu(count: int, cores: tuple[int, int]) -> Result:
    """CPU of both sides for a message a millisecond."""
    line, bells, clock = SharedRing(CAPACITY_BYTES), shared_bytes(256), new_clock()
    scratch, measured = np.zeros(4, dtype=np.int64), np.zeros(count, dtype=np.int64)
    bell, hand = address_of_array(bells), address_of_array(scratch)
    right: list[int] = []

    def send(number: int) -> None:
        kernels.send_paced(line.writer, bell, bell + 128, hand, address_of_array(clock), number, GAP_NS)

    def take(samples: np.ndarray) -> None:
        right.append(kernels.take_all(line.reader, bell, hand, address_of_array(clock), samples))

    send(0)
    take(measured[:0])
    cpu_ns = _cpu_ns(lambda: send(count), lambda: take(measured), cores)
    return times(np.array([cpu_ns / count]), ARRIVED if right[-1] == count else f"{right[-1]} of {count} arrived")


def queue_cpu(count: int, cores: tuple[int, int], make: queues.Make) -> Result:
    """The same of a rival, paced by the same clock."""
    queue, right = make(), [0]

    def lead() -> None:
        next_ns = time.monotonic_ns() + GAP_NS
        for _ in range(count):
            time.sleep(max(next_ns - time.monotonic_ns(), 0) / 1e9)
            next_ns += GAP_NS
            queue.put(PAYLOAD)
        queues.close(queue)

    def follow() -> None:
        for _ in range(count):
            right[0] += queues.get_blocking(queue) == PAYLOAD
        queues.close(queue)

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
    lines, clock = [SharedRing(CAPACITY_BYTES) for _ in range(STATIONS - 1)], new_clock()
    bells, scratch = shared_bytes(128 * STATIONS), np.zeros(4, dtype=np.int64)
    measured = np.zeros(count, dtype=np.int64)
    hand, clock_at = address_of_array(scratch), address_of_array(clock)
    right: list[int] = []

    def bell(station: int) -> int:
        return address_of_array(bells) + 128 * station

    def serve(station: int, number: int) -> None:
        if station == 0:
            kernels.send_paced(lines[0].writer, bell(1), bell(0), hand, clock_at, number, GAP_NS)
        elif station < STATIONS - 1:
            writer, reader = lines[station].writer, lines[station - 1].reader
            kernels.pass_on(writer, reader, bell(station), bell(station + 1), hand, number)
        else:
            reader = lines[-1].reader
            right.append(kernels.take_all(reader, bell(station), hand, clock_at, measured[:number]))

    for station in range(STATIONS):
        serve(station, 0)
    spent = shared_bytes(8 * STATIONS).view(np.int64)
    works = [
        functools.partial(_timed, functools.partial(serve, station, count), spent[station : station + 1])
        for station in range(STATIONS)
    ]
    # the sender last: whoever takes is there before
    order = (STATIONS - 1, *range(1, STATIONS - 1), 0)
    places = [cores[1] if station < (STATIONS + 1) // 2 else cores[0] for station in order]
    in_all(works[order[0]], [works[station] for station in order[1:]], cores=places)
    cpu_ns[:] = [float(spent.sum()) / count]
    return times(measured, ARRIVED if right[-1] == count else f"{right[-1]} of {count} arrived")
