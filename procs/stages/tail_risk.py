"""The tail-risk stage: trades, mids, signals and our own orders in, advice to risk and strategy out.

    book_market      mids and trades      -> windows, whales        \\
    signal_estimate  panic                                            -> assess -> history, and tail_risk_advice
    router_reports   position and orders  -> antifragility          /              where it changed

It assesses when something that matters has happened: a window closed, a whale, another confidence of panic at once; our
own orders, and time while it is alert, on its timer. Nobody rings for it, as for the signals. The advice that it
published last holds until the next; a successor goes on from it, so a death of this stage loosens nothing.
"""

from typing import Any

import numpy as np

from procs.hot_log_events import Event
from procs.ports import acknowledge, log_event, receive, send
from shm.codec import record_dtype
from shm.kernel import kernel, view
from shm.kernel import step as compiled_step
from trader.enums import BookState, Command, MarketEventKind
from trader.instrument import SYMBOLS_MAX
from trader.messages import (
    ACCOUNT_STATE,
    CONTROL,
    EXECUTION_REPORT,
    GAP,
    MARKET_EVENT,
    SIGNAL_ESTIMATE,
    TIMER,
    AccountState,
    Control,
    ExecutionReport,
    Gap,
    MarketEvent,
    Message,
    SignalEstimate,
    TailRiskAdvice,
)
from trader.tail_risk.amplitudes import POOL, format_pool
from trader.tail_risk.assessment import (
    ALERT,
    HISTORY,
    TAIL_RISK,
    assess,
    configure_tail_risk,
    on_mid,
    on_trade,
    remember,
    resume_alert,
)
from trader.tail_risk.exposures import HELD, apply_account, apply_report, expose, forget_orders

OUTBOXES = ("tail_risk_advice",)
OUT_ADVICE = 0

BAD_FRAME = -1

REPORTS = 0
"""The inbox of router_reports: what must not be lost is served first, though here it may be."""

TIMER_NS = 10_000_000
"""How often it looks."""

SIZE_STEP, SPREAD_STEP = 10, 20
"""Thousandths: less of a change is told only where it is the last."""

KEPT_NS = 100_000_000
"""The history keeps an assessment that changed the advice, and one in so long of those that did not: minutes."""

SEEN = np.dtype(
    [
        ("event_ns", "i8"),
        ("seen_ns", "i8"),
        ("mid_halfticks", "i8"),
        ("panic", "f8"),
        ("usual_bps", "f8"),
        ("is_due", "i8"),
        ("kept_ns", "i8"),
    ],
    align=True,
)
"""Of one symbol: the newest event's time by the venue's clock and by ours, the mid, the signals, whether our own orders
have changed since the last assessment, and the time of the last that the history keeps."""

STATE = np.dtype(
    [
        ("symbol_count", "i8"),
        ("events", "i8"),
        ("gaps", "i8"),
        ("foreign", "i8"),
        ("assessments", "i8"),
        ("published", "i8"),
        ("event", record_dtype(MarketEvent)),
        ("signal", record_dtype(SignalEstimate)),
        ("report", record_dtype(ExecutionReport)),
        ("account", record_dtype(AccountState)),
        ("control", record_dtype(Control)),
        ("gap", record_dtype(Gap)),
        ("seen", SEEN, (SYMBOLS_MAX,)),
        ("told", record_dtype(TailRiskAdvice), (SYMBOLS_MAX,)),
        ("held", HELD, (SYMBOLS_MAX,)),
        ("engines", TAIL_RISK, (SYMBOLS_MAX,)),
        ("history", HISTORY),
        ("pool", POOL),
    ],
    align=True,
)
"""`told`: the last advice of each symbol; `history`: past assessments of all, for readers (procs.stress_views)."""

