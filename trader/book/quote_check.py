"""The book against the venue's own best quotes, continuously and without false alarms.

    quotes   q5 q9 .. q21 .. q30         ring of the last best quotes, by update id
    updates      u7 ..  u18 ..  u40      touch of the book after each depth update

The two streams are not ordered against each other. The check of the update that ends at `u` is decided when
the first quote with id > u has come, against the last quote with id <= u: by then both tell of the same
moment. An update that arrives late finds its quotes in the ring; one that arrives early waits. Comparing on
arrival instead would give hundreds of false alarms on an hour of real data.
"""

import numpy as np

from shm.kernel import address_of, inlined, kernel
from trader.compile_hints import CACHE_LINE_BYTES, expect, never_inlined

QUOTES = 1024
PENDING = 64

TOUCH = np.dtype(
    [("id", "i8"), ("bid_ticks", "i8"), ("bid_lots", "i8"), ("ask_ticks", "i8"), ("ask_lots", "i8")], align=True
)
"""Best bid and ask after the update `id`."""

QUOTE_CHECK = np.dtype(
    [
        ("checked", "i8"),
        ("mismatched", "i8"),
        ("skipped", "i8"),
        ("unordered", "i8"),
        ("quote_count", "i8"),
        ("pending_first", "i8"),
        ("pending_count", "i8"),
        ("last_mismatch", TOUCH),
        ("quotes", TOUCH, (QUOTES,)),
        ("pending", TOUCH, (PENDING,)),
    ],
    align=True,
)
"""`skipped`: updates that no quote could decide (none old enough, or too many waiting). `unordered`: quotes whose
id did not grow; they are ignored. `quote_count`: quotes ever noted; the ring holds the last QUOTES of them."""


@inlined
def forget_pending(check):
    """The book was cleared: what waits for a decision is void."""
    check.pending_count = 0


@inlined
def forget_quotes(check):
    """The quote stream was interrupted: older quotes say nothing of what was missed."""
    check.quote_count = 0
    check.pending_count = 0


@inlined
def _decide(check, quote, touch):
    """Compare one update's touch with the quote that holds for it; 1 if they differ."""
    check.checked += 1
    if (
        quote.bid_ticks == touch.bid_ticks
        and quote.bid_lots == touch.bid_lots
        and quote.ask_ticks == touch.ask_ticks
        and quote.ask_lots == touch.ask_lots
    ):
        return 0
    check.mismatched += 1
    check.last_mismatch.id = touch.id
    check.last_mismatch.bid_ticks = touch.bid_ticks
    check.last_mismatch.bid_lots = touch.bid_lots
    check.last_mismatch.ask_ticks = touch.ask_ticks
    check.last_mismatch.ask_lots = touch.ask_lots
    return 1


@kernel
def note_quote(check, update_id, bid_ticks, bid_lots, ask_ticks, ask_lots):
    """A best quote of the venue. Decides every waiting update below its id; returns how many differ."""
    never_inlined()
    newest = check.quotes[(check.quote_count - 1) & (QUOTES - 1)]
    if check.quote_count > 0 and update_id <= newest.id:
        check.unordered += 1
        return 0
    different = 0
    while check.pending_count > 0 and check.pending[check.pending_first].id < update_id:
        if check.quote_count > 0:
            different += _decide(check, newest, check.pending[check.pending_first])
        else:
            check.skipped += 1
        check.pending_first = (check.pending_first + 1) & (PENDING - 1)
        check.pending_count -= 1
    quote = check.quotes[check.quote_count & (QUOTES - 1)]
    quote.id = update_id
    quote.bid_ticks = bid_ticks
    quote.bid_lots = bid_lots
    quote.ask_ticks = ask_ticks
    quote.ask_lots = ask_lots
    check.quote_count += 1
    expect(address_of(check.quotes[(check.quote_count + 1) & (QUOTES - 1)]), CACHE_LINE_BYTES)
    return different


@kernel
def note_update(check, last_id, bid_ticks, bid_lots, ask_ticks, ask_lots):
    """The book's touch after the depth update that ends at `last_id`; 1 if it is decided and differs.

    An empty side is 0 ticks and 0 lots.
    """
    never_inlined()
    if check.pending_count == PENDING:
        check.pending_first = (check.pending_first + 1) & (PENDING - 1)
        check.pending_count -= 1
        check.skipped += 1
    touch = check.pending[(check.pending_first + check.pending_count) & (PENDING - 1)]
    touch.id = last_id
    touch.bid_ticks = bid_ticks
    touch.bid_lots = bid_lots
    touch.ask_ticks = ask_ticks
    touch.ask_lots = ask_lots
    number = check.quote_count - 1
    if number < 0 or check.quotes[number & (QUOTES - 1)].id <= last_id:
        check.pending_count += 1
        return 0
    oldest = max(0, check.quote_count - QUOTES)
    while number >= oldest and check.quotes[number & (QUOTES - 1)].id > last_id:
        number -= 1
    if number < oldest:
        check.skipped += 1
        return 0
    return _decide(check, check.quotes[number & (QUOTES - 1)], touch)
