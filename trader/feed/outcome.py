"""A session's actions to message records: BookDelta, BestQuote, Trade, BookClear, filled by their fields."""

from shm.kernel import inlined, kernel
from trader.enums import Side
from trader.venues.binance.fields import Slot

_BUY, _SELL = int(Side.BUY), int(Side.SELL)


@inlined
def _name(feed, action, record):
    record.symbol_id = action.symbol
    record.venue_id = feed.symbols[action.symbol].venue_id
    record.event_ns = action.event_ns


@kernel
def fill_delta(feed, action, delta):
    """A DELTA action to a BookDelta; its levels stay where they are."""
    _name(feed, action, delta)
    delta.kind = action.delta_kind
    delta.first_id = action.first_id
    delta.last_id = action.last_id
    delta.previous_id = action.previous_id
    delta.bid_count = action.bid_count
    delta.ask_count = action.ask_count
    delta.levels_address = action.levels_address
    delta.levels_length = 16 * (action.bid_count + action.ask_count)


@kernel
def fill_quote(feed, action, quote):
    """A QUOTE action to a BestQuote."""
    _name(feed, action, quote)
    values = feed.scanner.values
    quote.update_id = values[Slot.LAST_ID]
    quote.bid_ticks = values[Slot.BID]
    quote.bid_lots = values[Slot.BID_SIZE]
    quote.ask_ticks = values[Slot.ASK]
    quote.ask_lots = values[Slot.ASK_SIZE]


@kernel
def fill_trade(feed, action, trade):
    """A TRADE action to a Trade: where the buyer is the maker, the seller is the aggressor."""
    _name(feed, action, trade)
    values = feed.scanner.values
    trade.trade_id = values[Slot.TRADE_ID]
    trade.side = _SELL if values[Slot.MAKER] != 0 else _BUY
    trade.price_ticks = values[Slot.PRICE]
    trade.size_lots = values[Slot.SIZE]


@kernel
def fill_clear(feed, action, clear):
    """A CLEAR action to a BookClear."""
    _name(feed, action, clear)
    clear.state = action.state
    clear.cause = action.cause
