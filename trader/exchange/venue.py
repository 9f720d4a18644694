"""The simulated exchange as a whole: its state, its start, and one kernel per kind of message.

    start  --> open_markets
    WireIn --> on_wire --+--> advance the order flow +--> trades, best quotes, depth   (generated market)
    Timer  --> on_wire --+--> requests               +--> recorded frames, verbatim    (recorded market)
                                                     +--> replies, user stream events  (our account)

After each call `exchange.outbox` holds what is to be sent. On a recorded market, frames on connection 0 are
the recording's own; event times are theirs. Connections 1 to 63 are clients. The ledger is at
`exchange["account"]["ledger"][symbol_id]` (see account.LEDGER).
"""

import numpy as np

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange import matching, order_flow
from trader.exchange.account import ACCOUNT
from trader.exchange.config import SYMBOLS_MAX, ExchangeConfig
from trader.exchange.connections import CONNECTIONS, LISTEN_KEY_BYTES, ORDERS
from trader.exchange.connections import MARKET as MARKET_STREAMS
from trader.exchange.deadlines import cancel_overdue
from trader.exchange.faults import FAULTS, advance_faults, is_hung, prepare_faults
from trader.exchange.held import drop, payload_at
from trader.exchange.mangling import admit, mangle, release_frames
from trader.exchange.market_data import ASKS, BIDS, STREAM, mark_shown, publish_depth, publish_touch
from trader.exchange.order_entry import settle
from trader.exchange.outbox import CONNECTIONS_MAX, OUTBOX, TEXTS, clear, has_room, write_kept
from trader.exchange.playback import on_recorded
from trader.exchange.recorded_book import RECORDED
from trader.exchange.recording import REPLAY
from trader.exchange.requests import FIELDS
from trader.exchange.rest import on_request
from trader.exchange.session import connect, lose, on_order_request, on_subscription
from trader.exchange.shock import open_shock
from trader.exchange.stress import open_stress, press
from trader.exchange.text import WRITER
from trader.exchange.validation import REQUEST
from trader.exchange.watched import WATCHED
from trader.instrument import INSTRUMENT

RECORDING = 0
"""Connection that a recording's frames come on."""

TIME_PASSED = 0
"""Stands for the timer among the kinds of messages (on_wire); no WireKind has it."""

FIRST_UPDATE_ID = 1_000_000
EARLY_ARRIVALS = 4_000

MARKET = np.dtype(
    [
        ("cancel_all_ns", "i8"),  # dead-man timer, 0: off
        ("halted_until_ns", "i8"),  # it does not trade before
        ("stream", STREAM),
        ("flow", order_flow.FLOW),
        ("recorded", RECORDED),
        ("book", matching.BOOK),
    ],
    align=True,
)

EXCHANGE = np.dtype(
    [
        ("account", ACCOUNT),
        ("symbol_count", "i8"),
        ("is_recorded", "i8"),
        ("market", "i8"),  # what it is: a number of templates.MARKETS, or one from WATCHED on
        ("cancel_on_disconnect", "i8"),
        ("wall_offset_ns", "i8"),
        ("depth_interval_ns", "i8"),
        ("now_ns", "i8"),
        ("now_ms", "i8"),  # wall clock
        ("event_ms", "i8"),  # wall clock, or the recording's
        ("requests", "i8"),
        ("bad_messages", "i8"),
        ("instruments", INSTRUMENT, (SYMBOLS_MAX,)),
        ("connections", CONNECTIONS),
        ("fields", FIELDS),
        ("request", REQUEST),
        ("writer", WRITER),
        ("outbox", OUTBOX),
        ("faults", FAULTS),
        ("replay", REPLAY),
        ("markets", MARKET, (SYMBOLS_MAX,)),
    ],
    align=True,
)


