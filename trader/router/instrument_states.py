"""Instrument states: whether instruments trade, and their mark prices, asked for before READY, then now and then.

status   exchangeInfo; the venue's refusal of an order because of it is believed at once, and the status asked for
mark     premiumIndex, on futures

Risk is told of each as it comes, and of all of them with every reconciliation: it allows no order of an instrument
that is not known to trade. A mark price that is not answered is asked for again when it is due, and holds nothing up.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.router import rest
from trader.router.market import has_mark
from trader.router.outgoing import tell_state
from trader.router.state import Job, Phase
from trader.venues.binance.instrument_state import scan_mark, scan_status


@inlined
def ask_states(router, now_ns):
    """Ask for the next that is due, for marks once READY: 1 if a request went out."""
    asked = 0
    wants_marks = has_mark(router) and router.phase == Phase.READY
    for symbol_id in range(0 if router.cancel_only else router.symbol_count):
        if asked == 0 and _is_due(router.status_asked_ns[symbol_id], router.status_refresh_ns, now_ns):
            asked = rest.request(router, Job.STATUS, symbol_id, now_ns)
            router.status_asked_ns[symbol_id] = now_ns if asked else router.status_asked_ns[symbol_id]
        if asked == 0 and wants_marks and _is_due(router.mark_asked_ns[symbol_id], router.mark_refresh_ns, now_ns):
            asked = rest.request(router, Job.MARK, symbol_id, now_ns)
            router.mark_asked_ns[symbol_id] = now_ns if asked else router.mark_asked_ns[symbol_id]
    return asked


@inlined
def _is_due(asked_ns, refresh_ns, now_ns):
    return refresh_ns != 0 and (asked_ns == 0 or now_ns - asked_ns >= refresh_ns)


@kernel
def take_status(router, address, length):
    """Keep an instrument's status and have it told; 0 if the reply is not understood."""
    never_inlined()
    symbol_id = router.job_symbol
    status = scan_status(router.scan, address, length, router.instruments[symbol_id])
    if status < 0:
        return 0
    router.instrument_states[symbol_id].status = status
    tell_state(router, symbol_id)
    return 1


@inlined
def miss_status(router):
    """A status was not told. Before READY nothing goes on without it; later it is asked for again when it is due."""
    if router.phase != Phase.READY:
        router.status_asked_ns[router.job_symbol] = 0


@kernel
def take_mark(router, address, length):
    """Keep a mark price, as old as its request, and have it told; 0 if the reply is not understood."""
    never_inlined()
    symbol_id = router.job_symbol
    ticks2 = scan_mark(router.scan, address, length, router.instruments[symbol_id])
    if ticks2 < 0:
        return 0
    own = router.instrument_states[symbol_id]
    own.mark2_ticks = ticks2
    own.mark_ns = router.job_sent_ns
    tell_state(router, symbol_id)
    return 1
