"""Rows of the volatility suite that the strategy pays for: an estimate out of its slot, quotes that answer to it."""

import functools

import numpy as np

from bench.harness import Bench
from bench.results import TIME, Result, times
from bench.shared import SharedSlots, new_clock
from procs.strategy_file import BELIEF
from shm.clock import read_clock
from shm.codec import body_bytes_fixed, decode, encode, record_dtype
from shm.kernel import address_of_array, kernel, new_record
from shm.layout import FRAME_HEADER_BYTES
from shm.slot import (
    SLOTS_MAX,
    slot_claim,
    slot_commit,
    slot_poll,
)
from trader.messages import LEVELS, VOLATILITY_ESTIMATE, BookTop, VolatilityEstimate
from trader.strategy import LEVELS_MAX, POSITION, QUOTES, StrategyConfig, quoting
from trader.strategy.restraint import trust

ESTIMATE = record_dtype(VolatilityEstimate)
FRAME_BYTES = FRAME_HEADER_BYTES + body_bytes_fixed(VolatilityEstimate)
FRESH = "every read saw the newest estimate, whole"
ORDERED = "every level quoted, in order"
BATCH = 100


def rows(bench: Bench) -> None:
    """`volatility_slot_read`: one publication to a record. `volatility_quote`: ten levels by the posterior."""
    bench.row(
        "volatility_slot_read",
        unit=TIME,
        target=20,
        ours=functools.partial(slot_reads, bench.size(5_000, 5)),
        answer=FRESH,
    )
    bench.row(
        "volatility_quote",
        unit=TIME,
        target=1_000,
        ours=functools.partial(quotes, bench.size(2_000, 5)),
        answer=ORDERED,
    )


@kernel
def publish_estimates(writer, estimate, number):
    """An estimate in every slot; its fields follow from its number and its slot."""
    for index in range(SLOTS_MAX):
        estimate.symbol_id = index
        estimate.event_ns = number
        estimate.volatility_bps_p95 = float(number + index)
        estimate.pit = float(number)
        frame = slot_claim(writer, index)
        length = encode(estimate, frame + FRAME_HEADER_BYTES)
        slot_commit(writer, VOLATILITY_ESTIMATE, FRAME_HEADER_BYTES + length, number, number)


@kernel
def read_estimates(writer, reader, estimate, belief, clock, measured):
    """Publish in all slots, then read all as the strategy does: only the reads are timed. How many were right."""
    right = 0
    for number in range(len(measured)):
        publish_estimates(writer, estimate, number)
        start_ns = read_clock(clock)
        for index in range(SLOTS_MAX):
            frame = slot_poll(reader)
            if frame == 0 or decode(frame + FRAME_HEADER_BYTES, FRAME_BYTES - FRAME_HEADER_BYTES, belief) != 0:
                return -1
            known = belief.symbol_id == index and belief.event_ns == number
            right += known and belief.volatility_bps_p95 == number + index and belief.pit == number
        measured[number] = (read_clock(clock) - start_ns) / SLOTS_MAX
    return right


def slot_reads(samples: int) -> Result:
    """An estimate's frame polled and decoded into the strategy's record, every slot in turn."""
    slots, clock, measured = SharedSlots(FRAME_BYTES), new_clock(), np.zeros(samples)
    records = new_record(ESTIMATE)[0], new_record(ESTIMATE)[0]
    right = read_estimates(slots.writer, slots.reader, *records, address_of_array(clock), measured)
    return times(measured, FRESH if right == samples * SLOTS_MAX else f"{right} reads were right")


@kernel
def quote_often(state, book, belief, position, out, clock, measured, batch):
    """Quotes for another estimate each time, `batch` a sample."""
    for index in range(len(measured)):
        start_ns = read_clock(clock)
        for number in range(batch):
            belief.window_count += 1
            belief.volatility_bps_p95 = 1.5 + 1e-3 * number
            quoting.quote(state, book, belief, position, out)
        measured[index] = (read_clock(clock) - start_ns) / batch


def quotes(samples: int) -> Result:
    """The built-in strategy on all the levels that there can be, on a learned posterior."""
    state, position, out = new_record(quoting.STATE), new_record(POSITION), new_record(QUOTES)
    for name, value in quoting.parameters(StrategyConfig(levels=LEVELS_MAX, volatility_bps_full=100.0)).items():
        state[name] = value
    book, belief, clock, measured = (
        new_record(record_dtype(BookTop)),
        new_record(BELIEF),
        new_clock(),
        np.zeros(samples),
    )
    book["bid_ticks"], book["ask_ticks"] = 617_999 - np.arange(LEVELS), 618_001 + np.arange(LEVELS)
    trust(belief[0])
    for name, value in LEARNED.items():
        belief[name] = value
    quote_often(state[0], book[0], belief[0], position[0], out[0], address_of_array(clock), measured, BATCH)
    found = out[0]
    ordered = (np.diff(found["bid_ticks"]) < 0).all() and (np.diff(found["ask_ticks"]) > 0).all()
    return times(measured, ORDERED if ordered and found["bid_count"] == LEVELS_MAX else f"{found}")


LEARNED = {
    "state": 1,
    "volatility_bps": 1.0,
    "volatility_bps_p05": 0.7,
    "volatility_bps_p95": 1.5,
    "mu_sd": 0.3,
    "phi_mean": 0.97,
    "phi_sd": 0.01,
    "sigma_eta_mean": 0.2,
    "sigma_eta_sd": 0.05,
    "pit": 0.4,
}
