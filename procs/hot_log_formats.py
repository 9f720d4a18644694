"""What the events of compiled code mean to people: level, logger, text and named, typed values. Declared once.

    FORMATS[event] = level, logger, template, fields      a record's six words -> LogLine's message and fields

A field is an int, a float (its bits stand in the record), a member of an IntEnum (shown by name), or a Symbol (shown
by its configured name). Any words give a text: what a format cannot name is shown as the number that it is.
"""

import logging
import math
import string
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum

import msgspec

from procs.hot_log_events import Event
from shm.log_ring import EVENT_BITS, VALUES_MAX
from trader.book.state import ClearCause
from trader.enums import BeliefState, BookState, InstrumentStatus, RefusalReason, Side, TradingState
from trader.risk.state import HaltCause, PullCause
from trader.router.state import Alarm
from trader.tail_risk.recommendation import REASONS

Value = int | float | str


class Symbol(int):
    """The kind of a field that holds a symbol_id."""


class Reasons(int):
    """The kind of a field that holds bits of trader.tail_risk.recommendation."""


class Connection(IntEnum):
    """The router's connections, as its transport numbers them."""

    REST = 0
    ORDER_API = 1
    USER_STREAM = 2


class HotFormat(msgspec.Struct, frozen=True):
    """How one event is told. `fields`: name to kind, in the order of the record's words."""

    level: str
    logger: str
    template: str
    fields: dict[str, type[int] | type[float]]

    def problems(self) -> list[str]:
        """What is wrong with the declaration, one line each."""
        found = []
        if self.level not in logging.getLevelNamesMapping():
            found.append(f"level: found {self.level!r}, allowed a level of logging")
        if len(self.fields) > VALUES_MAX:
            found.append(f"fields: found {len(self.fields)}, allowed {VALUES_MAX}")
        for name, kind in self.fields.items():
            if not (kind in (int, float, Symbol, Reasons) or issubclass(kind, IntEnum)):
                found.append(f"field {name}: found {kind}, allowed int, float, Symbol, Reasons or an IntEnum")
        used = {name for _, name, _, _ in string.Formatter().parse(self.template) if name is not None}
        if used != set(self.fields):
            found.append(f"template: names {sorted(used)}, the fields are {sorted(self.fields)}")
        return found

    def values(self, words: Sequence[int], symbols: Sequence[str]) -> dict[str, Value]:
        """A record's words by name, as JSON can say them. Takes any int64."""
        return {
            name: _value(kind, word, symbols) for (name, kind), word in zip(self.fields.items(), words, strict=False)
        }


def _value(kind: type[int] | type[float], word: int, symbols: Sequence[str]) -> Value:
    if kind is int:
        return word
    if kind is float:
        number: float = struct.unpack("<d", struct.pack("<q", word))[0]
        return number if math.isfinite(number) else str(number)
    if kind is Symbol:
        return symbols[word] if 0 <= word < len(symbols) else f"symbol {word}"
    if kind is Reasons:
        return ", ".join(name for bit, name in REASONS.items() if word & bit) or f"reasons {word}"
    try:
        return str(kind(word).name)  # type: ignore[union-attr]
    except ValueError:
        return f"{kind.__name__} {word}"