def prepare(
    exchange: np.ndarray,
    config: ExchangeConfig,
    instruments: np.ndarray,
    *,
    wall_offset_ns: int,
    recorded: bool = False,
) -> None:
    """Fill a fresh, zeroed EXCHANGE of shape (1,). Generated markets are opened by `open_markets`.

    It speaks the protocol of the instruments' market: a number of templates.MARKETS, or from WATCHED on one that is
    only watched. Raises ValueError for more than SYMBOLS_MAX instruments, or a start price below one tick.
    """
    if len(instruments) > SYMBOLS_MAX:
        raise ValueError(f"exchange: found {len(instruments)} symbols, allowed 1 to {SYMBOLS_MAX}")
    own = exchange[0]
    own["symbol_count"] = len(instruments)
    own["is_recorded"] = int(recorded or config.recorded)
    own["market"] = int(instruments[0]["market"])
    own["outbox"]["texts"] = own["market"] * TEXTS if own["market"] < WATCHED else 0
    own["cancel_on_disconnect"] = int(config.cancel_on_disconnect)
    own["wall_offset_ns"] = wall_offset_ns
    own["depth_interval_ns"] = config.depth_interval_ms * 1_000_000
    own["account"]["wallet_e8"] = round(config.wallet_usd * 1e8)
    own["account"]["fee_maker_e8"] = config.fee_maker_e8
    own["account"]["fee_taker_e8"] = config.fee_taker_e8
    prepare_faults(own["faults"], config.faults)
    own["connections"]["listen_key"] = _listen_key(config.seed)
    for symbol_id, instrument in enumerate(instruments):
        own["instruments"][symbol_id] = instrument
        lots_of_one = 10 ** int(instrument["size_decimals"]) / int(instrument["lot_multiple"])
        own["account"]["base_lots"][symbol_id] = round(config.wallet_base * lots_of_one)
        order_flow.prepare_flow(own["markets"][symbol_id]["flow"], config, instrument, symbol_id)


def _listen_key(seed: int) -> np.ndarray:
    """The account's listen key: 64 letters and digits, from the seed."""
    letters = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", dtype=np.uint8)
    return letters[np.random.default_rng(seed).integers(0, len(letters), LISTEN_KEY_BYTES)]


@kernel
def on_wire(exchange, connection_id, kind, status, payload, length, now_ns):
    """Something arrived on a connection (WireIn), or time has passed: what to send is in the outbox afterwards.

    TIME_PASSED: background orders arrive, depth updates and dead-man timers fall due.
    """
    never_inlined()
    _begin_step(exchange, now_ns)
    if exchange.faults.configured:
        _take_faulty(exchange, connection_id, kind, status, payload, length)
        return
    advance(exchange)
    _take(exchange, connection_id, kind, status, payload, length)
    write_kept(exchange.outbox)


@kernel
def _take_faulty(exchange, connection_id, kind, status, payload, length):
    """The same under faults: first what was held and is due, in the end what becomes of the answers."""
    never_inlined()
    advance_faults(exchange)
    held = exchange.faults.held
    place = release_frames(exchange)
    while place >= 0:
        entry = held.entries[place]
        sender = 0
        while (entry.connections >> sender) & 1 == 0:
            sender += 1
        _take(exchange, sender, entry.kind, entry.status, payload_at(held, place), entry.length)
        drop(held, place)
        place = release_frames(exchange)
    if is_hung(exchange) == 0:
        advance(exchange)
    is_client = 0 < connection_id < CONNECTIONS_MAX
    if is_client == 0 or admit(exchange, connection_id, kind, status, payload, length):
        _take(exchange, connection_id, kind, status, payload, length)
    write_kept(exchange.outbox)
    mangle(exchange)


