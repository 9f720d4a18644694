"""Risk: sees every intent and is the only stage that can emit a new order.

book_top, volatility_estimate, router_reports -> picture of market, position and own orders
strategy_risk -> decide -> risk_router (approved, exposure reserved) or risk_strategy (refused, with reason)
a halt latches: every later intent is refused and everything is cancelled through risk_cancels
"""

from typing import Any

import numpy as np

from procs.hot_log_events import Event
from procs.ports import acknowledge, cancel, log_event, receive, send
from shm.codec import record_dtype
from shm.kernel import inlined, kernel, step, view
from trader.enums import Command, OrderState, RefusalReason
from trader.messages import (
    ACCOUNT_STATE,
    BOOK_TOP,
    CONTROL,
    EXECUTION_REPORT,
    ORDER_INTENT,
    VOLATILITY_ESTIMATE,
    AccountState,
    BookTop,
    Control,
    ExecutionReport,
    Message,
    NewOrder,
    OrderIntent,
    OrderRefusal,
    VolatilityEstimate,
)
from trader.risk.checks import APPROVED, decide
from trader.risk.exposure import RISK, HaltCause, release, reset_exposure
from trader.risk.facts import (
    CANCEL_ALL,
    CANCEL_ORDER,
    apply_account,
    apply_report,
    apply_top,
    apply_volatility,
    halt,
    pause,
)
from trader.risk.limits import fill_limits

OUTBOXES = ("risk_router", "risk_strategy", "risk_cancels")
OUT_ROUTER, OUT_STRATEGY, OUT_CANCELS = range(3)

FINE, BAD_FRAME = 0, -1
NO_ROOM = int(RefusalReason.NO_ROOM)
ALL_SLOTS = -1

STATE = np.dtype(
    [
        ("risk", RISK),
        ("top", record_dtype(BookTop)),
        ("estimate", record_dtype(VolatilityEstimate)),
        ("intent", record_dtype(OrderIntent)),
        ("report", record_dtype(ExecutionReport)),
        ("account", record_dtype(AccountState)),
        ("control", record_dtype(Control)),
        ("new_order", record_dtype(NewOrder)),
        ("refusal", record_dtype(OrderRefusal)),
    ],
    align=True,
)


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a zeroed state (cold): no exposure, nothing reconciled, the limits of each instrument of the run."""
    count = len(config.symbols)
    reset_exposure(state[0]["risk"], count)
    for symbol_id in range(count):
        fill_limits(state[0]["risk"]["symbols"][symbol_id]["limits"], config.risk, instruments[symbol_id])


def inherit(state: np.ndarray, published: list[Message], left: np.ndarray) -> None:
    """A halt outlives the stage that found its cause. It is one word, so it is whole whenever that stage died."""
    state[0]["risk"]["halted"] = left[0]["risk"]["halted"]


@step
def step(state, ports, type_, frame, now_ns):
    """One message; a frame that does not decode is BAD_FRAME and stops the stage."""
    s = view(state, STATE)
    if type_ == BOOK_TOP:
        if receive(frame, s.top) != 0:
            return BAD_FRAME
        apply_top(s.risk, s.top, now_ns)
    elif type_ == ORDER_INTENT:
        if receive(frame, s.intent) != 0:
            return BAD_FRAME
        _on_intent(s, ports, now_ns)
    elif type_ == EXECUTION_REPORT:
        if receive(frame, s.report) != 0:
            return BAD_FRAME
        _react(s, ports, apply_report(s.risk, s.report))
    elif type_ == VOLATILITY_ESTIMATE:
        if receive(frame, s.estimate) != 0:
            return BAD_FRAME
        apply_volatility(s.risk, s.estimate)
    elif type_ == ACCOUNT_STATE:
        if receive(frame, s.account) != 0:
            return BAD_FRAME
        _react(s, ports, apply_account(s.risk, s.account))
    elif type_ == CONTROL:
        if receive(frame, s.control) != 0:
            return BAD_FRAME
        _on_control(s, ports)
    return FINE


@inlined
def _on_intent(s, ports, now_ns):
    reason = decide(s.risk, s.intent, now_ns)
    if reason == APPROVED:
        _approve(s, now_ns)
        if send(ports, OUT_ROUTER, s.new_order):
            return
        reason = _take_back(s)
    _refuse(s, reason)
    send(ports, OUT_STRATEGY, s.refusal)
    order, found, allowed = s.intent.client_order_id, s.risk.found, s.risk.allowed
    log_event(ports, Event.RISK_REFUSED, s.intent.symbol_id, order, reason, found, allowed)


@inlined
def _approve(s, now_ns):
    order, intent = s.new_order, s.intent
    order.symbol_id = intent.symbol_id
    order.venue_id = intent.venue_id
    order.client_order_id = intent.client_order_id
    order.order_slot = intent.order_slot
    order.side = intent.side
    order.price_ticks = intent.price_ticks
    order.size_lots = intent.size_lots
    order.time_in_force = intent.time_in_force
    order.level = intent.level
    order.book_epoch = intent.book_epoch
    order.approved_ns = now_ns


@kernel
def _take_back(s):
    """The router's ring is full: the reservation goes, the strategy is told at once."""
    release(s.risk, s.risk.orders[s.intent.order_slot], OrderState.DENIED)
    s.risk.approved -= 1
    s.risk.refused += 1
    s.risk.refused_by_reason[APPROVED] -= 1
    s.risk.refused_by_reason[NO_ROOM] += 1
    s.risk.found = 0
    s.risk.allowed = 0
    return NO_ROOM


@inlined
def _refuse(s, reason):
    refusal, intent = s.refusal, s.intent
    refusal.symbol_id = intent.symbol_id
    refusal.venue_id = intent.venue_id
    refusal.client_order_id = intent.client_order_id
    refusal.order_slot = intent.order_slot
    refusal.reason = reason
    refusal.found = s.risk.found
    refusal.allowed = s.risk.allowed


@inlined
def _react(s, ports, reaction):
    if reaction == CANCEL_ALL:
        cancel(ports, OUT_CANCELS, ALL_SLOTS, 0)
        log_event(ports, Event.RISK_HALTED, s.risk.halted)
    elif reaction == CANCEL_ORDER:
        cancel(ports, OUT_CANCELS, s.report.order_slot, s.report.client_order_id)


@inlined
def _on_control(s, ports):
    command = s.control.command
    if command == Command.HALT:
        _react(s, ports, halt(s.risk, HaltCause.COMMAND))
    elif command == Command.PAUSE:
        pause(s.risk, s.control.argument)
    if command == Command.HALT or command == Command.START or command == Command.PAUSE:
        acknowledge(ports, command)
