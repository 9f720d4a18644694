"""The volatility stage: market events in, an estimate per symbol into the latest-value slot at each window's end.

Windows run on the venue's clock (`event_ns`), so replay speed changes nothing; so does the volume of the market's
trades, which is published beside the volatility. A gap in the events or a book that is not LIVE drops the open window
and keeps what was learned. Until an estimator is warm its slot holds the configured prior, WARMING; that is published
first of all, so that readers never see nothing.

    event_ns    |------- window -------|------- window ---x---|
    published                          ^ its estimate     ^ at once: a movement that the filter all but excluded

A shock is not left to the window's end: when the mid has come farther than was foreseen for the whole window, the same
estimate is published again, its `pit` that of the movement and its `event_ns` now. What is believed changes at the end.

With `method` "particle" or "joint" each symbol also has a particle filter in `pool`, compiled only then and called by
its address; what it believes is published in place of the decaying mean once that is warm.
"""

import math

from procs.ports import acknowledge, receive, send
from procs.volatility_state import BELIEF_BYTES, BELIEFS_OFFSET, OBSERVATIONS_OFFSET, POOL_OFFSET, STATE, WINDOWS_MAX
from procs.volatility_state import inherit as inherit
from procs.volatility_state import relink as relink
from procs.volatility_state import start as start
from shm.kernel import address_of, copy, kernel, view
from shm.kernel import step as compiled_step
from shm.memory import call_entry
from trader.enums import BookState, Command, MarketEventKind
from trader.messages import CONTROL, GAP, MARKET_EVENT
from trader.volatility.beliefs import extremer, judge, transform_of_extreme, write_belief
from trader.volatility.estimate import COUNTING, moved_bps, observe_mid, reset_window, write_estimate
from trader.volatility.realised import realised_so_far
from trader.volatility.traded_volume import lots_per_s, observe_trade

OUTBOXES = ("volatility_estimate",)
OUT_ESTIMATE = 0

BAD_FRAME = -1

FARTHER = 1.15
"""A movement is looked at again when it has become so many times as large."""

PARTS_MIN, LIVELY = 3, 2.0
"""A realised variance is looked at once a part, from so many movements on and where it is so many times the usual."""


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
    if event.kind == MarketEventKind.TRADE and event.size_lots > 0:
        observe_trade(own.volumes[event.symbol_id], event.event_ns, event.size_lots)
    estimator = own.estimators[event.symbol_id]
    if event.state != BookState.LIVE or event.bid_ticks <= 0 or event.ask_ticks <= 0:
        reset_window(estimator)
        return
    closed = take_mid(own, event.symbol_id, event.event_ns, event.bid_ticks + event.ask_ticks)
    if own.method != 0 and _is_surprised(own, event.symbol_id):
        own.early += 1
        _publish(own, ports, event.symbol_id, event.event_ns)
    elif closed:
        _publish(own, ports, event.symbol_id, estimator.window_end_ns - estimator.window_ns)


@kernel
def take_mid(own, symbol_id, event_ns, mid_halfticks):
    """Learn from a mid; how many windows that closed."""
    closed = observe_mid(own.estimators[symbol_id], event_ns, mid_halfticks)
    if closed:
        own.windows += closed
        if own.method != 0:
            _advance(own, symbol_id, closed)
    return closed


@kernel
def _advance(own, symbol_id, closed):
    """The windows that have just closed, into the symbol's filter."""
    estimator = own.estimators[symbol_id]
    quiet = estimator.quiet
    count = 0
    if closed > quiet:
        _observe(own.observations[0], estimator)
        count = 1
    for _ in range(min(quiet, WINDOWS_MAX - 1)):
        own.observations[count].value = 0.0
        own.observations[count].squared = 0.0
        own.observations[count].count = 1
        count += 1
    base = address_of(own)
    filter_ = base + POOL_OFFSET + symbol_id * own.filter_bytes
    call_entry(own.advance, filter_, base + OBSERVATIONS_OFFSET, count, base + BELIEFS_OFFSET, 0)
    for index in range(count):
        judge(own.judgements[symbol_id], own.beliefs[index])
    copy(address_of(own.newest[symbol_id]), address_of(own.beliefs[count - 1]), BELIEF_BYTES)
    own.look_bps[symbol_id] = math.exp(0.5 * own.newest[symbol_id].log_variance)
    own.early_pit[symbol_id] = 0.5


