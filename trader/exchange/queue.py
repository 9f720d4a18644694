"""Fills of our orders against a recorded market, by a conservative queue-position rule.

Our orders never change the recorded market: what they take is taken again by the next one.

    an order that crosses   takes the recorded levels as a taker; what is left rests, or expires (IOC)
    an order that rests     has everything shown at its price before it. Off the touch, what is shown is some
                            milliseconds old: the next depth update counts as before it too
    a trade at our price    by an aggressor of the other side first uses up what is before us, then fills us
    a trade beyond it       fills us
    less is shown           what went was behind us, unless less is shown than was before us
                            (the risk-averse queue model of hftbacktest)
    the other side's touch  reaches our price: it fills us, up to what it shows

What is before us is the lesser of two upper bounds (account.QUEUE). A quote that a trade has shortened may
come before that trade; so a trade counts against what was shown only if it was matched later, and against
an order only if it was matched after the order joined. Several of our orders at one price share a trade,
oldest first.

A spot market's best quotes have no time. What is shown, or was when an order joined, then counts as of the next depth
update that covers its id; until then no trade moves the order.
"""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.exchange.account import MAKER, TAKER, is_open
from trader.exchange.executions import execute
from trader.exchange.matching import MATCHES_MAX
from trader.exchange.recorded_book import LEVELS

SETTLED = 0
TIMED = 0
NOT_YET_MS = 1 << 62
"""Stands for a time that is not known yet: nothing is later."""


@kernel
def crosses(recorded, side, price_ticks):
    """1 if an order at this price would meet the recorded touch of the other side."""
    if side > 0:
        return 1 if recorded.ask_ticks > 0 and price_ticks >= recorded.ask_ticks else 0
    return 1 if recorded.bid_ticks > 0 and price_ticks <= recorded.bid_ticks else 0


@kernel
def touch_of(recorded, side):
    """The recorded touch of a side, by the newest message; 0: unknown."""
    return recorded.bid_ticks if side > 0 else recorded.ask_ticks


@kernel
def shown_lots(recorded, side, price_ticks):
    """What the recorded market shows on a side at a price, its touch by the newest message."""
    never_inlined()
    touch = touch_of(recorded, side)
    if touch == 0 or (price_ticks - touch) * side > 0:
        return 0
    if price_ticks == touch:
        return recorded.bid_lots if side > 0 else recorded.ask_lots
    level = price_ticks - recorded.base_ticks
    if level < 0 or level >= LEVELS:
        return 0
    return recorded.bids[level] if side > 0 else recorded.asks[level]


@kernel
def join(exchange, index):
    """An entered order meets the recorded market: it takes what it crosses, then queues."""
    never_inlined()
    order = exchange.account.orders[index]
    market = exchange.markets[order.symbol_id]
    recorded = market.recorded
    if crosses(recorded, order.side, order.price_ticks):
        _take(exchange, market, recorded, index)
    _settle(order, recorded)
    if behind_touch(recorded, order.side, order.price_ticks) > 0:
        order.queue.unsettled_id = max(recorded.depth_id, recorded.quote_id)


@kernel
def _give_times(queue, depth_id, matched_ms):
    """A depth update that covers the quotes that had no time was sent after them."""
    if queue.untimed_id != TIMED and depth_id >= queue.untimed_id:
        queue.joined_ms = min(queue.joined_ms, matched_ms)
        queue.shown_ms = min(queue.shown_ms, matched_ms)
        queue.untimed_id = TIMED


@kernel
def behind_touch(recorded, side, price_ticks):
    """How many ticks a price is behind its own side's touch; negative: better."""
    return (touch_of(recorded, side) - price_ticks) * side


@kernel
def _settle(order, recorded):
    """Everything shown now is before the order."""
    queue = order.queue
    queue.ahead_lots = shown_lots(recorded, order.side, order.price_ticks)
    queue.shown_lots = queue.ahead_lots
    queue.joined_ms = recorded.matched_ms
    queue.shown_ms = recorded.matched_ms
    queue.unsettled_id = SETTLED
    queue.untimed_id = TIMED
    if recorded.untimed_id > recorded.depth_id:
        queue.joined_ms = NOT_YET_MS
        queue.shown_ms = NOT_YET_MS
        queue.untimed_id = recorded.untimed_id


