"""Router state: the order table, connections and reconciliation, and what leaves at the end of each step.

Orders are indexed by order slot; live ones are also listed densely in `live`. One writer: the router's step.
What a step wants to send stands in `reports`, `accounts`, `wires` and `text` until the step is over.
"""

import numpy as np

from trader.instrument import INSTRUMENT, INSTRUMENTS_MAX
from trader.orders import ORDER_SLOTS_MAX
from trader.pacing import PACER, fill_pacer
from trader.position import FILL_SET
from trader.risk.limits import RiskConfig
from trader.router.batching import BATCH
from trader.router.breaker import BREAKER, fill_breaker
from trader.router.config import RouterConfig
from trader.router.records import ACCOUNT as ACCOUNT
from trader.router.records import ALARM as ALARM
from trader.router.records import ALARMS_MAX as ALARMS_MAX
from trader.router.records import AT_ACK as AT_ACK
from trader.router.records import CONNECTION as CONNECTION
from trader.router.records import DOWN as DOWN
from trader.router.records import GATE as GATE
from trader.router.records import INSTRUMENT_STATE as INSTRUMENT_STATE
from trader.router.records import OPENING as OPENING
from trader.router.records import ORDER_API as ORDER_API
from trader.router.records import ORDER_STATUS as ORDER_STATUS
from trader.router.records import PARKED as PARKED
from trader.router.records import PARKED_MAX as PARKED_MAX
from trader.router.records import REPORT as REPORT
from trader.router.records import REPORTS_MAX as REPORTS_MAX
from trader.router.records import REST as REST
from trader.router.records import ROUTER_ORDER as ROUTER_ORDER
from trader.router.records import SIGNED as SIGNED
from trader.router.records import STRAYS_MAX as STRAYS_MAX
from trader.router.records import UP as UP
from trader.router.records import USER_STREAM as USER_STREAM
from trader.router.records import WIRE as WIRE
from trader.router.records import WIRES_MAX as WIRES_MAX
from trader.router.records import WIRES_RESERVED as WIRES_RESERVED
from trader.router.records import Alarm as Alarm
from trader.router.records import Clearing as Clearing
from trader.router.records import Job as Job
from trader.router.records import Parked as Parked
from trader.router.records import Phase as Phase
from trader.venues.binance.account import LISTEN_KEY_BYTES_MAX, POSITION_REPLY
from trader.venues.binance.order_events import (
    REPLY,
    SCAN,
)
from trader.venues.binance.orders import FRAME_BYTES_MAX
from trader.venues.binance.user_events import (
    USER_EVENT,
)

E8 = 10**8

