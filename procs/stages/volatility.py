"""The volatility stage: market events in, an estimate per symbol into the latest-value slot at each window's end.

Windows run on the venue's clock (`event_ns`), so replay speed changes nothing; so does the volume of the market's
trades, which is published beside the volatility. A gap in the events or a book that is not LIVE drops the open window
and keeps what was learned. Until an estimator is warm its slot holds the configured prior, WARMING; that is published
first of all, so that readers never see nothing.

With `method` "particle" or "joint" each symbol also has a particle filter in `pool`, compiled only then and called by
its address; what it believes is published in place of the decaying mean once that is warm.
"""

import hashlib
from typing import Any

import numpy as np

from procs.errors import OperatorError
from procs.ports import acknowledge, receive, send
from shm.codec import record_dtype
from shm.kernel import address_of, address_of_array, copy, kernel, view
from shm.kernel import step as compiled_step
from shm.memory import call_entry, field_offset
from trader.enums import BeliefState, BookState, Command, MarketEventKind
from trader.instrument import INSTRUMENTS_MAX, SYMBOLS_MAX
from trader.messages import CONTROL, GAP, MARKET_EVENT, Control, Gap, MarketEvent, Message, VolatilityEstimate
from trader.volatility.advancing import entry_of
from trader.volatility.beliefs import JUDGEMENT, configure_judgement, filter_settings, judge, write_belief
from trader.volatility.estimate import ESTIMATOR, adopt_estimate, configure, observe_mid, reset_window, write_estimate
from trader.volatility.particles import BELIEF, BLOCK, FILTER, LANES, OBSERVATION, Method, Noise, Zeros, memory_bytes
from trader.volatility.settings import prepare
from trader.volatility.traded_volume import VOLUME, configure_volume, lots_per_s, observe_trade

OUTBOXES = ("volatility_estimate",)
OUT_ESTIMATE = 0

BAD_FRAME = -1

POOL_WORDS = SYMBOLS_MAX * memory_bytes(55) // 8
"""Room for all symbols' filters, 7,000 particles each."""

WINDOWS_MAX = 512
"""Windows that are given to a filter at once; of a silence that is longer the rest is dropped."""

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
        ("volumes", VOLUME, (INSTRUMENTS_MAX,)),
        ("method", "i8"),
        ("filter_bytes", "i8"),
        ("advance", "i8"),
        ("judgements", JUDGEMENT, (INSTRUMENTS_MAX,)),
        ("newest", BELIEF, (INSTRUMENTS_MAX,)),
        ("observations", OBSERVATION, (WINDOWS_MAX,)),
        ("beliefs", BELIEF, (WINDOWS_MAX,)),
        ("pool", "i8", (POOL_WORDS,)),
    ],
    align=True,
)

POOL_OFFSET, OBSERVATIONS_OFFSET, BELIEFS_OFFSET = (
    field_offset(STATE, name) for name in ("pool", "observations", "beliefs")
)
BELIEF_BYTES = BELIEF.itemsize

_LEARNED = ("estimators", "judgements", "newest")
LEARNED_LAYOUT = hashlib.sha256(repr((ESTIMATOR, JUDGEMENT, BELIEF, FILTER, BLOCK)).encode()).hexdigest()[:16]
"""A digest of the records in which it stands what was learned."""


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a fresh, zeroed state: one estimator per symbol."""
    own = state[0]
    own["symbol_count"] = len(instruments)
    for index, instrument in enumerate(instruments):
        own["venue_ids"][index] = instrument["venue_id"]
        configure(own["estimators"][index], config.volatility)
        configure_volume(own["volumes"][index], config.volatility.volume_half_life_s)
    if config.volatility.method != "ewma":
        _start_filters(own, config.volatility, len(instruments))


def _start_filters(own: np.void, config: Any, symbols: int) -> None:
    """One particle filter a symbol, into the pool; compiles them if need be. Raises OperatorError without room."""
    size = memory_bytes(filter_settings(config, 0).block_count)
    room = POOL_WORDS * 8 // symbols
    if size > room:
        raise OperatorError(
            f"volatility.particle_count: found {config.particle_count} for each of {symbols} symbols, "
            f"allowed {(room - memory_bytes(0)) // (memory_bytes(1) - memory_bytes(0)) * LANES}"
        )
    own["filter_bytes"] = size
    own["method"] = 1 + Method[config.method.upper()]
    pool = own["pool"].view(np.uint8)
    for index in range(symbols):
        settings = filter_settings(config, 1 + index)
        prepare(pool[index * size : (index + 1) * size], settings)
        configure_judgement(own["judgements"][index], config, settings.block_count * LANES)
    own["advance"] = int(_entry(int(own["method"])).address)


def inherit(state: np.ndarray, published: list[Message], left: np.ndarray) -> None:
    """Go on from what a predecessor that died published last; a filter that is warm knows more."""
    for estimate in published:
        if not isinstance(estimate, VolatilityEstimate) or not 0 <= estimate.symbol_id < int(state[0]["symbol_count"]):
            continue
        if state[0]["method"] == 0 or not is_warm(state, estimate.symbol_id):
            adopt_estimate(state[0]["estimators"][estimate.symbol_id], estimate)


def _entry(method: int) -> Any:
    """The compiled filter of a state's method code: 1 more than its Method, so that 0 is none."""
    return entry_of(Method(method - 1), Noise.STUDENT, Zeros.INACTIVE)


