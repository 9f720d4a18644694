"""Reconciling: what the venue lists of trades, orders and positions, held against ours while everything goes on.

    trade list       read on from the last known trade: fills that nobody told us are told now, each once
    open orders      every orders_check: an order listed twice that does not live here is cancelled; one that lives here
                     and is not listed is asked for
    positions        every position_check, after the trade list, and after each lost connection

Replies are merged like any other word: what the user stream told meanwhile is known already, and what comes later
changes nothing twice. A difference counts when it is there a second time and nothing has moved in between: then a
person is told; the venue's position is adopted, and AccountState says DIFFERS while orders differ.
"""

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import OrderState
from trader.orders import SLOT_MASK, is_live
from trader.router.facts import apply_status, doubt, want_trades
from trader.router.fills import apply_event
from trader.router.market import has_balances
from trader.router.outgoing import add_accounts, add_alarm, add_stray_cancel, has_room
from trader.router.parking import claim_parked
from trader.router.state import ORDER_API, STRAYS_MAX, UP, Alarm, Job
from trader.venues.binance.account import next_trade, open_trades, scan_position
from trader.venues.binance.balances import scan_balances
from trader.venues.binance.json_cursor import units_of
from trader.venues.binance.order_events import SCANNED, next_listed_order, open_order_list
from trader.venues.binance.orders import TRADES_LIMIT

RECHECK_NS = 200_000_000
SEEN_TWICE = 2


@kernel
def want_all_trades(router):
    """Have the trade list of every symbol read."""
    for symbol_id in range(router.symbol_count):
        want_trades(router, symbol_id)


@inlined
def wanted_symbol(router):
    """The first symbol whose trade list is wanted; there must be one."""
    symbol_id = 0
    while (router.trades_wanted >> symbol_id) & 1 == 0:
        symbol_id += 1
    return symbol_id


@kernel
def order_of_trade(router, symbol_id):
    """Name the order of `router.event`, whose text names none, by the venue's id: live ones first."""
    never_inlined()
    wanted = router.event.venue_order_id
    for index in range(router.open_orders):
        order = router.orders[router.live[index]]
        if order.venue_order_id == wanted and order.symbol_id == symbol_id:
            router.event.client_order_id = order.client_order_id
            return
    for slot in range(router.orders.size):
        order = router.orders[slot]
        if order.venue_order_id == wanted and order.symbol_id == symbol_id:
            router.event.client_order_id = order.client_order_id
            return


@kernel
def take_trade_list(router, address, length, now_ns):
    """Book what a part of a symbol's trade list holds and we do not; 0 if it is not understood."""
    never_inlined()
    symbol_id = router.job_symbol
    event = router.event
    open_trades(router.scan, address, length)
    count, last, found = 0, router.trades_from[symbol_id], 1
    duplicates = router.duplicate_fills  # what is listed again is not told twice
    while found == 1 and has_room(router):
        found = next_trade(router.scan, event)
        if found == 1:
            order_of_trade(router, symbol_id)
            if apply_event(router, symbol_id, now_ns) == 0:
                return 0
            last = max(last, event.trade_id)
            count += 1
    router.duplicate_fills = duplicates
    if found < 0:
        return 0
    if found == 0 and count < TRADES_LIMIT:
        router.trades_wanted &= ~(1 << symbol_id)
        router.trades_read_ns[symbol_id] = router.job_sent_ns
        router.trades_read += 1
    elif last == router.trades_from[symbol_id]:
        last += 1  # a full page of one trade
    router.trades_from[symbol_id] = max(last, 1)
    return 1


@kernel
def take_position(router, job, address, length, now_ns):
    """Adopt the venue's position, or later compare it with the sum of fills; 0 if the reply is not understood.

    `position_symbol` goes on to the next symbol when this one is settled.
    """
    never_inlined()
    symbol_id = router.job_symbol
    reply = router.position_reply
    instrument = router.instruments[symbol_id]
    if has_balances(router):
        scanned = scan_balances(router.scan, address, length, instrument, reply)
        if router.base_known[symbol_id] == 0 and scanned == SCANNED:
            router.base_lots[symbol_id] = reply.lots
            router.base_known[symbol_id] = 1
        reply.lots -= router.base_lots[symbol_id]
    else:
        scanned = scan_position(router.scan, address, length, instrument, reply)
    if scanned != SCANNED:
        return 0
    router.positions_read += 1
    differing_lots = reply.lots - router.position_lots[symbol_id]
    if router.reconciled_once == 0:
        _adopt(router, symbol_id)
    elif differing_lots != 0 and not _is_lasting(router, symbol_id, differing_lots):
        # a fill may still be on its way: trades and position are asked for again
        want_trades(router, symbol_id)
        router.rest_not_before_ns = now_ns + RECHECK_NS
        return 1
    elif differing_lots != 0:
        add_alarm(router, Alarm.POSITION_DIFFERS, symbol_id, 0, reply.lots, router.position_lots[symbol_id])
        _adopt(router, symbol_id)
        if job == Job.CHECK_POSITION:
            add_accounts(router, 1)
    router.differing_lots[symbol_id] = 0
    router.position_symbol += 1
    return 1


