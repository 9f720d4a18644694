"""Hints to the compiler from inside a kernel, where numba has no option for them."""

from typing import Any

from numba import types
from numba.extending import intrinsic


@intrinsic
def never_inlined(typingctx: Any) -> Any:
    """never_inlined(): keep the kernel that calls this a function of its own.

    For cold and for large kernels: LLVM merges whatever has few callers, and a scanner whose every error path
    is merged into its loop is ten times the code, compiled again in each caller of its caller.
    A kernel first compiled from inside an inlined one would inherit `alwaysinline` from it; that goes too.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.discard("alwaysinline")
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate
