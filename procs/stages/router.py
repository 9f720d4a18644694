"""Router: orders, cancels and executions over the venue's sockets; the transport moves the bytes.

    risk_router -> frame on the order API, or DENIED        three cancel sets -> cancels
    replies, user stream -> order table -> router_reports   timer -> timeouts, queries, retries
    START, lost connections, CANCEL_ALL -> reconciliation (trader.router.session)

Kernels append what is to leave to the state; it leaves here, when the message has been dealt with.
"""

from typing import Any

import numpy as np

from procs.hot_log_events import Event
from procs.ports import acknowledge, log_event, receive, send, wake_at
from shm.codec import record_dtype
from shm.kernel import inlined, kernel, step, view
from trader.compile_hints import never_inlined
from trader.enums import Command, ReportKind, WireKind
from trader.messages import (
    CANCEL_REQUEST,
    CONTROL,
    NEW_ORDER,
    TIMER,
    WIRE_IN,
    AccountState,
    CancelRequest,
    Control,
    ExecutionReport,
    InstrumentState,
    Message,
    NewOrder,
    WireIn,
    WireOut,
)
from trader.router.outgoing import clear_outgoing
from trader.router.patience import tend_orders
from trader.router.placing import ask_cancel, next_look_ns, place
from trader.router.responses import take_response
from trader.router.session import advance, on_command, take_connection, take_reply, take_user_event
from trader.router.state import ACCOUNT, INSTRUMENT_STATE, ORDER_API, REPORT, ROUTER, WIRE, fill_router

OUTBOXES = ("router_reports", "router_wire_out")
OUT_REPORTS, OUT_WIRE = range(2)
CREDIT = {"router_reports": 1 << 16, "router_wire_out": 1 << 17}
TIMER_NS = 50_000_000

FINE, BAD_FRAME = 0, -1

assert record_dtype(ExecutionReport) == REPORT
assert record_dtype(AccountState) == ACCOUNT
assert record_dtype(InstrumentState) == INSTRUMENT_STATE
assert record_dtype(WireOut) == WIRE

STATE = np.dtype(
    [
        ("router", ROUTER),
        ("new_order", record_dtype(NewOrder)),
        ("cancel", record_dtype(CancelRequest)),
        ("wire", record_dtype(WireIn)),
        ("control", record_dtype(Control)),
    ],
    align=True,
)


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a zeroed state (cold): limits of patience, instruments, epoch; no connection yet."""
    fill_router(
        state[0]["router"],
        config.router,
        instruments,
        risk=config.risk,
        symbols=len(config.symbols),
        epoch=config.epoch,
        wall_offset_ns=config.wall_offset_ns,
    )


def inherit(state: np.ndarray, published: list[Message], left: np.ndarray) -> None:
    """Take over what a predecessor knew and no venue can be asked for: the balances that positions are counted from."""
    for name in ("base_lots", "base_known"):
        state[0]["router"][name] = left[0]["router"][name]


@step
def step(state, ports, type_, frame, now_ns):
    """One message; a frame that does not decode is BAD_FRAME and stops the stage."""
    s = view(state, STATE)
    router = s.router
    clear_outgoing(router)
    if type_ == NEW_ORDER:
        if receive(frame, s.new_order) != 0:
            return BAD_FRAME
        place(router, s.new_order, now_ns)
        _send_all(router, ports)
        _wake_in_time(router, ports, now_ns)
        return FINE
    if type_ == WIRE_IN:
        if receive(frame, s.wire) != 0:
            return BAD_FRAME
        if s.wire.kind == WireKind.RESPONSE:
            take_response(router, s.wire, now_ns)
        elif s.wire.kind != WireKind.FRAME:
            take_connection(router, s.wire, now_ns)
            if s.wire.kind == WireKind.LOST:
                log_event(ports, Event.CONNECTION_LOST, s.wire.connection_id, router.reconnects)
        elif s.wire.connection_id == ORDER_API:
            take_reply(router, s.wire, now_ns)
        else:
            take_user_event(router, s.wire, now_ns)
    elif type_ == CANCEL_REQUEST:
        if receive(frame, s.cancel) != 0:
            return BAD_FRAME
        ask_cancel(router, s.cancel.order_slot, s.cancel.client_order_id, now_ns)
        if router.more_work == 0:
            _send_all(router, ports)
            _wake_in_time(router, ports, now_ns)
            return FINE
    elif type_ == CONTROL:
        if receive(frame, s.control) != 0:
            return BAD_FRAME
        on_command(router, s.control.command, s.control.argument, now_ns)
    lacking = 0
    if type_ == TIMER or router.more_work != 0:
        lacking = tend_orders(router, now_ns)
    advance(router, lacking, now_ns)
    _send_all(router, ports)
    _wake_in_time(router, ports, now_ns)
    return FINE


@inlined
def _wake_in_time(router, ports, now_ns):
    """Orders wait for their batch or a token, or cancels for a token: the timer's own pace would be too slow."""
    if router.batch.count != 0 or router.more_work != 0:
        wake_at(ports, next_look_ns(router, now_ns))


