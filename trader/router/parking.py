"""Parking: fills, and first words, of orders that nobody here knows yet.

    a fill nobody knows -> position at once -> parked; every order that may have made it is asked for
        exactly one can be its order    attributed to that one for the time being
        none, or several                no new order of that symbol while it waits
        an order's venue id is bound    the fill is that order's: told as ATTRIBUTED
        PARK_NS later                   EXTERNAL: counted, a person is told; an order may still claim it

Only an order that was sent PARK_NS earlier at most, is not acknowledged and could have traded at that price and size
can be guessed, and only its acknowledgement changes it: what is guessed ends no order and frees no reservation.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import OrderState, ReportKind
from trader.router.facts import doubt, merge_fill, settle, want_trades, watch_owed
from trader.router.outgoing import add_alarm, add_report
from trader.router.state import PARKED_MAX, Alarm, Parked

PARK_NS = 5_000_000_000


@kernel
def _park(router, kind, symbol_id, now_ns):
    """A free place, or the oldest one, for `router.event`."""
    entry = router.parked[router.parked_next]
    router.parked_next = (router.parked_next + 1) % PARKED_MAX
    if entry.kind != Parked.NOTHING:
        _free(router, entry)
    entry.kind = kind
    entry.symbol_id = symbol_id
    entry.client_order_id = router.event.client_order_id
    entry.venue_order_id = router.event.venue_order_id
    entry.side = router.event.side
    entry.since_ns = now_ns
    entry.price_ticks = entry.lots = entry.guess = entry.blocks = entry.is_external = 0
    router.parked_count += 1
    return entry


@inlined
def _unblock(router, entry):
    router.gates[entry.symbol_id].blocked -= entry.blocks
    entry.blocks = 0


@inlined
def _free(router, entry):
    _unblock(router, entry)
    entry.kind = Parked.NOTHING
    router.parked_count -= 1


@kernel
def park_word(router, symbol_id, now_ns):
    """Keep the acknowledgement, `router.event`, of an order that is not in the table."""
    never_inlined()
    for index in range(PARKED_MAX):
        entry = router.parked[index]
        if entry.kind == Parked.ORDER and entry.venue_order_id == router.event.venue_order_id:
            return
    _park(router, Parked.ORDER, symbol_id, now_ns)


@kernel
def forget_word(router, venue_order_id):
    """That order has ended."""
    never_inlined()
    for index in range(PARKED_MAX):
        entry = router.parked[index]
        if entry.kind == Parked.ORDER and entry.venue_order_id == venue_order_id:
            _free(router, entry)


@kernel
def park_fill(router, symbol_id, ticks, lots, now_ns):
    """Keep the fill `router.event`, which is booked and told, until its order is known."""
    never_inlined()
    entry = _park(router, Parked.FILL, symbol_id, now_ns)
    entry.price_ticks = ticks
    entry.lots = lots
    router.parked_fills += 1
    entry.guess = _only_candidate(router, entry, now_ns)
    if entry.guess != 0:
        router.guesses += 1
    else:
        entry.blocks = 1
        router.gates[symbol_id].blocked += 1


@kernel
def _only_candidate(router, entry, now_ns):
    """The id of the one order that can have made the fill, or 0. All that are not acknowledged are asked for."""
    never_inlined()
    found = count = 0
    for index in range(router.open_orders):
        order = router.orders[router.live[index]]
        waits = order.state == OrderState.SENT or order.state == OrderState.UNKNOWN
        if not waits or order.venue_order_id != 0 or order.symbol_id != entry.symbol_id:
            continue
        doubt(router, order, now_ns)
        if order.side != entry.side or now_ns - order.heard_ns > PARK_NS:
            continue
        if entry.side * (order.price_ticks - entry.price_ticks) < 0:
            continue
        if entry.lots <= _left_for(router, order, entry):
            count += 1
            found = order.client_order_id
    return found if count == 1 else 0


@inlined
def _left_for(router, order, fill):
    """Lots of an order that no parked fill is guessed to have taken; -1 if one of another venue id has some."""
    left = order.size_lots - order.filled_lots
    for index in range(PARKED_MAX):
        entry = router.parked[index]
        if entry.kind == Parked.FILL and entry.guess == order.client_order_id:
            if entry.venue_order_id != fill.venue_order_id:
                return -1
            left -= entry.lots
    return left


@kernel
def claim_parked(router, order, now_ns):
    """An order has been heard of: what is parked under its venue's id is its own, what was guessed is proved."""
    never_inlined()
    if router.parked_count == 0 or order.venue_order_id == 0:
        return
    for index in range(PARKED_MAX):
        entry = router.parked[index]
        if entry.kind == Parked.NOTHING or entry.symbol_id != order.symbol_id:
            continue
        if entry.venue_order_id == order.venue_order_id:
            if entry.kind == Parked.FILL:
                _attribute(router, order, entry, now_ns)
            _free(router, entry)
        elif entry.guess == order.client_order_id:
            router.wrong_guesses += 1
            add_alarm(
                router, Alarm.WRONG_GUESS, order.symbol_id, entry.guess, order.venue_order_id, entry.venue_order_id
            )
            entry.guess = 0
            entry.blocks = 1 - entry.is_external
            router.gates[entry.symbol_id].blocked += entry.blocks


@kernel
def _attribute(router, order, entry, now_ns):
    """A parked fill is this order's; the position has it."""
    never_inlined()
    router.attributed_fills += 1
    before, after, told = merge_fill(router, order, entry.venue_order_id, entry.lots, 0, now_ns)
    report = add_report(router, order, ReportKind.ATTRIBUTED, told, 0, 0)
    report.last_ticks = entry.price_ticks
    report.last_lots = entry.lots
    settle(router, order, before, after, 0, now_ns)
    watch_owed(order, now_ns)


@kernel
def tend_parked(router, now_ns):
    """What has waited for PARK_NS is somebody else's, as far as anybody knows."""
    never_inlined()
    for index in range(PARKED_MAX):
        entry = router.parked[index]
        if entry.kind == Parked.NOTHING or entry.is_external != 0 or now_ns - entry.since_ns < PARK_NS:
            continue
        symbol_id = entry.symbol_id
        if entry.kind == Parked.FILL:
            router.external_fills += 1
            add_alarm(router, Alarm.EXTERNAL_FILL, symbol_id, entry.client_order_id, entry.lots, entry.venue_order_id)
            want_trades(router, symbol_id)
            entry.is_external = 1
            _unblock(router, entry)
        else:
            router.external_orders += 1
            add_alarm(router, Alarm.EXTERNAL_ORDER, symbol_id, entry.client_order_id, entry.venue_order_id, 0)
            _free(router, entry)
