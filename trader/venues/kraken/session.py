"""What a frame of Kraken's stream means for the session.

A book comes as a snapshot, then updates, each with a checksum; there is no sequence. Levels beyond the subscribed
depth are not deleted by the venue; the depth is what the answer to the subscription says, else the least one that the
snapshot fits into.
"""

from shm.kernel import kernel, step, view
from trader.compile_hints import never_inlined
from trader.feed.proof import proof_of
from trader.feed.proven_stream import settle_book, take_book
from trader.feed.session import count_book, on_other_frame, on_stream_frame
from trader.feed.state import FEED, symbol_of
from trader.venues.kraken.checksum import checksum
from trader.venues.kraken.fields import DEPTHS
from trader.venues.kraken.market import scan
from trader.venues.scanner import ABSENT, DEPTH, REPLY, SNAPSHOT, Slot


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
        if kind == REPLY and scanner.symbol >= 0 and scanner.values[Slot.DEPTH_LIMIT] > 0:
            symbol_of(feed, scanner.symbol).subscribed_depth = scanner.values[Slot.DEPTH_LIMIT]
        on_other_frame(feed, kind, now_ns)


@kernel
def _on_book(feed, symbol, whole, now_ns):
    """A snapshot or an update of one symbol's book."""
    never_inlined()
    own = symbol_of(feed, symbol)
    values = feed.scanner.values
    depth = own.subscribed_depth
    if whole and depth == 0:
        levels = max(feed.scanner.bid_count, feed.scanner.ask_count)
        for allowed in DEPTHS:
            if depth == 0 and allowed >= levels:
                depth = allowed
    if take_book(feed, symbol, whole, depth, values[Slot.EVENT_NS], now_ns):
        told = values[Slot.CHECKSUM]
        computed = checksum(proof_of(own), feed.scanner.scales[symbol]) if told != ABSENT else 0
        settle_book(feed, symbol, whole, told, computed, True, now_ns)


@step
def text_entry(feed, connection_and_status, address, length, now_ns):
    """`on_text` for callers that know the session by its address: connection_and_status = connection << 32 | status."""
    on_text(view(feed, FEED), connection_and_status >> 32, connection_and_status & 0xFFFFFFFF, address, length, now_ns)
    return 0
