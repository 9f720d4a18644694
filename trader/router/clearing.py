"""Clearing: a cancel-all, until the venue lists nothing of ours and nothing lives here.

CANCEL   DELETE over REST, symbol by symbol; a cancel for each live order beside it
CHECK    once local orders have ended, or have had time for it: nothing listed, symbol by symbol; else CANCEL again
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.router import rest
from trader.router.placing import want_cancels
from trader.router.rest import RETRY_NS
from trader.router.state import Clearing, Job, Phase

CLEAR_WAIT_NS = 300_000_000
"""How long a cancel-all waits for local orders to end before it looks at the venue, and cancels again."""


@inlined
def begin_clearing(router, now_ns):
    """Cancel everything, on both ways; whatever was pausing, at once."""
    router.clearing = Clearing.CANCEL
    router.clear_symbol = 0
    router.rest_not_before_ns = now_ns
    want_cancels(router)


@kernel
def clear(router, now_ns):
    """One step of a cancel-all."""
    never_inlined()
    if router.clearing == Clearing.CANCEL:
        if router.clear_symbol < router.symbol_count:
            rest.request(router, Job.CANCEL_OPEN, router.clear_symbol, now_ns)
            return
        router.clearing = Clearing.CHECK
        router.clear_symbol = 0
        router.clear_wait_ns = now_ns + CLEAR_WAIT_NS
    if router.clear_symbol == 0:
        if router.open_orders > 0 and now_ns < router.clear_wait_ns:
            return
        router.clear_is_clean = router.open_orders == 0
    if router.clear_symbol < router.symbol_count:
        rest.request(router, Job.OPEN_ORDERS, router.clear_symbol, now_ns)
        return
    router.clear_symbol = 0
    if not router.clear_is_clean:
        router.clearing = Clearing.CANCEL
        rest.pause(router, now_ns, RETRY_NS)
        return
    router.clearing = Clearing.NONE
    if router.acknowledge_cancel_all < 0:
        router.acknowledge_cancel_all = 1
    if router.phase == Phase.CLEARING:
        router.phase = Phase.POSITIONS
        router.position_symbol = 0
