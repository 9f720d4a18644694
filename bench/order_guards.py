"""Rows of the orders suite: the circuit breaker, the token bucket, and the way of an order into the router's ring."""

import functools

import numpy as np

from bench import order_guard_kernels as kernels
from bench.harness import Bench
from bench.results import TIME, Result, times
from bench.shared import new_clock
from procs.duty import DUTY
from procs.topology import inboxes, link_named, outboxes
from procs.wiring import bind, memory_links, stage_module
from shm.codec import record_dtype
from shm.kernel import address_of_array, new_record
from shm.memory import field_offset
from shm.ring import READER, open_reader
from trader.messages import NewOrder
from trader.pacing import PACER, PacingConfig, fill_pacer
from trader.router.breaker import BREAKER, fill_breaker

JOURNAL_BYTES = 1 << 16
STEP_NS = 25_000_000
"""The source's rate, forty orders a second: every order finds a token."""


def guard_rows(bench: Bench) -> None:
    """A closed breaker, a bucket at its rate, and the hand-over of an approved order."""
    count = bench.size(20_000, 200)
    every_one = f"{count * kernels.BATCH} passed"
    bench.row("breaker_check", unit=TIME, target=20, ours=functools.partial(breaker, count), answer=every_one)
    bench.row("pacing_check", unit=TIME, target=30, ours=functools.partial(pacing, count), answer=every_one)
    bench.row("order_hand_over", unit=TIME, target=200, ours=functools.partial(hand_over, count), answer=every_one)


def breaker(count: int) -> Result:
    """A breaker with the usual limits."""
    record, samples = new_record(BREAKER), np.zeros(count)
    fill_breaker(record[0], failures=5, open_ns=60 * 10**9, probes=3, probe_ns=10**9)
    return times(samples, f"{kernels.time_breaker(record[0], address_of_array(new_clock()), samples)} passed")


def pacing(count: int) -> Result:
    """The orders' bucket, its reserve kept."""
    record, samples = new_record(PACER), np.zeros(count)
    fill_pacer(record[0], PacingConfig())
    return times(samples, f"{kernels.time_pacing(record[0], STEP_NS, address_of_array(new_clock()), samples)} passed")


def hand_over(count: int) -> Result:
    """Risk's outbox of approved orders, its journal in memory, the router's end of the ring beside it."""
    samples, clock = np.zeros(count), new_clock()
    links = {link.name: link for link in inboxes("risk") + outboxes("risk")}
    addresses, keep = memory_links(links, symbols=1)
    module = stage_module("risk")
    address = address_of_array(clock)
    station = bind("risk", addresses, symbols=1, state=new_record(module.STATE), clock=address)
    ports = station.row["ports"]
    journal = np.zeros(JOURNAL_BYTES, np.uint8)
    keep.append(journal)
    ports["journal"]["base"], ports["journal"]["capacity"] = address_of_array(journal), JOURNAL_BYTES
    reader, order = new_record(READER), new_record(record_dtype(NewOrder))
    link = link_named("risk_router")
    open_reader(reader[0], addresses[link.name], 0, 0)
    ports_address = station.address + field_offset(DUTY, "ports")
    outbox = module.OUTBOXES.index(link.name)
    sent = kernels.time_hand_over(ports_address, outbox, ports["journal"], order[0], reader[0], address, samples)
    return times(samples, f"{sent} passed")
