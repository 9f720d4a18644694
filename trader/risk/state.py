"""State: everything that risk remembers, in one record with one writer (the risk stage).

RISK            trading state and its causes, totals and limits of the account, the newest facts
  symbols[i]    limits as configured and as in force, market, position, live orders of both sides
  orders[slot]  every approved order, until its slot goes to the next
  recent        the last approvals outside ladders;  executions: times of the last fills;  fill_set: those booked
"""

from enum import IntEnum

import numpy as np

from trader.instrument import INSTRUMENTS_MAX
from trader.messages.market import LEVELS
from trader.orders import ORDER_SLOTS_MAX
from trader.position import FILL_SET, POSITION
from trader.risk.advice import ADVICE, ADVISED
from trader.risk.limits import BOUNDS, EXECUTIONS_MAX, LIMITS, TICKS_MAX

STAGES_MAX = 16
REASONS = 32
LINES_MAX = 16
"""Levels that ladder children may serve."""

RECENT_MAX = 256
"""Approvals outside ladders that are remembered; a duplicate is ruled out only as far as they reach back."""

NO_BUY = 0
NO_SELL = TICKS_MAX + 1
NO_SLOT = -1
NEVER_NS = 1 << 61
PARITY = 1


class HaltCause(IntEnum):
    """Why risk halts or reduces; several may hold at once. Only a person takes them off, each by itself."""

    NONE = 0
    COMMAND = 1
    OVERFILL = 2
    POSITION_MISMATCH = 3
    LOSS = 4
    EXECUTIONS = 5
    REJECTS = 6
    KILL_SWITCH = 7
    TAIL_RISK = 8
    EARLIER_RUN = 9


class PullCause(IntEnum):
    """Why quotes are pulled; see `pulling`."""

    JUMP = 1
    THROUGH = 2


