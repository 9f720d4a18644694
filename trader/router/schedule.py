"""Schedule: which REST request is next, towards READY and once it is reached.

QUERYING   every live order answered for, trade lists read -> POSITIONS
POSITIONS  trade lists read, each position settled         -> READY
READY      trade lists that are wanted, positions and open orders now and then, the listen key, the dead-man timer
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.router import reconciling, rest
from trader.router.balance import ask_balance
from trader.router.instrument_states import ask_states
from trader.router.market import has_listen_key
from trader.router.outgoing import add_accounts
from trader.router.patience import unanswered
from trader.router.state import ORDER_API, UP, Job, Phase


@inlined
def refresh_dead_man(router, now_ns):
    """Tell the venue that we live, as long as we can cancel. 1 if a request went out."""
    if router.dead_man_ms == 0 or now_ns < router.dead_man_due_ns:
        return 0
    if router.reconciled_once == 0 or router.connections[ORDER_API].state != UP:
        return 0
    if router.dead_man_symbol >= router.symbol_count:
        router.dead_man_symbol = 0
        router.dead_man_due_ns = now_ns + router.dead_man_refresh_ns
        return 0
    return rest.request(router, Job.DEAD_MAN, router.dead_man_symbol, now_ns)


@inlined
def move_phase(router, now_ns):
    """The next step towards READY; then the next comparison that is due."""
    if router.phase == Phase.QUERYING and unanswered(router) == 0:
        router.phase = Phase.POSITIONS
        router.position_symbol = 0
    if router.phase == Phase.POSITIONS:
        if router.trades_wanted != 0:
            rest.request(router, Job.TRADES_SINCE, reconciling.wanted_symbol(router), now_ns)
        elif router.position_symbol < router.symbol_count:
            rest.request(router, Job.POSITION, router.position_symbol, now_ns)
        elif (router.balance_ns != 0 or not ask_balance(router, now_ns)) and not ask_states(router, now_ns):
            _be_ready(router, now_ns)
    elif router.phase == Phase.READY and not router.cancel_only:
        _check(router, now_ns)
    elif router.trades_wanted != 0 and router.phase == Phase.QUERYING:
        rest.request(router, Job.TRADES_SINCE, reconciling.wanted_symbol(router), now_ns)


@kernel
def _check(router, now_ns):
    """The next comparison that is due, if there is a token for it; else the next thing."""
    never_inlined()
    if ask_balance(router, now_ns) or ask_states(router, now_ns):
        return
    if router.orders_symbol >= router.symbol_count:
        router.orders_symbol = 0
        router.orders_due_ns = now_ns + router.orders_check_ns
    if router.position_symbol >= router.symbol_count:
        router.position_symbol = 0
        router.position_due_ns = now_ns + router.position_check_ns
        router.position_started = 0
    if router.position_check_ns != 0 and now_ns >= router.position_due_ns and router.position_started == 0:
        router.position_started = 1
        reconciling.want_all_trades(router)
    if router.trades_wanted != 0:
        if rest.request(router, Job.TRADES_SINCE, reconciling.wanted_symbol(router), now_ns):
            return
    elif router.position_started != 0 and rest.request(router, Job.CHECK_POSITION, router.position_symbol, now_ns):
        return
    if router.orders_check_ns != 0 and now_ns >= router.orders_due_ns:
        if rest.request(router, Job.LIST_ORDERS, router.orders_symbol, now_ns):
            return
    if has_listen_key(router) and now_ns >= router.listen_key_due_ns:
        rest.request(router, Job.RENEW_KEY, 0, now_ns)


@inlined
def _be_ready(router, now_ns):
    """Orders, fills and positions agree."""
    router.phase = Phase.READY
    if router.reconciled_once == 0:
        router.acknowledge_start = 1
        reconciling.want_all_trades(router)  # from where they are read on later
    router.orders_symbol = router.position_symbol = router.position_started = 0
    router.orders_due_ns = now_ns + router.orders_check_ns
    router.position_due_ns = now_ns + router.position_check_ns
    router.reconciled_once = 1
    router.reconciliations += 1
    add_accounts(router, 1 - router.cancel_only)
    if router.acknowledge_reconcile < 0:
        router.acknowledge_reconcile = 1
