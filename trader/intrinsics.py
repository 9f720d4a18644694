"""Single machine operations on words and bytes that numba offers no public name for."""

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _count(operation: str) -> Any:
    @intrinsic
    def count(typingctx: Any, word: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            undefined_at_zero = context.get_constant(types.boolean, False)
            return getattr(builder, operation)(arguments[0], undefined_at_zero)

        return types.int64(types.int64), generate

    return count


trailing_zeros = _count("cttz")
"""trailing_zeros(word) -> index of the lowest set bit; 64 for 0."""

leading_zeros = _count("ctlz")
"""leading_zeros(word) -> 63 - index of the highest set bit; 64 for 0."""


@intrinsic
def move(typingctx: Any, destination: Any, source: Any, length: Any) -> Any:
    """move(destination, source, length): bytes from one address to another; the spans may overlap."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = context.get_value_type(types.voidptr)
        target, origin = (builder.inttoptr(address, pointer) for address in arguments[:2])
        cgutils.raw_memmove(builder, target, origin, arguments[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate
