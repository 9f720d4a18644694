"""The exchange stage: the simulated venue behind real sockets.

    WireIn, Timer -> trader.exchange.venue -> outbox -> one WireOut per frame and connection

The venue knows no messages; it leaves frames, each with the set of its connections, and this file sends them.
The ledger, the oracle of every check, is `STATE["venue"]["account"]["ledger"][symbol_id]` (see
trader.exchange.account.LEDGER: position_lots, cash_e8, fees_e8, fills, open_orders, placed, ...). A launcher that
serves a recording begins when `STATE["venue"]["connections"]["market_count"]` is not 0.
"""

from typing import Any

import numpy as np

from procs.ports import acknowledge, receive, send, wake_at
from shm.codec import record_dtype
from shm.kernel import kernel, view
from shm.kernel import step as compiled_step
from trader.enums import Command
from trader.exchange.deadlines import next_look_ns
from trader.exchange.outbox import CONNECTIONS_MAX, COST_MAX, OVERHEAD_BYTES, payload_of
from trader.exchange.venue import EXCHANGE, TIME_PASSED, on_wire, open_markets, prepare
from trader.intrinsics import trailing_zeros
from trader.messages import CONTROL, TIMER, WIRE_IN, Control, WireIn, WireOut

OUTBOXES = ("exchange_wire_out",)
OUT_WIRE = 0

CREDIT = {"exchange_wire_out": 1 << 20}
assert COST_MAX + CONNECTIONS_MAX * OVERHEAD_BYTES <= CREDIT["exchange_wire_out"]

TIMER_NS = 100_000_000
"""Of a market on which nothing happens by itself; one that lives asks for its timer sooner (`next_look_ns`)."""

BAD_FRAME = -1

STATE = np.dtype(
    [
        ("wire", record_dtype(WireIn)),
        ("control", record_dtype(Control)),
        ("wire_out", record_dtype(WireOut)),
        ("sent", "i8"),
        ("refused", "i8"),
        ("venue", EXCHANGE),
    ],
    align=True,
)


def start(state: np.ndarray, config: Any, instruments: np.ndarray) -> None:
    """Fill a fresh, zeroed state; START opens the generated markets."""
    prepare(state["venue"], config.exchange, instruments, wall_offset_ns=config.wall_offset_ns)


@compiled_step
def step(state, ports, type_, frame, now_ns):
    """One message: something from the wire, the timer, or a command."""
    own = view(state, STATE)
    if type_ == WIRE_IN:
        wire = own.wire
        if receive(frame, wire) != 0:
            return BAD_FRAME
        on_wire(
            own.venue,
            wire.connection_id,
            wire.kind,
            wire.status,
            wire.payload_address,
            wire.payload_length,
            now_ns,
        )
    elif type_ == TIMER:
        on_wire(own.venue, 0, TIME_PASSED, 0, 0, 0, now_ns)
    elif type_ == CONTROL:
        if receive(frame, own.control) != 0:
            return BAD_FRAME
        if own.control.command == Command.START:
            open_markets(own.venue, now_ns)
        acknowledge(ports, own.control.command)
        wake_at(ports, next_look_ns(own.venue))
        return 0
    else:
        return 0
    _send_all(own, ports)
    wake_at(ports, next_look_ns(own.venue))
    return 0


@kernel
def _send_all(own, ports):
    """Send each frame of the outbox to each of its connections."""
    outbox = own.venue.outbox
    out = own.wire_out
    out.delay_ns = 0
    for index in range(outbox.count):
        frame = outbox.frames[index]
        out.kind = frame.kind
        out.status = frame.status
        out.payload_address = payload_of(outbox, index)
        out.payload_length = frame.length
        waiting = frame.connections
        while waiting != 0:
            out.connection_id = trailing_zeros(waiting)
            waiting &= waiting - 1
            if send(ports, OUT_WIRE, out):
                own.sent += 1
            else:
                own.refused += 1
