"""Router records: codes and rows that the router's state is made of.

phase   CONNECTING -> CLEARING -> POSITIONS -> READY          at the start
        CONNECTING -> QUERYING -> POSITIONS -> READY          after a lost connection
"""

from enum import IntEnum
from typing import Any

import msgspec
import numpy as np

from trader.messages import AccountState, ExecutionReport, InstrumentState, WireOut
from trader.orders import ORDER, STAGE_STRATEGY

REPORTS_MAX = 128
ALARMS_MAX = 32
PARKED_MAX = 64
STRAYS_MAX = 16
AT_ACK = 2
WIRES_MAX = 96
WIRES_RESERVED = 8
"""Room that bulk work leaves for what the rest of the step must say."""

REST, ORDER_API, USER_STREAM = range(3)
DOWN, OPENING, UP = range(3)
SIGNED, ORDER_STATUS = 1, 2
"""WireOut.status: sign this request; this frame is a new order (its latency is recorded)."""

assert STAGE_STRATEGY > 0, "an id of 0 means no order"


class Phase(IntEnum):
    """How far the session is; orders pass only when READY."""

    CONNECTING = 0
    CLEARING = 1
    QUERYING = 2
    POSITIONS = 3
    READY = 4


class Job(IntEnum):
    """The REST request that is out."""

    NONE = 0
    LISTEN_KEY = 1
    RENEW_KEY = 2
    CANCEL_OPEN = 3
    OPEN_ORDERS = 4
    POSITION = 5
    TRADES = 6
    TRADES_SINCE = 7
    LIST_ORDERS = 8
    CHECK_POSITION = 9
    DEAD_MAN = 10
    BALANCE = 11
    STATUS = 12
    MARK = 13


class Alarm(IntEnum):
    """What a person is told at once; each is counted in `alarms`."""

    LATE_FILL = 1
    OVERFILL = 2
    CONTRADICTION = 3
    LONG_UNKNOWN = 4
    EXTERNAL_FILL = 5
    EXTERNAL_ORDER = 6
    WRONG_GUESS = 7
    POSITION_DIFFERS = 8
    ORDERS_DIFFER = 9
    BREAKER_OPEN = 10
    VENUE_LIMIT = 11
    WIRE_COUNT = 12


class Parked(IntEnum):
    """What waits for an order that it belongs to: the first word about an order, or a fill that is booked already."""

    NOTHING = 0
    ORDER = 1
    FILL = 2


class Clearing(IntEnum):
    """Where a cancel-all stands: cancelling symbol by symbol, then checking that none is open."""

    NONE = 0
    CANCEL = 1
    CHECK = 2


def message_dtype(message: type[msgspec.Struct]) -> np.dtype:
    """The record of a message of integers, with a trailing bytes field as address and length."""
    columns: list[Any] = []
    for name in message.__struct_fields__:
        columns += [(f"{name}_address", "i8"), (f"{name}_length", "i8")] if name == "payload" else [(name, "i8")]
    return np.dtype(columns, align=True)


REPORT = message_dtype(ExecutionReport)
ACCOUNT = message_dtype(AccountState)
INSTRUMENT_STATE = message_dtype(InstrumentState)
WIRE = message_dtype(WireOut)

ROUTER_ORDER = np.dtype(
    [
        *[(name, "i8") for name in ORDER.names or ()],
        ("live_index", "i8"),  # place in `live`
        ("heard_ns", "i8"),  # last proof that the venue has it, or when it was sent
        ("cancel_wanted", "i8"),  # AT_ACK: again, at once, when the order is acknowledged
        ("cancel_sent_ns", "i8"),  # a cancel is under way since; 0: none
        ("query_base_ns", "i8"),  # doubt began
        ("query_due_ns", "i8"),  # next status query; 0: no doubt
        ("query_count", "i8"),
        ("not_found", "i8"),  # answers "no such order" since the last word
        ("answered", "i8"),  # generation of the connections that last answered for it
        ("owed_ns", "i8"),  # fills are missing since; 0: none
        ("paged", "i8"),  # a person has been told that it is unknown for long
        ("ticket", "i8"),  # of the circuit breaker, -1 once its result has been told
        ("time_in_force", "i8"),
        ("listed", "i8"),  # number of the last order list that held it
        ("unlisted", "i8"),  # lists in a row that did not hold it
    ],
    align=True,
)

PARKED = np.dtype(
    [
        ("kind", "i8"),  # Parked
        ("symbol_id", "i8"),
        ("client_order_id", "i8"),
        ("venue_order_id", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("lots", "i8"),
        ("guess", "i8"),  # the only order that it can belong to; 0: none, or several
        ("blocks", "i8"),  # no new order of that symbol meanwhile
        ("since_ns", "i8"),
        ("is_external", "i8"),  # nobody has asked for it in time
    ],
    align=True,
)

GATE = np.dtype(
    [
        ("order_lots_max", "i8"),
        ("order_units_max", "i8"),  # ticks times lots
        ("position_lots_max", "i8"),
        ("buy_lots", "i8"),  # leaves of live orders
        ("sell_lots", "i8"),
        ("blocked", "i8"),  # parked fills that may be anybody's
    ],
    align=True,
)
"""What the last hop checks of one symbol."""

ALARM = np.dtype(
    [("alarm", "i8"), ("symbol_id", "i8"), ("client_order_id", "i8"), ("found", "i8"), ("allowed", "i8")],
    align=True,
)

CONNECTION = np.dtype(
    [
        ("state", "i8"),
        ("since_ns", "i8"),
        ("attempts", "i8"),  # since it stood last
        ("short_lives", "i8"),  # times in a row that it ended sooner than the longest back-off
    ],
    align=True,
)
