"""The loop of the load bench: market events that fall due at a fixed pace, whatever becomes of the ones before.

    due := start + number * interval  ->  wait until due  ->  feed .. router, until quiet  ->  latency := now - due

An event that falls due while an earlier one is still in hand waits, and its waiting counts: no coordinated omission.
"""

import numpy as np

from procs.backtest_kernels import settle
from procs.duty_cycle import run_group
from procs.loopback import LOOPBACK, frame_to_feed
from shm.atomics import pause
from shm.clock import read_clock
from shm.histogram import record
from shm.kernel import kernel, view
from trader.decoded import DECODED, DECODED_FRAME

PIPELINE = np.dtype([("loop", "i8"), ("group", "i8"), ("count", "i8")], align=True)
"""Addresses of a pipeline's wires and of its table of stages, the exchange first, and how many those are."""

_PIPELINE_BYTES = PIPELINE.itemsize
PIPELINE_SYMBOLS = 4


@kernel
def play_load(pipelines, symbols, at, end, interval_ns, clock, histogram):
    """Play decoded frames from `at` to `end`, each once for every symbol; returns the nanoseconds from first to last.

    `pipelines`: address of PIPELINE records, PIPELINE_SYMBOLS symbols each. A pipeline's answers to orders come after
    the event that caused them: what they take is waited for by the events behind.
    """
    start_ns = read_clock(clock)
    due_ns = start_ns
    now_ns = start_ns
    while at < end:
        row = view(at, DECODED)
        for symbol in range(symbols):
            own = view(pipelines + symbol // PIPELINE_SYMBOLS * _PIPELINE_BYTES, PIPELINE)
            loop = view(own.loop, LOOPBACK)
            row.symbol_id = symbol % PIPELINE_SYMBOLS
            while now_ns < due_ns:
                pause()
                now_ns = read_clock(clock)
            frame_to_feed(loop, DECODED_FRAME, at, row.size)
            while run_group(own.group + 8, own.count - 1, 4):
                continue
            now_ns = read_clock(clock)
            record(histogram, now_ns - due_ns)
            settle(loop, own.group, own.count, 64)
            now_ns = read_clock(clock)
            due_ns += interval_ns
        at += (row.size + 7) & ~7
    return now_ns - start_ns
