"""Every message between stages, once. The compiled codec, the dtypes and the journals derive from it.

Fields are append-only; a tag is never used twice. Prices are int64 ticks, sizes int64 lots, `_ns` fields
int64 nanoseconds: `event_ns` is the venue's clock, the frame header carries ours. Money is int64 in 1e-8 of
the quote currency (`_e8`). Every market and order message begins with `symbol_id` and `venue_id`: dense
numbers from the configuration's order.

A fixed array is a tuple of one type; one `bytes` field may stand last. Two messages may not have exactly the
same fields (a record's type names its message).
"""

import msgspec

LEVELS = 10
"""Price levels a side in a BookTop."""

Ladder = tuple[int, int, int, int, int, int, int, int, int, int]
"""LEVELS int64, best first; 0 lots where the book has no such level."""


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of every message: an array on the wire, its integer tag first."""


class BookDelta(Message, tag=1):
    """Levels of one book that changed, or all of them (`kind`: DeltaKind). Feed to book.

    `levels`: little-endian int64 pairs (price_ticks, size_lots), `bid_count` bids, then `ask_count` asks;
    sizes are absolute, 0 lots deletes. `first_id` to `last_id` are the venue's update ids that it covers.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    kind: int
    first_id: int
    last_id: int
    previous_id: int
    bid_count: int
    ask_count: int
    levels: bytes


class BestQuote(Message, tag=2):
    """Best bid and offer as the venue's own stream tells them, after its update `update_id`. Feed to book."""

    symbol_id: int
    venue_id: int
    event_ns: int
    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class Trade(Message, tag=3):
    """One public trade; `side` is the aggressor's (Side). Feed to book."""

    symbol_id: int
    venue_id: int
    event_ns: int
    trade_id: int
    side: int
    price_ticks: int
    size_lots: int


class BookClear(Message, tag=4):
    """The feed lost the stream: what the book holds is not to be trusted. `state`: SYNCING or STALE (BookState).

    `cause`: why, a code of the feed's (gap, silence, crossed, disconnect, bad frames, start).
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    state: int
    cause: int


class BookTop(Message, tag=5):
    """The best LEVELS levels of a book. Book to strategy and risk, latest value per symbol.

    `epoch` grows with each change, so that a decision can name the book it was made on; `state`: BookState.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    epoch: int
    state: int
    bid_ticks: Ladder
    bid_lots: Ladder
    ask_ticks: Ladder
    ask_lots: Ladder


class MarketEvent(Message, tag=6):
    """The mid moved, or a trade happened (`kind`: MarketEventKind). Book to volatility.

    `bid_ticks`, `ask_ticks`: the touch after it (mid = half their sum). Trade fields are 0 for a MID.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    kind: int
    state: int
    bid_ticks: int
    ask_ticks: int
    side: int
    price_ticks: int
    size_lots: int


class VolatilityEstimate(Message, tag=7):
    """What is believed of a symbol's volatility. Volatility to strategy and risk, latest value per symbol.

    Volatilities are in basis points of the price per square-root second. `mu`, `phi`, `sigma_eta` are the
    log-variance model's parameters (posterior mean and standard deviation); an estimator that does not
    learn them says 0 deviation. `state`: BeliefState; `pit`: one-step probability integral transform.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    window_count: int
    state: int
    volatility_bps: float
    volatility_bps_p05: float
    volatility_bps_p95: float
    volatility_bps_sd: float
    mu_mean: float
    mu_sd: float
    phi_mean: float
    phi_sd: float
    sigma_eta_mean: float
    sigma_eta_sd: float
    effective_sample_size: float
    log_likelihood: float
    pit: float


class OrderIntent(Message, tag=8):
    """An order that the strategy wants. Strategy to risk; only risk can make a NewOrder of it.

    `order_slot` is the arena slot that the strategy took, `client_order_id` names the order for good
    (its low 12 bits are the slot). `level`: which quote level it serves, 0 nearest the mid.
    """

    symbol_id: int
    venue_id: int
    client_order_id: int
    order_slot: int
    side: int
    price_ticks: int
    size_lots: int
    time_in_force: int
    level: int
    book_epoch: int


class OrderRefusal(Message, tag=9):
    """Risk said no: `reason` (RefusalReason), what was found and what is allowed. Risk to strategy."""

    symbol_id: int
    venue_id: int
    client_order_id: int
    order_slot: int
    reason: int
    found: int
    allowed: int