@kernel
def _shorten(order, recorded, matched_ms):
    """What is shown at the order's price bounds what is before it."""
    shown = shown_lots(recorded, order.side, order.price_ticks)
    if shown < order.queue.shown_lots:
        order.queue.shown_lots = shown
        order.queue.shown_ms = matched_ms
        if matched_ms == 0:
            order.queue.shown_ms = NOT_YET_MS
            order.queue.untimed_id = recorded.untimed_id


@kernel
def _take(exchange, market, recorded, index):
    """Take the other side's levels, best first, as far as the order's price and size go."""
    order = exchange.account.orders[index]
    ticks = touch_of(recorded, -order.side)
    taken = 0
    while is_open(order) and taken < MATCHES_MAX and (order.price_ticks - ticks) * order.side >= 0:
        shown = shown_lots(recorded, -order.side, ticks)
        if shown > 0:
            _fill(exchange, market, index, ticks, shown, TAKER)
            taken += 1
        ticks += order.side


@kernel
def _fill(exchange, market, index, price_ticks, lots, is_maker):
    """Fill an order with what it has left of these lots; 0 lots are no fill."""
    never_inlined()
    order = exchange.account.orders[index]
    lots = min(lots, order.lots - order.filled_lots)
    if lots > 0:
        market.stream.trade_id += 1
        execute(exchange, index, price_ticks, lots, is_maker, market.stream.trade_id)


@kernel
def on_trade(exchange, symbol_id, aggressor, price_ticks, lots, matched_ms):
    """A recorded trade: it uses up the queues at its price and fills what it reaches."""
    account = exchange.account
    market = exchange.markets[symbol_id]
    given = 0
    place = 0
    while place < account.open_count[symbol_id]:
        index = account.open[symbol_id, place]
        order = account.orders[index]
        beyond = (order.price_ticks - price_ticks) * order.side
        if order.side == -aggressor and matched_ms > order.queue.joined_ms:
            if beyond > 0:
                _fill(exchange, market, index, order.price_ticks, order.lots, MAKER)
            elif beyond == 0:
                before = given + _advance(order.queue, lots, matched_ms)
                left = order.lots - order.filled_lots
                given += min(left, max(0, lots - before))
                _fill(exchange, market, index, order.price_ticks, max(0, lots - before), MAKER)
        if is_open(order):
            place += 1


@kernel
def _advance(queue, lots, matched_ms):
    """A trade of so many lots at our price moves us forward: what was before us when it came."""
    before = queue.ahead_lots
    queue.ahead_lots = max(0, queue.ahead_lots - lots)
    if matched_ms > queue.shown_ms:
        before = min(before, queue.shown_lots)
        queue.shown_lots = max(0, queue.shown_lots - lots)
    return before


@kernel
def on_quote(exchange, symbol_id, matched_ms):
    """The recorded touch is new: the other side's may fill us, our side's shortens the queue."""
    account = exchange.account
    market = exchange.markets[symbol_id]
    recorded = market.recorded
    place = 0
    while place < account.open_count[symbol_id]:
        index = account.open[symbol_id, place]
        order = account.orders[index]
        if crosses(recorded, order.side, order.price_ticks):
            shown = recorded.ask_lots if order.side > 0 else recorded.bid_lots
            _fill(exchange, market, index, order.price_ticks, shown, MAKER)
        elif behind_touch(recorded, order.side, order.price_ticks) <= 0:
            _shorten(order, recorded, matched_ms)
        if is_open(order):
            place += 1


@kernel
def on_depth(exchange, symbol_id, matched_ms):
    """The recorded levels are new, though maybe older than the touch: they tell of what is behind the touch."""
    account = exchange.account
    recorded = exchange.markets[symbol_id].recorded
    for place in range(account.open_count[symbol_id]):
        order = account.orders[account.open[symbol_id, place]]
        _give_times(order.queue, recorded.depth_id, matched_ms)
        if order.queue.unsettled_id > recorded.depth_id:
            continue
        if order.queue.unsettled_id != SETTLED:
            _settle(order, recorded)
        elif behind_touch(recorded, order.side, order.price_ticks) > 0:
            _shorten(order, recorded, matched_ms)
