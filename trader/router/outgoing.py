"""Outgoing: what a step has to say, appended to the router's state; the stage sends it when the step is over.

Reports, account states and wire messages each have a fixed room a step. Work in bulk asks `has_room` first and
goes on in a later step; what one message causes always fits.
"""

from shm.kernel import address_of, inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import OrderState, ReportKind, WireKind
from trader.orders import order_slot_of
from trader.router.state import (
    ALARMS_MAX,
    ORDER_API,
    ORDER_STATUS,
    REPORTS_MAX,
    REST,
    ROUTER,
    SIGNED,
    WIRES_MAX,
    WIRES_RESERVED,
)
from trader.venues.binance.orders import FRAME_BYTES_MAX, write_cancel, write_place, write_query

DIFFERS = 2
"""AccountState.reconciled while orders of the symbol differ from the venue's."""

_TEXT_OFFSET = ROUTER.fields["text"][1]  # type: ignore[index]


@inlined
def has_room(router):
    """Whether bulk work may add a report and a frame."""
    return router.wire_count < WIRES_MAX - WIRES_RESERVED and router.report_count < REPORTS_MAX - WIRES_RESERVED


@inlined
def clear_outgoing(router):
    """Nothing to say."""
    router.report_count = 0
    router.account_count = 0
    router.quiet_accounts = 0
    router.wire_count = 0
    router.alarm_count = 0
    router.states_told = 0


@inlined
def venue_ms(router, now_ns):
    """The venue's kind of time: milliseconds since 1970."""
    return (now_ns + router.wall_offset_ns) // 1_000_000


@inlined
def text_room(router):
    """Address where the next wire message's payload may be written, FRAME_BYTES_MAX bytes."""
    return address_of(router) + _TEXT_OFFSET + router.wire_count * FRAME_BYTES_MAX


@kernel
def add_wire(router, connection_id, kind, status, delay_ns, end):
    """Append a wire message whose payload was written from `text_room` to `end`."""
    wire = router.wires[router.wire_count]
    wire.connection_id = connection_id
    wire.kind = kind
    wire.status = status
    wire.delay_ns = delay_ns
    wire.payload_address = text_room(router)
    wire.payload_length = end - wire.payload_address
    router.wire_count += 1


@kernel
def add_request(router, end):
    """Append a signed REST request that was written from `text_room` to `end`."""
    add_wire(router, REST, WireKind.REQUEST, SIGNED, 0, end)


@kernel
def add_place(router, order, time_in_force, now_ns):
    """Append the order's own frame."""
    instrument = router.instruments[order.symbol_id]
    end = write_place(text_room(router), order, time_in_force, instrument, venue_ms(router, now_ns))
    add_wire(router, ORDER_API, WireKind.FRAME, ORDER_STATUS, 0, end)
    router.orders_on_wire += 1


@kernel
def add_cancel(router, order, now_ns):
    """Append a cancel and remember when."""
    never_inlined()
    instrument = router.instruments[order.symbol_id]
    end = write_cancel(text_room(router), order.client_order_id, instrument, venue_ms(router, now_ns))
    add_wire(router, ORDER_API, WireKind.FRAME, 0, 0, end)
    order.cancel_sent_ns = now_ns
    router.cancels_sent += 1


@kernel
def add_stray_cancel(router, client_order_id, symbol_id, now_ns):
    """Append the cancel of an order that is in no table here."""
    never_inlined()
    instrument = router.instruments[symbol_id]
    end = write_cancel(text_room(router), client_order_id, instrument, venue_ms(router, now_ns))
    add_wire(router, ORDER_API, WireKind.FRAME, 0, 0, end)
    router.cancels_sent += 1


@kernel
def add_query(router, order, now_ns):
    """Append a status query."""
    never_inlined()
    instrument = router.instruments[order.symbol_id]
    end = write_query(text_room(router), order.client_order_id, instrument, venue_ms(router, now_ns))
    add_wire(router, ORDER_API, WireKind.FRAME, 0, 0, end)
    router.queries_sent += 1


@kernel
def add_report(router, order, kind, state, event_ms, reason):
    """Append a report about an order of the table, without a fill; returns it."""
    never_inlined()
    report = router.reports[router.report_count]
    router.report_count += 1
    report.symbol_id = order.symbol_id
    report.venue_id = order.venue_id
    report.event_ns = event_ms * 1_000_000
    report.client_order_id = order.client_order_id
    report.order_slot = order_slot_of(order.client_order_id)
    report.venue_order_id = order.venue_order_id
    report.kind = kind
    report.state = state
    report.side = order.side
    report.price_ticks = order.price_ticks
    report.size_lots = order.size_lots
    report.cumulative_lots = order.cumulative_lots
    report.last_ticks = report.last_lots = report.trade_id = report.fee_e8 = report.is_maker = 0
    report.reason = reason
    return report


@kernel
def add_denial(router, wanted, reason):
    """Append the answer to a NewOrder that was not sent."""
    never_inlined()
    report = router.reports[router.report_count]
    router.report_count += 1
    router.denied += 1
    report.symbol_id = wanted.symbol_id
    report.venue_id = wanted.venue_id
    report.client_order_id = wanted.client_order_id
    report.order_slot = wanted.order_slot
    report.kind = ReportKind.DENIED
    report.state = OrderState.DENIED
    report.side = wanted.side
    report.price_ticks = wanted.price_ticks
    report.size_lots = wanted.size_lots
    report.event_ns = report.venue_order_id = report.cumulative_lots = 0
    report.last_ticks = report.last_lots = report.trade_id = report.fee_e8 = report.is_maker = 0
    report.reason = reason


@kernel
def add_alarm(router, alarm, symbol_id, client_order_id, found, allowed):
    """Append what a person has to know (Alarm); beyond ALARMS_MAX a step it is counted only."""
    never_inlined()
    router.alarms_raised += 1
    if router.alarm_count == ALARMS_MAX:
        return
    row = router.alarms[router.alarm_count]
    router.alarm_count += 1
    row.alarm = alarm
    row.symbol_id = symbol_id
    row.client_order_id = client_order_id
    row.found = found
    row.allowed = allowed


@inlined
def tell_state(router, symbol_id):
    """Have an instrument's state sent with this step."""
    router.states_told |= 1 << symbol_id


@kernel
def add_accounts(router, reconciled):
    """Append the account state of every symbol."""
    never_inlined()
    for symbol_id in range(router.symbol_count):
        account = router.accounts[symbol_id]
        account.symbol_id = symbol_id
        account.venue_id = router.instruments[symbol_id].venue_id
        account.event_ns = router.position_ms[symbol_id] * 1_000_000
        account.position_lots = router.position_lots[symbol_id]
        account.open_orders = 0
        account.reconciled = DIFFERS if reconciled != 0 and router.suspect[symbol_id] != 0 else reconciled
        account.epoch = router.epoch
        account.free_e8 = router.free_e8
        account.balance_ns = router.balance_ns
    for index in range(router.open_orders):
        router.accounts[router.orders[router.live[index]].symbol_id].open_orders += 1
    router.account_count = router.symbol_count
    router.states_told = (1 << router.symbol_count) - 1
