"""What the market says: deltas, quotes, trades, the top of a book; and what is made of it: beliefs, signals, advice."""

from trader.messages.base import Message

LEVELS = 10
"""Price levels a side in a BookTop."""

Ladder = tuple[int, int, int, int, int, int, int, int, int, int]
"""LEVELS int64, best first; 0 lots where the book has no such level."""


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
    """The best LEVELS levels of a book. Book to strategy, risk and signals, latest value per symbol.

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
    """The mid moved, or a trade happened (`kind`: MarketEventKind). Book to volatility, signals, tail risk.

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
    learn them says 0 deviation. `state`: BeliefState; `pit`: one-step probability integral transform of the newest
    window, 0.5 where the mid did not move. `event_ns`: that window's end; 0: none has closed. Within a window an
    estimate is told again when the mid moves as was all but excluded: `pit` and `event_ns` are then that movement's.
    `volume_lots_per_s`: what was traded lately, 0 before enough was seen.
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
    volume_lots_per_s: float = 0.0


class BookResync(Message, tag=19):
    """The book disproved itself (crossed, or its touch differs from the venue's own best quote). Book to feed.

    The feed answers with BookClear and a new snapshot.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    epoch: int
    cause: int


class InstrumentState(Message, tag=20):
    """What the venue says of an instrument besides its book. Router to risk.

    `status`: InstrumentStatus. `mark2_ticks`: twice the venue's mark price in ticks, asked for at `mark_ns` on our
    clock; 0 where the venue has none, or before it was told.
    """

    symbol_id: int
    venue_id: int
    status: int
    mark2_ticks: int
    mark_ns: int


class SignalEstimate(Message, tag=21):
    """What the signals see in a symbol's book and trades. Signals to strategy and tail risk, latest value per symbol.

    `panic`: 1 while it is one, `confidence` of it 0 to 1, `direction` -1, 0, 1; the four signals -1 to 1 each;
    `shift_bps`: fair price less mid, bps of the mid; `aggressiveness`: 1 as configured, 0 stay away;
    `usual_bps`: the mid's usual deviation, bps per square-root second. `event_ns` 0: nothing has been seen.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    panic: int
    direction: int
    confidence: float
    momentum: float
    reversion: float
    flow: float
    pressure: float
    shift_bps: float
    aggressiveness: float
    usual_bps: float


class TailRiskAdvice(Message, tag=22):
    """What tail risk asks for. Tail risk to risk and strategy, latest value per symbol.

    `size_permille` of every size, 0 to 1000; `spread_permille` of every distance from the mid, 1000 and more; `halt`:
    1 to stop until a person re-arms; `reasons`: bits of trader.tail_risk.recommendation. `is_alert`: whether anything
    is asked for; `level` 0 to 1; `fragility`: antifragility score, -1 to 1; `tail_alpha`: tail index of the returns.
    """

    symbol_id: int
    venue_id: int
    event_ns: int
    is_alert: int
    size_permille: int
    spread_permille: int
    halt: int
    reasons: int
    level: float
    fragility: float
    tail_alpha: float
