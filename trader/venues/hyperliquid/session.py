"""What a frame of Hyperliquid's stream means for the session.

A book comes whole each time and is ordered by its time, the only sequence there is; a best quote is compared with the
book of the same moment, by that time. Trades from before the subscription are history and are left out.
"""

from shm.kernel import kernel, step, view
from trader.compile_hints import never_inlined
from trader.feed.session import count_book, on_other_frame, on_stream_frame, tell_quote, tell_trade
from trader.feed.state import FEED, symbol_of
from trader.feed.whole_books import on_whole_book
from trader.venues.hyperliquid.market import scan
from trader.venues.scanner import SNAPSHOT, TICKER, TRADE, Slot


@kernel
def on_text(feed, connection, status, address, length, now_ns):
    """One frame of the market stream; the session asks nothing of REST."""
    if not on_stream_frame(feed, connection, now_ns):
        return
    scanner = feed.scanner
    kind = scan(scanner, address, length)
    symbol = scanner.symbol
    values = scanner.values
    event_ns = values[Slot.EVENT_MS] * 1_000_000
    if kind == SNAPSHOT:
        count_book(feed)
        on_whole_book(feed, symbol, event_ns, now_ns)
    elif kind == TICKER:
        tell_quote(
            feed, symbol, event_ns, values[Slot.LAST_ID],
            values[Slot.BID], values[Slot.BID_SIZE], values[Slot.ASK], values[Slot.ASK_SIZE], now_ns,
        )  # fmt: skip
    elif kind == TRADE:
        _tell_new_trades(feed)
    else:
        on_other_frame(feed, kind, now_ns)


@kernel
def _tell_new_trades(feed):
    """Trades since the symbol's first book on this connection."""
    never_inlined()
    for i in range(feed.scanner.trade_count):
        trade = feed.scanner.trades[i]
        own = symbol_of(feed, trade.symbol)
        if own.first_event_ns != 0 and trade.event_ns >= own.first_event_ns:
            tell_trade(
                feed, trade.symbol, trade.event_ns, trade.trade_id, trade.side, trade.price_ticks, trade.size_lots
            )  # fmt: skip
        else:
            feed.history += 1


@step
def text_entry(feed, connection_and_status, address, length, now_ns):
    """`on_text` for callers that know the session by its address: connection_and_status = connection << 32 | status."""
    on_text(view(feed, FEED), connection_and_status >> 32, connection_and_status & 0xFFFFFFFF, address, length, now_ns)
    return 0
