"""The free collateral: asked for before READY and then now and then, told to risk in the account states."""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.router import rest
from trader.router.outgoing import add_accounts
from trader.router.state import Job, Phase
from trader.venues.binance.collateral import scan_collateral


@inlined
def ask_balance(router, now_ns):
    """Ask for it, if that is due: 1 if a request went out."""
    period_ns = 0 if router.cancel_only else router.balance_refresh_ns
    if period_ns == 0 or (router.balance_ns != 0 and now_ns - router.balance_ns < period_ns):
        return 0
    return rest.request(router, Job.BALANCE, 0, now_ns)


@kernel
def take_balance(router, address, length, now_ns):
    """Keep it and tell of it, while all is reconciled; 0 if the reply is not understood."""
    never_inlined()
    free_e8 = scan_collateral(router.scan, address, length, router.instruments[0].market, router.position_reply.amount)
    if free_e8 < 0:
        return 0
    router.free_e8 = free_e8
    router.balance_ns = max(now_ns, 1)
    if router.phase == Phase.READY and router.account_count == 0:
        add_accounts(router, 1)
        router.quiet_accounts = 1
    return 1
