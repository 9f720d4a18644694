"""Risk: sees every intent and is the only stage that can emit a new order.

book_top, volatility_estimate, router_reports -> picture of market, position and own orders
tail_risk_advice -> limits in force: the configured ones, tightened
strategy_risk -> decide -> risk_router (approved, exposure reserved) or risk_strategy (refused, with reason)
a halt latches: every later intent is refused and everything is cancelled through risk_cancels
quotes that the market leaves behind are pulled through risk_cancels too
"""

from typing import Any

import numpy as np

from procs.hot_log_events import Event
from procs.ports import acknowledge, cancel, first_field_byte, log_event, receive, send
from shm.codec import record_dtype
from shm.kernel import inlined, kernel, load_u8, step, view
from trader.compile_hints import never_inlined
from trader.enums import Command, OrderState, RefusalReason, TradingState
from trader.instrument import INSTRUMENTS_MAX
from trader.messages import (
    ACCOUNT_STATE,
    BOOK_TOP,
    CONTROL,
    EXECUTION_REPORT,
    INSTRUMENT_STATE,
    ORDER_INTENT,
    TAIL_RISK_ADVICE,
    VOLATILITY_ESTIMATE,
    AccountState,
    BookTop,
    Control,
    ExecutionReport,
    InstrumentState,
    Message,
    NewOrder,
    OrderIntent,
    OrderRefusal,
    TailRiskAdvice,
    VolatilityEstimate,
)
from trader.risk.advice import is_free
from trader.risk.checks import APPROVED, decide
from trader.risk.exposure import release, reset_exposure
from trader.risk.facts import apply_account, apply_instrument, apply_report, apply_tail_risk, pause
from trader.risk.latches import CANCEL_ALL, CANCEL_ORDER, PULL_QUOTES, halt, rearm, reduce_only
from trader.risk.limits import fill_bounds, fill_limits
from trader.risk.market import apply_volatility, note_top
from trader.risk.pulling import is_left_behind
from trader.risk.state import NO_SLOT, PARITY, RISK, TOP, HaltCause

OUTBOXES = ("risk_router", "risk_strategy", "risk_cancels")
OUT_ROUTER, OUT_STRATEGY, OUT_CANCELS = range(3)

FINE, BAD_FRAME = 0, -1
NO_ROOM = int(RefusalReason.NO_ROOM)
ALL_SLOTS = -1
CAUSES, BY_COMMAND = len(HaltCause), int(HaltCause.COMMAND)

SYMBOL_BYTE = first_field_byte(BookTop)
"""Of a BookTop's symbol_id: it says which record to decode into."""

BUILD_ALONE = 1
"""The hash of a system in one process: there is nothing to compare it with."""

STATE = np.dtype(
    [
        ("risk", RISK),
        ("estimate", record_dtype(VolatilityEstimate)),
        ("said", record_dtype(TailRiskAdvice)),
        ("intent", record_dtype(OrderIntent)),
        ("report", record_dtype(ExecutionReport)),
        ("account", record_dtype(AccountState)),
        ("instrument", record_dtype(InstrumentState)),
        ("control", record_dtype(Control)),
        ("new_order", record_dtype(NewOrder)),
        ("refusal", record_dtype(OrderRefusal)),
    ],
    align=True,
)

