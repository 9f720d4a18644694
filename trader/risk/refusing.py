"""Refusing: noted out of line, so that the code of an approval stays together in the caches."""

from shm.kernel import kernel
from trader.compile_hints import hardly_ever


@kernel
def refuse(risk, reason, found, allowed):
    """Note why, and return the reason."""
    hardly_ever()
    risk.found = found
    risk.allowed = allowed
    risk.reason = reason
    return risk.reason