@kernel
def _observe(observation, estimator):
    """A window as the filter is told it: its return, or (rv, n) with the return's sign; n = 1 where the mid stood."""
    parts, moved = estimator.parts, estimator.return_bps
    observation.value = moved
    observation.squared = moved * moved
    observation.count = 1
    if estimator.realised != 0:
        observation.squared = parts.squared
        observation.count = max(parts.count, 1)
        observation.value = math.copysign(math.sqrt(parts.squared), moved)


@kernel
def _is_surprised(own, symbol_id):
    """Whether what the mid did in the open window has become less likely than `early_tail`, and half as likely as told.

    Two things are looked at, each as if it were the whole window: how far the mid has come, and how much it moved on
    the way. The latter is seen first where a market is torn to and fro.
    """
    count = _look(own, symbol_id) if is_filtered(own, symbol_id) else 0
    if count == 0:
        return False
    base = address_of(own)
    filter_ = base + POOL_OFFSET + symbol_id * own.filter_bytes
    call_entry(own.foresee, filter_, base + OBSERVATIONS_OFFSET, count, base + BELIEFS_OFFSET, 0)
    told = own.early_pit[symbol_id]
    pit = told
    for index in range(count):
        pit = extremer(pit, transform_of_extreme(own.beliefs[index].pit))
    tail = 2.0 * min(pit, 1.0 - pit)
    if tail >= own.early_tail or tail > min(told, 1.0 - told):
        return False
    own.early_pit[symbol_id] = pit
    return True


@kernel
def _look(own, symbol_id):
    """What of the open window is worth a look, into `observations`; how many."""
    estimator = own.estimators[symbol_id]
    if estimator.life != COUNTING:
        return 0
    count = 0
    moved = moved_bps(estimator)
    if abs(moved) > own.look_bps[symbol_id]:
        own.look_bps[symbol_id] = FARTHER * abs(moved)
        own.observations[0].value = moved
        own.observations[0].squared = moved * moved
        own.observations[0].count = 1
        count = 1
    parts = estimator.parts
    if parts.part != own.look_part[symbol_id]:
        squared, parts_moved = realised_so_far(parts, estimator.mid_halfticks)
        if parts_moved >= PARTS_MIN and squared > parts_moved * LIVELY * math.exp(own.newest[symbol_id].log_variance):
            own.look_part[symbol_id] = parts.part
            own.observations[count].value = math.copysign(math.sqrt(squared), moved)
            own.observations[count].squared = squared
            own.observations[count].count = parts_moved
            count += 1
    return count


@kernel
def is_filtered(own, symbol_id):
    """Whether a particle filter's belief is what is published of a symbol."""
    estimator = own.estimators[symbol_id]
    return own.method != 0 and estimator.window_count >= estimator.warm_windows


@kernel
def _publish(own, ports, symbol_id, event_ns):
    estimate = own.estimate
    estimate.symbol_id = symbol_id
    estimate.venue_id = own.venue_ids[symbol_id]
    estimate.event_ns = event_ns
    write_estimate(own.estimators[symbol_id], estimate)
    if is_filtered(own, symbol_id):
        judgement, newest = own.judgements[symbol_id], own.newest[symbol_id]
        write_belief(judgement, newest, estimate, own.estimators[symbol_id].volatility_bps_min)
        estimate.pit = extremer(own.early_pit[symbol_id], estimate.pit)
    estimate.volume_lots_per_s = lots_per_s(own.volumes[symbol_id], event_ns)
    own.published += send(ports, OUT_ESTIMATE, estimate)
