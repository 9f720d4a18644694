"""What the strategy stage believes of each symbol: its volatility estimate, its signals, tail risk's advice.

    VolatilityEstimate  kept, and quoted on at once, if it is to be trusted
    SignalEstimate      kept for the next quote, which the next top asks for; a panic's begin and end do not wait
    TailRiskAdvice      kept, and done at once: the position's maximum shrinks with the sizes

The kernels work on the strategy stage's own state.
"""

from procs.hot_log_events import Event
from procs.ports import log_event, receive
from procs.strategy_file import ESTIMATE
from shm.kernel import address_of, copy, kernel
from trader.compile_hints import never_inlined
from trader.enums import BeliefState
from trader.messages import SIGNAL_ESTIMATE, VOLATILITY_ESTIMATE
from trader.risk.advice import scaled
from trader.strategy.restraint import note_advice, note_signal

BAD_FRAME = -1
NOBODY = -2

ESTIMATE_BYTES = ESTIMATE.itemsize


@kernel
def hear(own, type_, frame):
    """Take one of the three messages: the symbol that is to be quoted anew, NOBODY, or BAD_FRAME."""
    if type_ == VOLATILITY_ESTIMATE:
        if receive(frame, own.belief) != 0:
            return BAD_FRAME
        symbol_id = own.belief.symbol_id
        if not 0 <= symbol_id < own.desk.symbol_count:
            return NOBODY
        copy(address_of(own.beliefs[symbol_id]), address_of(own.belief), ESTIMATE_BYTES)
        return symbol_id
    if type_ == SIGNAL_ESTIMATE:
        return _hear_signal(own, frame)
    return _hear_advice(own, frame)


@kernel
def _hear_signal(own, frame):
    never_inlined()
    if receive(frame, own.signal) != 0:
        return BAD_FRAME
    symbol_id = own.signal.symbol_id
    if not 0 <= symbol_id < own.desk.symbol_count or not note_signal(own.beliefs[symbol_id], own.signal):
        return NOBODY
    return symbol_id


@kernel
def _hear_advice(own, frame):
    never_inlined()
    if receive(frame, own.advice) != 0:
        return BAD_FRAME
    symbol_id = own.advice.symbol_id
    if not 0 <= symbol_id < own.desk.symbol_count:
        return NOBODY
    belief = own.beliefs[symbol_id]
    note_advice(belief, own.advice)
    own.desk.symbols[symbol_id].position.position_lots_max = scaled(own.position_lots_max, belief.size_permille)
    return symbol_id


@kernel
def is_trusted(own, ports, symbol_id):
    """Whether a symbol's estimate may be quoted on; the prior has no age.

    One that goes on from an earlier run is published before the venue has told the time, with none: its age counts
    from the first top that it meets.
    """
    belief, top = own.beliefs[symbol_id], own.tops[symbol_id]
    if belief.event_ns == 0 and belief.window_count > 0:
        belief.event_ns = top.event_ns
    age_ns = top.event_ns - belief.event_ns if belief.window_count > 0 else 0
    doubted = 1 if belief.state == BeliefState.DOUBTED or age_ns > own.belief_age_ns_max else 0
    if doubted != own.doubted[symbol_id]:
        own.doubted[symbol_id] = doubted
        own.doubts += doubted
        if doubted:
            log_event(ports, Event.BELIEF_DOUBTED, symbol_id, belief.state, age_ns)
        else:
            log_event(ports, Event.BELIEF_TRUSTED, symbol_id, belief.volatility_bps)
    return not doubted
