"""Levels far from the touch: a sorted store of (key, lots) in blocks, so that no price is ever lost.

    order[0]   order[1]        order[n-1]        blocks by ascending key; lows[i] = lowest key of order[i]
    [k k k .]  [k k k k]  ...  [k k . .]         64 keys a block, sorted; split when full, merged when thin

Two binary searches and a move within one block: tens of nanoseconds for an update, order kept for walks. A
key is sign * ticks, so that a larger key is the better price on both sides. Every key here is worse than
every key in the dense window (`ladder`). One writer.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.intrinsics import move

BLOCK_LEVELS = 64
BLOCKS_MAX = 512
THIN_LEVELS = 16
MERGED_LEVELS_MAX = 48

FULL = -2
"""The store has no room: the book must not be trusted any longer. 4,000 levels always fit, 32,768 at best."""

FAR = np.dtype(
    [
        ("count", "i8"),
        ("block_count", "i8"),
        ("blocks_used", "i8"),
        ("free_count", "i8"),
        ("lows", "i8", (BLOCKS_MAX,)),
        ("order", "i8", (BLOCKS_MAX,)),
        ("free", "i8", (BLOCKS_MAX,)),
        ("sizes", "i8", (BLOCKS_MAX,)),
        ("keys", "i8", (BLOCKS_MAX * BLOCK_LEVELS,)),
        ("lots", "i8", (BLOCKS_MAX * BLOCK_LEVELS,)),
    ],
    align=True,
)
"""`free`: blocks given back, a stack; `blocks_used`: blocks ever taken since the last clear."""

_ZERO = np.int64(0)

assert THIN_LEVELS < MERGED_LEVELS_MAX < BLOCK_LEVELS


@kernel
def far_clear(far):
    """Forget all levels."""
    far.count = 0
    far.block_count = 0
    far.blocks_used = 0
    far.free_count = 0


@inlined
def _shift(words, target, source, length):
    """Copy `length` bytes inside one array, from index `source` to index `target`."""
    address = words.ctypes.data
    move(address + 8 * target, address + 8 * source, length)


@inlined
def _open_place(far, place, low):
    """Insert an empty block at `place` of the order; its number, or FULL."""
    if far.free_count > 0:
        far.free_count -= 1
        block = far.free[far.free_count]
    elif far.blocks_used < BLOCKS_MAX:
        block = far.blocks_used
        far.blocks_used += 1
    else:
        return FULL
    length = 8 * (far.block_count - place)
    _shift(far.lows, place + 1, place, length)
    _shift(far.order, place + 1, place, length)
    far.lows[place] = low
    far.order[place] = block
    far.sizes[block] = 0
    far.block_count += 1
    return block


@inlined
def _close_place(far, place):
    """Take the block at `place` out of the order."""
    far.free[far.free_count] = far.order[place]
    far.free_count += 1
    far.block_count -= 1
    length = 8 * (far.block_count - place)
    _shift(far.lows, place, place + 1, length)
    _shift(far.order, place, place + 1, length)


@inlined
def _move(far, source, target, count):
    """Copy `count` levels from one position to another; they may overlap."""
    _shift(far.keys, target, source, 8 * count)
    _shift(far.lots, target, source, 8 * count)


@inlined
def _place_of(far, key):
    """Place in the order of the block that holds `key` or would; at least one block exists."""
    low, high = 0, far.block_count
    while high - low > 1:
        middle = (low + high) >> 1
        if far.lows[middle] <= key:
            low = middle
        else:
            high = middle
    return low


@inlined
def _position_of(far, block, key):
    """Position of the first level of a block whose key is not below `key`."""
    low = block * BLOCK_LEVELS
    high = low + far.sizes[block]
    while low < high:
        middle = (low + high) >> 1
        if far.keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def far_set(far, key, lots):
    """Set one level, 0 lots deletes: change of the count (-1, 0, 1), or FULL."""
    never_inlined()
    if far.block_count == 0:
        if lots == 0:
            return 0
        _open_place(far, _ZERO, key)
    place = _place_of(far, key)
    block = far.order[place]
    position = _position_of(far, block, key)
    last = block * BLOCK_LEVELS + far.sizes[block]
    if position < last and far.keys[position] == key:
        far.lots[position] = lots
        if lots == 0:
            _remove(far, place, position)
            return -1
        return 0
    return _insert(far, place, position, key, lots) if lots != 0 else 0


@kernel
def _insert(far, place, position, key, lots):
    """Put a new level before `position`; a full block is parted first."""
    never_inlined()
    block = far.order[place]
    first = block * BLOCK_LEVELS
    if far.sizes[block] == BLOCK_LEVELS:
        # A run that grows at its end (a window moving up) leaves full blocks behind, not half-full ones.
        half = BLOCK_LEVELS if position == first + BLOCK_LEVELS else BLOCK_LEVELS // 2
        upper = _open_place(far, place + 1, key if half == BLOCK_LEVELS else far.keys[first + half])
        if upper == FULL:
            return FULL
        _move(far, first + half, upper * BLOCK_LEVELS, BLOCK_LEVELS - half)
        far.sizes[upper] = BLOCK_LEVELS - half
        far.sizes[block] = half
        if position > first + half or half == BLOCK_LEVELS:
            place += 1
            position = upper * BLOCK_LEVELS + position - first - half
            block = upper
            first = block * BLOCK_LEVELS
    _move(far, position, position + 1, first + far.sizes[block] - position)
    far.keys[position] = key
    far.lots[position] = lots
    far.sizes[block] += 1
    far.lows[place] = far.keys[first]
    far.count += 1
    return 1


@kernel
def _remove(far, place, position):
    """Take out the level at `position`; a thin block is merged with a neighbour that has room."""
    never_inlined()
    block = far.order[place]
    first = block * BLOCK_LEVELS
    far.sizes[block] -= 1
    far.count -= 1
    size = far.sizes[block]
    _move(far, position + 1, position, first + size - position)
    if size == 0:
        _close_place(far, place)
        return
    far.lows[place] = far.keys[first]
    if size >= THIN_LEVELS:
        return
    lower = place if place + 1 < far.block_count else place - 1
    if lower < 0:
        return
    into, gone = far.order[lower], far.order[lower + 1]
    if far.sizes[into] + far.sizes[gone] <= MERGED_LEVELS_MAX:
        _move(far, gone * BLOCK_LEVELS, into * BLOCK_LEVELS + far.sizes[into], far.sizes[gone])
        far.sizes[into] += far.sizes[gone]
        _close_place(far, lower + 1)


@kernel
def far_get(far, key):
    """Lots at `key`, 0 where there is no level."""
    if far.block_count == 0:
        return 0
    block = far.order[_place_of(far, key)]
    position = _position_of(far, block, key)
    if position < block * BLOCK_LEVELS + far.sizes[block] and far.keys[position] == key:
        return far.lots[position]
    return 0


@inlined
def far_rank(far):
    """Rank of the best far level: (place in the order) * BLOCK_LEVELS + offset; -1 where there is none."""
    if far.count == 0:
        return -1
    place = far.block_count - 1
    return place * BLOCK_LEVELS + far.sizes[far.order[place]] - 1


@inlined
def far_position(far, rank):
    """Position of the level with that rank."""
    return far.order[rank // BLOCK_LEVELS] * BLOCK_LEVELS + rank % BLOCK_LEVELS


@inlined
def far_rank_below(far, rank):
    """Rank of the next worse level, -1 after the last."""
    if rank % BLOCK_LEVELS > 0:
        return rank - 1
    place = rank // BLOCK_LEVELS - 1
    return -1 if place < 0 else place * BLOCK_LEVELS + far.sizes[far.order[place]] - 1