_LIVE, _TRADE = int(BookState.LIVE), int(MarketEventKind.TRADE)


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a fresh, zeroed state: nothing seen, so nothing is asked for."""
    own = state[0]
    own["symbol_count"] = len(instruments)
    format_pool(own["pool"])
    for index, instrument in enumerate(instruments):
        configure_tail_risk(own["engines"][index], own["pool"], config.tail_risk)
        told = own["told"][index]
        told["symbol_id"], told["venue_id"] = index, instrument["venue_id"]
        told["size_permille"] = told["spread_permille"] = 1_000


def inherit(state: np.ndarray, published: list[Message], left: np.ndarray) -> None:
    """Alert where the predecessor was, by as much: it has to be released in the ordinary way."""
    own = state[0]
    for advice in published:
        if isinstance(advice, TailRiskAdvice) and 0 <= advice.symbol_id < int(own["symbol_count"]) and advice.is_alert:
            told = own["told"][advice.symbol_id]
            for name in advice.__struct_fields__:
                told[name] = getattr(advice, name)
            resume_alert(own["engines"][advice.symbol_id], advice.level)


@compiled_step
def step(state, ports, type_, frame, now_ns):
    """One message: a market event, a gap, a signal, a report, the account, the timer or a command."""
    own = view(state, STATE)
    if type_ == MARKET_EVENT:
        if receive(frame, own.event) != 0:
            return BAD_FRAME
        _on_event(own, ports, now_ns)
    elif type_ == SIGNAL_ESTIMATE:
        if receive(frame, own.signal) != 0:
            return BAD_FRAME
        _on_signal(own, ports, now_ns)
    elif type_ == EXECUTION_REPORT:
        if receive(frame, own.report) != 0:
            return BAD_FRAME
        if 0 <= own.report.symbol_id < own.symbol_count:
            apply_report(own.held[own.report.symbol_id], own.report)
            own.seen[own.report.symbol_id].is_due = 1
    elif type_ == ACCOUNT_STATE:
        if receive(frame, own.account) != 0:
            return BAD_FRAME
        if 0 <= own.account.symbol_id < own.symbol_count:
            apply_account(own.held[own.account.symbol_id], own.account)
            own.seen[own.account.symbol_id].is_due = 1
    elif type_ == TIMER:
        for symbol_id in range(own.symbol_count):
            seen = own.seen[symbol_id]
            if seen.event_ns > 0 and (seen.is_due or own.engines[symbol_id].now.state == ALERT):
                _assess(own, ports, symbol_id, seen.event_ns + now_ns - seen.seen_ns)
    elif type_ == CONTROL:
        if receive(frame, own.control) != 0:
            return BAD_FRAME
        if own.control.command == Command.START:
            for symbol_id in range(own.symbol_count):
                own.published += send(ports, OUT_ADVICE, own.told[symbol_id])
        acknowledge(ports, own.control.command)
    elif type_ == GAP:
        if receive(frame, own.gap) != 0:
            return BAD_FRAME
        own.gaps += 1
        for symbol_id in range(own.symbol_count if own.gap.inbox == REPORTS else 0):
            forget_orders(own.held[symbol_id])
    return 0


@kernel
def _on_event(own, ports, now_ns):
    event = own.event
    own.events += 1
    if not 0 <= event.symbol_id < own.symbol_count:
        own.foreign += 1
        return
    seen, engine = own.seen[event.symbol_id], own.engines[event.symbol_id]
    if event.event_ns >= seen.event_ns:
        seen.event_ns = event.event_ns
        seen.seen_ns = now_ns
    is_whole = event.state == _LIVE and 0 < event.bid_ticks < event.ask_ticks
    if is_whole:
        seen.mid_halfticks = event.bid_ticks + event.ask_ticks
    matters = on_mid(engine, own.pool, event.event_ns, 0.5 * seen.mid_halfticks if is_whole else np.nan)
    if event.kind == _TRADE and event.side != 0:
        matters += on_trade(engine, event.event_ns, event.side, event.size_lots)
    if matters:
        _assess(own, ports, event.symbol_id, seen.event_ns)


@kernel
def _on_signal(own, ports, now_ns):
    signal = own.signal
    if not 0 <= signal.symbol_id < own.symbol_count:
        own.foreign += 1
        return
    seen = own.seen[signal.symbol_id]
    changed = seen.panic != signal.confidence
    seen.panic = signal.confidence
    seen.usual_bps = signal.usual_bps
    if signal.event_ns > seen.event_ns:
        seen.event_ns = signal.event_ns
        seen.seen_ns = now_ns
    if changed and seen.event_ns > 0:
        _assess(own, ports, signal.symbol_id, seen.event_ns)


@kernel
def _assess(own, ports, symbol_id, event_ns):
    """Judge a symbol, keep what was found, and tell what changed by it."""
    seen, engine = own.seen[symbol_id], own.engines[symbol_id]
    seen.is_due = 0
    expose(own.held[symbol_id], engine.exposure, seen.mid_halfticks)
    assess(engine, own.pool, event_ns, seen.panic, 0.5e-4 * seen.mid_halfticks * seen.usual_bps)
    engine.now.symbol_id = symbol_id
    own.assessments += 1
    told, asked = own.told[symbol_id], engine.now.recommendation
    turned = engine.now.state != told.is_alert
    far = abs(asked.size_permille - told.size_permille) >= SIZE_STEP
    far = far or abs(asked.spread_permille - told.spread_permille) >= SPREAD_STEP or asked.halt != told.halt
    if turned or far or event_ns - seen.kept_ns >= KEPT_NS:
        seen.kept_ns = event_ns
        remember(own.history, engine.now)
    if not turned and not far:
        return
    told.event_ns = engine.now.event_ns
    told.is_alert = engine.now.state
    told.size_permille = asked.size_permille
    told.spread_permille = asked.spread_permille
    told.halt = asked.halt
    told.reasons = asked.reasons
    told.level = engine.now.level
    told.fragility = engine.now.fragility
    told.tail_alpha = engine.now.tail_alpha
    own.published += send(ports, OUT_ADVICE, told)
    if turned and told.is_alert:
        words = told.size_permille, told.spread_permille, told.reasons
        log_event(ports, Event.TAIL_RISK_ALERT, symbol_id, told.level, words[0], words[1], words[2])
    elif turned:
        log_event(ports, Event.TAIL_RISK_CALM, symbol_id, engine.alerts)
