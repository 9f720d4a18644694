"""One symbol's synchronisation, as the venue documents it: buffer, snapshot, join, continuity.

    futures   drop u < id; the first update has U <= id <= u; then pu == previous u
    spot      drop u <= id; the first update has U <= id + 1 <= u; then U == previous u + 1

`id` is the snapshot's. An update that ends at or before what was already told is a duplicate and is ignored;
one that leaves something out is a gap: STALE at once, then a new snapshot. `previous_id` of a DELTA action is
the `last_id` of the one before it, whatever the venue's rule, so that the book can check the chain again.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.book.state import ClearCause
from trader.compile_hints import never_inlined
from trader.enums import BookState, DeltaKind
from trader.feed.pending import drop_updates, keep_update
from trader.feed.state import Action, IdRule, Phase, add_action
from trader.venues.binance.fields import Slot

SETTLED_NS = 10_000_000_000
"""A book that was LIVE for this long begins its next back-off from the least wait."""

ATTEMPT_MAX = 20

_IDLE, _FIRST, _SNAPSHOT, _JOINING, _LIVE = (np.int64(phase) for phase in Phase)
_STALE, _SYNCING = np.int64(BookState.STALE), np.int64(BookState.SYNCING)
_DELTA, _CLEAR, _REQUEST = np.int64(Action.DELTA), np.int64(Action.CLEAR), np.int64(Action.REQUEST)
_WHOLE, _CHANGES = np.int64(DeltaKind.SNAPSHOT), np.int64(DeltaKind.UPDATE)
_START, _GAP = np.int64(ClearCause.START), np.int64(ClearCause.GAP)
_PREVIOUS = np.int64(IdRule.PREVIOUS)


@kernel
def backoff_ns(feed, attempt):
    """Wait before try number `attempt`: 0 for the first, then doubling, half of it random (xorshift, seeded)."""
    never_inlined()
    if attempt <= 0:
        return 0
    wait = min(feed.backoff_ns_min << min(attempt - 1, ATTEMPT_MAX), feed.backoff_ns_max)
    word = feed.random
    word ^= word << 13
    word ^= (word >> 7) & 0x01FFFFFFFFFFFFFF
    word ^= word << 17
    feed.random = word
    return wait // 2 + (word & 0x7FFFFFFFFFFFFFFF) % (wait // 2 + 1)


@kernel
def clear_book(feed, symbol, state, cause):
    """Tell the book that it is not to be trusted."""
    action = add_action(feed, _CLEAR, symbol, feed.symbols[symbol].event_ns)
    action.state = state
    action.cause = cause


@kernel
def begin_sync(feed, symbol, cause, now_ns):
    """Start over: the book is STALE, then SYNCING; the first depth update asks for a snapshot."""
    never_inlined()
    own = feed.symbols[symbol]
    if own.live_since_ns != 0 and now_ns - own.live_since_ns > SETTLED_NS:
        own.attempt = 0
    if cause != _START:
        clear_book(feed, symbol, _STALE, cause)
        own.resyncs += 1
        feed.resyncs += 1
    clear_book(feed, symbol, _SYNCING, cause)
    own.phase = _FIRST
    own.live_since_ns = 0
    own.wants_snapshot = 0
    own.retry_ns = now_ns + backoff_ns(feed, own.attempt)
    own.attempt = min(own.attempt + 1, ATTEMPT_MAX)
    drop_updates(own)


@kernel
def ask_snapshots(feed, now_ns):
    """Send the next snapshot request that is due, one at a time for all symbols."""
    never_inlined()
    if feed.snapshot_asked != 0 or feed.connected == 0:
        return
    for symbol in range(feed.symbol_count):
        own = feed.symbols[symbol]
        if own.wants_snapshot and now_ns >= own.retry_ns:
            own.wants_snapshot = 0
            feed.snapshot_asked = 1 + symbol
            add_action(feed, _REQUEST, symbol, 0)
            return


@kernel
def want_snapshot(feed, symbol, now_ns):
    """The last snapshot was of no use: ask again, later each time."""
    own = feed.symbols[symbol]
    own.snapshots_refused += 1
    own.retry_ns = now_ns + backoff_ns(feed, own.attempt)
    own.attempt = min(own.attempt + 1, ATTEMPT_MAX)
    own.wants_snapshot = 1
    ask_snapshots(feed, now_ns)


@inlined
def _continues(feed, own, first_id, last_id, previous_id):
    """1: the update continues what was told; 0: it is older; -1: something is missing between.

    A futures update whose `pu` is the snapshot's own id is continuous too: nothing lies between the two.
    """
    told = own.last_id
    if feed.id_rule == _PREVIOUS:
        if previous_id == told:
            return 1
        if own.phase == _JOINING:
            return 0 if last_id < told else (1 if first_id <= told else -1)
        return 0 if last_id <= told else -1
    if last_id <= told:
        return 0
    return 1 if first_id <= told + 1 else -1


@inlined
def _tell_update(feed, symbol, event_ns, first_id, last_id, bid_count, ask_count, levels_address, now_ns):
    own = feed.symbols[symbol]
    action = add_action(feed, _DELTA, symbol, event_ns)
    action.delta_kind = _CHANGES
    action.first_id = first_id
    action.last_id = last_id
    action.previous_id = own.last_id
    action.bid_count = bid_count
    action.ask_count = ask_count
    action.levels_address = levels_address
    own.last_id = last_id
    if own.phase != _LIVE:
        own.phase = _LIVE
        own.live_since_ns = now_ns


@kernel
def _lose(feed, symbol, now_ns):
    """Something is missing: STALE, and start over."""
    never_inlined()
    feed.symbols[symbol].gaps += 1
    feed.gaps += 1
    begin_sync(feed, symbol, _GAP, now_ns)


@kernel
def on_depth(feed, symbol, event_ns, now_ns):
    """The scanner holds a depth update of this symbol."""
    never_inlined()
    own = feed.symbols[symbol]
    scanner = feed.scanner
    own.last_depth_ns = now_ns
    if own.phase >= _JOINING:
        first_id, last_id = scanner.values[Slot.FIRST_ID], scanner.values[Slot.LAST_ID]
        order = _continues(feed, own, first_id, last_id, scanner.values[Slot.PREVIOUS_ID])
        if order > 0:
            _tell_update(
                feed, symbol, event_ns, first_id, last_id,
                scanner.bid_count, scanner.ask_count, scanner.levels.ctypes.data, now_ns,
            )  # fmt: skip
            return
        if order == 0:
            own.duplicates += 1
            return
        _lose(feed, symbol, now_ns)
    if own.phase == _FIRST:
        own.phase = _SNAPSHOT
        own.wants_snapshot = 1
    if own.phase == _SNAPSHOT:
        keep_update(feed, symbol, event_ns)
        ask_snapshots(feed, now_ns)


@kernel
def on_snapshot(feed, symbol, now_ns):
    """The scanner holds a snapshot that is meant for this symbol; the updates kept so far join it.

    Only a symbol that waits for one takes it: 1 taken, 0 not. A snapshot from before the first kept update
    is refused and asked for again.
    """
    never_inlined()
    own = feed.symbols[symbol]
    scanner = feed.scanner
    if own.phase != _SNAPSHOT:
        return 0
    own.last_id = scanner.values[Slot.LAST_ID]
    own.phase = _JOINING
    first = 0
    order = 0
    while first < own.pending_count:
        update = own.pending[first]
        order = _continues(feed, own, update.first_id, update.last_id, update.previous_id)
        if order != 0:
            break
        first += 1
    if order < 0:
        own.phase = _SNAPSHOT
        want_snapshot(feed, symbol, now_ns)
        return 0
    own.wants_snapshot = 0
    # Spot snapshots carry no time: the latest that the stream told.
    event_ms = scanner.values[Slot.EVENT_MS]
    action = add_action(feed, _DELTA, symbol, event_ms * 1_000_000 if event_ms > 0 else own.event_ns)
    action.delta_kind = _WHOLE
    action.first_id = own.last_id
    action.last_id = own.last_id
    action.previous_id = 0
    action.bid_count = scanner.bid_count
    action.ask_count = scanner.ask_count
    action.levels_address = scanner.levels.ctypes.data
    for i in range(first, own.pending_count):
        update = own.pending[i]
        order = _continues(feed, own, update.first_id, update.last_id, update.previous_id)
        if order < 0:
            _lose(feed, symbol, now_ns)
            return 1
        if order > 0:
            _tell_update(
                feed, symbol, update.event_ns, update.first_id, update.last_id,
                update.bid_count, update.ask_count, own.pairs.ctypes.data + 16 * update.first_pair, now_ns,
            )  # fmt: skip
    drop_updates(own)
    return 1
