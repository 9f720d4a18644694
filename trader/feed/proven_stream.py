"""Books that come as a snapshot and updates on the stream and prove themselves by checksums: one symbol's session.

    SNAPSHOT --snapshot--> JOINING --update whose checksum agrees--> LIVE --disagrees, gap, crossed--> STALE, SNAPSHOT
                     \\--- its own checksum agrees, or none is to come ---^

A venue's session calls, for each book that the scanner holds: `take_book` (does it apply, and what does the book look
like then), its own checksum over the PROOF, and `settle_book` (tell it downstream, or give it up). Nothing that has
not agreed is told. Ids downstream are our own count: these venues have none, or none without holes.
"""

import numpy as np

from shm.kernel import inlined, kernel
from trader.book.state import ClearCause
from trader.compile_hints import never_inlined
from trader.enums import BookState
from trader.feed.proof import DEPTH_MAX, FULL, apply_to_proof, clear_proof, is_crossed, proof_of
from trader.feed.recovery import begin_sync, clear_book, lose
from trader.feed.state import Phase, symbol_of
from trader.feed.sync import tell_snapshot, tell_update
from trader.venues.scanner import ABSENT

_IDLE, _SNAPSHOT, _JOINING = np.int64(Phase.IDLE), np.int64(Phase.SNAPSHOT), np.int64(Phase.JOINING)
_SYNCING = np.int64(BookState.SYNCING)
_MISMATCH, _CROSSED, _OVERFLOW, _START = (
    np.int64(cause) for cause in (ClearCause.MISMATCH, ClearCause.CROSSED, ClearCause.OVERFLOW, ClearCause.START)
)


@kernel
def take_book(feed, symbol, whole, depth, event_ns, now_ns):
    """Apply the scanner's book (`whole`: a snapshot) to the symbol's PROOF, cut at `depth`: 1 if it is to be settled.

    An update while no snapshot has come is left out; a further snapshot begins the book anew, and one that has more
    than `depth` levels says that the depth is larger. An update older than the last (0: it has no time) is out of
    order: two that change the same level would both agree with their checksums and leave the wrong one of them.
    """
    never_inlined()
    own = symbol_of(feed, symbol)
    scanner = feed.scanner
    bids, asks = scanner.bid_count, scanner.ask_count
    proof = proof_of(own)
    if whole:
        if own.phase == _IDLE:
            return 0
        if own.phase != _SNAPSHOT:
            clear_book(feed, symbol, _SYNCING, _START)
        own.phase = _SNAPSHOT
        own.event_ns = event_ns if event_ns > 0 else own.event_ns
        own.depth_limit = max(depth, max(bids, asks))
        clear_proof(proof)
    elif own.phase < _JOINING:
        own.early += 1
        return 0
    elif 0 < event_ns < own.event_ns:
        # Twice, with a snapshot between: it was the last time that was wrong.
        own.event_ns = 0 if own.was_older else own.event_ns
        own.was_older = 1
        lose(feed, symbol, now_ns)
        return 0
    else:
        own.was_older = 0
    own.last_depth_ns = now_ns
    own.event_ns = max(own.event_ns, event_ns)
    room = FULL if own.depth_limit > DEPTH_MAX else 0
    if room != FULL:
        levels, lengths = scanner.levels.ctypes.data, scanner.lengths.ctypes.data
        room = apply_to_proof(proof, levels, lengths, bids, asks, own.depth_limit)
    if room == FULL:
        own.overflows += 1
        begin_sync(feed, symbol, _OVERFLOW, now_ns)
        return 0
    if is_crossed(proof):
        _disprove(feed, own, symbol, _CROSSED, now_ns)
        return 0
    return 1


@inlined
def _disprove(feed, own, symbol, cause, now_ns):
    own.mismatched += 1
    feed.mismatched += 1
    begin_sync(feed, symbol, cause, now_ns)


@kernel
def settle_book(feed, symbol, whole, told, computed, provable, now_ns):
    """The book that was taken has the checksum `computed`, the venue told `told` (or ABSENT): tell it, or give it up.

    `provable`: a snapshot without a checksum waits for the first update, which has one, before it is LIVE.
    """
    never_inlined()
    own = symbol_of(feed, symbol)
    if told != ABSENT:
        own.checked += 1
        feed.checked += 1
        if told != computed:
            _disprove(feed, own, symbol, _MISMATCH, now_ns)
            return
    scanner = feed.scanner
    bids, asks, levels = scanner.bid_count, scanner.ask_count, scanner.levels.ctypes.data
    if whole:
        tell_snapshot(feed, symbol, own.event_ns, own.last_id + 1)
        own.phase = _JOINING
        if told == ABSENT and provable:
            return
        bids = asks = 0
    _tell(feed, own, symbol, bids, asks, levels, now_ns)
    proof = proof_of(own)
    if proof.gone_bids + proof.gone_asks > 0:
        _tell(feed, own, symbol, proof.gone_bids, proof.gone_asks, proof.gone.ctypes.data, now_ns)


@inlined
def _tell(feed, own, symbol, bids, asks, levels, now_ns):
    following = own.last_id + 1
    tell_update(feed, symbol, own.event_ns, following, following, bids, asks, levels, now_ns)