@kernel
def _take(exchange, connection_id, kind, status, payload, length):
    """Deal with one message, or with the passing of time."""
    never_inlined()
    own = exchange.connections
    if connection_id == RECORDING and kind == WireKind.FRAME and exchange.is_recorded:
        on_recorded(exchange, status, payload, length)
    elif kind == TIME_PASSED:
        cancel_overdue(exchange)
    elif connection_id < 1 or connection_id >= CONNECTIONS_MAX:
        exchange.bad_messages += 1
    elif kind == WireKind.CONNECTED:
        connect(exchange, connection_id, payload, length)
    elif kind == WireKind.AUTHENTICATED:
        own.authenticated |= 1 << connection_id
    elif kind == WireKind.LOST:
        lose(exchange, connection_id)
    elif kind == WireKind.REQUEST:
        exchange.requests += 1
        on_request(exchange, connection_id, status, payload, length)
    elif kind == WireKind.FRAME and own.kind[connection_id] == ORDERS:
        exchange.requests += 1
        on_order_request(exchange, connection_id, payload, length)
    elif kind == WireKind.FRAME and own.kind[connection_id] == MARKET_STREAMS:
        exchange.requests += 1
        on_subscription(exchange, connection_id, payload, length)
    else:
        exchange.bad_messages += 1


@kernel
def open_markets(exchange, now_ns):
    """Open the generated markets; once, before anything else arrives."""
    never_inlined()
    _begin_step(exchange, now_ns)
    for symbol_id in range(exchange.symbol_count if exchange.is_recorded == 0 else 0):
        _open_market(exchange, symbol_id)


@kernel
def _open_market(exchange, symbol_id):
    """Open the book, fill it with resting orders, and let it live a while, before anybody listens."""
    market = exchange.markets[symbol_id]
    flow = market.flow
    matching.open_book(market.book, int(flow.start_ticks))
    for count in range(flow.resting_orders):
        exchange.account.order_id += 1
        order_flow.quote(flow, market.book, BIDS if count % 2 == 0 else ASKS, exchange.account.order_id)
        mark_shown(market.book)
    order_flow.draw_arrival(flow)
    for _ in range(EARLY_ARRIVALS if flow.rate > 0.0 else 0):
        exchange.account.order_id += 1
        order_flow.arrive(flow, market.book, exchange.account.order_id)
        order_flow.draw_arrival(flow)
        mark_shown(market.book)
    market.book.match_count = 0
    flow.arrivals = 0
    flow.next_ns = 0
    open_shock(flow.shock, exchange.now_ns)
    open_stress(flow.stress, exchange.now_ns)
    market.stream.update_id = FIRST_UPDATE_ID
    market.stream.depth_id = FIRST_UPDATE_ID
    publish_touch(exchange, symbol_id, exchange.now_ms)


@kernel
def _begin_step(exchange, now_ns):
    clear(exchange.outbox)
    exchange.now_ns = now_ns
    exchange.now_ms = (now_ns + exchange.wall_offset_ns) // 1_000_000
    if exchange.is_recorded == 0 or exchange.event_ms == 0:
        exchange.event_ms = exchange.now_ms


@kernel
def advance(exchange):
    """Let the generated markets go on until now; a step that has much to send leaves the rest to the next."""
    never_inlined()
    if exchange.is_recorded:
        return
    for symbol_id in range(exchange.symbol_count):
        market = exchange.markets[symbol_id]
        trades = exchange.now_ns >= market.halted_until_ns
        while trades and has_room(exchange.outbox) and order_flow.due(market.flow, exchange.now_ns):
            if matching.must_publish(market.book):
                publish_depth(exchange, symbol_id)
            event_ms = (market.flow.next_ns + exchange.wall_offset_ns) // 1_000_000
            exchange.account.order_id += 1
            result = order_flow.arrive(market.flow, market.book, exchange.account.order_id)
            order_flow.draw_arrival(market.flow)
            if result != 0:
                settle(exchange, symbol_id, result, matching.BACKGROUND, event_ms)
            pressed = press(market.flow, market.book)
            if pressed != 0:
                settle(exchange, symbol_id, pressed, matching.BACKGROUND, event_ms)
        is_due = exchange.now_ns - market.stream.depth_ns >= exchange.depth_interval_ns
        if is_due or matching.must_publish(market.book):
            publish_depth(exchange, symbol_id)