def is_warm(state: np.ndarray, symbol_id: int) -> bool:
    """Whether a symbol's estimate has replaced the prior: before that there is nothing to keep."""
    estimator = state[0]["estimators"][symbol_id]
    return bool(estimator["window_count"] >= estimator["warm_windows"])


def learned(state: np.ndarray, symbol_id: int) -> bytes:
    """Everything that was learned of a symbol, for `resume`."""
    own = state[0]
    size = int(own["filter_bytes"])
    pool = own["pool"].view(np.uint8)[symbol_id * size : (symbol_id + 1) * size]
    return b"".join((*(own[name][symbol_id].tobytes() for name in _LEARNED), pool.tobytes()))


def resume(state: np.ndarray, symbol_id: int, content: bytes, idle_windows: int) -> None:
    """Go on from what was learned elsewhere, `idle_windows` ago, in a state started with the same settings.

    Raises ValueError for content of another size.
    """
    own = state[0]
    size = int(own["filter_bytes"])
    allowed = size + sum(own[name].dtype.itemsize for name in _LEARNED)
    if len(content) != allowed:
        raise ValueError(f"found {len(content)} bytes of what was learned, allowed {allowed}")
    at = 0
    for name in _LEARNED:
        own[name][symbol_id] = np.frombuffer(content, own[name].dtype, 1, at)[0]
        at += own[name].dtype.itemsize
    own["pool"].view(np.uint8)[symbol_id * size : (symbol_id + 1) * size] = np.frombuffer(content, np.uint8, size, at)
    reset_window(own["estimators"][symbol_id])
    if own["method"] and idle_windows:
        nothing_seen, beliefs = np.zeros(idle_windows, OBSERVATION), np.zeros(idle_windows, BELIEF)
        filter_ = address_of_array(state) + POOL_OFFSET + symbol_id * size
        addresses = filter_, address_of_array(nothing_seen), idle_windows, address_of_array(beliefs), 0
        _entry(int(own["method"])).compiled.ctypes(*addresses)
        own["newest"][symbol_id] = beliefs[-1]


def relink(state: np.ndarray) -> None:
    """Write this process's address of the compiled filter into a state that came from elsewhere."""
    if state[0]["method"]:
        state[0]["advance"] = int(_entry(int(state[0]["method"])).address)


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
    if take_mid(own, event.symbol_id, event.event_ns, event.bid_ticks + event.ask_ticks):
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
        own.observations[0].value = estimator.return_bps
        own.observations[0].squared = estimator.return_bps * estimator.return_bps
        own.observations[0].count = 1
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


@kernel
def _publish(own, ports, symbol_id, event_ns):
    estimate = own.estimate
    estimate.symbol_id = symbol_id
    estimate.venue_id = own.venue_ids[symbol_id]
    estimate.event_ns = event_ns
    write_estimate(own.estimators[symbol_id], estimate)
    if own.method != 0 and estimate.state == BeliefState.LIVE:
        judgement, newest = own.judgements[symbol_id], own.newest[symbol_id]
        write_belief(judgement, newest, estimate, own.estimators[symbol_id].volatility_bps_min)
    estimate.volume_lots_per_s = lots_per_s(own.volumes[symbol_id], event_ns)
    own.published += send(ports, OUT_ESTIMATE, estimate)
