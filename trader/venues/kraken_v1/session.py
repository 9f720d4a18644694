"""What a frame of Kraken's first stream means for the session.

A book comes as a snapshot, then updates, each with a checksum; there is no sequence. A snapshot has none: the book is
LIVE with the first update that agrees. Levels beyond the subscribed depth are not deleted by the venue.
"""

from shm.kernel import kernel, step, view
from trader.compile_hints import never_inlined
from trader.feed.proof import proof_of
from trader.feed.proven_stream import settle_book, take_book
from trader.feed.session import count_book, on_other_frame, on_stream_frame
from trader.feed.state import FEED, symbol_of
from trader.venues.kraken_v1.checksum import checksum
from trader.venues.kraken_v1.market import scan
from trader.venues.scanner import ABSENT, DEPTH, SNAPSHOT, Slot


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
    """A snapshot or an update of one symbol's book."""
    never_inlined()
    values = feed.scanner.values
    if take_book(feed, symbol, whole, values[Slot.DEPTH_LIMIT], values[Slot.EVENT_NS], now_ns):
        told = values[Slot.CHECKSUM]
        computed = checksum(proof_of(symbol_of(feed, symbol)), feed.scanner.scales[symbol]) if told != ABSENT else 0
        settle_book(feed, symbol, whole, told, computed, True, now_ns)


@step
def text_entry(feed, connection_and_status, address, length, now_ns):
    """`on_text` for callers that know the session by its address: connection_and_status = connection << 32 | status."""
    on_text(view(feed, FEED), connection_and_status >> 32, connection_and_status & 0xFFFFFFFF, address, length, now_ns)
    return 0
