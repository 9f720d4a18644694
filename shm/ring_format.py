"""What a ring is made of: its size, its static words, and the private records of its two sides."""

import numpy as np

from shm import layout
from shm.layout import (
    FRAME_ALIGNMENT_BYTES,
    RING_CAPACITY,
    RING_CONSUMERS,
    RING_CONSUMERS_MAX,
    RING_HEADER_BYTES,
    RING_NEVER,
    RING_RELIABLE,
)

WRITER = np.dtype(
    [
        ("ring", "i8"),
        ("data", "i8"),
        ("capacity", "i8"),
        ("frame", "i8"),
        ("base", "i8"),
        ("sequence", "i8"),
        ("limit", "i8"),
        ("announced", "i8"),
        ("lossy", "i8"),
        ("clear", "i8"),
        ("heads", "i8", (RING_CONSUMERS_MAX,)),
    ],
    align=True,
)
"""The producer's private side: addresses, the next frame's among them, and the next sequence.

`base`: what makes a position of an address, positions being bytes since the ring's beginning and never falling;
`limit`: the position where the slowest consumer stops it, as last seen; `announced`: that before which lossy
consumers know all to be lost; `clear`: the address up to which a claim need look at neither, nor at the ring's end."""

READER = np.dtype(
    [
        ("ring", "i8"),
        ("data", "i8"),
        ("capacity", "i8"),
        ("mask", "i8"),
        ("position", "i8"),
        ("sequence", "i8"),
        ("head", "i8"),
        ("lossy", "i8"),
        ("sole", "i8"),
        ("buffer", "i8"),
    ],
    align=True,
)
"""A consumer's private side: addresses, next byte, next expected sequence, its head word, a lossy one's copy.
`sole`: reliable and the only one, so that what is unread is its own; 0 also where it shares the producer's core."""

ROUND = FRAME_ALIGNMENT_BYTES - 1
NEVER = 1 << 62
STRETCH_SHIFT = 4
"""A sixteenth of the capacity is announced to lossy consumers at a time, and `tail` is about as far behind."""

AHEAD_BYTES = 512
"""How far before it is written a line is asked for: more hand-overs under way than a core's stores in waiting allow."""


def ring_bytes(capacity_bytes: int) -> int:
    """Bytes of shared memory that a ring takes. Raises ValueError for a capacity that is no power of two in range."""
    low, high = layout.RING_CAPACITY_BYTES_MIN, layout.RING_CAPACITY_BYTES_MAX
    if not low <= capacity_bytes <= high or capacity_bytes & (capacity_bytes - 1):
        raise ValueError(f"ring capacity: found {capacity_bytes}, allowed a power of two of {low} to {high} bytes")
    return RING_HEADER_BYTES + capacity_bytes


def format_ring(content: np.ndarray, capacity_bytes: int, *, consumers: int, lossy: tuple[int, ...] = ()) -> None:
    """Write a ring's static words into zeroed content; `lossy` are the consumers that do not gate.

    Raises ValueError for a number of consumers out of range.
    """
    if not 1 <= consumers <= RING_CONSUMERS_MAX:
        raise ValueError(f"ring consumers: found {consumers}, allowed 1 to {RING_CONSUMERS_MAX}")
    words = content[:RING_HEADER_BYTES].view(np.int64)
    words[RING_CAPACITY // 8] = capacity_bytes
    words[RING_CONSUMERS // 8] = consumers
    words[RING_NEVER // 8] = NEVER
    words[RING_RELIABLE // 8] = sum(1 << index for index in range(consumers) if index not in lossy)


def room_ever(capacity_bytes: int, frame_bytes: int) -> bool:
    """Whether `room_for` can ever say yes: to a ring that is empty."""
    return ((frame_bytes + ROUND) & ~ROUND) * 2 + FRAME_ALIGNMENT_BYTES <= capacity_bytes
