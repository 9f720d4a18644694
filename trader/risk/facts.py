"""Facts: what reports, reconciliations and commands change in risk's picture. One writer.

Each function takes one message's record. Those that may call for cancels return a reaction; none refuses a
fact: what the venue says has happened is booked first and judged afterwards.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import OrderState, ReportKind, TradingState
from trader.orders import SLOT_MASK, epoch_of, is_live
from trader.position import adopt_position, book_fill, market_of, remember_fill
from trader.risk.advice import is_free, join_advice, renew_advice, scaled, take_advice, tighten
from trader.risk.exposure import consume, release, revalue
from trader.risk.latches import (
    CANCEL_ORDER,
    NO_REACTION,
    count_execution,
    count_reject,
    halt,
    judge_losses,
)
from trader.risk.limits import BPS_MAX, WORST_E8_MAX
from trader.risk.market import mark
from trader.risk.state import NO_SLOT, HaltCause

_WORST_MAX = 1 << 62


@kernel
def apply_report(risk, report, now_ns):
    """Merge a fact about an order: position, reservation, state, streaks. Returns a reaction."""
    risk.reports += 1
    if report.symbol_id < 0 or report.symbol_id >= risk.symbol_count:
        return NO_REACTION
    is_fill = report.kind == ReportKind.FILL
    if is_fill and not _book(risk, report):
        return NO_REACTION
    reaction = _judge(risk, report, is_fill, now_ns)
    order = risk.orders[report.client_order_id & SLOT_MASK]
    if report.client_order_id <= 0 or order.client_order_id != report.client_order_id:
        risk.late_fills += is_fill
        return reaction
    was_live = is_live(order.state)
    if is_fill:
        risk.late_fills += 1 - was_live
        consume(risk, order, report.last_lots)
        if order.filled_lots > order.size_lots:
            risk.overfills += 1
            reaction = halt(risk, HaltCause.OVERFILL)
    if was_live:
        if is_live(report.state):
            order.state = report.state
        else:
            release(risk, order, report.state)
    # an order that was on its way when the halt came reaches the venue after the cancel-all
    is_late = risk.trading != TradingState.ACTIVE and order.approval <= risk.stopped_at
    if reaction == NO_REACTION and is_late and is_live(order.state) and report.kind == ReportKind.ACK:
        return CANCEL_ORDER
    return reaction


@inlined
def _book(risk, report):
    """Book a fill once; 0 for a duplicate."""
    market = market_of(report.venue_id, report.symbol_id)
    if not remember_fill(risk.fill_set, market, report.trade_id, report.venue_order_id):
        risk.duplicate_fills += 1
        return 0
    symbol = risk.symbols[report.symbol_id]
    value = symbol.limits.tick_value_e8
    book_fill(symbol.position, report.side, report.last_ticks, report.last_lots, value, report.fee_e8)
    risk.fills += 1
    mark(risk, symbol)
    revalue(risk, symbol)
    return 1


@inlined
def _judge(risk, report, is_fill, now_ns):
    """What a report says of losses, of the pace of executions, and of the streak of rejects. Returns a reaction."""
    if is_fill:
        risk.reject_streak = 0
        return max(count_execution(risk, now_ns), judge_losses(risk, now_ns))
    if report.kind == ReportKind.ACK:
        risk.reject_streak = 0
    elif report.kind == ReportKind.REJECTED:
        return count_reject(risk, report.reason)
    return NO_REACTION


@kernel
def apply_account(risk, account):
    """Take the router's word on reconciliation and collateral, and at first the venue's position. Returns a reaction.

    Later the position must be the sum of fills that risk has booked itself; if not, the venue's is adopted
    and trading stops.
    """
    if account.symbol_id < 0 or account.symbol_id >= risk.symbol_count:
        return NO_REACTION
    symbol = risk.symbols[account.symbol_id]
    symbol.reconciled = account.reconciled if account.epoch >= risk.epoch_least else 0
    if account.balance_ns != 0:
        risk.balance_ns = account.balance_ns
        risk.free_e8 = account.free_e8
        set_margin(risk)
    if symbol.reconciled == 0:
        return NO_REACTION
    risk.epoch = account.epoch
    _end_older(risk, symbol.buys, account.epoch)
    _end_older(risk, symbol.sells, account.epoch)
    differs = symbol.position.lots != account.position_lots
    if differs:
        adopt_position(symbol.position, account.position_lots)
        mark(risk, symbol)
        revalue(risk, symbol)
    if symbol.adopted == 0:
        symbol.adopted = 1
        return NO_REACTION
    if differs:
        risk.position_mismatches += 1
        return halt(risk, HaltCause.POSITION_MISMATCH)
    return NO_REACTION


@kernel
def apply_instrument(risk, told):
    """Take the venue's word on an instrument: whether it trades, and its mark price. 1 if the first has changed."""
    if told.symbol_id < 0 or told.symbol_id >= risk.symbol_count:
        return 0
    symbol = risk.symbols[told.symbol_id]
    changed = 1 if symbol.status != told.status else 0
    symbol.status = told.status
    if told.mark2_ticks > 0:
        symbol.venue_mark2_ticks = told.mark2_ticks
        symbol.venue_mark_ns = told.mark_ns
    return changed


