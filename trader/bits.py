"""Bit counting in int64 words, one machine instruction each; numba offers no public name for them."""

from typing import Any

from numba import types
from numba.extending import intrinsic


def _count(operation: str) -> Any:
    @intrinsic
    def count(typingctx: Any, word: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            defined_at_zero = context.get_constant(types.boolean, False)
            return getattr(builder, operation)(arguments[0], defined_at_zero)

        return types.int64(types.int64), generate

    return count


trailing_zeros = _count("cttz")
"""trailing_zeros(word) -> index of the lowest set bit; 64 for 0."""

leading_zeros = _count("ctlz")
"""leading_zeros(word) -> 63 - index of the highest set bit; 64 for 0."""
