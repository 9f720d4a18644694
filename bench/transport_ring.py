"""Rows of the transport suite that cross cores, polling: one frame of 64 bytes there and back, and streams of them."""

from bench import queues
from bench.duel import Duel
from bench.harness import Bench
from bench.results import RATE, TIME, Absent, Contestant
from bench.rings import ARRIVED, CAME_BACK, CRings, OurRings
from bench.rivals import rival

C_RING, FLOOR = "C ring", "floor"


def ring_one_way(bench: Bench) -> None:
    """`ring_one_way`: half a round trip, header included. The floor is a bare counter, handed over by C."""
    samples, few = bench.size(500, 20), bench.size(3_000, 50)
    ours, in_c = OurRings(samples=samples, count=1), CRings(samples=samples, count=1)
    contests = [ours.round_trips()] + ([] if in_c.absent else [in_c.round_trips(), in_c.floor()])
    duel = Duel(contests, rounds=bench.size(24, 2), cores=bench.cores)
    rivals: dict[str, Contestant | Absent] = {name: in_c.absent or duel.contestant(name) for name in (C_RING, FLOOR)}
    rivals["faster-fifo, polled"] = queues.round_trips(
        queues.faster_fifo_queue, few, bench.cores, get=queues.get_polled
    )
    rivals["iceoryx2, polled"] = rival("iceoryx2", "bench/rivals_iceoryx2.py", str(few), *map(str, bench.cores))
    bench.row(
        "ring_one_way",
        unit=TIME,
        ours=duel.contestant("ours"),
        floor=duel.floor,
        rivals=rivals,
        at_least={C_RING: 1 / 1.15, FLOOR: 1 / 1.4, "faster-fifo, polled": 30},
        answer=CAME_BACK,
    )


def ring_throughput(bench: Bench) -> None:
    """`ring_throughput`: 64-byte frames a second through one ring of 64 KiB, every word compared."""
    count = bench.size(50_000, 2_000)
    ours, in_c = OurRings(samples=1, count=count), CRings(samples=1, count=count)
    contests = [ours.stream()] + ([] if in_c.absent else [in_c.stream()])
    duel = Duel(contests, rounds=bench.size(24, 2), cores=bench.cores)
    few, more = bench.size(50_000, 500), bench.size(200_000, 1_000)
    bench.row(
        "ring_throughput",
        unit=RATE,
        target=50e6,
        ours=duel.contestant("ours"),
        floor=duel.floor,
        rivals={
            C_RING: in_c.absent or duel.contestant(C_RING),
            "faster-fifo": queues.stream(queues.faster_fifo_queue, few, bench.cores),
            "faster-fifo put_many": queues.stream(queues.faster_fifo_queue, more, bench.cores, many=queues.MANY),
        },
        at_least={C_RING: 0.9, "faster-fifo": 100, "faster-fifo put_many": 30},
        answer=ARRIVED,
    )
