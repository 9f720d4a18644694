"""What a frame of OKX's stream means for the session.

A book comes as a snapshot, then updates. Where a message has `seqId`, each must continue the one before it
(`prevSeqId`); a sequence that begins anew with a smaller `seqId` is the venue's maintenance. Where it has a checksum,
the book must agree with it: since June 2026 the venue writes 0, which says nothing.
"""

import numpy as np

from shm.kernel import kernel, step, view
from trader.compile_hints import never_inlined
from trader.feed.proof import DEPTH_MAX, proof_of
from trader.feed.proven_stream import settle_book, take_book
from trader.feed.recovery import lose
from trader.feed.session import count_book, on_other_frame, on_stream_frame
from trader.feed.state import FEED, Phase, symbol_of
from trader.feed.told_ids import note_id, was_told
from trader.venues.okx.checksum import checksum
from trader.venues.okx.market import scan
from trader.venues.scanner import ABSENT, DEPTH, SNAPSHOT, Slot

_JOINING = np.int64(Phase.JOINING)


@kernel
def on_text(feed, connection, status, address, length, now_ns):
    """One frame of the market stream; the session asks nothing of REST."""
    if not on_stream_frame(feed, connection, now_ns):
        return
    scanner = feed.scanner
    kind = scan(scanner, address, length)
    if kind == DEPTH or kind == SNAPSHOT:
        count_book(feed)
        _on_book(feed, scanner.symbol, kind == SNAPSHOT, now_ns)
    else:
        on_other_frame(feed, kind, now_ns)


@kernel
def _on_book(feed, symbol, whole, now_ns):
    """A snapshot or an update of one symbol's book; of several channels the first one counts."""
    never_inlined()
    own = symbol_of(feed, symbol)
    values = feed.scanner.values
    if own.channel == 0:
        own.channel = values[Slot.CHANNEL]
    if own.channel != values[Slot.CHANNEL]:
        feed.others += 1
        return
    sequence, previous = values[Slot.LAST_ID], values[Slot.PREVIOUS_ID]
    if not whole and own.phase >= _JOINING and sequence != ABSENT and previous != own.sequence:
        if sequence <= own.sequence and was_told(own, sequence):
            own.duplicates += 1
        else:
            lose(feed, symbol, now_ns)
        return
    if not take_book(feed, symbol, whole, DEPTH_MAX, values[Slot.EVENT_MS] * 1_000_000, now_ns):
        return
    own.sequence = sequence
    if sequence != ABSENT:
        note_id(own, sequence)
    told = values[Slot.CHECKSUM]
    if told == 0 and sequence != ABSENT:
        told = ABSENT
    computed = checksum(proof_of(own), feed.scanner.scales[symbol]) if told != ABSENT else 0
    settle_book(feed, symbol, whole, told, computed, False, now_ns)


@step
def text_entry(feed, connection_and_status, address, length, now_ns):
    """`on_text` for callers that know the session by its address: connection_and_status = connection << 32 | status."""
    on_text(view(feed, FEED), connection_and_status >> 32, connection_and_status & 0xFFFFFFFF, address, length, now_ns)
    return 0
