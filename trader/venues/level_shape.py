"""Levels of a side look alike: one that looks like an earlier one is read where that one's digits stood.

    ["61496.50","0.010"],["61510.90","0.000"],["61641.50","1.211"],
    [" 0 9 . 9 0 ", 0-9 . 0-9 "]     a shape: what each byte of a level may be, from `low` to `low` + `span`
     ^start  ^point  ^start ^point   where its digits are, and how far they are moved

A level is compared with a shape, all bytes in one step; if it fits, nothing is left to find or to check. Which shape
to try is told by which of its bytes are digits, or, where one is usual, guessed: while the guess is right the processor
goes on with the next level before this one is done. A level that fits no shape is taken apart by its venue's own
`find`, and its shape remembered. The last levels of a text, whose words would be loaded from beyond its end, are read
in a copy that has room behind it.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shm.kernel import copy, inlined, kernel, load_u8
from trader.compile_hints import never_inlined
from trader.intrinsics import trailing_zeros
from trader.venues.digit_marks import (
    DIGITS_MAX,
    REACH,
    WINDOW,
    are_digits,
    byte_marks,
    digit_marks,
    digits_of,
    everywhere,
    kept_bytes,
    load_window,
    store_units,
    takes_words,
)
from trader.venues.json_bytes import COMMA

_SHAPES_BITS = 7
SHAPES = 1 << _SHAPES_BITS
"""Shapes that a scanner remembers, of all its symbols."""

STRANGE_MAX = 3
"""Levels in a row that are not as usual, before another shape is: one that differs seldom comes with others."""

NUMBER_PLACE = np.dtype([("start", "i8"), ("left", "i8"), ("point", "i8"), ("keep", "i8")], align=True)
"""Where a number's digits are in a level, and behind its dot; bits that the first are moved, mask of the others."""

LEVEL_SHAPE = np.dtype(
    [
        ("owner", "i8"),
        ("length", "i8"),
        ("narrow", "i8"),
        ("price", NUMBER_PLACE),
        ("size", NUMBER_PLACE),
        ("low", "u1", (WINDOW,)),
        ("span", "u1", (WINDOW,)),
    ],
    align=True,
)
"""`owner`: the symbol whose units it is for, from 1, 0 for none; `length`: of a level, to its last bracket and with it;
`narrow`: no number has more than eight digits."""

SHAPES_SEEN = np.dtype([("rows", LEVEL_SHAPE, (SHAPES,)), ("tail", "u1", (2 * REACH,))], align=True)
"""`tail`: the copy of a text's end."""

