"""What the router and risk tell the desk: fills into the position, ends of orders into free lines.

Orders are matched by client order id only. A fill of an order that no line knows (an earlier epoch's) still
moves the position: the position is the sum of the fills.
"""

from shm.kernel import kernel
from trader.enums import OrderState, ReportKind
from trader.instrument import INSTRUMENTS_MAX
from trader.orders import order_slot_of
from trader.position import adopt_position, book_fill
from trader.strategy.desk import accrue
from trader.strategy.lines import CANCELING, TERMINAL, free_line, line_of


@kernel
def on_report(desk, report, now_ns):
    """Take an ExecutionReport; return 1 if a line, and the order's slot, became free: it can quote again at once."""
    if not 0 <= report.symbol_id < desk.symbol_count:
        desk.unmatched += 1
        return 0
    symbol = desk.symbols[report.symbol_id]
    accrue(desk, symbol, now_ns)
    if report.kind == ReportKind.FILL and report.last_lots > 0:
        desk.executions += 1
        position, ledger = symbol.position, symbol.ledger
        before = ledger.lots
        tick_value_e8 = position.tick_value_e8
        book_fill(ledger, report.side, report.last_ticks, report.last_lots, tick_value_e8, report.fee_e8)
        average_entry(position, before, ledger.lots, report.last_ticks)
    ticket = desk.tickets[order_slot_of(report.client_order_id)]
    if report.client_order_id <= 0 or ticket.client_order_id != report.client_order_id:
        desk.unmatched += 1
        return 0
    if (TERMINAL >> report.state) & 1:
        return free_line(desk, report.client_order_id, now_ns + _pause_ns(desk, report.state))
    line = line_of(symbol, ticket.side_index, ticket.level)
    line.leaves_lots = max(report.size_lots - report.cumulative_lots, 0)
    if report.state == OrderState.OPEN or report.state == OrderState.PARTIAL:
        line.acknowledged = 1
    if report.kind == ReportKind.CANCEL_REJECTED and line.state == CANCELING:
        # The order was perhaps just filled: its report is under way. Otherwise the retry asks again.
        line.cancel_ns = now_ns
    return 0


@kernel
def _pause_ns(desk, state):
    """How long a line rests after an order that ended in `state`: the venue's refusals are mostly of a touch that
    moved and are over with the next book, our own are not."""
    if state == OrderState.REJECTED:
        desk.rejects += 1
        return desk.reject_pause_ns
    if state == OrderState.DENIED:
        desk.rejects += 1
        return desk.refusal_pause_ns
    return 0


@kernel
def average_entry(position, before_lots, after_lots, price_ticks):
    """Average entry price after a fill took the position from one size to another; a flip starts anew."""
    if after_lots == 0:
        position.average_ticks = 0.0
    elif (before_lots > 0) != (after_lots > 0) or before_lots == 0:
        position.average_ticks = float(price_ticks)
    elif abs(after_lots) > abs(before_lots):
        added = abs(after_lots) - abs(before_lots)
        cost = position.average_ticks * abs(before_lots) + float(price_ticks) * added
        position.average_ticks = cost / abs(after_lots)


@kernel
def on_refusal(desk, refusal, now_ns):
    """Risk refused an intent, its line pauses: 1, and the order's slot is free; 0 if no line has it."""
    freed = free_line(desk, refusal.client_order_id, now_ns + desk.refusal_pause_ns)
    desk.refusals += freed
    desk.unmatched += 1 - freed
    return freed


@kernel
def on_account(desk, account, now_ns):
    """The venue's word after a reconciliation: position, or 0 reconciled, which closes the gate. 1 if it agrees."""
    if not 0 <= account.symbol_id < min(desk.symbol_count, INSTRUMENTS_MAX):
        return 0
    symbol = desk.symbols[account.symbol_id]
    accrue(desk, symbol, now_ns)
    symbol.reconciled = 1 if account.reconciled == 1 else 0
    if symbol.reconciled and symbol.ledger.lots != account.position_lots:
        adopt_position(symbol.ledger, account.position_lots)
        symbol.position.average_ticks = 0.0
    return symbol.reconciled
