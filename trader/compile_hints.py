"""Hints to compiler and processor from inside a kernel, where numba has no option for them."""

from typing import Any

from numba import types
from numba.extending import intrinsic

from shm.kernel import inlined, prefetch_to_write

CACHE_LINE_BYTES = 64


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


@intrinsic
def hardly_ever(typingctx: Any) -> Any:
    """hardly_ever(): the kernel that calls this is a function of its own, and so are the branches that lead to it.

    The compiler takes both sides of a branch for equally likely, and lays them out in between one another.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.discard("alwaysinline")
        builder.function.attributes.add("noinline")
        builder.function.attributes.add("cold")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def wide_vectors(typingctx: Any) -> Any:
    """wide_vectors(): the loops of the kernel that calls this use the widest vectors; it is a function of its own.

    On Intel's CPUs with 512 bits LLVM takes 256 at a time, lest a few wide instructions slow down what is around
    them. Where nearly all the time goes into such loops, the whole takes a quarter less with 512.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        attributes = builder.function.attributes
        attributes.discard("alwaysinline")
        attributes.add("noinline")
        # llvmlite's set knows no attributes with a value, but writes down what is in it.
        set.add(attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


@inlined
def expect(address, length):
    """Ask for the lines of what will be written next.

    Tables that are gone through in turn (rings, rows of orders) are long out of the caches when they come round, and
    stores wait in order: one that has no line holds up all behind it.
    """
    for line in range(0, length, CACHE_LINE_BYTES):
        prefetch_to_write(address + line)