@inlined
def _end_older(risk, side, epoch):
    """Orders of older epochs are over: an epoch begins when the venue has none open, and with all their fills told."""
    slot = side.first
    while slot != NO_SLOT:
        order = risk.orders[slot]
        slot = order.next
        if epoch_of(order.client_order_id) < epoch:
            release(risk, order, OrderState.CANCELED)


@kernel
def pause(risk, epoch):
    """Refuse everything until a reconciled account of this epoch, or of a later one."""
    never_inlined()
    risk.epoch_least = epoch
    for symbol_id in range(risk.symbol_count):
        risk.symbols[symbol_id].reconciled = 0


@kernel
def set_margin(risk):
    """The worst case, all symbols, whose initial margin the free collateral less its buffer covers."""
    never_inlined()
    bounds = risk.bounds
    free_e8 = min(max(risk.free_e8, 0), WORST_E8_MAX)
    usable_e8 = free_e8 // BPS_MAX * (BPS_MAX - bounds.margin_buffer_bps)
    risk.margin_worst_e8_max = min(usable_e8 // max(bounds.margin_bps, 1), _WORST_MAX // BPS_MAX) * BPS_MAX


@kernel
def apply_advice(risk, advice):
    """Take a tail-risk recommendation: limits in force become the configured ones, tightened. Returns a reaction."""
    take_advice(risk.advice, advice)
    permille = risk.advice.size_permille
    for symbol_id in range(risk.symbol_count):
        symbol = risk.symbols[symbol_id]
        tighten(symbol.limits, symbol.configured, permille)
    risk.bounds.open_e8_max = scaled(risk.configured.open_e8_max, permille)
    risk.bounds.worst_e8_max = scaled(risk.configured.worst_e8_max, permille)
    return halt(risk, HaltCause.TAIL_RISK) if risk.advice.halt != 0 else NO_REACTION


@kernel
def apply_tail_risk(risk, said):
    """Take a TailRiskAdvice: of all symbols' the strictest holds for the whole account. Returns a reaction."""
    if said.symbol_id < 0 or said.symbol_id >= risk.symbol_count:
        return NO_REACTION
    was_free = is_free(risk.advice)
    renew_advice(risk.advised[said.symbol_id], said.event_ns, said)
    strictest = risk.joined
    take_advice(strictest, risk.advised[said.symbol_id].advice)
    for symbol_id in range(risk.symbol_count):
        join_advice(strictest, risk.advised[symbol_id].advice)
    reaction = apply_advice(risk, strictest)
    risk.tightened += was_free and not is_free(risk.advice)
    return reaction
