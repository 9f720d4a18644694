"""Market: what tops of books and estimates change in risk's picture; marks, ages, how far the mid has gone.

mark         the mid of the newest top that was LIVE, two-sided and not crossed; positions are valued at it
event age    now - event_ns - least delay, the least of receipt minus event over the last five to ten minutes: the
             venue's clock may be seconds off ours, and drifts
travel       greatest less least mid of the last 55 to 60 seconds
worse touch  a long position is worth the bid, a short one costs the ask: losses are judged there
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import BookState
from trader.position import mark_position
from trader.risk.exposure import revalue
from trader.risk.latches import NO_REACTION, PULL_QUOTES, judge_losses
from trader.risk.limits import TICKS_MAX
from trader.risk.pulling import judge_quotes, set_move_limit
from trader.risk.state import NEVER_NS

BUCKET_NS = 5_000_000_000
BUCKETS = 12
DELAY_WINDOW_NS = 300_000_000_000
NO_LOW = 2 * TICKS_MAX + 1


@inlined
def touch_bid(symbol):
    """Best bid of the newest top, 0 while that side is empty."""
    return symbol.top.bid_ticks[0] if symbol.top.bid_lots[0] > 0 else 0


@inlined
def touch_ask(symbol):
    """Best ask of the newest top, 0 while that side is empty."""
    return symbol.top.ask_ticks[0] if symbol.top.ask_lots[0] > 0 else 0


@kernel
def apply_top(risk, top, now_ns):
    """Take a top of a book, copied: see `note_top`."""
    if top.symbol_id < 0 or top.symbol_id >= risk.symbol_count:
        return NO_REACTION
    risk.symbols[top.symbol_id].top = top
    return note_top(risk, top.symbol_id, now_ns)


@kernel
def note_top(risk, symbol_id, now_ns):
    """A new top stands in a symbol of the run: mark the position. Returns a reaction: a halt, or quotes to pull."""
    symbol = risk.symbols[symbol_id]
    symbol.received_ns = now_ns
    delay_ns = now_ns - symbol.top.event_ns
    symbol.delay_min_ns = min(symbol.delay_min_ns, delay_ns)
    symbol.delay_next_ns = min(symbol.delay_next_ns, delay_ns)
    bid, ask = touch_bid(symbol), touch_ask(symbol)
    if not _is_priced(symbol, bid, ask):
        return NO_REACTION
    mid2 = bid + ask
    symbol.mark2_ticks = mid2
    symbol.mark_ns = now_ns
    if now_ns >= symbol.bucket_end_ns:
        _roll(symbol, now_ns)
    symbol.low2 = min(symbol.low2, mid2)
    symbol.high2 = max(symbol.high2, mid2)
    revalue(risk, symbol)
    _mark_at(risk, symbol, bid, ask)
    reaction = judge_losses(risk, now_ns)
    if judge_quotes(risk, symbol, bid, ask, now_ns) and reaction == NO_REACTION:
        return PULL_QUOTES
    return reaction


@inlined
def _is_priced(symbol, bid, ask):
    return symbol.top.state == BookState.LIVE and 0 < bid < ask <= TICKS_MAX


@inlined
def _mark_at(risk, symbol, bid, ask):
    before = symbol.position.pnl_e8
    value = symbol.limits.tick_value_e8
    risk.pnl_e8 += mark_position(symbol.position, bid, ask, value) - before
    cost_e8 = (abs(symbol.position.lots) * (ask - bid) * value + 1) >> 1
    risk.touch_cost_e8 += cost_e8 - symbol.touch_cost_e8
    symbol.touch_cost_e8 = cost_e8


@kernel
def mark(risk, symbol):
    """Value the position at the mid and at the worse touch, where the book has one."""
    bid, ask = touch_bid(symbol), touch_ask(symbol)
    if _is_priced(symbol, bid, ask):
        _mark_at(risk, symbol, bid, ask)


@kernel
def _roll(symbol, now_ns):
    """Begin a bucket; forget those that are a minute old."""
    never_inlined()
    travel = symbol.travel
    if now_ns - symbol.bucket_end_ns > BUCKETS * BUCKET_NS or symbol.bucket_end_ns == 0:
        for i in range(BUCKETS):
            travel.lows2[i] = NO_LOW
            travel.highs2[i] = 0
        symbol.low2 = NO_LOW
        symbol.high2 = 0
        symbol.bucket_end_ns = now_ns
    while now_ns >= symbol.bucket_end_ns:
        travel.newest = (travel.newest + 1) % BUCKETS
        travel.lows2[travel.newest] = symbol.low2
        travel.highs2[travel.newest] = symbol.high2
        symbol.low2 = NO_LOW
        symbol.high2 = 0
        symbol.bucket_end_ns += BUCKET_NS
    oldest = (travel.newest + 1) % BUCKETS
    travel.lows2[oldest] = NO_LOW
    travel.highs2[oldest] = 0
    symbol.past_low2 = NO_LOW
    symbol.past_high2 = 0
    for i in range(BUCKETS):
        symbol.past_low2 = min(symbol.past_low2, travel.lows2[i])
        symbol.past_high2 = max(symbol.past_high2, travel.highs2[i])
    if now_ns >= symbol.delay_until_ns:
        symbol.delay_min_ns = symbol.delay_next_ns
        symbol.delay_next_ns = NEVER_NS
        symbol.delay_until_ns = now_ns + DELAY_WINDOW_NS


@kernel
def apply_volatility(risk, estimate):
    """Keep the newest estimate of a symbol."""
    if estimate.symbol_id < 0 or estimate.symbol_id >= risk.symbol_count:
        return
    symbol = risk.symbols[estimate.symbol_id]
    symbol.volatility_bps = estimate.volatility_bps
    symbol.volatility_bps_p95 = estimate.volatility_bps_p95
    symbol.volume_lots_per_s = estimate.volume_lots_per_s
    symbol.volatility_state = estimate.state
    set_move_limit(symbol)
