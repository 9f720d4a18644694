"""Checks: the pre-trade decision. In this order, the first failure wins; a missing input denies.

     1 HALTED, REDUCING     the trading state; while it reduces, nothing that could open or turn a position
     2 BUILD_MISMATCH       not every process is known to run the same code and configuration
       NOT_RECONCILED       the router has not confirmed orders and position
     3 NOT_ALLOWED          unknown symbol, wrong venue, or not on the allow-list
       NOT_TRADING          the venue does not say that it trades the instrument
     4 INVALID_ORDER        side, time in force, slot, level, epoch, price or size out of range or below the minima
     5 DUPLICATE_ID         the id was used before, or its slot holds a live order
     6 DUPLICATE_ORDER      the same order a moment ago; a ladder's child: its own line's order lives, unchanged
     7 QUANTITY             size of the order
     8 NOTIONAL             price times size of the order
     9 NO_REFERENCE         neither the mid of a LIVE book nor the venue's mark price is new enough
       PRICE_COLLAR         distance from the mid, or from the venue's mark price
       PRICE_TRAVEL         how far the mid has gone within a minute
    10 STALE_DATA           book not LIVE, crossed or one-sided; its receipt, the venue's time, or the decision too old
       PULLED               quotes of that side were pulled a moment ago, and the order would rest
    11 WOULD_CROSS          a post-only order at or through the opposite touch
    12 SELF_TRADE           at or through an own live order of the other side
    13 OPEN_ORDERS          own live orders of the side, the symbol, the account
    14 OPEN_NOTIONAL        what is left of all live orders, at their prices
    15 POSITION             worst case with every open order of that side filled, in lots
       POSITION_NOTIONAL    the same at the mark; summed over all symbols
    16 MARGIN               the account's worst case against the free collateral, or that was told too long ago
    17 MESSAGE_RATE         orders a second, with a burst
    18 executions, 19 rejects and 21 losses are latched where the fact arrives (latches): check 1 names their cause
    20 SLIPPAGE             an order that takes: the book's walk, or the square-root impact, whichever is worse
    22 TAIL_RISK            nearer to the mid than advised; advice on sizes is in the limits in force already

An order that makes the worst case no worse passes the account's half of 15, and 16, however large that is already.
A refusal leaves `found` and `allowed` in the state: the value that failed and the bound it met. An approval has
reserved the order's exposure when `decide` returns.
"""

from shm.kernel import kernel
from trader.enums import RefusalReason
from trader.risk.check_exposure import against_exposure
from trader.risk.check_market import against_market, against_slippage
from trader.risk.check_order import against_state, of_itself
from trader.risk.exposure import reserve

APPROVED = int(RefusalReason.NONE)


@kernel
def decide(risk, intent, now_ns):
    """The reason to refuse an intent (RefusalReason), or APPROVED with its exposure reserved."""
    reason = against_state(risk, intent)
    if reason == APPROVED:
        symbol = risk.symbols[intent.symbol_id]
        reason = of_itself(risk, symbol, intent, now_ns)
        if reason == APPROVED:
            reason = against_market(risk, symbol, intent, now_ns)
            if reason == APPROVED:
                reason = against_exposure(risk, symbol, intent, now_ns)
                if reason == APPROVED:
                    reason = against_slippage(risk, symbol, intent)
    if reason != APPROVED:
        risk.refused_by_reason[reason] += 1
        risk.refused += 1
        return reason
    risk.approved += 1
    risk.pace_ns = max(risk.pace_ns, now_ns) + risk.bounds.order_interval_ns
    reserve(risk, intent, now_ns)
    return APPROVED
