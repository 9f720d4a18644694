"""The volatility stage: market events in, an estimate per symbol into the latest-value slot at each window's end.

Windows run on the venue's clock (`event_ns`), so replay speed changes nothing. A gap in the events or a book
that is not LIVE drops the open window and keeps what was learned. Until an estimator is warm its slot holds
the configured prior, WARMING; that is published first of all, so that readers never see nothing.
"""

from typing import Any

import numpy as np

from procs.ports import acknowledge, receive, send
from shm.codec import record_dtype
from shm.kernel import kernel, view
from shm.kernel import step as compiled_step
from trader.enums import BookState, Command
from trader.instrument import INSTRUMENTS_MAX
from trader.messages import CONTROL, GAP, MARKET_EVENT, Control, Gap, MarketEvent, VolatilityEstimate
from trader.volatility.estimate import ESTIMATOR, configure, observe_mid, reset_window, write_estimate

OUTBOXES = ("volatility_estimate",)
OUT_ESTIMATE = 0

BAD_FRAME = -1

STATE = np.dtype(
    [
        ("symbol_count", "i8"),
        ("events", "i8"),
        ("ignored", "i8"),
        ("gaps", "i8"),
        ("windows", "i8"),
        ("published", "i8"),
        ("venue_ids", "i8", (INSTRUMENTS_MAX,)),
        ("event", record_dtype(MarketEvent)),
        ("control", record_dtype(Control)),
        ("gap", record_dtype(Gap)),
        ("estimate", record_dtype(VolatilityEstimate)),
        ("estimators", ESTIMATOR, (INSTRUMENTS_MAX,)),
    ],
    align=True,
)


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a fresh, zeroed state: one estimator per symbol."""
    own = state[0]
    own["symbol_count"] = len(instruments)
    for index, instrument in enumerate(instruments):
        own["venue_ids"][index] = instrument["venue_id"]
        configure(own["estimators"][index], config.volatility)


@compiled_step
def step(state, ports, type_, frame, now_ns):
    """One message: a market event, a gap, or a command."""
    own = view(state, STATE)
    if type_ == MARKET_EVENT:
        if receive(frame, own.event) != 0:
            return BAD_FRAME
        _on_event(own, ports)
    elif type_ == GAP:
        if receive(frame, own.gap) != 0:
            return BAD_FRAME
        own.gaps += 1
        for symbol_id in range(own.symbol_count):
            reset_window(own.estimators[symbol_id])
    elif type_ == CONTROL:
        if receive(frame, own.control) != 0:
            return BAD_FRAME
        if own.control.command == Command.START:
            for symbol_id in range(own.symbol_count):
                _publish(own, ports, symbol_id, 0)
        acknowledge(ports, own.control.command)
    return 0


@kernel
def _on_event(own, ports):
    event = own.event
    own.events += 1
    if not 0 <= event.symbol_id < own.symbol_count:
        own.ignored += 1
        return
    estimator = own.estimators[event.symbol_id]
    if event.state != BookState.LIVE or event.bid_ticks <= 0 or event.ask_ticks <= 0:
        reset_window(estimator)
        return
    closed = observe_mid(estimator, event.event_ns, event.bid_ticks + event.ask_ticks)
    if closed:
        own.windows += closed
        _publish(own, ports, event.symbol_id, estimator.window_end_ns - estimator.window_ns)


@kernel
def _publish(own, ports, symbol_id, event_ns):
    estimate = own.estimate
    estimate.symbol_id = symbol_id
    estimate.venue_id = own.venue_ids[symbol_id]
    estimate.event_ns = event_ns
    write_estimate(own.estimators[symbol_id], estimate)
    own.published += send(ports, OUT_ESTIMATE, estimate)
