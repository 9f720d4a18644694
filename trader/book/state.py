"""One instrument's book: two sides, its state, its proof against the venue's best quotes.

    INIT --snapshot--> SYNCING --first update that continues it--> LIVE --gap, crossing, mismatch, clear--> STALE
                          ^                                                                                  |
                          +------------------------- clear(SYNCING) by the feed -----------------------------+

Only LIVE may be quoted on. A message that does not fit the state changes nothing and is counted. Kernels take
the BOOK record and message records by their fields; they return flags (CHANGED, TOUCHED, RESYNC).
"""

from enum import IntEnum

import msgspec
import numpy as np

from shm.kernel import inlined, kernel, load_i64
from trader.book.ladder import NONE, SIDE, first_level, level_key, next_level, set_level, side_clear
from trader.book.quote_check import QUOTE_CHECK, TOUCH, forget_pending, forget_quotes, note_quote, note_update
from trader.book.top import forget_newer, note_newer
from trader.compile_hints import never_inlined
from trader.enums import BookState, DeltaKind


class BookConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[book]: how a book is watched."""

    quote_check: bool = True
    """Compare with the venue's best quotes; a difference makes the book STALE and asks for a new snapshot."""

    def problems(self) -> list[str]:
        """Every value that is out of its range, one line each."""
        return []


class ClearCause(IntEnum):
    """Why a book is not to be trusted: in BookClear and BookResync messages and in the counters."""

    NONE = 0
    START = 1
    GAP = 2
    SILENCE = 3
    DISCONNECT = 4
    BAD_FRAMES = 5
    OVERFLOW = 6
    CROSSED = 7
    MISMATCH = 8
    NO_ROOM = 9
    REQUESTED = 10
    HORIZON = 11


CAUSES = 12

CUT_COUNTS = (5, 10, 20, 50, 100, 500, 1000, 5000)
"""Levels a side at which venues cut a snapshot. Behind its last level such a side is unknown, not empty."""

CHANGED, TOUCHED, RESYNC, QUOTED = 1, 2, 4, 8
"""Flags: the top LEVELS or the state may have changed; best bid or ask price changed; a resync must be asked for; a
newer best quote leads the ladder."""

_LIVE, _STALE, _SYNCING, _INIT = (
    np.int64(state) for state in (BookState.LIVE, BookState.STALE, BookState.SYNCING, BookState.INIT)
)
_SNAPSHOT = np.int64(DeltaKind.SNAPSHOT)
_GAP, _CROSSED, _MISMATCH, _NO_ROOM = (
    np.int64(cause) for cause in (ClearCause.GAP, ClearCause.CROSSED, ClearCause.MISMATCH, ClearCause.NO_ROOM)
)
_SILENCE, _DISCONNECT, _HORIZON = (
    np.int64(cause) for cause in (ClearCause.SILENCE, ClearCause.DISCONNECT, ClearCause.HORIZON)
)

BOOK = np.dtype(
    [
        ("state", "i8"),
        ("cause", "i8"),
        ("has_snapshot", "i8"),
        ("last_id", "i8"),
        ("event_ns", "i8"),
        ("quote_check", "i8"),
        ("bid_ticks", "i8"),
        ("ask_ticks", "i8"),
        ("newer", TOUCH),
        ("bid_horizon", "i8"),
        ("ask_horizon", "i8"),
        ("bid_tenth", "i8"),
        ("ask_tenth", "i8"),
        ("updates", "i8"),
        ("snapshots", "i8"),
        ("levels", "i8"),
        ("quotes", "i8"),
        ("ignored", "i8"),
        ("failures", "i8", (CAUSES,)),
        ("check", QUOTE_CHECK),
        ("bids", SIDE),
        ("asks", SIDE),
    ],
    align=True,
)
"""`bid_ticks`, `ask_ticks`: the touch after the last message (0: empty side). `newer`: the venue's best quote that is
ahead of the ladder, id 0 when none is. `bid_tenth`, `ask_tenth`: key of the
last level in the published top, so that a change below it is known not to matter. `bid_horizon`, `ask_horizon`: key
of the last level that a cut snapshot told of. `failures`: by ClearCause."""


def prepare_book(book: np.ndarray, *, quote_check: bool = True) -> None:
    """Make a zeroed BOOK record ready (cold)."""
    for side, sign in (("bids", 1), ("asks", -1)):
        book[side]["sign"] = sign
        book[side]["best"] = -1
    for field in ("bid_tenth", "ask_tenth", "bid_horizon", "ask_horizon"):
        book[field] = NONE
    book["quote_check"] = int(quote_check)


@kernel
def apply_levels(side, pairs, count):
    """Apply `count` pairs (ticks, lots) that stand at the address `pairs`; the best key among them, NONE if none."""
    never_inlined()
    sign = side.sign
    touched = NONE
    for i in range(count):
        key = sign * load_i64(pairs + 16 * i)
        set_level(side, key, load_i64(pairs + 16 * i + 8))
        touched = max(touched, key)
    return touched


@inlined
def best_ticks(side):
    """Best price in ticks, 0 for an empty side."""
    return side.sign * (side.base + side.best) if side.best >= 0 else 0


