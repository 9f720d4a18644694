"""Slices of recorded streams with one mutation each, compiled.

    connect -> frames .. snapshot when it is asked for .. LIVE .. | mutation | .. frames .. LIVE again

A slice follows from (stream, seed, mutation).
"""

import numpy as np

from procs.recorded_frames import STREAM
from shm.kernel import address_of, copy, inlined, kernel, load_u8, store_u8, view
from tests.trader.mutation_driver import (
    BOOK_BYTES,
    MUTATIONS,
    STEP_NS_MAX,
    TIMER_NS,
    Mutation,
    Wrong,
    answer,
    frame,
    give,
    is_step,
    look,
    obey_all,
    pass_time,
    row_of,
)
from tests.trader.scanner_fuzz import draw
from trader.book.state import CAUSES, ClearCause
from trader.enums import BookState
from trader.feed.session import on_connected, on_run
from trader.feed.state import FEED

_LIVE = np.int64(BookState.LIVE)
_START = int(ClearCause.START)
_ZERO, _NINE = ord("0"), ord("9")
_JUNK = np.frombuffer(b'x{}[]":,\x01 ', dtype=np.uint8).copy()
_DROP, _DUPLICATE, _LATER, _REORDER, _TRUNCATE, _GARBLE, _DIGIT, _FREEZE = (int(kind) for kind in list(Mutation)[1:])
_W_FROZEN = int(Wrong.FROZEN)


@kernel
def _damaged(own, feed, place, mutation):
    """Deliver a frame cut short, with one byte of junk, or with one digit changed."""
    row = row_of(own, place)
    length = row.length
    work = own.work.ctypes.data
    copy(work, own.text + row.offset, length)
    at = draw(own, length)
    if mutation == _TRUNCATE:
        length = at
    elif mutation == _GARBLE:
        junk = _JUNK[draw(own, _JUNK.size)]
        store_u8(work + at, junk if load_u8(work + at) != junk else _JUNK[0])
        own.maybe = place
    else:
        while not _ZERO <= load_u8(work + at) <= _NINE:
            at = (at + 1) % length
        digit = load_u8(work + at) - _ZERO
        store_u8(work + at, _ZERO + (digit + 1 + draw(own, 9)) % 10)
        own.maybe = place
        own.tainted = own.silent_digits != 0
    give(own, feed, STREAM, work, length)


@kernel
def _begin(own, seed):
    """A fresh session that is connected, and a fresh book; returns the place where the slice starts."""
    copy(own.feed, own.feed_fresh, own.feed_bytes)
    copy(address_of(own.book), own.book_fresh, BOOK_BYTES)
    own.random = seed * 2_654_435_761 + 88_172_645_463_325_252
    for _ in range(4):
        draw(own, 2)
    own.now_ns = own.timer_ns = own.total_ns = own.live_ns = own.good_ns = 0
    own.asked = own.tainted = own.wrong_touch_id = own.quote_id = own.first_quote_id = 0
    own.wrong = own.wrong_at = own.left_live = own.was_live = 0
    own.known = own.maybe = 0
    for cause in range(CAUSES):
        own.seen[cause] = 0
    feed = view(own.feed, FEED)
    on_run(feed, 0)
    on_connected(feed, 0)
    obey_all(own, feed)
    return draw(own, max(own.count - own.slice_frames, 1))


@kernel
def _play(own, feed, place):
    """A frame as recorded, after the time between it and the one before."""
    frame(own, feed, place)
    answer(own, feed, place)
    look(own, place)


@inlined
def _play_again(own, feed, place):
    """A frame that is not in its place; nothing is answered there."""
    frame(own, feed, place)
    look(own, place)


@inlined
def _wait(own, feed, place, start):
    row, before = row_of(own, place), row_of(own, max(place - 1, start))
    pass_time(own, feed, own.now_ns + min(max(row.now_ns - before.now_ns, 0), STEP_NS_MAX))


@kernel
def run_slice(own, seed, mutation):
    """One slice with one mutation (Mutation): what was wrong (Wrong, 0 for nothing)."""
    start = _begin(own, seed)
    feed = view(own.feed, FEED)
    end = min(start + own.slice_frames, own.count)
    own.known = start
    due = start + (end - start) // 4 + draw(own, (end - start) // 4)
    later = held = -1
    for place in range(start, end):
        _wait(own, feed, place, start)
        chosen = mutation != 0 and place >= due and own.was_live and (is_step(own, place) or draw(own, 4) == 0)
        if not chosen:
            _play(own, feed, place)
            if held >= 0 and is_step(own, place):
                _play_again(own, feed, held)
                held = -1
            if later >= 0 and place >= due:
                _play_again(own, feed, later)
                later = -1
            continue
        own.slices[mutation] += 1
        due = end
        if mutation == _FREEZE:
            pass_time(own, feed, own.now_ns + feed.silence_ns_max + 2 * TIMER_NS)
            own.wrong = _W_FROZEN if own.book.state == _LIVE else own.wrong
            own.left_live = own.book.state != _LIVE
            break
        if mutation == _DUPLICATE or mutation == _LATER:
            _play(own, feed, place)
        if mutation == _DUPLICATE:
            _play_again(own, feed, place)
        elif mutation == _LATER:
            later = place
            due = place + 2 + draw(own, 8)
        elif mutation == _REORDER:
            held = place
        elif mutation != _DROP:
            _damaged(own, feed, place, mutation)
            look(own, place)
        mutation = 0
    return own.wrong


@kernel
def run_slices(own, first, count):
    """Slices of seeds first to first + count - 1, mutations by turns, up to the first wrong one: how many are right."""
    for seed in range(first, first + count):
        mutation = 1 + seed % (MUTATIONS - 1)
        if run_slice(own, seed, mutation) != 0:
            return seed - first
        noticed = False
        for cause in range(_START + 1, CAUSES):
            own.causes[mutation, cause] += own.seen[cause] != 0
            noticed = noticed or own.seen[cause] != 0
        own.noticed[mutation] += noticed
    return count
