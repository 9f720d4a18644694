"""The signals stage: tops of books and trades in, what they say of panic and of the fair price out.

    book_top     kept, and taken by the timer or once SAMPLE_NS of the venue's time have passed
    book_market  trades, into the horizons at once
                 -> trader.signals kernels -> signal_estimate, where something changed

Nobody rings for it: it looks on its own timer, so it costs the book's readers nothing, and itself a hundred looks a
second. Horizons run on the venue's clock. A book that is not LIVE, or a gap in the trades, is a gap in them.
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
    BOOK_TOP,
    CONTROL,
    MARKET_EVENT,
    TIMER,
    BookTop,
    Control,
    MarketEvent,
    Message,
    SignalEstimate,
)
from trader.signals.forecasts import MARKET_SIGNALS, configure_signals, forecast, on_book, on_gap, on_trade
from trader.signals.usual import usual_deviation

OUTBOXES = ("signal_estimate",)
OUT_ESTIMATE = 0

BAD_FRAME = -1

TIMER_NS = 10_000_000
"""How often it looks."""

SAMPLE_NS = 10_000_000
"""A book younger than this by the venue's time waits for the timer: what stands for less is not seen twice."""

SHIFT_BPS_STEP = 0.02
SHARE_STEP = 0.02
"""Less of a change of the fair price, of the aggressiveness or of the confidence is not told."""

STATE = np.dtype(
    [
        ("symbol_count", "i8"),
        ("events", "i8"),
        ("gaps", "i8"),
        ("foreign", "i8"),
        ("published", "i8"),
        ("pending", "i8", (SYMBOLS_MAX,)),
        ("taken_ns", "i8", (SYMBOLS_MAX,)),
        ("top", record_dtype(BookTop)),
        ("event", record_dtype(MarketEvent)),
        ("control", record_dtype(Control)),
        ("tops", record_dtype(BookTop), (SYMBOLS_MAX,)),
        ("told", record_dtype(SignalEstimate), (SYMBOLS_MAX,)),
        ("signals", MARKET_SIGNALS, (SYMBOLS_MAX,)),
    ],
    align=True,
)
"""`pending`: tops that are still to be taken; `taken_ns`: venue time of the last that was; `told`: the
last estimates."""

_LIVE, _TRADE = int(BookState.LIVE), int(MarketEventKind.TRADE)


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a fresh, zeroed state: nothing seen, so nothing is asked for."""
    own = state[0]
    own["symbol_count"] = len(instruments)
    for index, instrument in enumerate(instruments):
        configure_signals(own["signals"][index], config.signals)
        own["told"][index]["symbol_id"] = index
        own["told"][index]["venue_id"] = instrument["venue_id"]
        own["told"][index]["aggressiveness"] = 1.0


def inherit(state: np.ndarray, published: list[Message], left: np.ndarray) -> None:
    """What is usual is learned anew; a panic that was told stands until the successor has seen enough to judge."""
    for estimate in published:
        if isinstance(estimate, SignalEstimate) and 0 <= estimate.symbol_id < int(state[0]["symbol_count"]):
            detector = state[0]["signals"][estimate.symbol_id]["detector"]
            for name, value in (
                ("state", estimate.panic),
                ("confidence", estimate.confidence),
                ("direction", estimate.direction),
            ):
                detector[name] = state[0]["told"][estimate.symbol_id]["panic" if name == "state" else name] = value


@compiled_step
def step(state, ports, type_, frame, now_ns):
    """One message: a top of a book, a market event, a gap, the timer or a command."""
    own = view(state, STATE)
    if type_ == MARKET_EVENT:
        if receive(frame, own.event) != 0:
            return BAD_FRAME
        _on_event(own)
    elif type_ == BOOK_TOP:
        if receive(frame, own.top) != 0:
            return BAD_FRAME
        _on_top(own, ports)
    elif type_ == TIMER:
        for symbol_id in range(own.symbol_count):
            if own.pending[symbol_id]:
                _take(own, ports, symbol_id)
    elif type_ == CONTROL:
        if receive(frame, own.control) != 0:
            return BAD_FRAME
        if own.control.command == Command.START:
            for symbol_id in range(own.symbol_count):
                own.published += send(ports, OUT_ESTIMATE, own.told[symbol_id])
        acknowledge(ports, own.control.command)
    else:
        own.gaps += 1
    return 0


@kernel
def _on_event(own):
    event = own.event
    own.events += 1
    if not 0 <= event.symbol_id < own.symbol_count:
        own.foreign += 1
    elif event.kind == _TRADE and event.side != 0 and event.size_lots > 0:
        on_trade(own.signals[event.symbol_id], event.event_ns, event.side, event.size_lots)


@kernel
def _on_top(own, ports):
    symbol_id = own.top.symbol_id
    if not 0 <= symbol_id < own.symbol_count:
        own.foreign += 1
        return
    own.tops[symbol_id] = own.top
    own.pending[symbol_id] = 1
    if own.top.event_ns - own.taken_ns[symbol_id] >= SAMPLE_NS or own.top.state != _LIVE:
        _take(own, ports, symbol_id)


@kernel
def _take(own, ports, symbol_id):
    """Let the newest top of a symbol count, and tell what changed by it."""
    signals, top = own.signals[symbol_id], own.tops[symbol_id]
    own.pending[symbol_id] = 0
    own.taken_ns[symbol_id] = top.event_ns
    if top.state != _LIVE:
        on_gap(signals)
        return
    on_book(signals, top.event_ns, top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots)
    forecast(signals)
    told, detector = own.told[symbol_id], signals.detector
    turned = detector.state != told.panic
    far = abs(signals.shift_bps - told.shift_bps) >= SHIFT_BPS_STEP
    far = far or abs(signals.aggressiveness - told.aggressiveness) >= SHARE_STEP
    far = far or abs(detector.confidence - told.confidence) >= SHARE_STEP
    if turned or far:
        _publish(own, ports, symbol_id)
    if turned and detector.state != 0:
        log_event(ports, Event.PANIC_BEGAN, symbol_id, detector.confidence, detector.direction)
    elif turned:
        log_event(ports, Event.PANIC_ENDED, symbol_id, detector.confidence)


@kernel
def _publish(own, ports, symbol_id):
    signals, told = own.signals[symbol_id], own.told[symbol_id]
    told.event_ns = own.tops[symbol_id].event_ns
    told.panic = signals.detector.state
    told.direction = signals.detector.direction
    told.confidence = signals.detector.confidence
    told.momentum, told.reversion = signals.signals[0], signals.signals[1]
    told.flow, told.pressure = signals.signals[2], signals.signals[3]
    told.shift_bps = signals.shift_bps
    told.aggressiveness = signals.aggressiveness
    told.usual_bps = usual_deviation(signals.detector.usual)
    own.published += send(ports, OUT_ESTIMATE, told)
