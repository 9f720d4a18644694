"""A session and its book under a recorded stream, compiled: frames and snapshots in, and after each: is the book right?

    after every frame: LIVE implies best levels == truth of the last frame delivered

A digit that changes silently is let pass only where the venue says nothing that could tell, and only until it does:
see `_excused`.
"""

from enum import IntEnum

import numpy as np

from procs.recorded_frames import FRAME_ROW, STREAM
from shm.codec import record_dtype
from shm.kernel import inlined, kernel, load_i64, view
from shm.memory import call_entry
from tests.trader.mutation_truth import LEVELS
from trader.book.ladder import NONE, first_level, level_key, level_lots, next_level
from trader.book.state import BOOK, CAUSES, RESYNC, ClearCause, on_clear, on_delta, on_quote
from trader.enums import BookState
from trader.feed.outcome import fill_delta, fill_quote
from trader.feed.session import HTTP_OK, on_resync, on_timer
from trader.feed.state import Action
from trader.messages import BestQuote, BookDelta


class Mutation(IntEnum):
    """What happens to one frame."""

    NONE = 0
    DROP = 1
    DUPLICATE = 2
    REPEAT_LATER = 3
    REORDER = 4
    TRUNCATE = 5
    GARBLE = 6
    DIGIT = 7
    FREEZE = 8


class Wrong(IntEnum):
    """What a slice showed."""

    NOTHING = 0
    LEVELS = 1
    TOUCH = 2
    FROZEN = 3
    SLOW = 4


MUTATIONS = len(Mutation)
BOOK_BYTES = BOOK.itemsize
FRAME_BYTES_MAX = 1 << 17
MS = 1_000_000
STEP_NS_MAX = 400 * MS
TIMER_NS = 100 * MS
RECOVERY_NS_MAX = 2_000 * MS

DRIVER = np.dtype(
    [
        ("entry", "i8"),
        ("feed", "i8"),
        ("feed_fresh", "i8"),
        ("feed_bytes", "i8"),
        ("book_fresh", "i8"),
        ("text", "i8"),
        ("rows", "i8"),
        ("count", "i8"),
        ("steps", "i8"),
        ("truth", "i8"),
        ("replies", "i8"),
        ("slice_frames", "i8"),
        ("silent_digits", "i8"),
        ("whole_books", "i8"),
        ("random", "i8"),
        ("now_ns", "i8"),
        ("timer_ns", "i8"),
        ("known", "i8"),
        ("asked", "i8"),
        ("good_ns", "i8"),
        ("live_ns", "i8"),
        ("total_ns", "i8"),
        ("tainted", "i8"),
        ("maybe", "i8"),
        ("wrong_touch_id", "i8"),
        ("quote_id", "i8"),
        ("first_quote_id", "i8"),
        ("wrong", "i8"),
        ("wrong_at", "i8"),
        ("left_live", "i8"),
        ("was_live", "i8"),
        ("slices", "i8", (MUTATIONS,)),
        ("noticed", "i8", (MUTATIONS,)),
        ("causes", "i8", (MUTATIONS, CAUSES)),
        ("seen", "i8", (CAUSES,)),
        ("delta", record_dtype(BookDelta)),
        ("quote", record_dtype(BestQuote)),
        ("work", "u1", (FRAME_BYTES_MAX,)),
        ("book", BOOK),
    ],
    align=True,
)
"""`replies`: per frame the row of a whole book right after it, or -1. `known`: the frame whose truth the book should
show. `silent_digits`: 1 where a digit may change unnoticed until it reaches the touch, 2 where it may for ever."""

_LIVE = np.int64(BookState.LIVE)
_START = int(ClearCause.START)
_QUOTE, _DELTA, _CLEAR, _REQUEST, _SEND = (
    int(kind) for kind in (Action.QUOTE, Action.DELTA, Action.CLEAR, Action.REQUEST, Action.SEND)
)
_ROW = FRAME_ROW.itemsize
_W_LEVELS, _W_TOUCH, _, _W_SLOW = (int(kind) for kind in list(Wrong)[1:])


@inlined
def row_of(own, place):
    return view(own.rows + place * _ROW, FRAME_ROW)


@inlined
def is_step(own, place):
    return load_i64(own.steps + 8 * place) != 0


