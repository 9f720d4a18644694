"""Window returns of a mid, and what they are fed to: moments, tail, and the two distributions.

    mid_ns   |----- window -----|----- window -----|-- open --
    mid      a   b   c          d  |  e
    return           log(c / reference)            a window without events is a return of 0; a long silence is missing

An extreme return's share is judged against what was usual before it, then it becomes part of that.
"""

import math

import numpy as np

from shm.kernel import inlined, kernel
from trader.signals.indicators import log_return
from trader.tail_risk.amplitudes import observe_return
from trader.tail_risk.config import TailRiskConfig
from trader.tail_risk.moments import MOMENTS, moments_update, variance
from trader.tail_risk.tail import TAIL, tail_probability, tail_update

BPS = 1e4
QUIET_MAX = 64
"""Windows without an event that count at once; of a longer silence the rest is dropped."""

RETURNS = np.dtype(
    [
        ("window_ns", "i8"),
        ("silence_ns_max", "i8"),
        ("warm_windows", "i8"),
        ("deviation_bps_min", "f8"),
        ("deviations_from", "f8"),
        ("deviations_per_unit", "f8"),
        ("digits_from", "f8"),
        ("digits_per_unit", "f8"),
        ("window_end_ns", "i8"),
        ("windows", "i8"),
        ("reference", "f8"),
        ("mid", "f8"),
        ("return_bps", "f8"),
        ("deviations", "f8"),
        ("extreme", "f8"),
        ("extreme_ns", "i8"),
        ("extreme_count", "i8"),
        ("moments", MOMENTS),
        ("tail", TAIL),
    ],
    align=True,
)
"""Settings down to `digits_per_unit`. `return_bps`, `deviations`: of the last window; `extreme`: share of the last one
that was extreme, 0 to 1, at `extreme_ns`."""


def configure_returns(state: np.void, config: TailRiskConfig) -> None:
    """Set up one zeroed RETURNS (cold)."""
    state["window_ns"] = config.window_ms * 1_000_000
    state["silence_ns_max"] = config.silence_ms_max * 1_000_000
    state["warm_windows"] = config.warm_windows
    state["deviation_bps_min"] = config.deviation_bps_min
    for name, ramp in (("deviations", config.extreme_deviations), ("digits", config.extreme_digits)):
        state[f"{name}_from"] = ramp[0]
        state[f"{name}_per_unit"] = 1 / (ramp[1] - ramp[0])
    state["moments"]["decay"] = 1 - 1 / config.memory_windows
    state["tail"]["share"] = config.tail_share
    state["tail"]["memory"] = config.memory_windows


@kernel
def observe_mid(state, base, current, event_ns, mid):
    """Take a mid (any unit, above 0) at a venue time; how many windows that closed. `base`, `current`: AMPLITUDES."""
    if not (mid > 0.0 and mid < math.inf):
        state.window_end_ns = 0
        return 0
    closed = 0
    if state.window_end_ns == 0:
        state.window_end_ns = (event_ns // state.window_ns + 1) * state.window_ns
        state.reference = mid
    elif event_ns >= state.window_end_ns:
        closed = _close_windows(state, base, current, event_ns, mid)
    state.mid = mid
    return closed


@kernel
def _close_windows(state, base, current, event_ns, mid):
    silent_ns = event_ns - state.window_end_ns
    quiet = silent_ns // state.window_ns
    state.window_end_ns += (quiet + 1) * state.window_ns
    if silent_ns > state.silence_ns_max:
        state.reference = mid
        return 0
    _take_return(state, base, current, BPS * log_return(state.reference, state.mid), event_ns)
    state.reference = state.mid
    quiet = min(quiet, QUIET_MAX)
    for _ in range(quiet):
        _take_return(state, base, current, 0.0, event_ns)
    return 1 + quiet


@kernel
def _take_return(state, base, current, return_bps, event_ns):
    state.return_bps = return_bps
    deviation = max(math.sqrt(variance(state.moments)), state.deviation_bps_min)
    state.deviations = return_bps / deviation
    if state.windows >= state.warm_windows and abs(state.deviations) > state.deviations_from:
        share = extreme_share(state, abs(return_bps), abs(state.deviations))
        if share > 0.0:
            state.extreme = share
            state.extreme_ns = event_ns
            state.extreme_count += 1
    state.windows += 1
    moments_update(state.moments, return_bps)
    tail_update(state.tail, return_bps)
    observe_return(base, return_bps)
    observe_return(current, return_bps)


@inlined
def _unit(value):
    return min(max(value, 0.0), 1.0)


@kernel
def extreme_share(state, size_bps, deviations):
    """How extreme a move is, 0 to 1: far out in deviations, and unlikely even by the tail's own index."""
    digits = -math.log10(max(tail_probability(state.tail, size_bps), 1e-300))
    far = _unit((deviations - state.deviations_from) * state.deviations_per_unit)
    return min(far, _unit((digits - state.digits_from) * state.digits_per_unit))


@kernel
def take_returns(moments, tail, values):
    """Take an array of returns, float64, into MOMENTS and a TAIL."""
    for value in values:
        moments_update(moments, value)
        tail_update(tail, value)
