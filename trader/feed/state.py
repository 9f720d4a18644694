"""FEED: the market session's whole state, the actions that it asks for, and its counters.

A kernel of the session never sends: it leaves actions, in order, and its caller turns them into messages.
`levels_address` points into this record (scanner or pending store) and is valid until the next call.
"""

from enum import IntEnum
from typing import Any

import numpy as np

from shm.kernel import address_of, inlined, view
from trader.feed.config import FeedConfig
from trader.feed.plan import IdRule as IdRule
from trader.feed.plan import SessionPlan
from trader.instrument import SYMBOLS_MAX
from trader.pacing import PACER, PacingConfig, fill_pacer
from trader.venues.json_bytes import Fault
from trader.venues.scanner import LEVELS_MAX, MARKET_SCANNER, SCANNER_SYMBOLS_MAX, TRADES_MAX, prepare_scanner

PENDING_UPDATES = 64
PENDING_LEVELS = 8_192
ACTIONS_MAX = PENDING_UPDATES + TRADES_MAX + 8 * SCANNER_SYMBOLS_MAX
"""Of one call: what waited for a snapshot, a frame's trades, and for each symbol what a fresh start asks for."""

PATH_BYTES_MAX = 1024
TEXT_BYTES_MAX = 640
PING_BYTES_MAX = 64
BAD_FRAMES_MAX = 8
RECENT_IDS = 64
"""Ids of the updates told last: an older update is a duplicate only if it is one of them, or from before them."""

FAULTS = len(Fault)
UNTOLD_PACING = PacingConfig()
"""Of a session whose configuration says nothing else: the usual rates."""


class Action(IntEnum):
    """What the caller shall do."""

    DELTA = 1
    QUOTE = 2
    TRADE = 3
    CLEAR = 4
    REQUEST = 5
    CONNECT = 6
    SEND = 7


class Phase(IntEnum):
    """Where one symbol's synchronisation stands.

    IDLE --connected--> FIRST --depth buffered--> SNAPSHOT --snapshot fits--> JOINING --update--> LIVE
                          ^                          |  ^ too old: ask again     |              |
                          +--------- gap, silence, bad frames, overflow ---------+--------------+

    Where snapshots come on the stream, FIRST is left out.
    """

    IDLE = 0
    FIRST = 1
    SNAPSHOT = 2
    JOINING = 3
    LIVE = 4


