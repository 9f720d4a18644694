"""Levels far from the touch: a sorted store of (key, lots) in blocks, so that no price is ever lost.

    tops       every 64th low
    lows[0]    lows[1]    ...                        lowest key of each block, ascending; LAST beyond the last
    order[0]   order[1]        order[n-1]            numbers of the blocks
    [k k k L]  [k k k k]  ...  [k k L L]             64 keys a block, ascending; LAST beyond its size

Three searches without a branch and a move within one block: tens of nanoseconds for an update, order kept for
walks. A key is sign * ticks, so that a larger key is the better price on both sides. Every key here is worse
than every key in the dense window (`ladder`). One writer.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_i64, store_i64
from trader.book.lanes import count_below_8, count_below_64
from trader.compile_hints import never_inlined
from trader.intrinsics import move

BLOCK_LEVELS = 64
BLOCKS_MAX = 512
TOPS = BLOCKS_MAX // 64
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
        ("ready", "i8"),
        ("tops", "i8", (TOPS,)),
        ("lows", "i8", (BLOCKS_MAX,)),
        ("order", "i8", (BLOCKS_MAX,)),
        ("free", "i8", (BLOCKS_MAX,)),
        ("sizes", "i8", (BLOCKS_MAX,)),
        ("keys", "i8", (BLOCKS_MAX * BLOCK_LEVELS,)),
        ("lots", "i8", (BLOCKS_MAX * BLOCK_LEVELS,)),
    ],
    align=True,
)
"""`free`: blocks given back, a stack; `blocks_used`: blocks ever taken since the last clear. `ready`: 0 while `lows`
and `tops` are not yet filled with LAST, as in a record of zeros and after a clear."""

LAST = (1 << 63) - 1
"""Above every key: where there is none."""

_ZERO = np.int64(0)

assert THIN_LEVELS < MERGED_LEVELS_MAX < BLOCK_LEVELS == 64
assert TOPS == 8


@kernel
def far_clear(far):
    """Forget all levels."""
    far.count = 0
    far.block_count = 0
    far.blocks_used = 0
    far.free_count = 0
    far.ready = 0


@inlined
def _shift(words, target, source, length):
    """Copy `length` bytes inside one array, from index `source` to index `target`."""
    address = words.ctypes.data
    move(address + 8 * target, address + 8 * source, length)


@inlined
def _fill(words, first, count):
    """Write LAST into `count` words."""
    address = words.ctypes.data + 8 * first
    for i in range(count):
        store_i64(address + 8 * i, LAST)


@inlined
def _copy_tops(far):
    """The blocks moved: note every 64th low anew."""
    for i in range(TOPS):
        far.tops[i] = far.lows[64 * i]


@kernel
def _open_place(far, place, low):
    """Insert an empty block at `place` of the order; its number, or FULL."""
    never_inlined()
    if far.ready == 0:
        far.ready = 1
        _fill(far.lows, 0, BLOCKS_MAX)
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
    _fill(far.keys, block * BLOCK_LEVELS, BLOCK_LEVELS)
    far.block_count += 1
    _copy_tops(far)
    return block


@kernel
def _close_place(far, place):
    """Take the block at `place` out of the order."""
    never_inlined()
    far.free[far.free_count] = far.order[place]
    far.free_count += 1
    far.block_count -= 1
    length = 8 * (far.block_count - place)
    _shift(far.lows, place, place + 1, length)
    _shift(far.order, place, place + 1, length)
    far.lows[far.block_count] = LAST
    _copy_tops(far)


@inlined
def _note_low(far, place, low):
    """The block at `place` has another lowest key."""
    far.lows[place] = low
    far.tops[place >> 6] = far.lows[place & -64]


@inlined
def _move(far, source, target, count):
    """Copy `count` levels from one position to another; they may overlap."""
    _shift(far.keys, target, source, 8 * count)
    _shift(far.lots, target, source, 8 * count)


@inlined
def _place_of(far, key):
    """Place in the order of the block that holds `key` or would; at least one block exists."""
    group = 0
    if far.block_count > 64:
        group = max(1, count_below_8(far.tops.ctypes.data, key + 1)) - 1
    return max(1, 64 * group + count_below_64(far.lows.ctypes.data + 512 * group, key + 1)) - 1


@inlined
def _offset_of(far, block, key):
    """Offset in a block of its first key that is not below `key`; BLOCK_LEVELS if there is none."""
    return count_below_64(far.keys.ctypes.data + 8 * BLOCK_LEVELS * block, key)


@inlined
def _key_at(far, block, offset):
    """The key at an offset of a block, LAST behind its end."""
    if offset >= BLOCK_LEVELS:
        return LAST
    return load_i64(far.keys.ctypes.data + 8 * (BLOCK_LEVELS * block + offset))


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
    offset = _offset_of(far, block, key)
    if _key_at(far, block, offset) == key:
        far.lots[BLOCK_LEVELS * block + offset] = lots
        if lots == 0:
            _remove(far, place, block, offset)
            return -1
        return 0
    return _insert(far, place, block, offset, key, lots) if lots != 0 else 0


@kernel
def _insert(far, place, block, offset, key, lots):
    """Put a new level before an offset of a block; a full block is parted first."""
    never_inlined()
    if far.sizes[block] == BLOCK_LEVELS:
        # A run that grows at its end (a window moving up) leaves full blocks behind, not half-full ones.
        half = BLOCK_LEVELS if offset == BLOCK_LEVELS else BLOCK_LEVELS // 2
        upper = _open_place(far, place + 1, key if half == BLOCK_LEVELS else _key_at(far, block, half))
        if upper == FULL:
            return FULL
        _move(far, block * BLOCK_LEVELS + half, upper * BLOCK_LEVELS, BLOCK_LEVELS - half)
        _fill(far.keys, block * BLOCK_LEVELS + half, BLOCK_LEVELS - half)
        far.sizes[upper] = BLOCK_LEVELS - half
        far.sizes[block] = half
        if offset > half or half == BLOCK_LEVELS:
            place += 1
            block = upper
            offset -= half
    position = block * BLOCK_LEVELS + offset
    _move(far, position, position + 1, far.sizes[block] - offset)
    far.keys[position] = key
    far.lots[position] = lots
    far.sizes[block] += 1
    far.count += 1
    if offset == 0:
        _note_low(far, place, key)
    return 1


@kernel
def _remove(far, place, block, offset):
    """Take out the level at an offset of a block; a thin block is merged with a neighbour that has room."""
    never_inlined()
    first = block * BLOCK_LEVELS
    size = far.sizes[block] - 1
    far.sizes[block] = size
    far.count -= 1
    _move(far, first + offset + 1, first + offset, size - offset)
    far.keys[first + size] = LAST
    if size == 0:
        _close_place(far, place)
        return
    if offset == 0:
        _note_low(far, place, far.keys[first])
    if size < THIN_LEVELS:
        lower = place if place + 1 < far.block_count else place - 1
        if lower >= 0:
            _merge(far, lower)


@kernel
def _merge(far, lower):
    """Bring the blocks at `lower` and after it together if that leaves room in one."""
    never_inlined()
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
    offset = _offset_of(far, block, key)
    return far.lots[BLOCK_LEVELS * block + offset] if _key_at(far, block, offset) == key else 0


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
