"""WebSocket text frames (RFC 6455) written by compiled code, so that many of them leave in one write.

    +---------+-------------------+--------------+----------+---------------+
    | 81 FIN, | mask bit, length  | more length  | mask     | payload       |
    | text    | 0-125, 126 or 127 | 0, 2, 8 byte | 0, 4     | masked or not |
    +---------+-------------------+--------------+----------+---------------+

A client masks each frame with 32 new bits, which nobody can know beforehand: a counter that starts at random, mixed by
splitmix64 (Steele et al. 2014).
"""

import numpy as np

from shm.kernel import copy, inlined, kernel, load_i64, load_u8, store_i64, store_u8

HEADER_BYTES_MAX = 14
SPARE_BYTES = 8
"""A frame may be written so far behind its end."""

_TEXT = 0x81
_SHORT, _LONG = 126, 127


@inlined
def mask_of(counter):
    """The mask of a counter's value, twice, so that eight bytes are masked at once."""
    mixed = np.uint64(counter) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    half = mixed >> np.uint64(32)
    return np.int64(half | (half << np.uint64(32)))


@inlined
def frame_bytes(length, masked):
    """What a frame with a payload of `length` bytes takes."""
    return length + 2 + 4 * masked + (0 if length < _SHORT else 2 if length < 1 << 16 else 8)


@kernel
def write_frame(at, payload, length, masked, mask):
    """Write a text frame at an address, SPARE_BYTES of room behind its end; returns its end.

    `masked`: 1 for a client's frame, masked with `mask` (see mask_of).
    """
    store_u8(at, _TEXT)
    if length < _SHORT:
        store_u8(at + 1, length | masked << 7)
        at += 2
    elif length < 1 << 16:
        store_u8(at + 1, _SHORT | masked << 7)
        store_u8(at + 2, length >> 8)
        store_u8(at + 3, length & 0xFF)
        at += 4
    else:
        store_u8(at + 1, _LONG | masked << 7)
        for place in range(8):
            store_u8(at + 2 + place, (length >> (56 - 8 * place)) & 0xFF)
        at += 10
    if not masked:
        copy(at, payload, length)
        return at + length
    store_i64(at, mask)
    at += 4
    words = length >> 3
    for word in range(words):
        store_i64(at + word * 8, load_i64(payload + word * 8) ^ mask)
    for place in range(words << 3, length):
        store_u8(at + place, load_u8(payload + place) ^ ((mask >> (8 * (place & 7))) & 0xFF))
    return at + length