ACTION = np.dtype(
    [
        ("kind", "i8"),
        ("symbol", "i8"),
        ("event_ns", "i8"),
        ("delta_kind", "i8"),
        ("first_id", "i8"),
        ("last_id", "i8"),
        ("previous_id", "i8"),
        ("bid_count", "i8"),
        ("ask_count", "i8"),
        ("levels_address", "i8"),
        ("bid_ticks", "i8"),
        ("bid_lots", "i8"),
        ("ask_ticks", "i8"),
        ("ask_lots", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("size_lots", "i8"),
        ("text_address", "i8"),
        ("text_length", "i8"),
        ("state", "i8"),
        ("cause", "i8"),
        ("delay_ns", "i8"),
    ],
    align=True,
)
"""DELTA uses the ids, counts and `levels_address`; QUOTE `last_id` and the touch; TRADE `last_id` (its own id),
`side`, price and size; CLEAR `state` and `cause`; REQUEST and SEND the text; CONNECT `delay_ns`."""

UPDATE = np.dtype(
    [
        ("event_ns", "i8"),
        ("first_id", "i8"),
        ("last_id", "i8"),
        ("previous_id", "i8"),
        ("bid_count", "i8"),
        ("ask_count", "i8"),
        ("first_pair", "i8"),
    ],
    align=True,
)

SYMBOL_FEED = np.dtype(
    [
        ("venue_id", "i8"),
        ("phase", "i8"),
        ("last_id", "i8"),
        ("event_ns", "i8"),
        ("last_depth_ns", "i8"),
        ("live_since_ns", "i8"),
        ("attempt", "i8"),
        ("retry_ns", "i8"),
        ("wants_snapshot", "i8"),
        ("asked", "i8"),
        ("gaps", "i8"),
        ("resyncs", "i8"),
        ("duplicates", "i8"),
        ("early", "i8"),
        ("was_older", "i8"),
        ("quote_id", "i8"),
        ("quotes_older", "i8"),
        ("recent_count", "i8"),
        ("recent", "i8", (RECENT_IDS,)),
        ("sequence", "i8"),
        ("channel", "i8"),
        ("overflows", "i8"),
        ("snapshots_refused", "i8"),
        ("checked", "i8"),
        ("mismatched", "i8"),
        ("depth_limit", "i8"),
        ("subscribed_depth", "i8"),
        ("first_event_ns", "i8"),
        ("held_bids", "i8"),
        ("held_asks", "i8"),
        ("pending_count", "i8"),
        ("pending_pairs", "i8"),
        ("request_length", "i8"),
        ("cancel_length", "i8"),
        ("greeting_length", "i8"),
        ("request", "u1", (TEXT_BYTES_MAX,)),
        ("cancel", "u1", (TEXT_BYTES_MAX,)),
        ("greeting", "u1", (TEXT_BYTES_MAX,)),
        ("pending", UPDATE, (PENDING_UPDATES,)),
        ("pairs", "i8", (2 * PENDING_LEVELS,)),
    ],
    align=True,
)
"""One symbol. `last_id`: id up to which the book downstream has been told. `snapshots_refused`: too old, or too new.
`checked`, `mismatched`: proofs that the venue itself delivered (checksums, order). `asked`: 1 once its subscription was
sent on this connection. `first_event_ns`: time of the first book on this connection, where that matters. `early`:
updates before a snapshot. `recent`: ring of the ids told last.
`sequence`, `channel`: the venue's own, where it has them. `pairs`: levels of the pending
updates; where snapshots come on the stream, levels of the book itself, `held_bids` and `held_asks` of them."""


def feed_dtype(symbols: int) -> np.dtype:
    """The session's record with room for so many symbols; all sizes share one layout up to the symbols."""
    return np.dtype(
        [
            ("running", "i8"),
            ("connected", "i8"),
            ("connect_attempt", "i8"),
            ("last_frame_ns", "i8"),
            ("last_ping_ns", "i8"),
            ("snapshot_asked", "i8"),
            ("id_rule", "i8"),
            ("snapshot_rule", "i8"),
            ("silence_rule", "i8"),
            ("random", "i8"),
            ("silence_ns_max", "i8"),
            ("reconnect_silence_ns_max", "i8"),
            ("backoff_ns_min", "i8"),
            ("backoff_ns_max", "i8"),
            ("ping_ns", "i8"),
            ("bad_frames_max", "i8"),
            ("bad_frames_window_ns", "i8"),
            ("bad_count", "i8"),
            ("bad_ns", "i8", (BAD_FRAMES_MAX,)),
            ("messages", "i8"),
            ("depth_updates", "i8"),
            ("levels", "i8"),
            ("quotes", "i8"),
            ("trades", "i8"),
            ("history", "i8"),
            ("snapshots", "i8"),
            ("others", "i8"),
            ("foreign", "i8"),
            ("bad_frames", "i8"),
            ("gaps", "i8"),
            ("resyncs", "i8"),
            ("reconnects", "i8"),
            ("checked", "i8"),
            ("mismatched", "i8"),
            ("faults", "i8", (FAULTS,)),
            ("last_fault", "i8"),
            ("last_fault_offset", "i8"),
            ("action_count", "i8"),
            ("actions", ACTION, (ACTIONS_MAX,)),
            ("symbol_count", "i8"),
            ("path_length", "i8"),
            ("path", "u1", (PATH_BYTES_MAX,)),
            ("ping_length", "i8"),
            ("ping", "u1", (PING_BYTES_MAX,)),
            ("pacer", PACER),
            ("scanner", MARKET_SCANNER),
            ("symbols", SYMBOL_FEED, (symbols,)),
        ],
        align=True,
    )


FEED = feed_dtype(SYMBOLS_MAX)
"""`snapshot_asked`: 1 + the symbol whose snapshot request is under way, 0 for none: one at a time, so that a reply
needs no name. `gaps`, `resyncs`: sums over the symbols; the first sync after a connect is no resync. `foreign`: events
of symbols that are none of ours, also in `others`. `pacer`: how often the venue may be asked; snapshots and connections
take a token of its market data. `history`: trades from before a subscription, left out. `faults`:
by Fault. `bad_ns`: when the latest refused frames came, `bad_count` of them."""

DELTA_BYTES_MAX = 16 * (LEVELS_MAX + PENDING_LEVELS) + 160 * (PENDING_UPDATES + TRADES_MAX + 8 * SYMBOLS_MAX)
"""Most bytes that the messages of one call take for SYMBOLS_MAX symbols: a whole snapshot, all that waited for it."""

_SYMBOLS_OFFSET = FEED.fields["symbols"][1]  # type: ignore[index]
_SYMBOL_BYTES = SYMBOL_FEED.itemsize


@inlined
def symbol_of(feed, symbol):
    """The SYMBOL_FEED of one symbol, in a record of any size."""
    return view(address_of(feed) + _SYMBOLS_OFFSET + symbol * _SYMBOL_BYTES, SYMBOL_FEED)


def prepare_feed(
    feed: np.ndarray,
    config: FeedConfig,
    instruments: np.ndarray,
    plan: SessionPlan,
    pacing: PacingConfig = UNTOLD_PACING,
) -> None:
    """Fill a zeroed FEED record (cold). `instruments`: INSTRUMENT rows in the order of symbol_id."""
    if len(instruments) > len(feed["symbols"]):
        raise ValueError(f"feed.symbols: found {len(instruments)}, allowed up to {len(feed['symbols'])}")
    prepare_scanner(feed["scanner"], instruments)
    fill_pacer(feed["pacer"], pacing)
    _put_text(feed, "path", plan.path.encode())
    _put_text(feed, "ping", plan.ping)
    for index in range(len(instruments)):
        symbol = feed["symbols"][index]
        symbol["venue_id"] = instruments[index]["venue_id"]
        for name, texts in (("request", plan.requests), ("cancel", plan.cancels), ("greeting", plan.greetings)):
            _put_text(symbol, name, texts[index] if texts else b"")
    feed["symbol_count"] = len(instruments)
    feed["id_rule"] = int(plan.id_rule)
    feed["snapshot_rule"] = int(plan.snapshot_rule)
    feed["silence_rule"] = int(plan.silence_rule)
    feed["random"] = config.seed * 2 + 1
    feed["bad_frames_max"] = config.bad_frames_max
    for field, milliseconds in (
        ("silence_ns_max", config.silence_ms_max),
        ("reconnect_silence_ns_max", config.reconnect_silence_ms_max),
        ("backoff_ns_min", config.backoff_ms_min),
        ("backoff_ns_max", config.backoff_ms_max),
        ("bad_frames_window_ns", config.bad_frames_window_ms),
        ("ping_ns", plan.ping_ms),
    ):
        feed[field] = milliseconds * 1_000_000


def _put_text(record: Any, name: str, text: bytes) -> None:
    room = len(record[name])
    if len(text) > room:
        raise ValueError(f"feed: {name} of {len(text)} bytes, allowed {room}: {text[:60]!r}")
    record[name][: len(text)] = np.frombuffer(text, dtype=np.uint8)
    record[f"{name}_length"] = len(text)


@inlined
def add_action(feed, kind, symbol, event_ns):
    """Append an action and return its record; the caller fills the rest."""
    action = feed.actions[feed.action_count]
    feed.action_count += 1
    action.kind = kind
    action.symbol = symbol
    action.event_ns = event_ns
    return action