OWN_ORDER = np.dtype(
    [
        ("client_order_id", "i8"),
        ("symbol_id", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("size_lots", "i8"),
        ("leaves_lots", "i8"),  # still reserved
        ("filled_lots", "i8"),
        ("state", "i8"),  # OrderState
        ("next", "i8"),  # slots of the neighbours in the list of its symbol and side, or NO_SLOT
        ("previous", "i8"),
        ("approved_ns", "i8"),
        ("approval", "i8"),  # its number among the approvals
        ("touch_ticks", "i8"),  # its side's touch when it was approved
        ("pulled", "i8"),  # 1: its cancel was asked for because the market left it behind
    ],
    align=True,
)

SIDE = np.dtype(
    [
        ("best_ticks", "i8"),
        ("count", "i8"),
        ("leaves_lots", "i8"),
        ("leaves_units", "i8"),  # ticks times lots
        ("first", "i8"),
        ("held_until_ns", "i8"),  # what would rest is refused so long: quotes were pulled
    ],
    align=True,
)
"""Live orders of one side. `best_ticks`: the price nearest to crossing, NO_BUY or NO_SELL without orders."""

TRAVEL = np.dtype(
    [
        ("newest", "i8"),
        ("lows2", "i8", (12,)),
        ("highs2", "i8", (12,)),
    ],
    align=True,
)
"""Least and greatest of twice the mid in the last buckets of five seconds."""

PULL = np.dtype(
    [
        ("turn_ns", "i8"),  # venue time at which the half window ends
        ("low2", "i8"),  # of twice the mid in the half window that is filling, and in the one before
        ("high2", "i8"),
        ("past_low2", "i8"),
        ("past_high2", "i8"),
        ("move2_ticks_max", "i8"),
        ("cause", "i8"),  # PullCause of the newest finding, and what it found
        ("sides", "i8"),
        ("found", "i8"),
        ("allowed", "i8"),
        (
            "bid_ticks",
            "i8",
        ),  # where others bid and ask; NO_SELL and NO_BUY, so nothing is left behind, if nobody was seen
        ("ask_ticks", "i8"),
    ],
    align=True,
)
"""What `pulling` remembers of a symbol."""

TOP = np.dtype(
    [
        ("symbol_id", "i8"),
        ("venue_id", "i8"),
        ("event_ns", "i8"),
        ("epoch", "i8"),
        ("state", "i8"),
        ("bid_ticks", "i8", (LEVELS,)),
        ("bid_lots", "i8", (LEVELS,)),
        ("ask_ticks", "i8", (LEVELS,)),
        ("ask_lots", "i8", (LEVELS,)),
    ],
    align=True,
)
"""A BookTop's record: the stage decodes the newest one into its symbol, so nothing is copied."""

SYMBOL = np.dtype(
    [
        ("limits", LIMITS),  # in force
        ("received_ns", "i8"),
        ("delay_min_ns", "i8"),  # least of receipt minus event
        ("mark2_ticks", "i8"),  # twice the last mid of a LIVE book, 0 before the first
        ("mark_ns", "i8"),
        ("reconciled", "i8"),
        ("status", "i8"),  # InstrumentStatus, as the venue said last
        ("venue_mark2_ticks", "i8"),  # twice the venue's mark price, 0 before it was told
        ("venue_mark_ns", "i8"),
        ("bucket_end_ns", "i8"),
        ("low2", "i8"),  # of twice the mid in the bucket that is filling, and in those before it
        ("high2", "i8"),
        ("past_low2", "i8"),
        ("past_high2", "i8"),
        ("delay_next_ns", "i8"),  # the least since `delay_until_ns` less one window
        ("worst_e8", "i8"),  # worst case at the mark, as it counts in the account's sum
        ("touch_cost_e8", "i8"),  # what the position is worth less at the worse touch than at the mid
        ("buys", SIDE),
        ("sells", SIDE),
        ("position", POSITION),
        ("pull", PULL),
        ("top", TOP),
        ("buy_lines", "i8", (LINES_MAX,)),  # id of the last ladder child of each level
        ("sell_lines", "i8", (LINES_MAX,)),
        ("adopted", "i8"),  # the first reconciliation has set the position
        ("delay_until_ns", "i8"),
        ("volatility_bps", "f8"),  # newest estimate, 0 before the first
        ("volatility_bps_p95", "f8"),
        ("volume_lots_per_s", "f8"),
        ("volatility_state", "i8"),
        ("travel", TRAVEL),
        ("configured", LIMITS),
    ],
    align=True,
)
"""What a decision reads stands together, at the front."""

RECENT = np.dtype([("approved_ns", "i8"), ("market", "i8"), ("price_ticks", "i8"), ("size_lots", "i8")], align=True)
"""An approval of an order that is no ladder's child. `market`: symbol, side and the stage that made it, in one word."""

RISK = np.dtype(
    [
        ("trading", "i8"),  # TradingState
        ("parity", "i8"),  # PARITY once every process is known to run the same
        ("symbol_count", "i8"),
        ("epoch", "i8"),  # of client order ids, from the router
        ("epoch_least", "i8"),  # paused until the account is of this one
        ("open_orders", "i8"),
        ("open_e8", "i8"),  # leaves at their own prices, all symbols
        ("worst_e8", "i8"),  # worst cases at the marks, all symbols
        ("margin_worst_e8_max", "i8"),  # the worst case that the venue's free collateral bears
        ("balance_ns", "i8"),
        ("pace_ns", "i8"),  # when the sustained rate has caught up with what was approved
        ("bounds", BOUNDS),  # in force
        ("advice", ADVICE),
        ("approved", "i8"),
        ("newest_id", "i8", (STAGES_MAX,)),  # id without its slot bits, per stage that makes orders
        ("pnl_e8", "i8"),  # all symbols, at their last mids
        ("earlier_pnl_e8", "i8"),  # what predecessors of this stage had made; nothing is judged by it
        ("touch_cost_e8", "i8"),
        ("peak_e8", "i8"),  # the day's best
        ("soft_floor_e8", "i8"),
        ("day_end_ns", "i8"),
        ("hard_floor_e8", "i8"),
        ("day_base_e8", "i8"),  # PnL when the day began
        ("wall_offset_ns", "i8"),
        ("halted", "i8"),  # HaltCause: the first that holds
        ("cause", "i8"),  # HaltCause: the newest
        ("halts", "i8"),  # bits of HaltCause
        ("reductions", "i8"),  # bits of HaltCause
        ("stopped_at", "i8"),  # approvals when it last halted or began to reduce
        ("build", "i8"),  # hash of code and configuration that this stage runs
        ("reason", "i8"),  # of the last refusal, RefusalReason
        ("found", "i8"),
        ("allowed", "i8"),
        ("refused", "i8"),
        ("pulls", "i8"),  # how often quotes were pulled, and how many
        ("pulled", "i8"),
        ("free_e8", "i8"),  # collateral, as the venue said last
        ("reports", "i8"),
        ("fills", "i8"),
        ("duplicate_fills", "i8"),
        ("late_fills", "i8"),  # after the order's end, or of an order that risk does not know
        ("overfills", "i8"),
        ("position_mismatches", "i8"),
        ("reject_streak", "i8"),
        ("execution_count", "i8"),
        ("recent_count", "i8"),
        ("refused_by_reason", "i8", (REASONS,)),
        ("symbols", SYMBOL, (INSTRUMENTS_MAX,)),
        ("orders", OWN_ORDER, (ORDER_SLOTS_MAX,)),
        ("recent", RECENT, (RECENT_MAX,)),
        ("executions", "i8", (EXECUTIONS_MAX,)),
        ("configured", BOUNDS),
        ("fill_set", FILL_SET),
        ("advised", ADVISED, (INSTRUMENTS_MAX,)),  # by symbol; `advice` is the strictest of them
        ("joined", ADVICE),  # while they are joined
        ("tightened", "i8"),  # how often advice began to be in force
    ],
    align=True,
)
"""State of risk: prepare with `reset_exposure`, then fill `configured` of each symbol and of the account, and with them
what is in force. `approved` counts approvals for good: it numbers them."""