COUNTERS = (
    "placed", "acked", "filled", "canceled", "rejected", "expired", "denied", "unknown", "open_orders",
    "bad_frames", "duplicate_fills", "late_fills", "foreign_fills", "overfills", "contradictions",
    "cancels_asked", "cancels_sent", "cancels_rejected", "queries_sent", "rest_failures", "reconnects",
    "reconciliations", "position_mismatches", "alarms_raised", "long_unknown", "parked_fills", "attributed_fills",
    "guesses", "wrong_guesses", "external_fills", "external_orders", "order_mismatches", "dead_man_refreshes",
    "trades_read", "orders_read", "positions_read", "intents", "orders_on_wire", "breaker_denials", "pacing_denials",
    "held_orders", "retried_orders", "venue_limits",
)  # fmt: skip
"""Counts since the start. `filled`: executions; `unknown`: times an outcome was unknown; `open_orders`: live now;
`foreign_fills`: of orders that are not in the table; they move the position too. `guesses`: parked fills that only one
order could have; `wrong_guesses`: of which its acknowledgement told otherwise. `intents`: new orders from risk, each
of which is on the wire, denied or held; `retried_orders`: of those held, sent later. `trades_read`, `orders_read`,
`positions_read`: lists and positions compared; `venue_limits`: replies 429 and 418."""

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
        ("free_e8", "i8"),  # collateral that nothing binds, as the venue said at balance_ns; 0: not asked yet
        ("balance_ns", "i8"),
        ("balance_refresh_ns", "i8"),
        ("quiet_accounts", "i8"),  # they tell of the balance only
        ("status_refresh_ns", "i8"),
        ("mark_refresh_ns", "i8"),
        ("states_told", "i8"),  # set of instruments whose states leave with this step
        ("status_asked_ns", "i8", (INSTRUMENTS_MAX,)),
        ("mark_asked_ns", "i8", (INSTRUMENTS_MAX,)),
        ("instrument_states", INSTRUMENT_STATE, (INSTRUMENTS_MAX,)),
        ("scan_next", "i8"),  # where the walk over live orders goes on
        ("more_work", "i8"),  # the walk ran out of room
        ("report_count", "i8"),
        ("account_count", "i8"),
        ("wire_count", "i8"),
        ("alarm_count", "i8"),
        ("parked_count", "i8"),
        ("parked_next", "i8"),
        ("trades_wanted", "i8"),  # one bit a symbol: its trade list is to be read
        ("trades_read_ns", "i8", (INSTRUMENTS_MAX,)),  # when it was last read to its end
        ("trades_from", "i8", (INSTRUMENTS_MAX,)),  # trade id where the list is read on; 0: not read yet
        ("news_from", "i8", (INSTRUMENTS_MAX,)),  # a successor's: every trade from there on is told; 0: by time
        ("job_sent_ns", "i8"),
        ("job_filled", "i8"),  # executions known when it was sent
        ("dead_man_ms", "i8"),
        ("dead_man_refresh_ns", "i8"),
        ("dead_man_due_ns", "i8"),
        ("dead_man_symbol", "i8"),
        ("orders_check_ns", "i8"),
        ("orders_due_ns", "i8"),
        ("orders_symbol", "i8"),
        ("position_check_ns", "i8"),
        ("position_due_ns", "i8"),
        ("position_started", "i8"),
        ("first_id", "i8"),  # of the first order sent: greater ones are of this life
        ("list_number", "i8"),
        ("strays", "i8", (2, STRAYS_MAX)),  # venue ids of listed orders that do not live here, last list and this
        ("stray_count", "i8", (2,)),
        ("suspect", "i8", (INSTRUMENTS_MAX,)),  # orders differed twice
        ("differing_lots", "i8", (INSTRUMENTS_MAX,)),  # of the last position; 0: none
        ("breaker", BREAKER),
        ("breaker_timeout_ns", "i8"),
        ("pacer", PACER),
        ("retry_ns", "i8"),
        ("batch", BATCH),
        ("open_orders_max", "i8"),
        ("gates", GATE, (INSTRUMENTS_MAX,)),
        ("connections", CONNECTION, (3,)),
        ("position_lots", "i8", (INSTRUMENTS_MAX,)),
        ("base_lots", "i8", (INSTRUMENTS_MAX,)),  # balance at the start, where positions are balances
        ("base_known", "i8", (INSTRUMENTS_MAX,)),
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
        ("alarms", ALARM, (ALARMS_MAX,)),
        ("parked", PARKED, (PARKED_MAX,)),
        ("text", "u1", (WIRES_MAX * FRAME_BYTES_MAX,)),
        ("fill_set", FILL_SET),
    ],
    align=True,
)


def fill_router(
    router: np.ndarray,
    config: RouterConfig,
    instruments: np.ndarray,
    *,
    risk: RiskConfig,
    symbols: int,
    epoch: int,
    wall_offset_ns: int,
) -> None:
    """Fill a zeroed ROUTER record (cold). `instruments`: rows by symbol_id; `wall_offset_ns`: wall minus our clock.

    `risk`: the limits that the last hop checks again.
    """
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
    router["balance_refresh_ns"] = config.balance_refresh_ms * ms
    router["listen_key_ns"] = config.listen_key_minutes * 60_000 * ms
    router["status_refresh_ns"] = config.status_refresh_ms * ms
    router["mark_refresh_ns"] = config.mark_refresh_ms * ms
    router["dead_man_ms"] = config.dead_man_ms
    router["dead_man_refresh_ns"] = config.dead_man_refresh_ms * ms
    router["orders_check_ns"] = config.orders_check_ms * ms
    router["position_check_ns"] = config.position_check_ms * ms
    router["breaker_timeout_ns"] = config.breaker_timeout_ms * ms
    fill_breaker(
        router["breaker"],
        failures=config.breaker_failures,
        open_ns=config.breaker_open_ms * ms,
        probes=config.breaker_probes,
        probe_ns=config.breaker_timeout_ms * ms,
    )
    fill_pacer(router["pacer"], config.pacing)
    router["retry_ns"] = config.pacing.retry_ms * ms
    router["batch"]["window_ns"] = config.batch_window_ms * ms
    router["batch"]["size_max"] = config.batch_size_max
    router["open_orders_max"] = min(risk.open_orders_max * symbols, ORDER_SLOTS_MAX)
    for symbol_id in range(symbols):
        instrument, gate = instruments[symbol_id], router["gates"][symbol_id]
        router["instruments"][symbol_id] = instrument
        router["instrument_states"][symbol_id]["symbol_id"] = symbol_id
        router["instrument_states"][symbol_id]["venue_id"] = instrument["venue_id"]
        gate["order_lots_max"] = risk.order_lots_max
        gate["position_lots_max"] = risk.position_lots_max
        gate["order_units_max"] = risk.order_notional_max * E8 // max(int(instrument["tick_value_e8"]), 1)
        if symbol_id < len(config.trades_from):
            router["trades_from"][symbol_id] = router["news_from"][symbol_id] = config.trades_from[symbol_id]
            router["trades_wanted"] |= int(config.trades_from[symbol_id] > 0) << symbol_id
