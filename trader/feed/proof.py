"""The book that a venue's checksum is about: sorted levels with the lengths of their texts, cut at the venue's depth.

    worst                                   best
    [first] k k k k k k k k k k k k k k k k [end]      key = sign * ticks; the best stands last

What falls out at the worst end is told to the book downstream as deletions: the venue does not delete it. Levels are
looked for from the best end, where nearly all updates are. One writer: the market session.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_i64, load_u16, store_i64, view
from trader.compile_hints import never_inlined
from trader.feed.state import PENDING_LEVELS
from trader.intrinsics import move

ROOM = 2048
"""Levels of one side between two compactions; a venue's depth is at most half of it."""

DEPTH_MAX = 1024
GONE_MAX = 1024
"""Levels that one message may push out on both sides."""

TEXT_BYTES = 8192
"""What a checksum is computed of: 100 numbers of up to 36 bytes and what stands between them."""

PROOF_SIDE = np.dtype(
    [
        ("sign", "i8"),
        ("first", "i8"),
        ("end", "i8"),
        ("keys", "i8", (ROOM,)),
        ("lots", "i8", (ROOM,)),
        ("lengths", "u2", (ROOM,)),
    ],
    align=True,
)

PROOF = np.dtype(
    [
        ("bids", PROOF_SIDE),
        ("asks", PROOF_SIDE),
        ("gone_bids", "i8"),
        ("gone_asks", "i8"),
        ("gone", "i8", (2 * GONE_MAX,)),
        ("text", "u1", (TEXT_BYTES,)),
    ],
    align=True,
)
"""`gone`: pairs (ticks, 0) that the last message pushed out, bids first. `text`: what the checksum is computed of."""

FULL = -1
_NEAR = 16

assert PROOF.itemsize <= 16 * PENDING_LEVELS


@inlined
def proof_of(own):
    """The PROOF in a symbol's `pairs`: the room of pending updates, which venues with a snapshot stream do not need."""
    return view(own.pairs.ctypes.data, PROOF)


@kernel
def clear_proof(proof):
    """Forget all levels."""
    for turn in range(2):
        side = proof.bids if turn == 0 else proof.asks
        side.sign = 1 if turn == 0 else -1
        side.first = 0
        side.end = 0
    proof.gone_bids = 0
    proof.gone_asks = 0


@inlined
def _place_of(side, key):
    """Place of the first level whose key is not below `key`, `end` if there is none."""
    place = side.end
    nearest = max(side.first, place - _NEAR)
    while place > nearest and side.keys[place - 1] >= key:
        place -= 1
    if place > nearest or place == side.first:
        return place
    low, high = side.first, place
    while low < high:
        middle = (low + high) >> 1
        if side.keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def _shift(side, target, source, count):
    """Move `count` levels from one place to another."""
    keys, lots, lengths = side.keys.ctypes.data, side.lots.ctypes.data, side.lengths.ctypes.data
    move(keys + 8 * target, keys + 8 * source, 8 * count)
    move(lots + 8 * target, lots + 8 * source, 8 * count)
    move(lengths + 2 * target, lengths + 2 * source, 2 * count)


@kernel
def set_proof(side, key, lots, length):
    """Set one level, 0 lots deletes; FULL if it has no room."""
    never_inlined()
    place = _place_of(side, key)
    known = place < side.end and side.keys[place] == key
    if lots == 0:
        if known:
            _shift(side, place, place + 1, side.end - place - 1)
            side.end -= 1
        return 0
    if not known:
        if side.end == ROOM:
            if side.first == 0:
                return FULL
            _shift(side, 0, side.first, side.end - side.first)
            side.end -= side.first
            place -= side.first
            side.first = 0
        _shift(side, place + 1, place, side.end - place)
        side.end += 1
        side.keys[place] = key
    side.lots[place] = lots
    side.lengths[place] = length
    return 0


@kernel
def apply_to_proof(proof, levels, lengths, bids, asks, depth):
    """Apply a message's pairs (`bids`, then `asks`) and cut both sides at `depth`; FULL if something has no room."""
    never_inlined()
    for i in range(bids + asks):
        side = proof.bids if i < bids else proof.asks
        key = side.sign * load_i64(levels + 16 * i)
        if set_proof(side, key, load_i64(levels + 16 * i + 8), load_u16(lengths + 2 * i)) == FULL:
            return FULL
    proof.gone_bids = 0
    proof.gone_asks = 0
    gone = proof.gone.ctypes.data
    for turn in range(2):
        side = proof.bids if turn == 0 else proof.asks
        while side.end - side.first > depth:
            at = proof.gone_bids + proof.gone_asks
            if at == GONE_MAX:
                return FULL
            store_i64(gone + 16 * at, side.sign * side.keys[side.first])
            store_i64(gone + 16 * at + 8, 0)
            side.first += 1
            proof.gone_bids += 1 - turn
            proof.gone_asks += turn
    return 0


@inlined
def is_crossed(proof):
    """Whether the best bid is not below the best ask."""
    bids, asks = proof.bids, proof.asks
    if bids.end == bids.first or asks.end == asks.first:
        return False
    return bids.keys[bids.end - 1] >= -asks.keys[asks.end - 1]
