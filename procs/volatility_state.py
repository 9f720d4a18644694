"""What the volatility stage holds: estimators, filters and their pool, how it begins, how it goes on from elsewhere."""

import hashlib
from typing import Any

import numpy as np

from procs.errors import OperatorError
from shm.codec import record_dtype
from shm.kernel import address_of_array
from shm.memory import field_offset
from trader.instrument import INSTRUMENTS_MAX, SYMBOLS_MAX
from trader.messages import Control, Gap, MarketEvent, Message, VolatilityEstimate
from trader.volatility.advancing import entry_of, foresee
from trader.volatility.beliefs import JUDGEMENT, configure_judgement, filter_settings
from trader.volatility.estimate import ESTIMATOR, adopt_estimate, configure, reset_window
from trader.volatility.particles import BELIEF, BLOCK, FILTER, LANES, OBSERVATION, Method, Noise, Zeros, memory_bytes
from trader.volatility.settings import prepare
from trader.volatility.traded_volume import VOLUME, configure_volume

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
        ("foresee", "i8"),
        ("early_tail", "f8"),
        ("look_bps", "f8", (INSTRUMENTS_MAX,)),
        ("look_part", "i8", (INSTRUMENTS_MAX,)),
        ("early_pit", "f8", (INSTRUMENTS_MAX,)),
        ("early", "i8"),
        ("judgements", JUDGEMENT, (INSTRUMENTS_MAX,)),
        ("newest", BELIEF, (INSTRUMENTS_MAX,)),
        ("observations", OBSERVATION, (WINDOWS_MAX,)),
        ("beliefs", BELIEF, (WINDOWS_MAX,)),
        ("pool", "i8", (POOL_WORDS,)),
    ],
    align=True,
)

"""`look_bps`: how far the mid of the open window must have come to be looked at; `look_part`: the part in which its
realised variance was looked at last; `early_pit`: the farthest transform that was told of it; `early`: how often."""

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
    own["early_tail"] = config.early_tail
    own["early_pit"] = 0.5
    _link(own)


def _link(own: np.void) -> None:
    """This process's addresses of the compiled filter."""
    own["advance"] = int(_entry(int(own["method"])).address)
    own["foresee"] = foresee.address


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
    """Write this process's addresses of the compiled filter into a state that came from elsewhere."""
    if state[0]["method"]:
        _link(state[0])