# fmt: off
FORMATS: dict[Event, HotFormat] = {
    Event.STEP_FAILED: HotFormat(
        "CRITICAL", "trader.cycle", "the step returned {code} on a message of type {message_type}, sequence {sequence}",
        {"code": int, "message_type": int, "sequence": int}),
    Event.MESSAGES_MISSED: HotFormat(
        "WARNING", "trader.cycle", "{missed} messages missed on inbox {inbox}: its link had no room for them",
        {"inbox": int, "missed": int}),
    Event.HALT_LATCHED: HotFormat(
        "ERROR", "trader.cycle", "no new orders: an outbox that must not lose was full", {}),
    Event.FEED_CONNECTING: HotFormat(
        "INFO", "trader.feed", "connecting to the market stream in {delay_ns} ns, {reconnects} times so far",
        {"reconnects": int, "delay_ns": int}),
    Event.FEED_CLEARED: HotFormat(
        "INFO", "trader.feed", "{symbol}: the stream is {state}, cause {cause}",
        {"symbol": Symbol, "state": BookState, "cause": ClearCause}),
    Event.FEED_SNAPSHOT: HotFormat(
        "INFO", "trader.feed", "{symbol}: snapshot {last_id} with {bids} bids and {asks} asks",
        {"symbol": Symbol, "last_id": int, "bids": int, "asks": int}),
    Event.BOOK_LIVE: HotFormat(
        "INFO", "trader.book", "{symbol}: the book is LIVE at {bid_ticks} / {ask_ticks} ticks, epoch {epoch}",
        {"symbol": Symbol, "epoch": int, "bid_ticks": int, "ask_ticks": int}),
    Event.BOOK_SYNCING: HotFormat(
        "INFO", "trader.book", "{symbol}: the book is SYNCING, cause {cause}, epoch {epoch}",
        {"symbol": Symbol, "epoch": int, "cause": ClearCause}),
    Event.BOOK_STALE: HotFormat(
        "WARNING", "trader.book", "{symbol}: the book is STALE, cause {cause}, epoch {epoch}",
        {"symbol": Symbol, "epoch": int, "cause": ClearCause}),
    Event.BELIEF_DOUBTED: HotFormat(
        "WARNING", "trader.strategy", "{symbol}: no quotes, the volatility estimate is {state}, age {age_ns} ns",
        {"symbol": Symbol, "state": BeliefState, "age_ns": int}),
    Event.BELIEF_TRUSTED: HotFormat(
        "INFO", "trader.strategy", "{symbol}: quotes again, the volatility estimate is {volatility_bps} bps",
        {"symbol": Symbol, "volatility_bps": float}),
    Event.PANIC_BEGAN: HotFormat(
        "WARNING", "trader.signals", "{symbol}: panic, confidence {confidence}, direction {direction}",
        {"symbol": Symbol, "confidence": float, "direction": int}),
    Event.PANIC_ENDED: HotFormat(
        "INFO", "trader.signals", "{symbol}: the panic is over, confidence {confidence}",
        {"symbol": Symbol, "confidence": float}),
    Event.RISK_TIGHTENED: HotFormat(
        "WARNING", "trader.risk",
        "limits are tightened because of {symbol}: sizes {size_permille}, distances {spread_permille} thousandths",
        {"symbol": Symbol, "size_permille": int, "spread_permille": int}),
    Event.RISK_RELEASED: HotFormat(
        "INFO", "trader.risk", "limits are as configured again, {symbol} is calm; tightened {times} times so far",
        {"symbol": Symbol, "times": int}),
    Event.TAIL_RISK_ALERT: HotFormat(
        "WARNING", "trader.tail_risk",
        "{symbol}: alert at level {level} because of {reasons}: "
        "sizes {size_permille}, distances {spread_permille} thousandths",
        {"symbol": Symbol, "level": float, "size_permille": int, "spread_permille": int, "reasons": Reasons}),
    Event.TAIL_RISK_CALM: HotFormat(
        "INFO", "trader.tail_risk", "{symbol}: calm again, {alerts} alerts so far", {"symbol": Symbol, "alerts": int}),
    Event.RISK_REFUSED: HotFormat(
        "INFO", "trader.risk", "{symbol}: order {order} refused, {reason}: found {found}, allowed {allowed}",
        {"symbol": Symbol, "order": int, "reason": RefusalReason, "found": int, "allowed": int}),
    Event.RISK_HALTED: HotFormat(
        "ERROR", "trader.risk", "{trading}: {cause}; stays so until a person re-arms it",
        {"cause": HaltCause, "trading": TradingState}),
    Event.RISK_REARMED: HotFormat(
        "WARNING", "trader.risk", "re-armed: {cause}; trading is {trading}",
        {"cause": HaltCause, "trading": TradingState}),
    Event.QUOTES_PULLED: HotFormat(
        "WARNING", "trader.risk",
        "{symbol}: {bids} bids and {asks} asks pulled, {cause}: found {found_ticks} ticks, allowed {allowed_ticks}",
        {"symbol": Symbol, "cause": PullCause, "bids": int, "asks": int, "found_ticks": int, "allowed_ticks": int}),
    Event.STATUS_CHANGED: HotFormat(
        "WARNING", "trader.risk", "{symbol}: the venue says {status}; orders are sent only while it is TRADING",
        {"symbol": Symbol, "status": InstrumentStatus}),
    Event.ORDER_UNKNOWN: HotFormat(
        "WARNING", "trader.router",
        "{symbol}: what became of order {order} is UNKNOWN ({side} {size_lots} lots at {price_ticks} ticks)",
        {"symbol": Symbol, "order": int, "side": Side, "price_ticks": int, "size_lots": int}),
    Event.ORDER_REJECTED: HotFormat(
        "WARNING", "trader.router", "{symbol}: order {order} rejected by the venue, code {code}",
        {"symbol": Symbol, "order": int, "code": int}),
    Event.ORDER_DENIED: HotFormat(
        "WARNING", "trader.router", "{symbol}: order {order} not sent, {reason}",
        {"symbol": Symbol, "order": int, "reason": RefusalReason}),
    Event.CANCEL_REJECTED: HotFormat(
        "INFO", "trader.router", "{symbol}: cancel of order {order} rejected by the venue, code {code}",
        {"symbol": Symbol, "order": int, "code": int}),
    Event.CONNECTION_LOST: HotFormat(
        "WARNING", "trader.router", "connection {connection} lost, {reconnects} reconnects so far",
        {"connection": Connection, "reconnects": int}),
    Event.RECONCILED: HotFormat(
        "INFO", "trader.router",
        "{symbol}: reconciled {reconciled}, position {position_lots} lots, {open_orders} open orders",
        {"symbol": Symbol, "reconciled": int, "position_lots": int, "open_orders": int}),
    Event.ORDER_ALARM: HotFormat(
        "ERROR", "trader.router", "{symbol}: {alarm}, order {order}: found {found}, allowed {allowed}",
        {"symbol": Symbol, "alarm": Alarm, "order": int, "found": int, "allowed": int}),
}
# fmt: on


def format_problems(formats: Mapping[Event, HotFormat]) -> list[str]:
    """Every contradiction in the table, one line each."""
    found = [f"{event.name}: declared, without a format" for event in Event if event not in formats]
    found += [f"{event.name}: {line}" for event, format_ in formats.items() for line in format_.problems()]
    found += [
        f"{event.name}: number {event}, allowed 1 to {(1 << EVENT_BITS) - 1}"
        for event in Event
        if not 0 < event < 1 << EVENT_BITS
    ]
    return found


assert not format_problems(FORMATS), "\n".join(format_problems(FORMATS))
