"""Cancel sets: one bit for each order slot and one word for "all", set by one process, taken by another.

    +0    all          client order id argument is unused; counts requests
    +128  summary      bit w: word w has bits
    +256  bits[64]     bit s of word w: slot 64 w + s
    +768  ids[4096]    the client order id meant, so that a newer order in the slot is not hit

A set cannot overflow, never queues behind orders, and works while everything else is full. Setting twice is
setting once. The setter writes id, bit, summary; the taker swaps summary, then bits, then reads the id.
"""

import numpy as np

from shm.atomics import exchange, fetch_add, fetch_or, load_acquire, load_relaxed, store_release
from shm.kernel import inlined, kernel
from shm.layout import WORD_SPACING_BYTES

SLOTS = 4096
ALL_SLOTS = -1
SUMMARY = WORD_SPACING_BYTES
BITS = 2 * WORD_SPACING_BYTES
IDS = BITS + SLOTS // 8
CANCELS_BYTES = IDS + SLOTS * 8

CANCEL_READER = np.dtype(
    [
        ("base", "i8"),
        ("all_seen", "i8"),
        ("summary", "i8"),
        ("word", "i8"),
        ("bits", "i8"),
        ("buffer", "i8"),
        ("sequence", "i8"),
    ],
    align=True,
)
"""The taker's side: what it has swapped out and not yet handed over."""


@inlined
def request_cancel(base, order_slot, client_order_id):
    """Ask for one order's cancel, or for all with ALL_SLOTS; 0 for a slot out of range, else 1."""
    if order_slot == ALL_SLOTS:
        fetch_add(base, 1)
        return 1
    if order_slot < 0 or order_slot >= SLOTS:
        return 0
    store_release(base + IDS + order_slot * 8, client_order_id)
    fetch_or(base + BITS + (order_slot >> 6) * 8, 1 << (order_slot & 63))
    fetch_or(base + SUMMARY, 1 << (order_slot >> 6))
    return 1


@kernel
def open_cancel_reader(reader, base, buffer):
    """Bind a CANCEL_READER; requests made before are taken too."""
    reader.base = base
    reader.all_seen = 0
    reader.summary = 0
    reader.bits = 0
    reader.buffer = buffer
    reader.sequence = 0


@kernel
def _lowest_bit(word):
    index = 0
    while not (word >> index) & 1:
        index += 1
    return index


@kernel
def _take_word(reader):
    """Swap out the next word that the summary names; 0 when there is none."""
    if reader.summary == 0:
        reader.summary = exchange(reader.base + SUMMARY, 0)
    while reader.summary != 0:
        reader.word = _lowest_bit(reader.summary)
        reader.summary &= reader.summary - 1
        reader.bits = exchange(reader.base + BITS + reader.word * 8, 0)
        if reader.bits != 0:
            return 1
    return 0


@inlined
def cancels_waiting(reader):
    """Non-zero when a request may be waiting: two loads."""
    return (
        reader.bits
        | reader.summary
        | load_relaxed(reader.base + SUMMARY)
        | (load_relaxed(reader.base) - reader.all_seen)
    )


@kernel
def take_cancel(reader):
    """(1, order_slot, client_order_id) of the next request, (1, ALL_SLOTS, 0) for all, or (0, 0, 0)."""
    everything = load_acquire(reader.base)
    if everything != reader.all_seen:
        reader.all_seen = everything
        return 1, ALL_SLOTS, 0
    if reader.bits == 0 and not _take_word(reader):
        return 0, 0, 0
    order_slot = reader.word * 64 + _lowest_bit(reader.bits)
    reader.bits &= reader.bits - 1
    return 1, order_slot, load_acquire(reader.base + IDS + order_slot * 8)
