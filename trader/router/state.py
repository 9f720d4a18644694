"""Router state: the order table, connections and reconciliation, and what leaves at the end of each step.

    phase   CONNECTING -> CLEARING -> POSITIONS -> READY          at the start
            CONNECTING -> QUERYING -> POSITIONS -> READY          after a lost connection

Orders are indexed by order slot; live ones are also listed densely in `live`. One writer: the router's step.
What a step wants to send stands in `reports`, `accounts`, `wires` and `text` until the step is over.
"""

from enum import IntEnum
from typing import Any

import msgspec
import numpy as np

from trader.instrument import INSTRUMENT, INSTRUMENTS_MAX
from trader.messages import AccountState, ExecutionReport, WireOut
from trader.orders import ORDER, ORDER_SLOTS_MAX, STAGE_STRATEGY
from trader.position import FILL_SET
from trader.router.config import RouterConfig
from trader.venues.binance.account import LISTEN_KEY_BYTES_MAX, POSITION_REPLY
from trader.venues.binance.order_events import (
    REPLY,
    SCAN,
)
from trader.venues.binance.orders import FRAME_BYTES_MAX
from trader.venues.binance.user_events import (
    USER_EVENT,
)

REPORTS_MAX = 128
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
WIRE = message_dtype(WireOut)

ROUTER_ORDER = np.dtype(
    [
        *[(name, "i8") for name in ORDER.names or ()],
        ("live_index", "i8"),  # place in `live`
        ("heard_ns", "i8"),  # last proof that the venue has it, or when it was sent
        ("cancel_wanted", "i8"),
        ("cancel_sent_ns", "i8"),  # a cancel is under way since; 0: none
        ("query_base_ns", "i8"),  # doubt began
        ("query_due_ns", "i8"),  # next status query; 0: no doubt
        ("query_count", "i8"),
        ("not_found", "i8"),  # answers "no such order" since the last word
        ("answered", "i8"),  # generation of the connections that last answered for it
        ("owed_ns", "i8"),  # fills are missing since; 0: none
    ],
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

COUNTERS = (
    "placed", "acked", "filled", "canceled", "rejected", "expired", "denied", "unknown", "open_orders",
    "bad_frames", "duplicate_fills", "late_fills", "foreign_fills", "overfills", "contradictions",
    "cancels_asked", "cancels_sent", "cancels_rejected", "queries_sent", "rest_failures", "reconnects",
    "reconciliations", "position_mismatches",
)  # fmt: skip
"""Counts since the start. `filled`: executions; `unknown`: times an outcome was unknown; `open_orders`: live now;
`foreign_fills`: of orders that are not in the table; they move the position too."""

ROUTER = np.dtype(
    [
        *[(name, "i8") for name in COUNTERS],
        ("phase", "i8"),
        ("accepting", "i8"),
        ("started", "i8"),
        ("cancel_only", "i8"),
        ("acknowledge_start", "i8"),  # owed to the supervisor
        ("acknowledge_cancel_all", "i8"),
        ("acknowledge_reconcile", "i8"),
        ("epoch", "i8"),
        ("symbol_count", "i8"),
        ("wall_offset_ns", "i8"),
        ("random", "i8"),
        ("generation", "i8"),  # of the connections; grows with each loss
        ("reconciled_once", "i8"),
        ("placement_timeout_ns", "i8"),
        ("cancel_retry_ns", "i8"),
        ("owed_fills_ns", "i8"),
        ("reconnect_ns_min", "i8"),
        ("reconnect_ns_max", "i8"),
        ("listen_key_ns", "i8"),  # period of renewal
        ("listen_key_due_ns", "i8"),
        ("listen_key_length", "i8"),  # 0: none
        ("job", "i8"),
        ("job_symbol", "i8"),
        ("job_order_id", "i8"),  # client order id of a TRADES job
        ("rest_not_before_ns", "i8"),
        ("rest_attempts", "i8"),
        ("clearing", "i8"),
        ("clear_symbol", "i8"),
        ("clear_wait_ns", "i8"),
        ("clear_is_clean", "i8"),  # nothing was live here when the check began
        ("position_symbol", "i8"),
        ("scan_next", "i8"),  # where the walk over live orders goes on
        ("more_work", "i8"),  # the walk ran out of room
        ("report_count", "i8"),
        ("account_count", "i8"),
        ("wire_count", "i8"),
        ("connections", CONNECTION, (3,)),
        ("position_lots", "i8", (INSTRUMENTS_MAX,)),
        ("base_lots", "i8", (INSTRUMENTS_MAX,)),  # balance at the start, where positions are balances
        ("position_ms", "i8", (INSTRUMENTS_MAX,)),  # venue's time of the adopted position
        ("instruments", INSTRUMENT, (INSTRUMENTS_MAX,)),
        ("scan", SCAN),
        ("reply", REPLY),
        ("event", USER_EVENT),
        ("position_reply", POSITION_REPLY),
        ("listen_key", "u1", (LISTEN_KEY_BYTES_MAX,)),
        ("live", "i8", (ORDER_SLOTS_MAX,)),
        ("canceled_early", "i8", (ORDER_SLOTS_MAX,)),  # id whose cancel came before the order
        ("orders", ROUTER_ORDER, (ORDER_SLOTS_MAX,)),
        ("reports", REPORT, (REPORTS_MAX,)),
        ("accounts", ACCOUNT, (INSTRUMENTS_MAX,)),
        ("wires", WIRE, (WIRES_MAX,)),
        ("text", "u1", (WIRES_MAX * FRAME_BYTES_MAX,)),
        ("fill_set", FILL_SET),
    ],
    align=True,
)


def fill_router(
    router: np.ndarray, config: RouterConfig, instruments: np.ndarray, *, symbols: int, epoch: int, wall_offset_ns: int
) -> None:
    """Fill a zeroed ROUTER record (cold). `instruments`: rows by symbol_id; `wall_offset_ns`: wall minus our clock."""
    ms = 1_000_000
    router["epoch"] = epoch
    router["symbol_count"] = symbols
    router["wall_offset_ns"] = wall_offset_ns
    router["random"] = epoch
    router["generation"] = 1
    router["cancel_only"] = config.cancel_only
    router["accepting"] = not config.cancel_only
    router["placement_timeout_ns"] = config.placement_timeout_ms * ms
    router["cancel_retry_ns"] = config.cancel_retry_ms * ms
    router["owed_fills_ns"] = config.owed_fills_ms * ms
    router["reconnect_ns_min"] = config.reconnect_ms_min * ms
    router["reconnect_ns_max"] = config.reconnect_ms_max * ms
    router["listen_key_ns"] = config.listen_key_minutes * 60_000 * ms
    for symbol_id in range(symbols):
        router["instruments"][symbol_id] = instruments[symbol_id]
