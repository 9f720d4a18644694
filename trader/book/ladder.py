"""One side of a book: a dense window of price levels around its best, bitmaps over it, sorted levels far away.

    key = ticks for bids, -ticks for asks: a larger key is a better price on both sides

    far (sorted blocks)      base                       best                base + WINDOW
    ... k  k   k  k    k      |  . x . x x . . . x . . x  |  . . . . . . . .  |
                              words: one bit a level; summary: one bit a word

An update is two stores and two bit writes; the best is a stored index, the next best two bit scans. The best
is always inside the window: it is re-centred when the best leaves it upwards or sinks to its foot. Levels
that fall out of the window go to `far`, and come back. One writer.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.book.far import FAR, FULL, far_clear, far_get, far_position, far_rank, far_rank_below, far_set
from trader.compile_hints import never_inlined
from trader.intrinsics import leading_zeros, trailing_zeros

WINDOW = 32_768
WORDS = WINDOW // 64
SUMMARIES = WORDS // 64

BEST_HOME = WINDOW * 3 // 4
"""Where the best stands after re-centring: room for better prices above, four times as much book below."""

BEST_FOOT = WINDOW // 8
"""When the best sinks below this index and levels wait far away, the window follows it."""

NONE = -(1 << 63)
"""No level: a cursor or key that stands for "there is none"."""

SIDE = np.dtype(
    [
        ("sign", "i8"),
        ("base", "i8"),
        ("best", "i8"),
        ("count", "i8"),
        ("full", "i8"),
        ("recentrings", "i8"),
        ("summary", "i8", (SUMMARIES,)),
        ("words", "i8", (WORDS,)),
        ("lots", "i8", (WINDOW,)),
        ("far", FAR),
    ],
    align=True,
)
"""`sign`: 1 bids, -1 asks. `best`: index in the window, -1 for an empty side. `count`: levels in all.
`full`: 1 once a level could not be kept; the side is then wrong until cleared."""

_DELETE = np.int64(0)

assert SUMMARIES * 64 * 64 == WINDOW


@kernel
def side_clear(side):
    """Forget all levels; only words in use are touched."""
    never_inlined()
    for w in range(WORDS):
        if side.words[w] != 0:
            side.words[w] = 0
            side.lots[64 * w : 64 * w + 64] = 0
    for s in range(SUMMARIES):
        side.summary[s] = 0
    side.best = -1
    side.count = 0
    side.full = 0
    far_clear(side.far)


@inlined
def set_level(side, key, lots):
    """Set one level, 0 lots deletes."""
    index = key - side.base
    if index < 0 or index >= WINDOW:
        _set_outside(side, key, lots)
        return
    old = side.lots[index]
    side.lots[index] = lots
    w = index >> 6
    mark = 1 << (index & 63)
    before = side.words[w]
    word = before & ~mark
    if lots != 0:
        word |= mark
    side.words[w] = word
    side.count += (1 if lots != 0 else 0) - (1 if old != 0 else 0)
    if (word == 0) != (before == 0):
        side.summary[w >> 6] ^= 1 << (w & 63)
    if index >= side.best:
        if lots != 0:
            side.best = index
        elif index == side.best:
            _sink_best(side)


@kernel
def _sink_best(side):
    """The best was deleted: find the next, and let the window follow it."""
    never_inlined()
    side.best = index_below(side, side.best)
    if side.best < BEST_FOOT and side.far.count > 0:
        if side.best >= 0:
            _recentre(side, side.base + side.best)
        else:
            _recentre(side, side.far.keys[far_position(side.far, far_rank(side.far))])


@kernel
def _set_outside(side, key, lots):
    """A price outside the window: an empty side moves to it, a better best re-centres, anything else is far."""
    never_inlined()
    if side.best < 0:
        if lots != 0:
            side.base = key - BEST_HOME
            set_inside(side, key, lots)
    elif key < side.base:
        change = far_set(side.far, key, lots)
        if change == FULL:
            side.full = 1
        else:
            side.count += change
    elif lots != 0:
        _recentre(side, key)
        set_inside(side, key, lots)


@kernel
def set_inside(side, key, lots):
    """Add a level that is known to be new and inside the window."""
    index = key - side.base
    side.lots[index] = lots
    side.words[index >> 6] |= 1 << (index & 63)
    side.summary[index >> 12] |= 1 << ((index >> 6) & 63)
    side.count += 1
    side.best = max(side.best, index)


@kernel
def _recentre(side, key):
    """Move the window so that `key` stands at BEST_HOME; what falls out goes far, what is inside comes back."""
    never_inlined()
    side.recentrings += 1
    shift = key - BEST_HOME - side.base
    step = 1 if shift > 0 else -1
    w = 0 if shift > 0 else WORDS - 1
    best = -1
    for _ in range(WORDS):
        word = side.words[w]
        side.words[w] = 0
        while word != 0:
            bit = trailing_zeros(word) if shift > 0 else 63 - leading_zeros(word)
            word &= ~(1 << bit)
            index = 64 * w + bit
            lots = side.lots[index]
            side.lots[index] = 0
            moved = index - shift
            if moved >= 0:
                side.lots[moved] = lots
                side.words[moved >> 6] |= 1 << (moved & 63)
                best = max(best, moved)
            elif far_set(side.far, side.base + index, lots) == FULL:
                side.full = 1
                side.count -= 1
        w += step
    side.base += shift
    side.best = best
    for s in range(SUMMARIES):
        summary = 0
        for i in range(64):
            if side.words[64 * s + i] != 0:
                summary |= 1 << i
        side.summary[s] = summary
    _bring_back(side)


@kernel
def _bring_back(side):
    """Levels that the window now covers leave the far store."""
    never_inlined()
    far = side.far
    while far.count > 0:
        position = far_position(far, far_rank(far))
        key, lots = far.keys[position], far.lots[position]
        if key < side.base:
            return
        far_set(far, key, _DELETE)
        side.count -= 1
        set_inside(side, key, lots)


@inlined
def index_below(side, index):
    """The highest set index below `index`, or -1."""
    w = index >> 6
    word = side.words[w] & ((1 << (index & 63)) - 1)
    if word != 0:
        return 64 * w + 63 - leading_zeros(word)
    s = w >> 6
    summary = side.summary[s] & ((1 << (w & 63)) - 1)
    while summary == 0:
        s -= 1
        if s < 0:
            return -1
        summary = side.summary[s]
    w = 64 * s + 63 - leading_zeros(summary)
    return 64 * w + 63 - leading_zeros(side.words[w])


@inlined
def first_level(side):
    """Cursor of the best level: its index in the window, or NONE."""
    return side.best if side.best >= 0 else NONE


@inlined
def next_level(side, cursor):
    """Cursor of the next worse level: an index in the window, -1 - rank in the far store, or NONE."""
    if cursor >= 0:
        below = index_below(side, cursor)
        if below >= 0:
            return below
        rank = far_rank(side.far)
    else:
        rank = far_rank_below(side.far, -1 - cursor)
    return -1 - rank if rank >= 0 else NONE


@inlined
def level_key(side, cursor):
    """Key of the level under a cursor."""
    return side.base + cursor if cursor >= 0 else side.far.keys[far_position(side.far, -1 - cursor)]


@inlined
def level_lots(side, cursor):
    """Lots of the level under a cursor."""
    return side.lots[cursor] if cursor >= 0 else side.far.lots[far_position(side.far, -1 - cursor)]


@kernel
def lots_at(side, key):
    """Lots at one key, 0 where there is no level."""
    index = key - side.base
    if 0 <= index < WINDOW:
        return side.lots[index]
    return far_get(side.far, key)
