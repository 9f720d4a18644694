"""Numbers of the events that compiled code logs: the first argument of `procs.ports.log_event`.

What each means to people (level, text, named and typed values) stands in `procs.hot_log_formats`. Numbers live as
long as a run: a log is written out by the program that recorded it.
"""

from enum import IntEnum


class Event(IntEnum):
    """One event each; the comment names its values, in the order in which they are logged."""

    # fmt: off
    STEP_FAILED     = 1    # code, message type, sequence
    MESSAGES_MISSED = 2    # inbox, missed
    HALT_LATCHED    = 3    # nothing more
    FEED_CONNECTING = 10   # reconnects, delay_ns
    FEED_CLEARED    = 11   # symbol, state, cause
    FEED_SNAPSHOT   = 12   # symbol, last id, bids, asks
    BOOK_LIVE       = 20   # symbol, epoch, bid, ask
    BOOK_SYNCING    = 21   # symbol, epoch, cause
    BOOK_STALE      = 22   # symbol, epoch, cause
    BELIEF_DOUBTED  = 25   # symbol, state, age_ns
    BELIEF_TRUSTED  = 26   # symbol, volatility_bps
    PANIC_BEGAN     = 27   # symbol, confidence, direction
    PANIC_ENDED     = 28   # symbol, confidence
    RISK_REFUSED    = 30   # symbol, order, reason, found, allowed
    RISK_HALTED     = 31   # cause, trading state
    RISK_REARMED    = 32   # cause, trading state
    QUOTES_PULLED   = 33   # symbol, cause, bids, asks, found, allowed
    STATUS_CHANGED  = 34   # symbol, status
    RISK_TIGHTENED  = 35   # symbol, size_permille, spread_permille
    RISK_RELEASED   = 36   # symbol, times
    TAIL_RISK_ALERT = 37   # symbol, level, size_permille, spread_permille, reasons
    TAIL_RISK_CALM  = 38   # symbol, alerts
    ORDER_UNKNOWN   = 40   # symbol, order, side, price, size
    ORDER_REJECTED  = 41   # symbol, order, code
    ORDER_DENIED    = 42   # symbol, order, reason
    CANCEL_REJECTED = 43   # symbol, order, code
    CONNECTION_LOST = 44   # connection, reconnects
    RECONCILED      = 45   # symbol, reconciled, position, open orders
    ORDER_ALARM     = 46   # symbol, alarm, order, found, allowed
    # fmt: on
