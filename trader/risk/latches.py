"""Latches: what halts or reduces, and stays so until a person re-arms it, cause by cause.

    LOSS         the day's loss, or the drawdown from the day's best, marked at the worse touch, fees in:
                 soft reduces, hard halts; a new day (UTC) begins a new count, but takes no latch off
    EXECUTIONS   more fills within the window than allowed
    REJECTS      so many rejects in a row; the venue's refusal of a post-only order whose touch has moved, or because
                 it does not trade the instrument, is not our doing and is not counted

Each is found where the fact arrives, not at the next order: what rests is cancelled at once, and check 1 refuses what
comes. The process that owns the run's folder on disk writes them down there.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import TradingState
from trader.orders import NOT_TRADING, POST_ONLY_WOULD_TAKE
from trader.risk.limits import EXECUTIONS_MAX
from trader.risk.state import HaltCause

NO_REACTION, PULL_QUOTES, CANCEL_ORDER, CANCEL_ALL = range(4)
"""What the stage has to do after a fact, or a command; the graver of two is the greater."""

DAY_NS = 86_400_000_000_000


@inlined
def _settle(risk):
    if risk.halts != 0:
        risk.trading = TradingState.HALTED
    elif risk.reductions != 0:
        risk.trading = TradingState.REDUCING
    else:
        risk.trading = TradingState.ACTIVE


@kernel
def halt(risk, cause):
    """Latch a halt; the first cause is shown. Returns the reaction: everything is to be cancelled."""
    never_inlined()
    if risk.halts == 0:
        risk.halted = cause
    risk.cause = cause
    risk.halts |= 1 << cause
    risk.stopped_at = risk.approved
    _settle(risk)
    return CANCEL_ALL


@kernel
def reduce_only(risk, cause):
    """Latch that only what brings a position nearer to flat may be sent. What rests is cancelled and quoted anew."""
    never_inlined()
    fresh = (risk.reductions >> cause) & 1 == 0
    if not fresh:
        return NO_REACTION
    risk.cause = cause
    risk.reductions |= 1 << cause
    risk.stopped_at = risk.approved
    _settle(risk)
    return CANCEL_ALL


@kernel
def rearm(risk, cause):
    """A person has looked at one cause: it is over, and what it counts begins anew."""
    never_inlined()
    bit = 1 << min(max(cause, 0), 62)
    risk.halts &= ~bit
    risk.reductions &= ~bit
    risk.halted = _first(risk.halts)
    if cause == HaltCause.LOSS:
        risk.day_base_e8 = risk.peak_e8 = risk.pnl_e8 - risk.touch_cost_e8
        set_floors(risk)
    elif cause == HaltCause.EXECUTIONS:
        risk.execution_count = 0
    elif cause == HaltCause.REJECTS:
        risk.reject_streak = 0
    elif cause == HaltCause.TAIL_RISK:
        risk.advice.halt = 0
    _settle(risk)


@inlined
def _first(bits):
    cause = 0
    while bits != 0 and (bits >> cause) & 1 == 0:
        cause += 1
    return cause


@kernel
def set_floors(risk):
    """PnL below which losses reduce and halt: by the day's beginning or its best, whichever is higher."""
    bounds = risk.bounds
    risk.soft_floor_e8 = max(risk.day_base_e8 - bounds.loss_soft_e8, risk.peak_e8 - bounds.drawdown_soft_e8)
    risk.hard_floor_e8 = max(risk.day_base_e8 - bounds.loss_hard_e8, risk.peak_e8 - bounds.drawdown_hard_e8)


@inlined
def judge_losses(risk, now_ns):
    """After a mark: the day's end, the day's best, the floors. Returns a reaction."""
    worse_e8 = risk.pnl_e8 - risk.touch_cost_e8
    if now_ns >= risk.day_end_ns:
        _begin_day(risk, worse_e8, now_ns)
    if worse_e8 > risk.peak_e8:
        risk.peak_e8 = worse_e8
        set_floors(risk)
    if worse_e8 >= risk.soft_floor_e8:
        return NO_REACTION
    return _lose(risk, worse_e8)


@kernel
def _lose(risk, worse_e8):
    never_inlined()
    if worse_e8 >= risk.hard_floor_e8:
        return reduce_only(risk, HaltCause.LOSS)
    if (risk.halts >> HaltCause.LOSS) & 1:
        return NO_REACTION
    return halt(risk, HaltCause.LOSS)


@kernel
def _begin_day(risk, worse_e8, now_ns):
    """The count begins anew, but on the day that the run began with: that one may have begun in another run."""
    never_inlined()
    if risk.day_end_ns != 0:
        risk.day_base_e8 = worse_e8
        risk.peak_e8 = worse_e8
    set_floors(risk)
    wall_ns = now_ns + risk.wall_offset_ns
    risk.day_end_ns = now_ns + DAY_NS - wall_ns % DAY_NS


@kernel
def count_execution(risk, now_ns):
    """A fill: more than allowed within the window halt. Returns a reaction."""
    most = risk.bounds.executions_max
    oldest_ns = risk.executions[(risk.execution_count - most) % EXECUTIONS_MAX]
    risk.executions[risk.execution_count % EXECUTIONS_MAX] = now_ns
    risk.execution_count += 1
    # most + 1 fills: the one that came `most` before this one
    if risk.execution_count > most and now_ns - oldest_ns <= risk.bounds.executions_window_ns:
        return halt(risk, HaltCause.EXECUTIONS)
    return NO_REACTION


@kernel
def count_reject(risk, code):
    """The venue refused an order: too many in a row halt. Returns a reaction."""
    never_inlined()
    if code == POST_ONLY_WOULD_TAKE or code == NOT_TRADING:
        return NO_REACTION
    risk.reject_streak += 1
    return halt(risk, HaltCause.REJECTS) if risk.reject_streak >= risk.bounds.rejects_max else NO_REACTION
