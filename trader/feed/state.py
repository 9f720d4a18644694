"""FEED: the market session's whole state, the actions that it asks for, and its counters.

A kernel of the session never sends: it leaves actions, in order, and its caller turns them into messages.
`levels_address` points into this record (scanner or pending store) and is valid until the next call.
"""

from enum import IntEnum

import numpy as np

from shm.kernel import inlined
from trader.feed.config import FeedConfig
from trader.venues.binance.market import LEVELS_MAX, MARKET_SCANNER, SYMBOLS_MAX, prepare_scanner
from trader.venues.binance.requests import snapshot_request, stream_path
from trader.venues.json_bytes import Fault

PENDING_UPDATES = 64
PENDING_LEVELS = 8_192
ACTIONS_MAX = PENDING_UPDATES + 8 * SYMBOLS_MAX
PATH_BYTES_MAX = 1024
REQUEST_BYTES_MAX = 128
BAD_FRAMES_MAX = 8
FAULTS = len(Fault)


class Action(IntEnum):
    """What the caller shall do."""

    DELTA = 1
    QUOTE = 2
    TRADE = 3
    CLEAR = 4
    REQUEST = 5
    CONNECT = 6


class Phase(IntEnum):
    """Where one symbol's synchronisation stands.

    IDLE --connected--> FIRST --depth buffered--> SNAPSHOT --snapshot fits--> JOINING --update--> LIVE
                          ^                          |  ^ too old: ask again     |              |
                          +--------- gap, silence, bad frames, overflow ---------+--------------+
    """

    IDLE = 0
    FIRST = 1
    SNAPSHOT = 2
    JOINING = 3
    LIVE = 4


class IdRule(IntEnum):
    """What the update ids of a depth stream continue: futures `pu` == previous `u`, spot `U` == previous `u` + 1."""

    PREVIOUS = 0
    SUCCESSOR = 1


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
        ("state", "i8"),
        ("cause", "i8"),
        ("delay_ns", "i8"),
    ],
    align=True,
)
"""DELTA uses the ids, counts and `levels_address`; CLEAR `state` and `cause`; CONNECT `delay_ns`. The values of a
QUOTE or a TRADE are in the scanner."""

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
        ("gaps", "i8"),
        ("resyncs", "i8"),
        ("duplicates", "i8"),
        ("overflows", "i8"),
        ("snapshots_refused", "i8"),
        ("pending_count", "i8"),
        ("pending_pairs", "i8"),
        ("request_length", "i8"),
        ("request", "u1", (REQUEST_BYTES_MAX,)),
        ("pending", UPDATE, (PENDING_UPDATES,)),
        ("pairs", "i8", (2 * PENDING_LEVELS,)),
    ],
    align=True,
)
"""One symbol. `last_id`: id up to which the book downstream has been told. `snapshots_refused`: too old, or too new."""

FEED = np.dtype(
    [
        ("running", "i8"),
        ("connected", "i8"),
        ("connect_attempt", "i8"),
        ("last_frame_ns", "i8"),
        ("snapshot_asked", "i8"),
        ("id_rule", "i8"),
        ("random", "i8"),
        ("silence_ns_max", "i8"),
        ("reconnect_silence_ns_max", "i8"),
        ("backoff_ns_min", "i8"),
        ("backoff_ns_max", "i8"),
        ("bad_frames_max", "i8"),
        ("bad_frames_window_ns", "i8"),
        ("bad_count", "i8"),
        ("bad_ns", "i8", (BAD_FRAMES_MAX,)),
        ("messages", "i8"),
        ("depth_updates", "i8"),
        ("levels", "i8"),
        ("quotes", "i8"),
        ("trades", "i8"),
        ("snapshots", "i8"),
        ("others", "i8"),
        ("bad_frames", "i8"),
        ("gaps", "i8"),
        ("resyncs", "i8"),
        ("reconnects", "i8"),
        ("faults", "i8", (FAULTS,)),
        ("last_fault", "i8"),
        ("last_fault_offset", "i8"),
        ("action_count", "i8"),
        ("actions", ACTION, (ACTIONS_MAX,)),
        ("symbol_count", "i8"),
        ("path_length", "i8"),
        ("path", "u1", (PATH_BYTES_MAX,)),
        ("symbols", SYMBOL_FEED, (SYMBOLS_MAX,)),
        ("scanner", MARKET_SCANNER),
    ],
    align=True,
)
"""`snapshot_asked`: 1 + the symbol whose snapshot request is under way, 0 for none: one at a time, so that a reply
needs no name. `gaps`, `resyncs`: sums over the symbols; the first sync after a connect is no resync. `faults`: by
Fault. `bad_ns`: when the latest refused frames came, `bad_count` of them."""

DELTA_BYTES_MAX = 16 * (LEVELS_MAX + PENDING_LEVELS) + 160 * ACTIONS_MAX
"""Most bytes that the messages of one call take: a whole snapshot and all that waited for it."""


def prepare_feed(
    feed: np.ndarray, config: FeedConfig, instruments: np.ndarray, *, id_rule: IdRule = IdRule.PREVIOUS
) -> None:
    """Fill a zeroed FEED record (cold). `instruments`: INSTRUMENT rows in the order of symbol_id."""
    prepare_scanner(feed["scanner"], instruments)
    names = [bytes(row["symbol"][: row["symbol_length"]]).decode() for row in instruments]
    path = stream_path(names, prefix=config.stream_prefix, depth_speed=config.depth_speed).encode()
    if len(path) > PATH_BYTES_MAX:
        raise ValueError(f"feed.stream_prefix: path of {len(path)} bytes, allowed {PATH_BYTES_MAX}")
    feed["path"][: len(path)] = np.frombuffer(path, dtype=np.uint8)
    feed["path_length"] = len(path)
    for index, name in enumerate(names):
        request = snapshot_request(name, limit=config.snapshot_levels)
        feed["symbols"][index]["request"][: len(request)] = np.frombuffer(request, dtype=np.uint8)
        feed["symbols"][index]["request_length"] = len(request)
        feed["symbols"][index]["venue_id"] = instruments[index]["venue_id"]
    feed["symbol_count"] = len(names)
    feed["id_rule"] = int(id_rule)
    feed["random"] = config.seed * 2 + 1
    feed["bad_frames_max"] = config.bad_frames_max
    for field, milliseconds in (
        ("silence_ns_max", config.silence_ms_max),
        ("reconnect_silence_ns_max", config.reconnect_silence_ms_max),
        ("backoff_ns_min", config.backoff_ms_min),
        ("backoff_ns_max", config.backoff_ms_max),
        ("bad_frames_window_ns", config.bad_frames_window_ms),
    ):
        feed[field] = milliseconds * 1_000_000


@inlined
def add_action(feed, kind, symbol, event_ns):
    """Append an action and return its record; the caller fills the rest."""
    action = feed.actions[feed.action_count]
    feed.action_count += 1
    action.kind = kind
    action.symbol = symbol
    action.event_ns = event_ns
    return action