USUAL = np.dtype([("row", "i8"), ("strange", "i8")], align=True)
"""A symbol's usual shape, and how many levels in a row were not like it."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - _SHAPES_BITS)


@intrinsic
def _fits(typingctx: Any, address: Any, low: Any, span: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        text, least, width = (load_window(builder, argument) for argument in arguments)
        within = builder.icmp_unsigned("<=", builder.sub(text, least), width)
        mask = ir.IntType(WINDOW)
        return builder.icmp_unsigned("==", builder.bitcast(within, mask), ir.Constant(mask, -1))

    return types.boolean(types.int64, types.int64, types.int64), generate


@intrinsic
def _learn_text(typingctx: Any, address: Any, inside: Any, zeros: Any, leading: Any, low: Any, span: Any) -> Any:
    """Make `low` and `span` of the text at an address: `inside` has a bit for each byte that is compared, `zeros` for
    each digit that must be 0, `leading` for each that must not."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = ir.VectorType(ir.IntType(1), WINDOW)
        text = load_window(builder, arguments[0])
        inside, zeros, leading = (builder.bitcast(mask, lanes) for mask in arguments[1:4])
        digit = are_digits(builder, text)
        first = builder.zext(leading, text.type)
        least = builder.select(digit, builder.add(everywhere(ord("0")), first), text)
        free = builder.and_(digit, builder.not_(zeros))
        width = builder.select(free, builder.sub(everywhere(9), first), everywhere(0))
        for address, vector, outside in zip(arguments[4:], (least, width), (0, 255), strict=True):
            vector = builder.select(inside, vector, everywhere(outside))
            builder.store(vector, builder.inttoptr(address, vector.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


@inlined
def _fits_shape(p, shape):
    return _fits(p, np.int64(shape.low.ctypes.data), np.int64(shape.span.ctypes.data))


@inlined
def _learn_number(place, start, count, behind, decimals):
    """Note where a number's digits are; the bits of those that must be zeros."""
    kept = max(min(behind, decimals), 0)
    place.start = start
    place.left = 64 - 8 * count
    place.point = start + count + 1
    place.keep = kept_bytes(behind, decimals)
    return ((1 << (max(behind, 0) - kept)) - 1) << (start + count + 1 + kept)


@kernel
def _learn(shape, p, length, price, size, leading, owner, scale):
    """Levels may look like the one at `p`; `price` and `size`: (start, digits, digits behind the dot or -1); `leading`:
    bits of the digits that must not be 0. False if this is none that a shape can be of."""
    never_inlined()
    if length == 0 or length >= WINDOW:
        return False
    for _, count, behind in (price, size):
        if not (0 < count <= DIGITS_MAX and behind != 0):
            return False
    shape.owner = owner
    shape.length = length
    zeros = _learn_number(shape.price, price[0], price[1], price[2], scale.price.decimals)
    zeros |= _learn_number(shape.size, size[0], size[1], size[2], scale.size.decimals)
    narrow = price[1] + scale.price.decimals <= DIGITS_MAX and size[1] + scale.size.decimals <= DIGITS_MAX
    shape.narrow = 1 if narrow else 0
    low, span = np.int64(shape.low.ctypes.data), np.int64(shape.span.ctypes.data)
    _learn_text(p, (1 << length) - 1, zeros, leading, low, span)
    return True


@inlined
def _read_run(p, last, at, limit, shape, scale):
    """Levels that fit the shape, from `p` on while they begin at `last` or before: (p, address after the last pair,
    whether p stands behind a level that no comma follows, and not before one)."""
    price, size = scale.price, scale.size
    up, size_up = (64 - 8 * price.decimals) & 63, (64 - 8 * size.decimals) & 63
    start, left, point, keep = shape.price.start, shape.price.left, shape.price.point, shape.price.keep
    size_start, size_left = shape.size.start, shape.size.left
    size_point, size_keep = shape.size.point, shape.size.keep
    low, span = np.int64(shape.low.ctypes.data), np.int64(shape.span.ctypes.data)
    length, narrow = shape.length, shape.narrow != 0
    while p <= last and at < limit and _fits(p, low, span):
        whole, fraction = digits_of(p, start, left, point, keep, up)
        size_whole, size_fraction = digits_of(p, size_start, size_left, size_point, size_keep, size_up)
        store_units(at, whole, fraction, size_whole, size_fraction, narrow, price, size)
        at += 16
        p += length
        if load_u8(p) != COMMA:
            return p, at, True
        p += 1
    return p, at, False


@inlined
def _read_level(p, at, shape, scale):
    """Store a level that fits the shape, to `at`."""
    price, size = shape.price, shape.size
    up, size_up = (64 - 8 * scale.price.decimals) & 63, (64 - 8 * scale.size.decimals) & 63
    whole, fraction = digits_of(p, price.start, price.left, price.point, price.keep, up)
    size_whole, size_fraction = digits_of(p, size.start, size.left, size.point, size.keep, size_up)
    store_units(at, whole, fraction, size_whole, size_fraction, shape.narrow != 0, scale.price, scale.size)


@inlined
def read_alike(scanner, p, end, pairs, room, find, bracket, steady):
    """Levels in the venue's own spelling, the first one at `p`: pairs (price, size) stored from `pairs`.

    `find(p, marks, length)` takes apart a level of this length, that ends with `bracket`: (its length, 0 if it is
    spelled otherwise, price, size, leading), as `_learn` takes them. `steady`: most levels of a symbol have one shape.

    Returns (how many there were, p, whether p stands behind the last of them and not before the next). The level at p
    is then one for a closer look, or there is no room for it, or no comma follows.
    """
    symbol = scanner.symbol
    scale = scanner.scales[symbol]
    if not takes_words(scale):
        return 0, p, False
    usual, owner = scanner.usual[symbol], symbol + 1
    at, limit = pairs, pairs + 16 * room
    moved = 0
    last = end - REACH
    behind = False
    while True:
        first = at
        guess = scanner.shapes.rows[usual.row]
        if steady and guess.owner == owner:
            p, at, behind = _read_run(p, last if moved == 0 else end - guess.length - 1, at, limit, guess, scale)
        if behind or at >= limit or p >= end:
            break
        if moved == 0 and p > last:
            tail = np.int64(scanner.shapes.tail.ctypes.data)
            copy(tail, p, end - p)
            moved = tail - p
            p, end = tail, tail + end - p
            continue
        closed = trailing_zeros(byte_marks(p, bracket))
        if p + closed + 1 >= end or closed >= WINDOW - 1:
            break
        marks = digit_marks(p) & ((1 << closed) - 1)
        row = np.int64((np.uint64(marks) * _MIX) >> _SHIFT)
        shape = scanner.shapes.rows[row]
        if shape.owner != owner or not _fits_shape(p, shape):
            length, price, size, leading = find(p, marks, closed + 1)
            if not _learn(shape, p, length, price, size, leading, owner, scale) or not _fits_shape(p, shape):
                break
        _read_level(p, at, shape, scale)
        if steady:
            usual.strange = 1 if at != first else usual.strange + 1
            if usual.strange >= STRANGE_MAX:
                usual.row = row
        at += 16
        p += closed + 1
        behind = load_u8(p) != COMMA
        if behind:
            break
        p += 1
    return (at - pairs) >> 4, p - moved, behind
