"""A session's actions to message records: BookDelta, BestQuote, Trade, BookClear, filled by their fields."""

from shm.kernel import inlined, kernel
from trader.feed.state import symbol_of


@inlined
def _name(feed, action, record):
    record.symbol_id = action.symbol
    record.venue_id = symbol_of(feed, action.symbol).venue_id
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
    quote.update_id = action.last_id
    quote.bid_ticks = action.bid_ticks
    quote.bid_lots = action.bid_lots
    quote.ask_ticks = action.ask_ticks
    quote.ask_lots = action.ask_lots


@kernel
def fill_trade(feed, action, trade):
    """A TRADE action to a Trade."""
    _name(feed, action, trade)
    trade.trade_id = action.last_id
    trade.side = action.side
    trade.price_ticks = action.price_ticks
    trade.size_lots = action.size_lots


@kernel
def fill_clear(feed, action, clear):
    """A CLEAR action to a BookClear."""
    _name(feed, action, clear)
    clear.state = action.state
    clear.cause = action.cause
