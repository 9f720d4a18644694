"""What rests and what is wanted, per symbol, side and level; the difference is orders and cancels.

The stage calls, whenever something changed: `begin`, the strategy's quote, `settle` (or `settle_none` where it
may not quote), then `verdict` per line and does what it says, then `end_step`.

A line is replaced by cancel first, order after: never two orders for one line, so that what can fill is what
the lines say. A price that moved by no more than the tolerance keeps its order and its place in the queue.
"""

from shm.kernel import inlined, kernel
from trader.enums import BookState
from trader.position import mark_position
from trader.strategy.door import LEVELS_MAX
from trader.strategy.lines import CANCELING, IDLE, line_of

KEEP = 0
PLACE = 1
CANCEL = 2


@kernel
def accrue(desk, symbol, now_ns):
    """Book the time since the last call to what it was: live, quoted on both sides."""
    elapsed_ns = max(now_ns - symbol.accrued_ns, 0)
    if symbol.was_live:
        symbol.live_ns += elapsed_ns
        desk.live_ns += elapsed_ns
        if symbol.was_both:
            symbol.quoted_both_ns += elapsed_ns
            desk.quoted_both_ns += elapsed_ns
    symbol.accrued_ns = now_ns


@kernel
def may_quote(desk, symbol, top, now_ns):
    """Whether quotes may rest: running, reconciled, the book LIVE, two-sided and not too old."""
    return (
        desk.running == 1
        and symbol.reconciled == 1
        and top.state == BookState.LIVE
        and top.bid_lots[0] > 0
        and top.ask_lots[0] > 0
        and now_ns - symbol.book_ns <= desk.book_age_ns_max
    )


@kernel
def begin(desk, symbol, top, now_ns):
    """Accrue, clear the wanted quotes and refresh the position for the strategy; 1 if it may quote."""
    accrue(desk, symbol, now_ns)
    quotes = symbol.quotes
    quotes.bid_count = 0
    quotes.ask_count = 0
    quotes.take_lots = 0
    for level in range(LEVELS_MAX):
        quotes.bid_ticks[level] = 0
        quotes.bid_lots[level] = 0
        quotes.ask_ticks[level] = 0
        quotes.ask_lots[level] = 0
    position, ledger = symbol.position, symbol.ledger
    if top.bid_lots[0] > 0 and top.ask_lots[0] > 0:
        mark_position(ledger, top.bid_ticks[0], top.ask_ticks[0], position.tick_value_e8)
    position.now_ns = now_ns
    position.position_lots = ledger.lots
    position.cash_e8 = ledger.cash_e8 - ledger.fees_e8
    position.pnl_e8 = ledger.pnl_e8
    position.open_bid_lots = 0
    position.open_ask_lots = 0
    for level in range(symbol.depth):
        position.open_bid_lots += symbol.bids[level].leaves_lots
        position.open_ask_lots += symbol.asks[level].leaves_lots
    return may_quote(desk, symbol, top, now_ns)


@kernel
def settle(symbol, top):
    """Turn the strategy's quotes into each line's wanted price and size.

    Post-only: a price never reaches the other side's touch. Sizes are cut, nearest level first, so that all of
    them filled leave the position within its maximum; what is then below the venue's minimum is no quote.
    """
    quotes = symbol.quotes
    position = symbol.position
    bid_count = min(max(quotes.bid_count, 0), LEVELS_MAX)
    ask_count = min(max(quotes.ask_count, 0), LEVELS_MAX)
    symbol.depth = max(symbol.depth, bid_count, ask_count)
    taking_lots = _settle_taker(symbol)
    bid_room = position.position_lots_max - position.position_lots - max(taking_lots, 0)
    ask_room = position.position_lots_max + position.position_lots - max(-taking_lots, 0)
    for level in range(symbol.depth):
        bid, ask = symbol.bids[level], symbol.asks[level]
        bid.wanted_ticks = min(quotes.bid_ticks[level], top.ask_ticks[0] - 1)
        ask.wanted_ticks = max(quotes.ask_ticks[level], top.bid_ticks[0] + 1)
        bid_lots = quotes.bid_lots[level] if level < bid_count else 0
        ask_lots = quotes.ask_lots[level] if level < ask_count else 0
        bid.wanted_lots = _worth_sending(position, bid.wanted_ticks, min(bid_lots, bid_room))
        ask.wanted_lots = _worth_sending(position, ask.wanted_ticks, min(ask_lots, ask_room))
        bid_room -= bid.wanted_lots
        ask_room -= ask.wanted_lots


