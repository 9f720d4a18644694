"""Responses: which REST reply means what, and when the venue wants to hear nothing more."""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.orders import SLOT_MASK
from trader.pacing import RETRY_AFTER_UNIT
from trader.router import reconciling, rest
from trader.router.balance import take_balance
from trader.router.instrument_states import miss_status, take_mark, take_status
from trader.router.replies import HTTP_OK, TOO_MANY, obey_limit
from trader.router.state import REST, Job

HTTP_NOT_FOUND = 404


@kernel
def take_response(router, wire, now_ns):
    """The reply to the REST request that was out."""
    never_inlined()
    job = router.job
    router.job = Job.NONE
    if wire.connection_id != REST:
        return
    status = wire.status % RETRY_AFTER_UNIT
    if status in TOO_MANY:
        obey_limit(router, status, 0, now_ns + wire.status // RETRY_AFTER_UNIT * 1_000_000_000, now_ns)
    understood = _take_reply(router, job, wire, now_ns) if wire.status == HTTP_OK else 0
    if job == Job.CANCEL_OPEN and wire.status != HTTP_OK:
        understood = rest.says_none_open(router, wire.payload_address, wire.payload_length)
        router.clear_symbol += understood
    if job == Job.RENEW_KEY:
        router.listen_key_due_ns = now_ns + (router.listen_key_ns if understood else router.listen_key_ns // 10)
    elif job == Job.DEAD_MAN and status == HTTP_NOT_FOUND:
        router.dead_man_ms = 0  # this venue has none
        return
    if understood:
        router.rest_attempts = 0
    elif job != Job.MARK:
        if job == Job.STATUS:
            miss_status(router)
        rest.fail(router, now_ns)


@kernel
def _take_reply(router, job, wire, now_ns):
    """What a successful reply means; 0 if it is not understood."""
    never_inlined()
    address, length = wire.payload_address, wire.payload_length
    if job == Job.LISTEN_KEY:
        router.listen_key_due_ns = now_ns + router.listen_key_ns
        return rest.take_listen_key(router, address, length)
    if job == Job.BALANCE:
        return take_balance(router, address, length, now_ns)
    if job == Job.STATUS:
        return take_status(router, address, length)
    if job == Job.MARK:
        return take_mark(router, address, length)
    if job == Job.CANCEL_OPEN:
        router.clear_symbol += 1
    elif job == Job.OPEN_ORDERS:
        return rest.take_open_count(router, address, length, now_ns)
    elif job == Job.POSITION or job == Job.CHECK_POSITION:
        return reconciling.take_position(router, job, address, length, now_ns)
    elif job == Job.LIST_ORDERS:
        router.orders_symbol += 1
        return reconciling.take_order_list(router, address, length, now_ns)
    elif job == Job.TRADES_SINCE:
        return reconciling.take_trade_list(router, address, length, now_ns)
    elif job == Job.DEAD_MAN:
        router.dead_man_refreshes += 1
        router.dead_man_symbol += 1
    elif job == Job.TRADES:
        order = router.orders[router.job_order_id & SLOT_MASK]
        if order.client_order_id == router.job_order_id:
            return rest.take_trades(router, order, address, length, now_ns)
    return 1
