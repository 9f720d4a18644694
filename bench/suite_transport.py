"""Transport: an order encoded, handed to another process and decoded there, beside queues that Python users know.

Every contestant carries the same message (NewOrder, 11 integers) both ways. The rivals get msgspec, the
fastest codec there is for them, where they can use it; multiprocessing.Queue pickles, as it always does.
"""

import functools
import multiprocessing
import time
from collections.abc import Callable
from typing import Any

import faster_fifo
import msgspec
import numpy as np

from bench import transport_kernels as kernels
from bench import transport_waiting
from bench.harness import Bench
from bench.results import RATE, TIME, Result, rate, times
from bench.transport_arena import arena_row, histogram_rows
from bench.transport_broadcast import broadcast_rows
from bench.transport_cells import codec_roundtrip, slot_read
from bench.transport_log import log_record
from bench.transport_ring import ring_one_way, ring_throughput
from bench.transport_system import idle_cpu
from bench.two_processes import in_both, shared_bytes
from shm.clock import CLOCK, calibrate
from shm.codec import record_dtype
from shm.kernel import new_record
from shm.ring import READER, WRITER, format_ring, open_reader, open_writer, ring_bytes
from trader.messages import NewOrder

ORDER = record_dtype(NewOrder)
CAPACITY_BYTES = 1 << 20
BATCH = 100
WAIT_S = 10.0
MESSAGE = NewOrder(0, 0, 1 << 44, 7, 1, 0, 12, 0, 1, 99, 123_456_789)

encoder = msgspec.msgpack.Encoder()
decoder = msgspec.msgpack.Decoder(NewOrder)


CAME_BACK = "every order came back"
ARRIVED = "every order arrived"
LOST = "orders were lost or changed"


def rows(bench: Bench) -> None:
    """Codec alone, one hop of latency, and the stream across two cores."""
    bench.row(
        "encode_decode",
        unit=TIME,
        target=20,
        ours=functools.partial(our_codec, bench.size(2_000, 5)),
        rivals={"msgspec": functools.partial(msgspec_codec, bench.size(500, 5))},
        answer=CAME_BACK,
    )
    codec_roundtrip(bench)
    slot_read(bench)
    arena_row(bench)
    histogram_rows(bench)
    log_record(bench)
    if bench.cores[0] == bench.cores[1]:
        print("transport: one core only, nothing to hand over to")
        return
    ring_one_way(bench)
    ring_throughput(bench)
    broadcast_rows(bench)
    few = bench.size(5_000, 100)
    bench.row(
        "order_one_way",
        unit=TIME,
        target=200,
        ours=functools.partial(ring_latency, bench.size(100_000, 200), bench.cores),
        rivals={name: functools.partial(queue_latency, few, bench.cores, make) for name, make in QUEUES.items()},
        answer=CAME_BACK,
    )
    few = bench.size(30_000, 500)
    bench.row(
        "orders_per_second",
        unit=RATE,
        target=10e6,
        ours=functools.partial(ring_rate, bench.size(2_000_000, 2_000), bench.cores),
        rivals={name: functools.partial(queue_rate, few, bench.cores, make) for name, make in QUEUES.items()},
        answer=ARRIVED,
    )
    transport_waiting.rows(bench)
    idle_cpu(bench)


def faster_fifo_queue() -> Any:
    """A faster-fifo queue that carries msgspec's bytes."""
    return faster_fifo.Queue(max_size_bytes=CAPACITY_BYTES, loads=decoder.decode, dumps=encoder.encode)


def multiprocessing_queue() -> Any:
    """The standard library's queue, which pickles."""
    return multiprocessing.get_context("fork").Queue()


QUEUES: dict[str, Callable[[], Any]] = {
    "faster-fifo + msgspec": faster_fifo_queue,
    "multiprocessing.Queue": multiprocessing_queue,
}


def our_codec(samples: int) -> Result:
    """The compiled codec, from record to bytes to record."""
    order, echo, body = new_order(), new_record(ORDER), np.zeros(256, dtype=np.uint8)
    clock, measured = new_clock(), np.zeros(samples)
    total = kernels.round_trips(order[0], echo[0], kernels.address(body), kernels.address(clock), measured, BATCH)
    return times(measured, CAME_BACK if total == triangle(samples * BATCH) else LOST)


def msgspec_codec(samples: int) -> Result:
    """msgspec, from object to bytes to object."""
    measured, right = np.zeros(samples), 0
    for index in range(samples):
        start_ns = time.perf_counter_ns()
        for _ in range(BATCH):
            echo = decoder.decode(encoder.encode(MESSAGE))
        measured[index] = (time.perf_counter_ns() - start_ns) / BATCH
        right += echo == MESSAGE
    return times(measured, CAME_BACK if right == samples else LOST)