assert record_dtype(BookTop) == TOP, "tops are decoded in place"
assert INSTRUMENTS_MAX <= 256, "one byte names a symbol"


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a zeroed state (cold): no exposure, nothing reconciled, the limits of each instrument of the run."""
    count = len(config.symbols)
    risk = state[0]["risk"]
    reset_exposure(risk, count)
    for symbol_id in range(count):
        symbol = risk["symbols"][symbol_id]
        fill_limits(symbol["configured"], config.risk, instruments[symbol_id], speed=config.speed)
        symbol["limits"] = symbol["configured"]
    fill_bounds(risk["configured"], config.risk)
    risk["bounds"] = risk["configured"]
    risk["build"] = config.build or BUILD_ALONE
    risk["wall_offset_ns"] = config.wall_offset_ns
    risk["day_base_e8"], risk["peak_e8"] = -config.day_pnl_e8, config.day_peak_e8 - config.day_pnl_e8


def inherit(state: np.ndarray, published: list[Message], left: np.ndarray) -> None:
    """What is latched outlives the stage that found its cause, and so does the day's loss.

    Causes are one word, so they are whole whenever that stage died.
    """
    risk, old = state[0]["risk"], left[0]["risk"]
    for name in ("halts", "reductions", "halted", "cause"):
        risk[name] = old[name]
    halted, reducing = bool(risk["halts"]), bool(risk["reductions"])
    risk["trading"] = TradingState.HALTED if halted else TradingState.REDUCING if reducing else TradingState.ACTIVE
    made_e8 = old["pnl_e8"] - old["touch_cost_e8"]
    for name in ("day_base_e8", "peak_e8"):
        risk[name] = old[name] - made_e8


@step
def step(state, ports, type_, frame, now_ns):
    """One message; a frame that does not decode is BAD_FRAME and stops the stage."""
    s = view(state, STATE)
    if type_ == BOOK_TOP:
        symbol_id = load_u8(frame + SYMBOL_BYTE)
        if symbol_id >= s.risk.symbol_count:
            return FINE
        top = s.risk.symbols[symbol_id].top
        if receive(frame, top) != 0 or top.symbol_id != symbol_id:
            return BAD_FRAME
        reaction = note_top(s.risk, symbol_id, now_ns)
        if reaction == PULL_QUOTES:
            _pull(s.risk, s.risk.symbols[symbol_id], ports, symbol_id)
        else:
            _react(s, ports, reaction)
    elif type_ == ORDER_INTENT:
        if receive(frame, s.intent) != 0:
            return BAD_FRAME
        _on_intent(s, ports, now_ns)
    elif type_ == EXECUTION_REPORT:
        if receive(frame, s.report) != 0:
            return BAD_FRAME
        _react(s, ports, apply_report(s.risk, s.report, now_ns))
    elif type_ == VOLATILITY_ESTIMATE:
        if receive(frame, s.estimate) != 0:
            return BAD_FRAME
        apply_volatility(s.risk, s.estimate)
    elif type_ == TAIL_RISK_ADVICE:
        if receive(frame, s.said) != 0:
            return BAD_FRAME
        _on_advice(s, ports)
    elif type_ == ACCOUNT_STATE:
        if receive(frame, s.account) != 0:
            return BAD_FRAME
        _react(s, ports, apply_account(s.risk, s.account))
    elif type_ == INSTRUMENT_STATE:
        if receive(frame, s.instrument) != 0:
            return BAD_FRAME
        if apply_instrument(s.risk, s.instrument):
            log_event(ports, Event.STATUS_CHANGED, s.instrument.symbol_id, s.instrument.status)
    elif type_ == CONTROL:
        if receive(frame, s.control) != 0:
            return BAD_FRAME
        _on_control(s, ports)
    return FINE


@inlined
def _on_intent(s, ports, now_ns):
    reason = decide(s.risk, s.intent, now_ns)
    if reason == APPROVED:
        approve(s, now_ns)
        if send(ports, OUT_ROUTER, s.new_order):
            return
        reason = _take_back(s)
    _refuse(s, reason)
    send(ports, OUT_STRATEGY, s.refusal)
    order, found, allowed = s.intent.client_order_id, s.risk.found, s.risk.allowed
    log_event(ports, Event.RISK_REFUSED, s.intent.symbol_id, order, reason, found, allowed)


@inlined
def approve(s, now_ns):
    """Make the order of an intent that has passed."""
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
        log_event(ports, Event.RISK_HALTED, s.risk.cause, s.risk.trading)
    elif reaction == CANCEL_ORDER:
        cancel(ports, OUT_CANCELS, s.report.order_slot, s.report.client_order_id)


@kernel
def _on_advice(s, ports):
    """Take tail risk's advice; people are told when limits begin and cease to be tightened by it."""
    never_inlined()
    was_free = is_free(s.risk.advice)
    _react(s, ports, apply_tail_risk(s.risk, s.said))
    advice = s.risk.advice
    if was_free and not is_free(advice):
        log_event(ports, Event.RISK_TIGHTENED, s.said.symbol_id, advice.size_permille, advice.spread_permille)
    elif is_free(advice) and not was_free:
        log_event(ports, Event.RISK_RELEASED, s.said.symbol_id, s.risk.tightened)


@kernel
def _pull(risk, symbol, ports, symbol_id):
    """Ask for the cancels of what the market has left behind, and say so. The ring of orders is not concerned."""
    never_inlined()
    bids = _pull_side(risk, symbol, symbol.buys.first, ports)
    asks = _pull_side(risk, symbol, symbol.sells.first, ports)
    risk.pulls += 1
    risk.pulled += bids + asks
    pull = symbol.pull
    log_event(ports, Event.QUOTES_PULLED, symbol_id, pull.cause, bids, asks, pull.found, pull.allowed)


@kernel
def _pull_side(risk, symbol, slot, ports):
    pulled = 0
    while slot != NO_SLOT:
        order = risk.orders[slot]
        if is_left_behind(symbol, order):
            order.pulled = 1
            pulled += 1
            cancel(ports, OUT_CANCELS, slot, order.client_order_id)
        slot = order.next
    return pulled


@inlined
def _on_control(s, ports):
    """RUN proves parity; HALT, REDUCE and REARM name a cause in their argument (0: COMMAND)."""
    command, argument = s.control.command, s.control.argument
    cause = argument if 0 < argument < CAUSES else BY_COMMAND
    if command == Command.RUN:
        s.risk.parity = PARITY if argument != 0 and argument == s.risk.build else 0
    elif command == Command.HALT:
        _react(s, ports, halt(s.risk, cause))
    elif command == Command.REDUCE:
        _react(s, ports, reduce_only(s.risk, cause))
    elif command == Command.PAUSE:
        pause(s.risk, argument)
    elif command == Command.REARM:
        rearm(s.risk, cause)
        log_event(ports, Event.RISK_REARMED, cause, s.risk.trading)
    if command != Command.DRAIN:
        acknowledge(ports, command)
