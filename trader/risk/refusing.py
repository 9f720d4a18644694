"""Refusing: noted out of line, so that the code of an approval stays together in the caches."""

from typing import Any

from numba import types
from numba.extending import intrinsic

from shm.kernel import kernel


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


@kernel
def refuse(risk, reason, found, allowed):
    """Note why, and return the reason."""
    hardly_ever()
    risk.found = found
    risk.allowed = allowed
    risk.reason = reason
    return risk.reason
