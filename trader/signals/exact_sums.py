"""Sums that lose nothing: pairs of float64 whose low part holds what the high part rounded away.

A window that slides adds what comes and subtracts what goes. In one float64 the rounding of a large value that has
left stays behind; in a pair (high + low, 106 bits) it does not.

    two_sum       a + b = s + e exactly      Knuth, The Art of Computer Programming 2, 4.2.2
    two_product   a * b = p + e exactly      by a fused multiply-add
    add_pair      (h, l) + (a, b)            Neumaier, Zeitschrift fuer angewandte Mathematik und Mechanik 54 (1974)
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shm.kernel import inlined

_DOUBLE = ir.DoubleType()


@intrinsic
def fused(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """fused(a, b, c) -> a * b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = builder.module.declare_intrinsic(
            "llvm.fma", [_DOUBLE], ir.FunctionType(_DOUBLE, [_DOUBLE, _DOUBLE, _DOUBLE])
        )
        return builder.call(function, arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@inlined
def is_finite(x):
    """Whether x is a number: neither NaN nor infinite."""
    return x - x == 0.0


@inlined
def two_sum(a, b):
    """(s, e) with s = a + b rounded and s + e exact."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


@inlined
def two_product(a, b):
    """(p, e) with p = a * b rounded and p + e exact."""
    product = a * b
    return product, fused(a, b, -product)


@inlined
def add_pair(high, low, a, b):
    """The pair (high, low) plus (a, b). Only one addition waits for the sum before: what it lost goes to the low part.

    The low part grows with what was lost: both parts count, whatever their sizes, wherever the pair is used.
    """
    total, error = two_sum(high, a)
    return total, low + (error + b)