@kernel
def _obey(own, feed):
    """Carry the session's actions out; 1 if the book asks for a resync."""
    asked = 0
    for i in range(feed.action_count):
        action = feed.actions[i]
        flags = 0
        if action.kind == _QUOTE:
            fill_quote(feed, action, own.quote)
            own.quote_id = action.last_id
            if own.first_quote_id == 0:
                own.first_quote_id = action.last_id
            flags = on_quote(own.book, own.quote)
        elif action.kind == _DELTA:
            fill_delta(feed, action, own.delta)
            flags = on_delta(own.book, own.delta)
        elif action.kind == _CLEAR:
            own.seen[action.cause] = 1
            own.good_ns = 0
            flags = on_clear(own.book, action.state, action.cause)
        elif action.kind == _REQUEST or action.kind == _SEND:
            own.asked = 1
        asked |= (flags & RESYNC) != 0
    feed.action_count = 0
    return asked


@kernel
def obey_all(own, feed):
    if _obey(own, feed):
        on_resync(feed, 0, own.now_ns)
        _obey(own, feed)


@kernel
def give(own, feed, connection, address, length):
    """One text to the session, and what follows from it."""
    if connection != STREAM:
        feed.snapshot_asked = 1
    call_entry(own.entry, own.feed, connection << 32 | HTTP_OK, address, length, own.now_ns)
    obey_all(own, feed)


@kernel
def pass_time(own, feed, until_ns):
    """Let the session's timer run."""
    while own.timer_ns + TIMER_NS <= until_ns:
        own.timer_ns += TIMER_NS
        own.now_ns = own.timer_ns
        on_timer(feed, own.now_ns)
        obey_all(own, feed)
    if own.book.state == _LIVE:
        own.live_ns += until_ns - own.total_ns
    own.total_ns = until_ns
    own.now_ns = until_ns


@kernel
def _same_level(side, cursor, truth):
    """Whether the level under a cursor is the one at the address `truth`; 0 and 0 there means none."""
    ticks, lots = load_i64(truth), load_i64(truth + 8)
    if cursor == NONE:
        return lots == 0
    return side.sign * level_key(side, cursor) == ticks and level_lots(side, cursor) == lots


@kernel
def _agrees(own, levels):
    """Whether the best `levels` of both sides are those of the frame `known`."""
    for turn in range(2):
        side = own.book.bids if turn == 0 else own.book.asks
        at = own.truth + 16 * LEVELS * (2 * own.known + turn)
        cursor = first_level(side)
        for i in range(levels):
            if not _same_level(side, cursor, at + 16 * i):
                return False
            if cursor != NONE:
                cursor = next_level(side, cursor)
    return True


@kernel
def _excused(own):
    """A silently changed digit, as long as the venue has not told enough to notice it.

    Best quotes decide the touch after the update u when the first of them with a higher id has come; a whole book is
    replaced by the next one; levels behind the touch are nobody's to check.
    """
    if not own.tainted:
        return False
    if own.silent_digits == 2 or own.whole_books:
        return True
    if _agrees(own, 1):
        own.wrong_touch_id = 0
        return True
    if own.wrong_touch_id == 0:
        own.wrong_touch_id = own.book.last_id
    decidable = own.first_quote_id != 0 and own.first_quote_id <= own.wrong_touch_id
    return not decidable or own.quote_id <= own.wrong_touch_id


@kernel
def look(own, place):
    """After a frame: note what is wrong, if anything is."""
    if own.book.state != _LIVE:
        if own.was_live:
            own.left_live = 1
            own.good_ns = 0
        own.was_live = 0
        own.tainted = 0
        own.wrong_touch_id = 0
        if own.good_ns != 0 and own.now_ns - own.good_ns > RECOVERY_NS_MAX and own.wrong == 0:
            own.wrong = _W_SLOW
            own.wrong_at = place
        return
    own.was_live = 1
    if own.wrong != 0 or _agrees(own, LEVELS):
        return
    known = own.known
    own.known = max(own.maybe, known)
    if _agrees(own, LEVELS) or _excused(own):
        return
    own.known = known
    if not _excused(own):
        own.wrong = _W_LEVELS if _agrees(own, 1) else _W_TOUCH
        own.wrong_at = place


@kernel
def frame(own, feed, place):
    """Deliver a frame as it was recorded."""
    row = row_of(own, place)
    give(own, feed, STREAM, own.text + row.offset, row.length)
    if is_step(own, place):
        own.tainted = 0 if own.whole_books else own.tainted
        own.known = max(own.known, place)


@kernel
def answer(own, feed, place):
    """Deliver a snapshot if one was asked for and this is a place to have one."""
    reply = load_i64(own.replies + 8 * place)
    if own.asked and reply >= 0:
        own.asked = 0
        row = row_of(own, reply)
        own.known = max(own.known, place)
        give(own, feed, row.connection, own.text + row.offset, row.length)
        if own.good_ns == 0:
            own.good_ns = own.now_ns
