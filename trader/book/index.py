"""A fixed table from int64 keys to slots: open addressing, linear probing, at most half full, nothing allocated.

    home = high bits of key * 2^64 / golden ratio
    cells   . . [k1] [k2] [k3] . .       k2 and k3 have k1's home, or one after it

A deleted cell is filled by shifting back what would not be found across the hole, so there are no tombstones and
the table is as quick after a year as in its first second. Zeroed cells are an empty table. One writer.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined

CELL = np.dtype([("key", "i8"), ("used", "i8")], align=True)
"""`used`: 1 + slot, 0 for an empty cell."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def cells_for(entries_max: int) -> int:
    """How many cells a table for so many entries needs: a power of two, at least twice as many."""
    return 1 << max(4, (2 * entries_max - 1).bit_length())


@inlined
def _home(key, mask):
    """Where a key is looked for first."""
    mixed = np.uint64(key) * _GOLDEN
    return np.int64(mixed ^ (mixed >> np.uint64(32))) & mask


@inlined
def index_find(cells, key):
    """Slot of a key, -1 if it is not there."""
    mask = len(cells) - 1
    at = _home(key, mask)
    while cells[at].used != 0:
        if cells[at].key == key:
            return cells[at].used - 1
        at = (at + 1) & mask
    return -1


@kernel
def index_add(cells, key, slot):
    """Add a key that is not there. The caller sees to it that the table is never more than half full."""
    never_inlined()
    mask = len(cells) - 1
    at = _home(key, mask)
    while cells[at].used != 0:
        at = (at + 1) & mask
    cells[at].key = key
    cells[at].used = slot + 1


@kernel
def index_remove(cells, key):
    """Remove a key; its slot, -1 if it is not there."""
    never_inlined()
    mask = len(cells) - 1
    hole = _home(key, mask)
    while cells[hole].key != key or cells[hole].used == 0:
        if cells[hole].used == 0:
            return -1
        hole = (hole + 1) & mask
    slot = cells[hole].used - 1
    at = (hole + 1) & mask
    while cells[at].used != 0:
        # An entry may move back to the hole unless its home lies behind the hole.
        if ((at - _home(cells[at].key, mask)) & mask) >= ((at - hole) & mask):
            cells[hole].key = cells[at].key
            cells[hole].used = cells[at].used
            hole = at
        at = (at + 1) & mask
    cells[hole].used = 0
    return slot
