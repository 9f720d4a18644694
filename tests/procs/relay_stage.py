"""A stage that does what its messages say: the duty cycle, ports, journal and replay are tested through it.

A Trade says: send `size_lots` copies of yourself on outbox `side`; side OUT_CANCELS asks for a cancel of slot
`price_ticks`, side FAIL fails with code -size_lots. The cancel of an order ANSWERED sends a Trade of its slot on
OUT_WAIT. Whatever comes is noted in the state.
"""

import numpy as np

from procs.ports import acknowledge, cancel, receive, send
from shm.codec import record_dtype
from shm.kernel import kernel, view
from shm.kernel import step as compiled_step
from trader.messages import (
    BOOK_RESYNC,
    CANCEL_REQUEST,
    CONTROL,
    GAP,
    TIMER,
    TRADE,
    WIRE_IN,
    BookResync,
    CancelRequest,
    Control,
    Gap,
    Timer,
    Trade,
    WireIn,
)

OUTBOXES = ("out_wait", "out_halt", "out_deny", "out_latest", "out_cancels")
OUT_WAIT, OUT_HALT, OUT_DENY, OUT_LATEST, OUT_CANCELS, FAIL = range(6)
CREDIT = {"out_wait": 512, "out_halt": 512}
BAD_FRAME = -99
ANSWERED = 77
NOTES = 4096

STATE = np.dtype(
    [
        ("count", "i8"),
        ("denied", "i8"),
        ("sum", "i8"),
        ("types", "i8", (NOTES,)),
        ("values", "i8", (NOTES,)),
        ("times", "i8", (NOTES,)),
        ("trade", record_dtype(Trade)),
        ("resync", record_dtype(BookResync)),
        ("gap", record_dtype(Gap)),
        ("cancel", record_dtype(CancelRequest)),
        ("control", record_dtype(Control)),
        ("timer", record_dtype(Timer)),
        ("wire", record_dtype(WireIn)),
    ],
    align=True,
)


@compiled_step
def step(state, ports, type_, frame, now_ns):
    """Note the message; a Trade is also obeyed."""
    own = view(state, STATE)
    if type_ == TRADE:
        if receive(frame, own.trade) != 0:
            return BAD_FRAME
        _note(own, type_, own.trade.trade_id, now_ns)
        return _obey(own, ports)
    if type_ == BOOK_RESYNC:
        if receive(frame, own.resync) != 0:
            return BAD_FRAME
        _note(own, type_, own.resync.epoch, now_ns)
    elif type_ == GAP:
        receive(frame, own.gap)
        _note(own, type_, own.gap.missed, now_ns)
    elif type_ == CANCEL_REQUEST:
        receive(frame, own.cancel)
        _note(own, type_, own.cancel.source * 10_000 + own.cancel.order_slot, own.cancel.client_order_id)
        if own.cancel.client_order_id == ANSWERED:
            own.trade.price_ticks = own.cancel.order_slot
            own.denied += 1 - send(ports, OUT_WAIT, own.trade)
    elif type_ == CONTROL:
        receive(frame, own.control)
        _note(own, type_, own.control.command * 1000 + own.control.argument, now_ns)
        acknowledge(ports, own.control.command)
    elif type_ == TIMER:
        receive(frame, own.timer)
        _note(own, type_, own.timer.count, now_ns)
    elif type_ == WIRE_IN:
        if receive(frame, own.wire) != 0:
            return BAD_FRAME
        _note(own, type_, own.wire.payload_length, now_ns)
    return 0


@kernel
def _note(own, type_, value, now_ns):
    at = own.count % NOTES
    own.types[at], own.values[at], own.times[at] = type_, value, now_ns
    own.count += 1
    own.sum += value * own.count + now_ns


@kernel
def _obey(own, ports):
    trade = own.trade
    if trade.side == FAIL:
        return -trade.size_lots
    if trade.side == OUT_CANCELS:
        return 0 if cancel(ports, OUT_CANCELS, trade.price_ticks, trade.trade_id) else BAD_FRAME
    for copy in range(trade.size_lots):
        if trade.side == OUT_LATEST:
            own.resync.symbol_id = trade.symbol_id
            own.resync.epoch = trade.trade_id + copy
            own.denied += 1 - send(ports, OUT_LATEST, own.resync)
        else:
            # What goes out depends on all that came in before: a replay that differs anywhere shows it.
            trade.event_ns = own.sum
            own.denied += 1 - send(ports, trade.side, trade)
    return 0