@inlined
def _send_all(router, ports):
    """Frames first: an order on its way to the venue waits for nothing."""
    for index in range(router.wire_count):
        send(ports, OUT_WIRE, router.wires[index])
    for index in range(router.report_count):
        send(ports, OUT_REPORTS, router.reports[index])
        kind = router.reports[index].kind
        if kind == ReportKind.REJECTED or kind >= ReportKind.UNKNOWN:
            _tell_trouble(ports, router.reports[index])
    for index in range(router.alarm_count):
        _raise_alarm(ports, router.alarms[index])
    if router.states_told != 0:
        _tell_states(router, ports)
    for index in range(router.account_count):
        send(ports, OUT_REPORTS, router.accounts[index])
        account = router.accounts[index]
        lots, orders = account.position_lots, account.open_orders
        if not router.quiet_accounts:
            log_event(ports, Event.RECONCILED, account.symbol_id, account.reconciled, lots, orders)
    if router.acknowledge_start > 0:
        router.acknowledge_start = 0
        acknowledge(ports, Command.START)
    if router.acknowledge_reconcile > 0:
        router.acknowledge_reconcile = 0
        acknowledge(ports, Command.RECONCILE)
    if router.acknowledge_cancel_all > 0:
        router.acknowledge_cancel_all = 0
        acknowledge(ports, Command.CANCEL_ALL)


@kernel
def _tell_states(router, ports):
    """What the venue says of the instruments, before the accounts that may let risk go on."""
    never_inlined()
    for symbol_id in range(router.symbol_count):
        if (router.states_told >> symbol_id) & 1:
            send(ports, OUT_REPORTS, router.instrument_states[symbol_id])


@kernel
def _raise_alarm(ports, row):
    """What a person has to know."""
    never_inlined()
    log_event(ports, Event.ORDER_ALARM, row.symbol_id, row.alarm, row.client_order_id, row.found, row.allowed)


@kernel
def _tell_trouble(ports, report):
    """An order or a cancel that did not get where it should."""
    never_inlined()
    symbol_id, order = report.symbol_id, report.client_order_id
    if report.kind == ReportKind.UNKNOWN:
        log_event(ports, Event.ORDER_UNKNOWN, symbol_id, order, report.side, report.price_ticks, report.size_lots)
    elif report.kind == ReportKind.REJECTED:
        log_event(ports, Event.ORDER_REJECTED, symbol_id, order, report.reason)
    elif report.kind == ReportKind.CANCEL_REJECTED:
        log_event(ports, Event.CANCEL_REJECTED, symbol_id, order, report.reason)
    elif report.kind == ReportKind.DENIED:
        log_event(ports, Event.ORDER_DENIED, symbol_id, order, report.reason)
