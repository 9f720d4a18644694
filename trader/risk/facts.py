"""Facts: what reports, tops of book, estimates and reconciliations change in risk's picture. One writer.

Each function takes one message's record. Those that may call for cancels return a reaction; none refuses a
fact: what the venue says has happened is booked first and judged afterwards.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import BookState, OrderState, ReportKind
from trader.orders import SLOT_MASK, epoch_of, is_live
from trader.position import adopt_position, book_fill, mark_position, market_of, remember_fill
from trader.risk.exposure import NO_SLOT, HaltCause, consume, release

NO_REACTION, CANCEL_ORDER, CANCEL_ALL = range(3)
"""What the stage has to do after a report, an account state or a halt."""


@kernel
def apply_top(risk, top, now_ns):
    """Take the newest top of a book: touch, state, time of receipt; mark the position at its mid."""
    if top.symbol_id < 0 or top.symbol_id >= risk.symbol_count:
        return
    symbol = risk.symbols[top.symbol_id]
    symbol.book_state = top.state
    symbol.book_epoch = top.epoch
    symbol.book_received_ns = now_ns
    symbol.bid_ticks = top.bid_ticks[0] if top.bid_lots[0] > 0 else 0
    symbol.ask_ticks = top.ask_ticks[0] if top.ask_lots[0] > 0 else 0
    _mark(risk, symbol)


@inlined
def _mark(risk, symbol):
    if symbol.book_state == BookState.LIVE and symbol.bid_ticks > 0 and symbol.ask_ticks > symbol.bid_ticks:
        before = symbol.position.pnl_e8
        after = mark_position(symbol.position, symbol.bid_ticks, symbol.ask_ticks, symbol.limits.tick_value_e8)
        risk.pnl_e8 += after - before


@kernel
def apply_report(risk, report):
    """Merge a fact about an order: position, reservation, state. Returns a reaction."""
    risk.reports += 1
    if report.symbol_id < 0 or report.symbol_id >= risk.symbol_count:
        return NO_REACTION
    is_fill = report.kind == ReportKind.FILL
    if is_fill and not _book(risk, report):
        return NO_REACTION
    order = risk.orders[report.client_order_id & SLOT_MASK]
    if report.client_order_id <= 0 or order.client_order_id != report.client_order_id:
        risk.late_fills += is_fill
        return NO_REACTION
    was_live = is_live(order.state)
    if is_fill:
        risk.late_fills += 1 - was_live
        consume(risk, order, report.last_lots)
        if order.filled_lots > order.size_lots:
            risk.overfills += 1
            halt(risk, HaltCause.OVERFILL)
    if was_live:
        if is_live(report.state):
            order.state = report.state
        else:
            release(risk, order, report.state)
    if is_fill and order.filled_lots > order.size_lots:
        return CANCEL_ALL
    # an order that was on its way when the halt came reaches the venue after the cancel-all
    if risk.halted != 0 and is_live(order.state) and report.kind == ReportKind.ACK:
        return CANCEL_ORDER
    return NO_REACTION


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
    _mark(risk, symbol)
    return 1


@kernel
def halt(risk, cause):
    """Latch the kill switch; the first cause stays. Returns the reaction: everything is to be cancelled."""
    if risk.halted == 0:
        risk.halted = cause
    return CANCEL_ALL


@kernel
def apply_account(risk, account):
    """Take the router's word on reconciliation, and at the first one the venue's position. Returns a reaction.

    Later the position must be the sum of fills that risk has booked itself; if not, the venue's is adopted
    and trading stops.
    """
    if account.symbol_id < 0 or account.symbol_id >= risk.symbol_count:
        return NO_REACTION
    symbol = risk.symbols[account.symbol_id]
    symbol.reconciled = account.reconciled if account.epoch >= risk.epoch_least else 0
    if symbol.reconciled == 0:
        return NO_REACTION
    risk.epoch = account.epoch
    _end_older(risk, symbol.buys, account.epoch)
    _end_older(risk, symbol.sells, account.epoch)
    differs = symbol.position.lots != account.position_lots
    if differs:
        adopt_position(symbol.position, account.position_lots)
        _mark(risk, symbol)
    if symbol.adopted == 0:
        symbol.adopted = 1
        return NO_REACTION
    if differs:
        risk.position_mismatches += 1
        return halt(risk, HaltCause.POSITION_MISMATCH)
    return NO_REACTION


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
def apply_volatility(risk, estimate):
    """Keep the newest estimate of a symbol."""
    if estimate.symbol_id < 0 or estimate.symbol_id >= risk.symbol_count:
        return
    symbol = risk.symbols[estimate.symbol_id]
    symbol.volatility_bps = estimate.volatility_bps
    symbol.volatility_state = estimate.state