class NewOrder(Message, tag=10):
    """An approved order, its exposure reserved. Risk to router; nothing else emits it."""

    symbol_id: int
    venue_id: int
    client_order_id: int
    order_slot: int
    side: int
    price_ticks: int
    size_lots: int
    time_in_force: int
    level: int
    book_epoch: int
    approved_ns: int


class ExecutionReport(Message, tag=11):
    """A fact about one order (`kind`: ReportKind, `state`: OrderState after it). Router to risk and strategy.

    `last_*` describe a fill (else 0); `cumulative_lots` is the venue's total; `fee_e8` is positive when we
    pay; `reason` is the venue's error code, or a RefusalReason for DENIED. A fill is unique by
    (venue_id, symbol_id, trade_id, venue_order_id).
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    client_order_id: int
    order_slot: int
    venue_order_id: int
    kind: int
    state: int
    side: int
    price_ticks: int
    size_lots: int
    last_ticks: int
    last_lots: int
    cumulative_lots: int
    trade_id: int
    fee_e8: int
    is_maker: int
    reason: int


class AccountState(Message, tag=12):
    """What the venue says of our account after a reconciliation. Router to risk and strategy.

    `reconciled`: 1 when orders, fills and position agree, so that quoting may begin; `epoch`: the persisted
    epoch of client order ids.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    position_lots: int
    open_orders: int
    reconciled: int
    epoch: int


class CancelRequest(Message, tag=13):
    """One bit of a cancel set, as the router's duty cycle hands it over. `source`: index of the set.

    `client_order_id` guards against a slot that has been given to a newer order; `order_slot` -1 means all.
    """

    source: int
    order_slot: int
    client_order_id: int


class Control(Message, tag=14):
    """A command of the supervisor (Command), as the duty cycle hands it over."""

    command: int
    argument: int


class Timer(Message, tag=15):
    """The stage's own period has passed; sent by its duty cycle."""

    count: int


class Gap(Message, tag=16):
    """`missed` messages were dropped on the inbox `inbox` before the next one."""

    inbox: int
    missed: int


class WireIn(Message, tag=17):
    """Something arrived on a connection (`kind`: WireKind). Transport to feed, router and exchange.

    `status`: HTTP status of a RESPONSE, close code of a LOST. `payload`: a frame's text, a reply's body, the
    path of an accepted connection, or `METHOD path\\nheaders\\n\\nbody` of a REQUEST that a server received.
    """

    connection_id: int
    kind: int
    status: int
    payload: bytes


class WireOut(Message, tag=18):
    """Something to do on a connection (`kind`: WireKind). Feed, router and exchange to transport.

    `payload`: a frame's text, a reply's body, the path to CONNECT to, or `METHOD path\\nheaders\\n\\nbody` of
    a REQUEST. `delay_ns`: do it that much later (0: now).
    """

    connection_id: int
    kind: int
    status: int
    delay_ns: int
    payload: bytes


class BookResync(Message, tag=19):
    """The book disproved itself (crossed, or its touch differs from the venue's own best quote). Book to feed.

    The feed answers with BookClear and a new snapshot.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    epoch: int
    cause: int


MESSAGES: tuple[type[Message], ...] = tuple(Message.__subclasses__())
"""Every message, in tag order."""


def tag_of(message: type[Message]) -> int:
    """The integer that stands first in a message's bytes and in its frame header."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, int)
    return tag


BOOK_DELTA = tag_of(BookDelta)
BEST_QUOTE = tag_of(BestQuote)
TRADE = tag_of(Trade)
BOOK_CLEAR = tag_of(BookClear)
BOOK_TOP = tag_of(BookTop)
MARKET_EVENT = tag_of(MarketEvent)
VOLATILITY_ESTIMATE = tag_of(VolatilityEstimate)
ORDER_INTENT = tag_of(OrderIntent)
ORDER_REFUSAL = tag_of(OrderRefusal)
NEW_ORDER = tag_of(NewOrder)
EXECUTION_REPORT = tag_of(ExecutionReport)
ACCOUNT_STATE = tag_of(AccountState)
CANCEL_REQUEST = tag_of(CancelRequest)
CONTROL = tag_of(Control)
TIMER = tag_of(Timer)
GAP = tag_of(Gap)
WIRE_IN = tag_of(WireIn)
WIRE_OUT = tag_of(WireOut)
BOOK_RESYNC = tag_of(BookResync)

assert [tag_of(message) for message in MESSAGES] == list(range(1, len(MESSAGES) + 1))
