"""Integer codes that messages and kernels share. IntEnum members are plain constants inside kernels."""

from enum import IntEnum


class Side(IntEnum):
    """Side of an order, or of the aggressor of a trade."""

    BUY = 1
    SELL = -1


class BookState(IntEnum):
    """Trust in a book.

    INIT -> SYNCING -> LIVE -> STALE
               ^                 |
               +-----------------+
    """

    INIT = 0
    SYNCING = 1
    LIVE = 2
    STALE = 3


class BeliefState(IntEnum):
    """Trust in a volatility estimate: the configured prior, learned from enough windows, or learned but disproved.

    DOUBTED: too few particles count, or returns are not where they were predicted. Nothing is quoted on it.
    """

    WARMING = 0
    LIVE = 1
    DOUBTED = 2


class InstrumentStatus(IntEnum):
    """Whether the venue trades an instrument, as it says. Nothing is sent unless it is known to."""

    UNKNOWN = 0
    TRADING = 1
    STOPPED = 2


class DeltaKind(IntEnum):
    """What a BookDelta holds: changed levels, or the whole book."""

    UPDATE = 0
    SNAPSHOT = 1


class MarketEventKind(IntEnum):
    """What moved: the mid price, or a trade."""

    MID = 0
    TRADE = 1


class TimeInForce(IntEnum):
    """How long an order may rest. POST_ONLY rests or is refused (Binance GTX)."""

    POST_ONLY = 0
    GOOD_TILL_CANCEL = 1
    IMMEDIATE_OR_CANCEL = 2


class OrderFlag(IntEnum):
    """Bits of `OrderIntent.flags`. LADDER_CHILD: one of several orders of one quote ladder, one order a line."""

    LADDER_CHILD = 1


class TradingState(IntEnum):
    """What risk lets through. REDUCING: only what brings a position nearer to flat. HALTED: cancels only."""

    ACTIVE = 0
    REDUCING = 1
    HALTED = 2


class OrderState(IntEnum):
    """Life of an order; a cancel under way is a flag, not a state.

    RESERVED -> SENT -> OPEN -> PARTIAL -> FILLED | CANCELED | REJECTED | EXPIRED
                  |
                  +-> UNKNOWN -> any of the above, by proof only
    DENIED: refused here, nothing was sent
    """

    FREE = 0
    RESERVED = 1
    SENT = 2
    OPEN = 3
    PARTIAL = 4
    FILLED = 5
    CANCELED = 6
    REJECTED = 7
    EXPIRED = 8
    DENIED = 9
    UNKNOWN = 10


class ReportKind(IntEnum):
    """What an ExecutionReport tells.

    ATTRIBUTED: `last_lots` that were told as the fill of an unknown order, and are in the position, are this one's.
    """

    ACK = 1
    FILL = 2
    CANCELED = 3
    REJECTED = 4
    EXPIRED = 5
    UNKNOWN = 6
    CANCEL_REJECTED = 7
    DENIED = 8
    ATTRIBUTED = 9


class RefusalReason(IntEnum):
    """Why risk, or the router's last check, refused an order."""

    NONE = 0
    HALTED = 1
    NOT_ALLOWED = 2
    INVALID_ORDER = 3
    DUPLICATE_ID = 4
    QUANTITY = 5
    NOTIONAL = 6
    PRICE_COLLAR = 7
    STALE_DATA = 8
    WOULD_CROSS = 9
    SELF_TRADE = 10
    OPEN_ORDERS = 11
    POSITION = 12
    NO_ROOM = 13
    NOT_RECONCILED = 14
    LATE = 15
    REDUCING = 16
    BUILD_MISMATCH = 17
    DUPLICATE_ORDER = 18
    NO_REFERENCE = 19
    PRICE_TRAVEL = 20
    OPEN_NOTIONAL = 21
    POSITION_NOTIONAL = 22
    MARGIN = 23
    MESSAGE_RATE = 24
    SLIPPAGE = 25
    TAIL_RISK = 26
    BREAKER_OPEN = 27
    PULLED = 28
    NOT_TRADING = 29


class WireKind(IntEnum):
    """What happened, or shall happen, on a connection.

    Client side (feed, router):  CONNECT, FRAME, REQUEST, CLOSE go out; CONNECTED, FRAME, RESPONSE, LOST come in.
    Server side (exchange):      CONNECTED, FRAME, REQUEST, LOST come in; FRAME, RESPONSE, CLOSE go out.
    AUTHENTICATED comes in on both sides after CONNECTED where the connection logs on: the transport signs and
    verifies, so no step ever sees a key.
    """

    CONNECT = 1
    CONNECTED = 2
    FRAME = 3
    REQUEST = 4
    RESPONSE = 5
    CLOSE = 6
    LOST = 7
    AUTHENTICATED = 8


class Command(IntEnum):
    """What the supervisor tells a stage, in its control cell.

    START: the first message that a stage ever gets; acknowledged when the stage is ready. RUN: trade.
    QUOTES_OFF: the strategy stops quoting and cancels what rests. CANCEL_ALL: the router cancels everything and
    reports when the venue has confirmed. HALT: new orders are refused until a person re-arms; the argument says
    why (HaltCause). DRAIN: finish what is in the inboxes, then leave. REDUCE: only orders that bring a position
    nearer to flat. REARM: a person has looked, all is allowed again. PAUSE (argument: the epoch of order ids that
    follows): no order until the router has told a reconciled account of that epoch. RECONCILE (argument: that epoch):
    the router cancels everything, proves that nothing is open and that fills and position agree, tells the account,
    and acknowledges.

    START's argument is the generation: above 1, the stage follows one that died.
    """

    NONE = 0
    RUN = 1
    QUOTES_OFF = 2
    CANCEL_ALL = 3
    HALT = 4
    DRAIN = 5
    START = 6
    REDUCE = 7
    REARM = 8
    PAUSE = 9
    RECONCILE = 10