@inlined
def _adopt(router, symbol_id):
    router.position_lots[symbol_id] = router.position_reply.lots
    router.position_ms[symbol_id] = router.position_reply.update_ms


@inlined
def _is_lasting(router, symbol_id, differing_lots):
    """Whether the same difference was there before, the trades have been read since, nothing has been filled, and no
    order owes fills.
    """
    router.position_mismatches += 1
    lasts = router.differing_lots[symbol_id] == differing_lots and router.filled == router.job_filled
    for index in range(router.open_orders):
        order = router.orders[router.live[index]]
        if order.symbol_id == symbol_id and order.owed_ns != 0:
            lasts = False
    router.differing_lots[symbol_id] = differing_lots
    return lasts


@kernel
def take_order_list(router, address, length, now_ns):
    """Compare a symbol's open orders at the venue with ours; 0 if the list is not understood."""
    never_inlined()
    symbol_id = router.job_symbol
    router.list_number += 1
    _turn_strays(router, symbol_id)
    open_order_list(router.scan, address, length)
    differs = 0
    found = 1
    while found == 1:
        found = next_listed_order(router.scan, router.reply)
        if found == 1:
            differs += _take_listed(router, symbol_id, now_ns)
    if found < 0:
        return 0
    for index in range(router.open_orders):
        order = router.orders[router.live[index]]
        rests = order.state == OrderState.OPEN or order.state == OrderState.PARTIAL
        if not rests or order.symbol_id != symbol_id or order.heard_ns >= router.job_sent_ns:
            continue
        if order.listed == router.list_number:
            order.unlisted = 0
            continue
        order.unlisted += 1
        differs += order.unlisted >= SEEN_TWICE
        doubt(router, order, now_ns)
        want_trades(router, symbol_id)
    router.orders_read += 1
    _judge(router, symbol_id, differs)
    return 1


@inlined
def _turn_strays(router, symbol_id):
    """What was seen astray in the last list is the past of this one. Several symbols share the room."""
    if symbol_id == 0:
        for index in range(router.stray_count[1]):
            router.strays[0, index] = router.strays[1, index]
        router.stray_count[0] = router.stray_count[1]
        router.stray_count[1] = 0


@kernel
def _take_listed(router, symbol_id, now_ns):
    """Merge one listed order. 1 if it was listed before and does not live here: then it is cancelled."""
    never_inlined()
    reply = router.reply
    order = router.orders[reply.named_id & SLOT_MASK]
    if reply.named_id > 0 and order.client_order_id == reply.named_id and is_live(order.state):
        order.listed = router.list_number
        if order.heard_ns < router.job_sent_ns and has_room(router):
            instrument = router.instruments[symbol_id]
            lots = max(units_of(reply.cumulative, instrument.size_decimals, instrument.lot_multiple), 0)
            apply_status(router, order, reply.order_status, reply.venue_order_id, lots, reply.update_ms, now_ns)
            claim_parked(router, order, now_ns)
        return 0
    if router.stray_count[1] < STRAYS_MAX:
        router.strays[1, router.stray_count[1]] = reply.venue_order_id
        router.stray_count[1] += 1
    for index in range(router.stray_count[0]):
        if router.strays[0, index] == reply.venue_order_id:
            if reply.named_id > 0 and has_room(router) and router.connections[ORDER_API].state == UP:
                add_stray_cancel(router, reply.named_id, symbol_id, now_ns)
            return 1
    return 0


@inlined
def _judge(router, symbol_id, differs):
    """Orders that differ twice make the symbol suspect until a list agrees."""
    if differs > 0:
        router.order_mismatches += 1
        add_alarm(router, Alarm.ORDERS_DIFFER, symbol_id, 0, differs, 0)
    if (differs > 0) != (router.suspect[symbol_id] != 0):
        router.suspect[symbol_id] = differs > 0
        add_accounts(router, 1)
