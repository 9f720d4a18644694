"""Row of the transport suite: an event logged by compiled code, beside the standard library's logging to a file.

Both are measured where the event happens. Ours is taken away by another process on another core, every
millisecond, as the log's collector does; the rival's handler formats and writes at once, as it always does.
"""

import functools
import logging
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.harness import Bench
from bench.processes import in_both
from bench.results import TIME, Result, times
from bench.shared import new_clock, shared_bytes
from procs.hot_log_events import Event
from procs.logs import ROUND_S
from procs.ports import PORTS, log_event
from shm.clock import read_clock
from shm.kernel import address_of_array, kernel, new_record
from shm.log_ring import (
    LOG_READER,
    LOG_RECORD,
    LOG_RECORDS,
    drain_log,
    log_ring_bytes,
    open_log_reader,
    open_log_writer,
)

BATCH = 100
WHOLE = "every event was logged, none dropped"
GIVE_UP_S = 20.0


def log_record(bench: Bench) -> None:
    """`log_record`: one event with five numbers and its time."""
    bench.row(
        "log_record",
        unit=TIME,
        target=20,
        ours=functools.partial(our_events, bench.size(1_300, 5), bench.cores),
        rivals={"logging to a file": functools.partial(standard_logging, bench.size(200, 5))},
        answer=WHOLE,
    )


@kernel
def log_all(ports, clock, measured, pause_ns):
    """BATCH events a sample, a pause between two samples; the sum of the numbers logged."""
    total = number = 0
    for index in range(len(measured)):
        start_ns = read_clock(clock)
        for _ in range(BATCH):
            log_event(ports, Event.RISK_REFUSED, 0, number, 5, 1001, 1000)
            total += number
            number += 1
        end_ns = read_clock(clock)
        measured[index] = (end_ns - start_ns) / BATCH
        while read_clock(clock) - end_ns < pause_ns:
            pass
    return total


def our_events(samples: int, cores: tuple[int, int]) -> Result:
    """A stage's own way: `log_event` into its ring, almost a lap, so that none is dropped; a partner takes all."""
    memory = shared_bytes(log_ring_bytes(LOG_RECORDS))
    ports, clock, measured = new_record(PORTS), new_clock(), np.zeros(samples)
    ports[0]["clock"] = address_of_array(clock)
    open_log_writer(ports[0]["hot_log"], memory)
    logged: list[int] = []
    taken = shared_bytes(16).view(np.int64)

    def lead() -> None:
        logged.append(log_all(address_of_array(ports), address_of_array(clock), measured, 10_000))

    def follow() -> None:
        taken[:] = take_all(memory, samples * BATCH)

    log_all(address_of_array(ports), address_of_array(clock), measured[:0], 0)
    if cores[0] == cores[1]:
        lead()
        follow()
    else:
        in_both(lead, follow, cores=cores)
    count, total = taken.tolist()
    whole = count == samples * BATCH and [total] == logged
    return times(measured, WHOLE if whole else f"{count} of {samples * BATCH} events")


def take_all(memory: np.ndarray, count: int) -> tuple[int, int]:
    """Take `count` records away as they come; how many came, and the sum of their second numbers."""
    reader, records = new_record(LOG_READER), np.zeros(4096, LOG_RECORD)
    open_log_reader(reader[0], memory)
    taken = total = 0
    end_s = time.monotonic() + GIVE_UP_S
    while taken < count and time.monotonic() < end_s:
        found = int(drain_log(reader[0], address_of_array(records), len(records)))
        total += int(records["values"][:found, 1].sum())
        taken += found
        if found < len(records):
            time.sleep(ROUND_S)
    return taken, total


def standard_logging(samples: int) -> Result:
    """The same event through `logging.info` and a FileHandler with time, level and name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.txt"
        handler = logging.FileHandler(path)
        handler.setFormatter(logging.Formatter("%(asctime)s  %(levelname)-8s%(name)-12s%(message)s"))
        logger = logging.Logger("trader.risk", logging.INFO)
        logger.addHandler(handler)
        text = "%s: order %d refused, %s: found %d, allowed %d"
        measured, number = np.zeros(samples), 0
        for index in range(samples):
            start_ns = time.perf_counter_ns()
            for _ in range(BATCH):
                logger.info(text, "BTCUSDT", number, "QUANTITY", 1001, 1000)
                number += 1
            measured[index] = (time.perf_counter_ns() - start_ns) / BATCH
        handler.close()
        lines = path.read_bytes().count(os.linesep.encode())
    return times(measured, WHOLE if lines == samples * BATCH else f"{lines} of {samples * BATCH} lines")