def ring_latency(trips: int, cores: tuple[int, int]) -> Result:
    """Half a round trip over two rings."""
    (there_writer, there_reader), (back_writer, back_reader) = new_ring(), new_ring()
    clock, measured = new_clock(), np.zeros(trips, dtype=np.int64)
    order, echo = new_order(), new_record(ORDER)
    right: list[int] = []

    def lead(times_ns: np.ndarray) -> None:
        writer, reader = there_writer[0], back_reader[0]
        right.append(kernels.ping(writer, reader, order[0], echo[0], kernels.address(clock), times_ns))

    def follow(count: int) -> None:
        kernels.pong(back_writer[0], there_reader[0], echo[0], count)

    lead(measured[:0])
    follow(0)
    in_both(lambda: lead(measured), lambda: follow(trips), cores=cores)
    return times(measured, CAME_BACK if right[-1] == trips else LOST)


def ring_rate(count: int, cores: tuple[int, int]) -> Result:
    """Orders streamed through one ring, from the first taken to the last."""
    writer, reader = new_ring()
    clock, span = new_clock(), np.zeros(2, dtype=np.int64)
    order, taken = new_order(), new_record(ORDER)
    totals: list[int] = []

    def lead(expected: int) -> None:
        totals.append(kernels.drain(reader[0], taken[0], expected, kernels.address(clock), span))

    lead(0)
    kernels.pour(writer[0], order[0], 0)
    in_both(lambda: lead(count), lambda: kernels.pour(writer[0], order[0], count), cores=cores)
    return rate(count - 1, int(span[1] - span[0]), ARRIVED if totals[-1] == triangle(count) else LOST)


def queue_latency(trips: int, cores: tuple[int, int], make: Callable[[], Any]) -> Result:
    """Half a round trip over two of a rival's queues."""
    there, back = make(), make()
    measured, right = np.zeros(trips, dtype=np.int64), [0]

    def lead() -> None:
        for index in range(trips):
            start_ns = time.perf_counter_ns()
            there.put(MESSAGE)
            echo = back.get(True, WAIT_S)
            measured[index] = (time.perf_counter_ns() - start_ns) // 2
            right[0] += echo == MESSAGE
        close(there, back)

    def follow() -> None:
        for _ in range(trips):
            back.put(there.get(True, WAIT_S))
        close(there, back)

    in_both(lead, follow, cores=cores)
    return times(measured, CAME_BACK if right[0] == trips else LOST)


def queue_rate(count: int, cores: tuple[int, int], make: Callable[[], Any]) -> Result:
    """Orders streamed through a rival's queue, one call each, from the first taken to the last."""
    queue = make()
    span, right = [0, 0], [0]

    def lead() -> None:
        for index in range(count):
            right[0] += queue.get(True, WAIT_S) == MESSAGE
            if index == 0:
                span[0] = time.perf_counter_ns()
        span[1] = time.perf_counter_ns()
        close(queue)

    def follow() -> None:
        for _ in range(count):
            queue.put(MESSAGE, True, WAIT_S)
        close(queue)

    in_both(lead, follow, cores=cores)
    return rate(count - 1, span[1] - span[0], ARRIVED if right[0] == count else LOST)


def close(*queues: Any) -> None:
    """Let a queue's feeder thread, where it has one, send what it holds."""
    for queue in queues:
        queue.close()
        if hasattr(queue, "join_thread"):
            queue.join_thread()


def new_ring() -> tuple[np.ndarray, np.ndarray]:
    """A writer and a reader bound to a new ring in memory that a fork shares."""
    memory = shared_bytes(ring_bytes(CAPACITY_BYTES))
    _KEEP[:] = [*_KEEP[-3:], memory]
    format_ring(memory, CAPACITY_BYTES, consumers=1)
    writer, reader = new_record(WRITER), new_record(READER)
    open_writer(writer[0], kernels.address(memory))
    open_reader(reader[0], kernels.address(memory), 0, 0)
    return writer, reader


_KEEP: list[np.ndarray] = []
"""The newest rings' memory: a ring's address keeps nothing alive."""


def new_clock() -> np.ndarray:
    """A calibrated clock."""
    clock = new_record(CLOCK)
    calibrate(clock)
    return clock


def new_order() -> np.ndarray:
    """MESSAGE as a record."""
    order = new_record(ORDER)
    for name in MESSAGE.__struct_fields__:
        order[name] = getattr(MESSAGE, name)
    return order


def triangle(count: int) -> int:
    """0 + 1 + ... + (count - 1)."""
    return count * (count - 1) // 2
