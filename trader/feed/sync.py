"""One symbol's synchronisation, as the venue documents it: buffer, snapshot, join, continuity.

    futures   drop u < id; the first update has U <= id <= u; then pu == previous u
    spot      drop u <= id; the first update has U <= id + 1 <= u; then U == previous u + 1

`id` is the snapshot's. An update that was already told is a duplicate and is ignored. One that leaves something out,
looks older but was never told, or is still older some seconds after a snapshot, is a gap: STALE at once, then a new
snapshot. `previous_id` of a DELTA action is the `last_id` of the one before it, whatever the venue's rule, so that the
book can check the chain again.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.compile_hints import never_inlined
from trader.enums import DeltaKind
from trader.feed.pending import drop_updates, keep_update
from trader.feed.plan import IdRule
from trader.feed.recovery import ANSWER_NS_MAX, ask_snapshots, lose, want_snapshot
from trader.feed.state import Action, Phase, add_action, symbol_of
from trader.feed.told_ids import note_id, was_told
from trader.venues.scanner import Slot

_FIRST, _SNAPSHOT, _JOINING, _LIVE = (
    np.int64(phase) for phase in (Phase.FIRST, Phase.SNAPSHOT, Phase.JOINING, Phase.LIVE)
)
_DELTA = np.int64(Action.DELTA)
_WHOLE, _CHANGES = np.int64(DeltaKind.SNAPSHOT), np.int64(DeltaKind.UPDATE)
_PREVIOUS = np.int64(IdRule.PREVIOUS)


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
def tell_snapshot(feed, symbol, event_ns, last_id):
    """A DELTA action of the whole book that the scanner holds; no other one is wanted."""
    own = symbol_of(feed, symbol)
    scanner = feed.scanner
    feed.snapshots += 1
    own.wants_snapshot = 0
    own.last_id = last_id
    action = add_action(feed, _DELTA, symbol, event_ns)
    action.delta_kind = _WHOLE
    action.first_id = last_id
    action.last_id = last_id
    action.previous_id = 0
    action.bid_count = scanner.bid_count
    action.ask_count = scanner.ask_count
    action.levels_address = scanner.levels.ctypes.data


@inlined
def tell_update(feed, symbol, event_ns, first_id, last_id, bid_count, ask_count, levels_address, now_ns):
    """A DELTA action of changed levels; the symbol is LIVE with it."""
    own = symbol_of(feed, symbol)
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
def on_depth(feed, symbol, event_ns, now_ns):
    """The scanner holds a depth update of this symbol."""
    never_inlined()
    own = symbol_of(feed, symbol)
    scanner = feed.scanner
    own.last_depth_ns = now_ns
    if own.phase >= _JOINING:
        first_id, last_id = scanner.values[Slot.FIRST_ID], scanner.values[Slot.LAST_ID]
        order = _continues(feed, own, first_id, last_id, scanner.values[Slot.PREVIOUS_ID])
        if order > 0:
            tell_update(
                feed, symbol, event_ns, first_id, last_id,
                scanner.bid_count, scanner.ask_count, scanner.levels.ctypes.data, now_ns,
            )  # fmt: skip
            note_id(own, last_id)
            return
        older = was_told(own, last_id) if own.phase == _LIVE else now_ns < own.retry_ns
        if order == 0 and older:
            own.duplicates += 1
            return
        lose(feed, symbol, now_ns)
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
    own = symbol_of(feed, symbol)
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
    own.retry_ns = now_ns + ANSWER_NS_MAX
    note_id(own, own.last_id)
    # Spot snapshots carry no time: the latest that the stream told.
    event_ms = scanner.values[Slot.EVENT_MS]
    tell_snapshot(feed, symbol, event_ms * 1_000_000 if event_ms > 0 else own.event_ns, own.last_id)
    for i in range(first, own.pending_count):
        update = own.pending[i]
        order = _continues(feed, own, update.first_id, update.last_id, update.previous_id)
        if order < 0:
            lose(feed, symbol, now_ns)
            return 1
        if order > 0:
            tell_update(
                feed, symbol, update.event_ns, update.first_id, update.last_id,
                update.bid_count, update.ask_count, own.pairs.ctypes.data + 16 * update.first_pair, now_ns,
            )  # fmt: skip
            note_id(own, update.last_id)
    drop_updates(own)
    return 1
