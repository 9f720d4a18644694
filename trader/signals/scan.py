"""The recurrence y = d y' + (1 - d) x over an array, eight values at a time: a blocked scan.

The plain loop waits for each y before it begins the next. A block of eight sums what the last eight values contribute
in three doublings, which wait for nothing; one multiply-add a block hangs on the block before:

    w = a x + a d x_(i-1)           a = 1 - d; the last two values
    u = w + d^2 w_(i-2)             the last four
    v = u + d^4 u_(i-4)             the last eight
    y = v + d^8 y_(i-8)             all of them

The first block has zeros before it, and what the state held: y = v + (d, d^2 .. d^8) state.

Hillis and Steele, Communications of the ACM 29 (1986); Blelloch, "Prefix sums and their applications" (1990).
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.signals.exact_sums import is_finite
from trader.signals.indicators import ema_update

LANES = 8
_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, LANES)
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)


def _everywhere(builder: Any, value: Any) -> Any:
    """A scalar in all lanes."""
    single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(_I32, 0))
    mask = ir.Constant(ir.VectorType(_I32, LANES), None)
    return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), mask)


def _later(builder: Any, before: Any, vector: Any, steps: int) -> Any:
    """The vector `steps` lanes later, the last lanes of the block before in front."""
    mask = [ir.Constant(_I32, LANES - steps + lane) for lane in range(LANES)]
    return builder.shuffle_vector(before, vector, ir.Constant(ir.VectorType(_I32, LANES), mask))


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f64")
    return builder.call(function, (a, b, c))


def _load(builder: Any, address: Any) -> Any:
    return builder.load(builder.inttoptr(address, _VECTOR.as_pointer()), align=8)


def _store(builder: Any, vector: Any, address: Any) -> None:
    builder.store(vector, builder.inttoptr(address, _VECTOR.as_pointer()), align=8)


@intrinsic
def _scan_blocks(typingctx: Any, source: Any, target: Any, blocks: Any, decay: Any, carry: Any) -> Any:
    """_scan_blocks(source, target, blocks, decay, carry) -> last y; addresses of 8 * blocks float64, blocks >= 1."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        origin, goal, blocks, decay, carry = arguments
        powers = [decay]
        for _ in range(LANES - 1):
            powers.append(builder.fmul(powers[-1], decay))
        ladder = ir.Constant(_VECTOR, ir.Undefined)
        for lane, power in enumerate(powers):
            ladder = builder.insert_element(ladder, power, ir.Constant(_I32, lane))
        gain = _everywhere(builder, builder.fsub(ir.Constant(_DOUBLE, 1.0), decay))
        one, two, four, eight = (_everywhere(builder, powers[steps - 1]) for steps in (1, 2, 4, 8))
        none = ir.Constant(_VECTOR, None)

        x = builder.fmul(gain, _load(builder, origin))
        pairs = _multiply_add(builder, one, _later(builder, none, x, 1), x)
        fours = _multiply_add(builder, two, _later(builder, none, pairs, 2), pairs)
        eights = _multiply_add(builder, four, _later(builder, none, fours, 4), fours)
        first = _multiply_add(builder, ladder, _everywhere(builder, carry), eights)
        _store(builder, first, goal)

        before = [cgutils.alloca_once_value(builder, vector) for vector in (pairs, fours, first)]
        gain_decay = builder.fmul(gain, one)
        with cgutils.for_range(builder, blocks, start=ir.Constant(_I64, 1)) as loop:
            offset = builder.mul(loop.index, ir.Constant(_I64, 8 * LANES))
            here = builder.add(origin, offset)
            x = builder.fmul(gain, _load(builder, here))
            earlier = _load(builder, builder.sub(here, ir.Constant(_I64, 8)))
            pairs = _multiply_add(builder, gain_decay, earlier, x)
            fours = _multiply_add(builder, two, _later(builder, builder.load(before[0]), pairs, 2), pairs)
            eights = _multiply_add(builder, four, _later(builder, builder.load(before[1]), fours, 4), fours)
            whole = _multiply_add(builder, eight, builder.load(before[2]), eights)
            _store(builder, whole, builder.add(goal, offset))
            for place, vector in zip(before, (pairs, fours, whole), strict=True):
                builder.store(vector, place)
        return builder.extract_element(builder.load(before[2]), ir.Constant(_I32, LANES - 1))

    return types.float64(types.int64, types.int64, types.int64, types.float64, types.float64), generate


@kernel
def ema_batch(state, values, out):
    """Take a contiguous float64 array into an EMA record, writing the mean after each value into `out`.

    `out` does not overlap `values`. Agrees with `ema_update` to rounding. A value that is missing makes every later
    mean so too: then all is done again, one by one.
    """
    count = len(values)
    if count == 0:
        return
    carry = values[0] if state.count == 0 else state.value
    blocks = count // LANES
    if blocks > 0:
        source, target = np.int64(values.ctypes.data), np.int64(out.ctypes.data)
        carry = _scan_blocks(source, target, blocks, 1.0 - state.gain, carry)
    for index in range(LANES * blocks, count):
        carry += state.gain * (values[index] - carry)
        out[index] = carry
    if is_finite(carry):
        state.value = carry
        state.count += count
    else:
        _one_by_one(state, values, out)


@kernel
def _one_by_one(state, values, out):
    never_inlined()
    for index in range(len(values)):
        out[index] = ema_update(state, values[index])
