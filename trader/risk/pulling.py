"""Pulling: quotes that the market leaves behind are cancelled at once, whatever the strategy goes by.

THROUGH   nobody else bids (asks) any more within `pull_through_ticks` of one of our buys (sells): the touch has run
          through it. An order that bettered the touch on purpose counts from the touch that it was approved at.
JUMP      within `pull_window_ms` of the venue's time the mid has gone farther than `pull_deviations` deviations of what
          the estimate's 95th percentile foresees for it: volatility is another one than quotes were made for. Both
          sides go. A move within the spread is none.

Both are found on each top, so a requote later at most, and not a window of the estimate later; the strategy's own
answers (its alarm, the gate of a DOUBTED estimate) come when the estimate does. What was pulled may not come back for
`pull_hold_ms`: orders that would rest on that side are refused, PULLED; those that take are not.
"""

import math

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.risk.limits import BPS_MAX
from trader.risk.state import NEVER_NS, NO_BUY, NO_SELL, NO_SLOT, PullCause

BUYS, SELLS = 1, 2
NO_MOVE = NEVER_NS
"""No move is too far: nothing is believed of the volatility yet."""


@kernel
def set_move_limit(symbol):
    """By the newest estimate and mark: how far twice the mid may go within the window."""
    never_inlined()
    window_s = symbol.limits.pull_window_ns * 1e-9
    bps = symbol.limits.pull_deviations * symbol.volatility_bps_p95 * math.sqrt(window_s)
    ticks2 = bps * symbol.mark2_ticks / BPS_MAX
    symbol.pull.move2_ticks_max = int(ticks2) if 0.0 < ticks2 < NO_MOVE else NO_MOVE


@inlined
def judge_quotes(risk, symbol, bid, ask, now_ns):
    """After a LIVE, two-sided top: 1 if quotes are to be pulled, those that `is_left_behind` names."""
    pull = symbol.pull
    mid2 = bid + ask
    if symbol.top.event_ns >= pull.turn_ns:
        _turn(symbol)
    pull.low2 = min(pull.low2, mid2)
    pull.high2 = max(pull.high2, mid2)
    gone2 = max(max(pull.high2, pull.past_high2) - mid2, mid2 - min(pull.low2, pull.past_low2))
    if gone2 > pull.move2_ticks_max and gone2 > 2 * (ask - bid):
        return _jump(symbol, gone2, now_ns)
    buys, sells, top = symbol.buys, symbol.sells, symbol.top
    is_led = buys.count > 0 and (bid < buys.best_ticks or top.bid_lots[0] <= buys.leaves_lots)
    is_led |= sells.count > 0 and (ask > sells.best_ticks or top.ask_lots[0] <= sells.leaves_lots)
    return _find_through(risk, symbol, now_ns) if is_led else 0


@kernel
def _turn(symbol):
    """Half a window has passed: what was before it is forgotten with the next."""
    never_inlined()
    pull, event_ns = symbol.pull, symbol.top.event_ns
    half_ns = symbol.limits.pull_window_ns // 2
    is_near = event_ns - pull.turn_ns < half_ns
    pull.past_low2 = pull.low2 if is_near else NEVER_NS
    pull.past_high2 = pull.high2 if is_near else 0
    pull.low2 = NEVER_NS
    pull.high2 = 0
    pull.turn_ns = event_ns + half_ns


@kernel
def _jump(symbol, gone2, now_ns):
    never_inlined()
    pull = symbol.pull
    pull.cause = PullCause.JUMP
    pull.sides = BUYS | SELLS
    pull.found = gone2
    pull.allowed = pull.move2_ticks_max
    pull.low2 = pull.past_low2 = NEVER_NS
    pull.high2 = pull.past_high2 = 0
    symbol.buys.held_until_ns = symbol.sells.held_until_ns = now_ns + symbol.limits.pull_hold_ns
    return 1


@kernel
def _find_through(risk, symbol, now_ns):
    never_inlined()
    pull, top, limits = symbol.pull, symbol.top, symbol.limits
    pull.cause = PullCause.THROUGH
    pull.sides = 0
    pull.found = 0
    pull.allowed = limits.pull_through_ticks
    pull.bid_ticks = _others_ticks(risk, symbol.buys, top.bid_ticks, top.bid_lots, NO_SELL)
    pull.ask_ticks = _others_ticks(risk, symbol.sells, top.ask_ticks, top.ask_lots, NO_BUY)
    if _note_through(risk, symbol, symbol.buys.first):
        pull.sides = BUYS
        symbol.buys.held_until_ns = now_ns + limits.pull_hold_ns
    if _note_through(risk, symbol, symbol.sells.first):
        pull.sides |= SELLS
        symbol.sells.held_until_ns = now_ns + limits.pull_hold_ns
    return 1 if pull.sides != 0 else 0


@kernel
def _others_ticks(risk, side, prices, sizes, none_ticks):
    """The best price of a side of the book at which there is more than our own orders; `none_ticks` if none is seen."""
    for level in range(len(prices)):
        if sizes[level] <= 0:
            break
        own_lots = 0
        slot = side.first
        while slot != NO_SLOT:
            order = risk.orders[slot]
            own_lots += order.leaves_lots if order.price_ticks == prices[level] else 0
            slot = order.next
        if sizes[level] > own_lots:
            return prices[level]
    return none_ticks


@kernel
def _note_through(risk, symbol, slot):
    """Whether an order of a list, not pulled yet, is left behind."""
    while slot != NO_SLOT:
        order = risk.orders[slot]
        if is_left_behind(symbol, order):
            return True
        slot = order.next
    return False


@inlined
def is_left_behind(symbol, order):
    """Whether a live order is one of those that the newest finding names; one that was pulled already is not."""
    pull = symbol.pull
    if order.pulled != 0:
        return False
    if pull.cause == PullCause.JUMP:
        return True
    if order.side > 0:
        left_ticks = min(order.price_ticks, order.touch_ticks) - pull.bid_ticks
    else:
        left_ticks = pull.ask_ticks - max(order.price_ticks, order.touch_ticks)
    if left_ticks <= pull.allowed:
        return False
    pull.found = max(pull.found, left_ticks)
    return True