@inlined
def _settle_taker(symbol):
    """Turn what the strategy wants to take into the taker's price and size; signed lots that may be taken yet."""
    quotes, position, taker = symbol.quotes, symbol.position, symbol.taker
    taker.wanted_lots = 0
    if taker.state != IDLE:
        return symbol.taker_side * taker.leaves_lots
    if quotes.take_lots <= 0 or quotes.take_side * quotes.take_side != 1:
        return 0
    symbol.taker_side = quotes.take_side
    room = position.position_lots_max - quotes.take_side * position.position_lots
    taker.wanted_ticks = quotes.take_ticks
    taker.wanted_lots = _worth_sending(position, quotes.take_ticks, min(quotes.take_lots, room))
    return quotes.take_side * taker.wanted_lots


@kernel
def settle_none(symbol):
    """Want nothing: every line that holds an order will be cancelled."""
    symbol.taker.wanted_lots = 0
    for level in range(symbol.depth):
        symbol.bids[level].wanted_lots = 0
        symbol.asks[level].wanted_lots = 0


@inlined
def _worth_sending(position, price_ticks, lots):
    """`lots`, or 0 where the venue would refuse so small an order, or the price is none."""
    too_small = lots < position.size_lots_min or price_ticks * lots * position.tick_value_e8 < position.notional_e8_min
    return 0 if lots <= 0 or price_ticks <= 0 or too_small else lots


@kernel
def verdict(desk, symbol, side_index, level, now_ns):
    """What to do with a line now: KEEP, PLACE or CANCEL."""
    line = line_of(symbol, side_index, level)
    if line.state == IDLE:
        if line.wanted_lots <= 0 or now_ns < line.resume_ns or _meets_own(symbol, side_index, line.wanted_ticks):
            return KEEP
        return PLACE
    if line.state == CANCELING:
        return CANCEL if now_ns - line.cancel_ns >= desk.cancel_retry_ns else KEEP
    if line.wanted_lots <= 0:
        return CANCEL
    if not line.acknowledged:
        return KEEP
    moved = abs(line.wanted_ticks - line.price_ticks) > desk.requote_ticks
    return CANCEL if moved or line.leaves_lots > line.wanted_lots else KEEP


@inlined
def takes(symbol, now_ns):
    """Whether an order that takes is to be sent now: not before the last one's end, nor into a quote of ours."""
    taker = symbol.taker
    if taker.wanted_lots <= 0 or taker.state != IDLE or now_ns < taker.resume_ns:
        return False
    return not _meets_own(symbol, 0 if symbol.taker_side > 0 else 1, taker.wanted_ticks)


@kernel
def _meets_own(symbol, side_index, price_ticks):
    """Whether an order would trade with one of our own that still rests, or is still to be cancelled."""
    for level in range(symbol.depth):
        if side_index == 0:
            other = symbol.asks[level]
            if other.state != IDLE and other.price_ticks <= price_ticks:
                return True
        else:
            other = symbol.bids[level]
            if other.state != IDLE and other.price_ticks >= price_ticks:
                return True
    return False


@kernel
def end_step(symbol, top, running):
    """Remember how the time from now on counts."""
    symbol.was_live = 1 if running == 1 and top.state == BookState.LIVE else 0
    symbol.was_both = 1 if symbol.busy_bids > 0 and symbol.busy_asks > 0 else 0