@inlined
def best_lots(side):
    """Lots at the best price, 0 for an empty side."""
    return side.lots[side.best] if side.best >= 0 else 0


@kernel
def fail(book, cause):
    """The book disproved itself: STALE until a new snapshot. Returns the flags to act on."""
    never_inlined()
    book.state = _STALE
    book.cause = cause
    book.has_snapshot = 0
    book.failures[cause] += 1
    forget_pending(book.check)
    forget_newer(book)
    return CHANGED | RESYNC


@kernel
def _disagree(book, different):
    """The venue's quote differs from our touch. Behind the last level of a cut snapshot that was to be expected:
    levels that never changed since are unknown there. It is no mismatch then, but the book is just as useless."""
    never_inlined()
    check = book.check
    touch = check.last_mismatch
    if touch.bid_ticks < book.bid_horizon or -touch.ask_ticks < book.ask_horizon:
        check.checked -= different
        check.mismatched -= different
        return fail(book, _HORIZON)
    return fail(book, _MISMATCH)


@kernel
def on_delta(book, delta):
    """A BookDelta: levels that changed, or all of them. Flags."""
    never_inlined()
    snapshot = delta.kind == _SNAPSHOT
    if snapshot:
        if book.state != _INIT and book.state != _SYNCING:
            book.ignored += 1
            return 0
        side_clear(book.bids)
        side_clear(book.asks)
        forget_pending(book.check)
        forget_newer(book)
        book.state = _SYNCING
        book.has_snapshot = 1
        book.snapshots += 1
    else:
        if book.has_snapshot == 0:
            book.ignored += 1
            return 0
        if delta.previous_id != book.last_id:
            return fail(book, _GAP)
        book.updates += 1
    bid_key = apply_levels(book.bids, delta.levels_address, delta.bid_count)
    ask_key = apply_levels(book.asks, delta.levels_address + 16 * delta.bid_count, delta.ask_count)
    book.levels += delta.bid_count + delta.ask_count
    book.last_id = delta.last_id
    book.event_ns = delta.event_ns
    flags = 0
    if bid_key >= book.bid_tenth or ask_key >= book.ask_tenth:
        flags = CHANGED
    if snapshot:
        book.bid_horizon = _horizon(book.bids, delta.bid_count)
        book.ask_horizon = _horizon(book.asks, delta.ask_count)
        return flags | CHANGED
    return _settle(book, flags)


@kernel
def _horizon(side, count):
    """Key of the worst level of a snapshot side that was cut, NONE for one that is whole."""
    never_inlined()
    if count not in CUT_COUNTS:
        return NONE
    cursor = first_level(side)
    key = NONE
    while cursor != NONE:
        key = level_key(side, cursor)
        cursor = next_level(side, cursor)
    return key


@inlined
def _settle(book, flags):
    """After an update: is the book sound, is it LIVE, did the touch move?"""
    if book.bids.full or book.asks.full:
        return fail(book, _NO_ROOM)
    bid, ask = best_ticks(book.bids), best_ticks(book.asks)
    if book.bids.best >= 0 and book.asks.best >= 0 and bid >= ask:
        return fail(book, _CROSSED)
    if book.quote_check and note_update(book.check, book.last_id, bid, best_lots(book.bids), ask, best_lots(book.asks)):
        return _disagree(book, 1)
    if book.state != _LIVE:
        book.state = _LIVE
        book.cause = 0
        flags |= CHANGED | TOUCHED
    newer = book.newer
    if newer.id > book.last_id:
        bid, ask = newer.bid_ticks, newer.ask_ticks
    elif newer.id != 0:
        forget_newer(book)
        flags |= CHANGED
    return flags | _touch(book, bid, ask)


@inlined
def _touch(book, bid, ask):
    """Note the touch; TOUCHED if a price of it moved."""
    if bid == book.bid_ticks and ask == book.ask_ticks:
        return 0
    book.bid_ticks = bid
    book.ask_ticks = ask
    return TOUCHED


@kernel
def on_quote(book, quote):
    """A BestQuote of the venue: decides waiting checks, and leads the ladder until an update catches up. Flags."""
    book.quotes += 1
    if book.quote_check:
        different = note_quote(
            book.check, quote.update_id, quote.bid_ticks, quote.bid_lots, quote.ask_ticks, quote.ask_lots
        )
        if different > 0 and book.state == _LIVE:
            return _disagree(book, different)
    if book.state != _LIVE or note_newer(book, quote) == 0:
        return 0
    book.event_ns = max(book.event_ns, quote.event_ns)
    return QUOTED | _touch(book, quote.bid_ticks, quote.ask_ticks)


@kernel
def on_clear(book, state, cause):
    """A BookClear of the feed: STALE or SYNCING. Flags."""
    if cause == _SILENCE or cause == _DISCONNECT:
        forget_quotes(book.check)
    forget_pending(book.check)
    forget_newer(book)
    book.has_snapshot = 0
    changed = book.state != state
    book.state = state
    book.cause = cause
    return CHANGED | TOUCHED if changed else 0
