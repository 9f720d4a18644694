"""Branch-free float32 exp2, log2 and reciprocals that LLVM turns into vector code, and how such loops are compiled.

No vector math library is needed: numba lost SVML in 0.62. A loop over a block's lanes whose body is made of these
becomes AVX-512, AVX2 or SSE code, whatever the host has.

    x = n + r    2^x = 2^n * p(r)         n integer, |r| <= 1/2, p minimax of degree 5 (or 4, or 3)
    x = 2^e * m  log2 x = e + q(m - 1)    m in [sqrt(1/2), sqrt 2), q minimax of degree 7

Relative errors, checked by tests: exp2 2e-7, exp2_fast 3e-6, exp2_rough 8e-5; log2: 2e-7 absolute
near 1, relative elsewhere.
Reassociation, contraction and approximate reciprocals are allowed in here (results are compared on one CPU target
only); infinities and NaNs are not assumed away, missing data is handled by the callers' counts.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shm.kernel import Kernel

F = np.float32
"""A literal in float32 arithmetic: F(0.5) * x stays float32, 0.5 * x would not."""

LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453

_FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}
_FLOAT = ir.FloatType()
_I32 = ir.IntType(32)


def vector(function: Callable[..., Any]) -> Any:
    """Compile a kernel whose loops are to be vectorised."""
    return Kernel(function, {"fastmath": _FAST})


def lane(function: Callable[..., Any]) -> Any:
    """Compile what such a loop does with one lane: always merged into it."""
    return Kernel(function, {"fastmath": _FAST, "forceinline": True})


def finite_lane(function: Callable[..., Any]) -> Any:
    """A lane whose result is finite: division by an estimate and a Newton step where the CPU has one."""
    return Kernel(function, {"fastmath": _FAST | {"ninf"}, "forceinline": True})


def _extremum(name: str) -> Any:
    signature = types.float32(types.float32, types.float32)
    kind = ir.FunctionType(_FLOAT, [_FLOAT, _FLOAT])

    @intrinsic
    def extremum(typingctx: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            function = builder.module.declare_intrinsic(f"llvm.{name}", [_FLOAT], kind)
            return builder.call(function, values, fastmath=("nnan", "nsz", "reassoc"))

        return signature, generate

    return extremum


larger = _extremum("maxnum")
"""larger(x, y) -> the larger of two float32; a running maximum of it is vectorised."""

smaller = _extremum("minnum")
"""smaller(x, y) -> the smaller of two float32."""


@intrinsic
def _rounded(typingctx: Any, x: Any) -> Any:
    """(n, r) with x = n + r, n the integer next to x as int32, r float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_I32, [_FLOAT])
        n = builder.call(builder.module.declare_intrinsic("llvm.lrint", [_I32, _FLOAT], kind), arguments)
        r = builder.fsub(arguments[0], builder.sitofp(n, _FLOAT))
        return context.make_tuple(builder, signature.return_type, (n, r))

    return types.Tuple((types.int32, types.float32))(types.float32), generate


@intrinsic
def _scaled(typingctx: Any, p: Any, n: Any) -> Any:
    """p 2^n by adding n to p's exponent; the result must be a normal number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.shl(arguments[1], ir.Constant(_I32, 23))
        return builder.bitcast(builder.add(builder.bitcast(arguments[0], _I32), bits), _FLOAT)

    return types.float32(types.float32, types.int32), generate


@intrinsic
def _split(typingctx: Any, x: Any) -> Any:
    """(e, m) with x = 2^e m and m in [sqrt(1/2), sqrt 2), both float32; x positive and normal."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], _I32)
        root_half = ir.Constant(_I32, 0x3F3504F3)
        exponent = builder.ashr(builder.sub(bits, root_half), ir.Constant(_I32, 23))
        mantissa = builder.sub(bits, builder.shl(exponent, ir.Constant(_I32, 23)))
        parts = builder.sitofp(exponent, _FLOAT), builder.bitcast(mantissa, _FLOAT)
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(types.float32, 2)(types.float32), generate


@intrinsic
def as_float(typingctx: Any, word: Any) -> Any:
    """as_float(word): the float32 whose bits are the lower half of a uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(builder.trunc(arguments[0], _I32), _FLOAT)

    return types.float32(types.uint64), generate


@intrinsic
def as_word(typingctx: Any, x: Any) -> Any:
    """as_word(x): the bits of a float32 as a uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.bitcast(arguments[0], _I32), ir.IntType(64))

    return types.uint64(types.float32), generate


@lane
def exp2(x):
    """2^x; x is taken into [-125, 126]."""
    return exp2_down(smaller(x, F(126.0)))


@lane
def exp2_down(x):
    """2^x for x <= 126; what is below 2^-125 becomes that."""
    x = larger(x, F(-125.0))
    n, r = _rounded(x)
    p = F(0.0013276471775639613) * r + F(0.009675541535262972)
    p = p * r + F(0.05550713275930419)
    p = p * r + F(0.24022119720161192)
    p = p * r + F(0.6931469670621704)
    return _scaled(p * r + F(1.0), n)


@lane
def exp2_fast(x):
    """2^x for x <= 127, to 3e-6; what is below 2^-125 becomes that."""
    x = larger(x, F(-125.0))
    n, r = _rounded(x)
    p = F(0.009570101691671067) * r + F(0.055917862062722964)
    p = p * r + F(0.24024744848594154)
    p = p * r + F(0.6931218145263904)
    return _scaled(p * r + F(0.999999261434696), n)


@lane
def exp2_rough(x):
    """2^x to 8e-5, for starting points; x is taken into [-125, 125]."""
    x = smaller(larger(x, F(-125.0)), F(125.0))
    n, r = _rounded(x)
    p = F(0.05517166715220148) * r + F(0.24261113480018892)
    p = p * r + F(0.6932609869211586)
    return _scaled(p * r + F(0.9999280728070876), n)


@lane
def exp(x):
    """e^x for x in [-87, 88]."""
    return exp2(x * F(LOG2_E))


@lane
def log2(x):
    """Binary logarithm of a positive normal x, to 3e-7 (absolute, or relative where it is large)."""
    e, m = _split(x)
    f = m - F(1.0)
    p = F(-0.14929000883231675) * f + F(0.23485628644148182)
    p = p * f + F(-0.248166069951067)
    p = p * f + F(0.28700968009857425)
    p = p * f + F(-0.36028979097424135)
    p = p * f + F(0.4809237059436011)
    p = p * f + F(-0.721351671968646)
    return e + (p * f + F(1.4426950408889634)) * f


@lane
def log(x):
    """Natural logarithm of a positive normal x."""
    return log2(x) * F(LN_2)


@lane
def log_rough(x):
    """Natural logarithm to 1e-4, for starting points."""
    e, m = _split(x)
    f = m - F(1.0)
    p = F(-0.23268618234949337) * f + F(0.35540095230397883)
    p = p * f + F(-0.5015920454995024)
    return e * F(LN_2) + (p * f + F(0.9996748730311483)) * f


@finite_lane
def reciprocal(x):
    """1 / x where that is finite."""
    return F(1.0) / x


@finite_lane
def quotient(x, y):
    """x / y where that is finite."""
    return x / y
