"""Cancel sets: one bit for each slot of the order arena and one word for "all", set by one process, taken by another.

    +0    all          how often all were asked for
    +128  summary      bit w: word w has bits
    +256  bits[64]     bit s of word w: look at slot 64 w + s
    +768  ids[4096]    what is asked: the client order id, so that a newer order in the slot is not hit; 0 nothing

A set cannot overflow, never queues behind orders, and works while everything else is full. Setting twice is
setting once. The setter writes id, bit, summary; the taker swaps summary, then bits, then reads the id.

             request: the id             handed over, and the next one asked for: 0 if it is still that id
      NOTHING ----------------> ASKED ---------------------------------------------------> NOTHING

The ids are the truth and the bits only say where to look. A request stays in the set until the taker asks for the
next one, so that a successor of a taker that was killed is handed everything again that was not done.
"""

import numpy as np

from shm.atomics import exchange, fetch_add, fetch_or, load_acquire, load_relaxed, replace_if, store_release
from shm.kernel import inlined, kernel
from shm.layout import WORD_SPACING_BYTES
from shm.order_arena import SLOTS as SLOTS

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
        ("held_slot", "i8"),
        ("held_id", "i8"),
        ("buffer", "i8"),
        ("sequence", "i8"),
    ],
    align=True,
)
"""The taker's side: the hints that it has swapped out, and the request that it handed over last (id 0: none)."""


@inlined
def request_cancel(base, order_slot, client_order_id):
    """Ask for one order's cancel, or for all with ALL_SLOTS: 1, or 0 for a slot out of range or an id below 1."""
    if order_slot == ALL_SLOTS:
        fetch_add(base, 1)
        return 1
    if order_slot < 0 or order_slot >= SLOTS or client_order_id <= 0:
        return 0
    store_release(base + IDS + order_slot * 8, client_order_id)
    _point_at(base, order_slot)
    return 1


@inlined
def _point_at(base, order_slot):
    fetch_or(base + BITS + (order_slot >> 6) * 8, 1 << (order_slot & 63))
    fetch_or(base + SUMMARY, 1 << (order_slot >> 6))


@kernel
def open_cancel_reader(reader, base, buffer):
    """Bind a CANCEL_READER; requests made before are taken too, and what another taker has swapped out and not done."""
    reader.base = base
    reader.all_seen = 0
    reader.summary = 0
    reader.bits = 0
    reader.held_id = 0
    reader.buffer = buffer
    reader.sequence = 0
    for order_slot in range(SLOTS):
        if load_relaxed(base + IDS + order_slot * 8) != 0:
            _point_at(base, order_slot)


@kernel
def _lowest_bit(word):
    index = 0
    while not (word >> index) & 1:
        index += 1
    return index


@kernel
def _take_word(reader):
    """Swap out the next word that the summary names; 0 when there is none.

    A summary that was swapped out before may lead to empty words only: then there is another look, so that a request
    made before the call is found.
    """
    while True:
        if reader.summary == 0:
            reader.summary = exchange(reader.base + SUMMARY, 0)
        if reader.summary == 0:
            return 0
        reader.word = _lowest_bit(reader.summary)
        reader.summary &= reader.summary - 1
        reader.bits = exchange(reader.base + BITS + reader.word * 8, 0)
        if reader.bits != 0:
            return 1


@inlined
def cancels_waiting(reader):
    """Non-zero when a request may be waiting, or the last one is still to be taken out of the set: two loads."""
    return (
        reader.bits
        | reader.summary
        | reader.held_id
        | load_relaxed(reader.base + SUMMARY)
        | (load_relaxed(reader.base) - reader.all_seen)
    )


@inlined
def _done(reader):
    """Take out what was handed over last. Another id is a newer request: its own bit leads to it."""
    if reader.held_id != 0:
        replace_if(reader.base + IDS + reader.held_slot * 8, reader.held_id, 0)
        reader.held_id = 0


@kernel
def take_cancel(reader):
    """(1, order_slot, client_order_id) of the next request, (1, ALL_SLOTS, 0) for all, or (0, 0, 0).

    To ask for the next one is to say that the last one is done.
    """
    _done(reader)
    everything = load_acquire(reader.base)
    if everything != reader.all_seen:
        reader.all_seen = everything
        return 1, ALL_SLOTS, 0
    while reader.bits != 0 or _take_word(reader):
        order_slot = reader.word * 64 + _lowest_bit(reader.bits)
        reader.bits &= reader.bits - 1
        client_order_id = load_acquire(reader.base + IDS + order_slot * 8)
        if client_order_id != 0:
            reader.held_slot = order_slot
            reader.held_id = client_order_id
            return 1, order_slot, client_order_id
    return 0, 0, 0
