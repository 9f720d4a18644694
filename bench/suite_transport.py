"""Transport: an order encoded, handed to another process and decoded there, beside queues that Python users know.

Every contestant carries the same message (NewOrder, 11 integers) both ways. The rivals get msgspec, the
fastest codec there is for them, where they can use it; multiprocessing.Queue pickles, as it always does.
"""

import functools
import time
from typing import Any

import faster_fifo
import msgspec
import numpy as np

from bench import queues, transport_waiting
from bench import transport_kernels as kernels
from bench.harness import Bench
from bench.processes import in_both
from bench.results import RATE, TIME, Result, rate, times
from bench.rings import ARRIVED, CAME_BACK, LOST
from bench.shared import SharedRing, new_clock
from bench.transport_arena import arena_row, histogram_rows
from bench.transport_broadcast import broadcast_rows
from bench.transport_cells import codec_roundtrip, slot_read
from bench.transport_log import log_record
from bench.transport_ring import ring_one_way, ring_throughput
from bench.transport_system import idle_cpu
from shm.codec import record_dtype
from shm.kernel import address_of_array, new_record
from trader.messages import NewOrder

ORDER = record_dtype(NewOrder)
CAPACITY_BYTES = 1 << 20
BATCH = 100
MESSAGE = NewOrder(0, 0, 1 << 44, 7, 1, 0, 12, 0, 1, 99, 123_456_789)

encoder = msgspec.msgpack.Encoder()
decoder = msgspec.msgpack.Decoder(NewOrder)


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
        rivals={name: queues.round_trips(make, few, bench.cores, message=MESSAGE) for name, make in QUEUES.items()},
        answer=CAME_BACK,
    )
    few = bench.size(30_000, 500)
    bench.row(
        "orders_per_second",
        unit=RATE,
        target=10e6,
        ours=functools.partial(ring_rate, bench.size(2_000_000, 2_000), bench.cores),
        rivals={name: queues.stream(make, few, bench.cores, message=MESSAGE) for name, make in QUEUES.items()},
        answer=ARRIVED,
    )
    transport_waiting.rows(bench)
    idle_cpu(bench)


def faster_fifo_queue() -> Any:
    """A faster-fifo queue that carries msgspec's bytes."""
    return faster_fifo.Queue(max_size_bytes=CAPACITY_BYTES, loads=decoder.decode, dumps=encoder.encode)


QUEUES: dict[str, queues.Make] = {
    "faster-fifo + msgspec": faster_fifo_queue,
    "multiprocessing.Queue": queues.multiprocessing_queue,
}


def our_codec(samples: int) -> Result:
    """The compiled codec, from record to bytes to record."""
    order, echo, body = new_order(), new_record(ORDER), np.zeros(256, dtype=np.uint8)
    clock, measured = new_clock(), np.zeros(samples)
    total = kernels.round_trips(order[0], echo[0], address_of_array(body), address_of_array(clock), measured, BATCH)
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
    there, back = SharedRing(CAPACITY_BYTES), SharedRing(CAPACITY_BYTES)
    clock, measured = new_clock(), np.zeros(trips, dtype=np.int64)
    order, echo = new_order(), new_record(ORDER)
    right: list[int] = []

    def lead(times_ns: np.ndarray) -> None:
        right.append(kernels.ping(there.writer, back.reader, order[0], echo[0], address_of_array(clock), times_ns))

    def follow(count: int) -> None:
        kernels.pong(back.writer, there.reader, echo[0], count)

    lead(measured[:0])
    follow(0)
    in_both(lambda: lead(measured), lambda: follow(trips), cores=cores)
    return times(measured, CAME_BACK if right[-1] == trips else LOST)


def ring_rate(count: int, cores: tuple[int, int]) -> Result:
    """Orders streamed through one ring, from the first taken to the last."""
    ring = SharedRing(CAPACITY_BYTES)
    clock, span = new_clock(), np.zeros(2, dtype=np.int64)
    order, taken = new_order(), new_record(ORDER)
    totals: list[int] = []

    def lead(expected: int) -> None:
        totals.append(kernels.drain(ring.reader, taken[0], expected, address_of_array(clock), span))

    lead(0)
    kernels.pour(ring.writer, order[0], 0)
    in_both(lambda: lead(count), lambda: kernels.pour(ring.writer, order[0], count), cores=cores)
    return rate(count - 1, int(span[1] - span[0]), ARRIVED if totals[-1] == triangle(count) else LOST)


def new_order() -> np.ndarray:
    """MESSAGE as a record."""
    order = new_record(ORDER)
    for name in MESSAGE.__struct_fields__:
        order[name] = getattr(MESSAGE, name)
    return order


def triangle(count: int) -> int:
    """0 + 1 + ... + (count - 1)."""
    return count * (count - 1) // 2
