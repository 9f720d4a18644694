"""What the states, cells and histograms of a run say, as plain numbers: read without a lock, while it runs or after.

Each number is one int64 with one writer, so each is true; two of them may be a few microseconds apart.
Records are found in a stage's STATE by their type (FEED, BOOK, RISK, DESK, ROUTER, ACCOUNT), wherever they stand.
"""

import functools
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from procs.run_segments import SHARED_LINKS
from procs.topology import LINKS, Full, Link, inboxes
from procs.wiring import histogram_offset, latency_bytes, stage_module
from shm.control import ControlCell, load_word
from shm.histogram import percentile
from shm.layout import RING_HEAD_MISSED, RING_HEADS, WORD_SPACING_BYTES
from trader.book.state import BOOK, ClearCause
from trader.enums import OrderState, RefusalReason
from trader.exchange.account import ACCOUNT
from trader.feed.state import FEED
from trader.orders import ORDER_SLOTS_MAX
from trader.risk.state import RISK
from trader.router.state import ROUTER
from trader.strategy.lines import DESK
from trader.units import format_units

E8 = 100_000_000

HOP_INBOXES = {
    "feed": ("feed", "feed_wire_in"),
    "feed_book": ("book", "feed_book"),
    "book_strategy": ("strategy", "book_top"),
    "strategy_risk": ("risk", "strategy_risk"),
    "risk_router": ("router", "risk_router"),
}
"""The stage and the inbox that measure a hop; `tick_to_order` has a histogram of its own."""


class Memory(Protocol):
    """Where a run's numbers stand: RunSegments, or a backtest's own memory."""

    def state(self, stage: str) -> np.ndarray:
        """A stage's state record, an array of one."""

    def cell(self, stage: str) -> ControlCell:
        """A stage's control cell."""

    def histogram(self, stage: str, offset: int) -> Any:
        """One of a stage's histograms."""

    def instruments(self) -> np.ndarray:
        """The instruments, by symbol_id."""

    def links_of(self, links: tuple[Link, ...] = SHARED_LINKS) -> dict[str, int]:
        """Addresses of links by name."""


@functools.cache
def _path(stage: str, wanted: str) -> tuple[str, ...]:
    """Names of the fields that lead to the record of a type in a stage's STATE."""
    found = _search(stage_module(stage).STATE, _TYPES[wanted])
    if not found:
        raise LookupError(f"the state of stage {stage} holds no {wanted}")
    return found


_TYPES = {"FEED": FEED, "BOOK": BOOK, "RISK": RISK, "DESK": DESK, "ROUTER": ROUTER, "ACCOUNT": ACCOUNT}


def _search(dtype: np.dtype, wanted: np.dtype) -> tuple[str, ...]:
    for name in dtype.names or ():
        inner = dtype[name].base
        if inner == wanted:
            return (name,)
        below = _search(inner, wanted)
        if below:
            return (name, *below)
    return ()


def record_of(memory: Memory, stage: str, wanted: str) -> Any:
    """A stage's record (or array of records) of a type: "FEED", "BOOK", "RISK", "DESK", "ROUTER", "ACCOUNT"."""
    found: Any = memory.state(stage)[0]
    for name in _path(stage, wanted):
        found = found[name]
    return found


@dataclass(frozen=True)
class Units:
    """An instrument's name and how its integers are written."""

    symbol: str
    price_decimals: int
    tick_multiple: int
    size_decimals: int
    lot_multiple: int

    def price(self, ticks: int) -> str:
        """Decimal text of a price."""
        return format_units(ticks, decimals=self.price_decimals, multiple=self.tick_multiple)

    def size(self, lots: int) -> str:
        """Decimal text of a size or a position in the base asset."""
        return format_units(lots, decimals=self.size_decimals, multiple=self.lot_multiple)


def units_of_run(memory: Memory) -> list[Units]:
    """The instruments of a run by symbol_id; empty until the venue has named them."""
    found = []
    for row in memory.instruments():
        length = int(row["symbol_length"])
        if length == 0:
            break
        name = row["symbol"][:length].tobytes().decode("ascii", "replace")
        numbers = (int(row[key]) for key in ("price_decimals", "tick_multiple", "size_decimals", "lot_multiple"))
        found.append(Units(name, *numbers))
    return found


@dataclass(frozen=True)
class Latency:
    """Of one hop, nanoseconds; all 0 while nothing was measured."""

    count: int
    p50: int
    p99: int
    p999: int
    max: int


def latency_of(histogram: Any) -> Latency:
    """Percentiles of one HISTOGRAM."""
    total, largest, counts = int(histogram["count"]), int(histogram["max"]), histogram["counts"]
    p50, p99, p999 = (min(int(percentile(counts, total, share)), largest) for share in (0.5, 0.99, 0.999))
    return Latency(total, p50, p99, p999, largest)


def latencies(memory: Memory) -> dict[str, Latency]:
    """Every hop, in flow order, and `tick_to_order`: from the market frame's receipt to the order's bytes sent."""
    found = {
        hop: latency_of(memory.histogram(stage, _offset(stage, link, "hop")))
        for hop, (stage, link) in HOP_INBOXES.items()
    }
    found["tick_to_order"] = latency_of(memory.histogram("router", latency_bytes("router")))
    return found


@functools.cache
def _offset(stage: str, link: str, measure: str) -> int:
    return histogram_offset(stage, link, measure)


@functools.cache
def _inbox_offsets(stage: str, measure: str) -> tuple[int, ...]:
    return tuple(_offset(stage, link.name, measure) for link in inboxes(stage) if link.when_full is not Full.SET)


def messages_taken(memory: Memory, stage: str) -> int:
    """Messages that a stage has taken from its links; cancels, commands and timers are not counted."""
    return sum(int(memory.histogram(stage, offset)["count"]) for offset in _inbox_offsets(stage, "hop"))


def service_ns(memory: Memory, stage: str) -> int:
    """Time that a stage has spent in its step."""
    return sum(int(memory.histogram(stage, offset)["sum"]) for offset in _inbox_offsets(stage, "service"))


@dataclass(frozen=True)
class Orders:
    """Counts since the start. `placed`: handed to the venue; `filled`: executions; `denied`: refused here; `pulled`: by
    risk, because the market left them behind; `unknown`: outcome not known now; `open`: live now."""

    placed: int
    acked: int
    filled: int
    canceled: int
    expired: int
    rejected: int
    denied: int
    pulled: int
    unknown: int
    open: int


def orders_of(memory: Memory) -> Orders:
    """The router's counts, with what risk refused."""
    router, risk = record_of(memory, "router", "ROUTER"), record_of(memory, "risk", "RISK")
    unknown = int(np.count_nonzero(router["orders"]["state"][:ORDER_SLOTS_MAX] == OrderState.UNKNOWN))
    return Orders(
        placed=int(router["placed"]),
        acked=int(router["acked"]),
        filled=int(router["filled"]),
        canceled=int(router["canceled"]),
        expired=int(router["expired"]),
        rejected=int(router["rejected"]),
        denied=int(router["denied"]) + int(risk["refused"]),
        pulled=int(risk["pulled"]),
        unknown=unknown,
        open=int(router["open_orders"]),
    )


def pnl_of(memory: Memory) -> float:
    """Profit and loss since the start at the last mids, fees included, in the quote currency."""
    risk = record_of(memory, "risk", "RISK")
    return int(risk["pnl_e8"] + risk["earlier_pnl_e8"]) / E8


def positions_of(memory: Memory, symbols: int) -> dict[str, list[int]]:
    """Lots held, by symbol_id, as each party counts them: risk, router, strategy, and the exchange's ledger."""
    risk, router = record_of(memory, "risk", "RISK"), record_of(memory, "router", "ROUTER")
    desk = record_of(memory, "strategy", "DESK")
    rows = range(symbols)
    return {
        "risk": [int(risk["symbols"][row]["position"]["lots"]) for row in rows],
        "router": [int(router["position_lots"][row]) for row in rows],
        "strategy": [int(desk["symbols"][row]["ledger"]["lots"]) for row in rows],
        "exchange": [int(ledger_of(memory, row)["position_lots"]) for row in rows],
    }


def ledger_of(memory: Memory, symbol_id: int) -> Any:
    """The exchange's own LEDGER of our account in one symbol: the oracle."""
    return record_of(memory, "exchange", "ACCOUNT")["ledger"][symbol_id]


@dataclass(frozen=True)
class BookChecks:
    """Proof of all books: updates compared with the venue's best quotes, differences, gaps, new snapshots."""

    checked: int
    mismatched: int
    gaps: int
    resyncs: int


def book_checks(memory: Memory, symbols: int) -> BookChecks:
    """Sums over all books. A gap is seen by the feed, or else by the book behind it."""
    books, feed = record_of(memory, "book", "BOOK")[:symbols], record_of(memory, "feed", "FEED")
    check = books["check"]
    return BookChecks(
        checked=int(check["checked"].sum() + feed["checked"]),
        mismatched=int(check["mismatched"].sum() + feed["mismatched"]),
        gaps=int(feed["gaps"]) + int(books["failures"][:, ClearCause.GAP].sum()),
        resyncs=int(feed["resyncs"]),
    )


def market_frames(memory: Memory) -> int:
    """Frames of the venue's market stream that the feed has taken."""
    return int(record_of(memory, "feed", "FEED")["messages"])


def quoted_share(memory: Memory) -> float:
    """Share of the time with a LIVE book in which both sides were quoted, 0 to 1."""
    desk = record_of(memory, "strategy", "DESK")
    live_ns = int(desk["live_ns"])
    return int(desk["quoted_both_ns"]) / live_ns if live_ns else 0.0


def first_quote_ns(memory: Memory) -> int:
    """When quoting on both sides began, by the strategy's own accounts; 0 while no order was wanted.

    Exact as long as nothing has interrupted the quotes since, so it is asked for soon after they began.
    """
    desk = record_of(memory, "strategy", "DESK")
    if not desk["intents"]:
        return 0
    began = [
        int(symbol["accrued_ns"]) - int(symbol["quoted_both_ns"])
        for symbol in desk["symbols"][: int(desk["symbol_count"])]
        if symbol["busy_bids"] or symbol["busy_asks"] or symbol["quoted_both_ns"]
    ]
    return min(began, default=0)


def drops(memory: Memory) -> dict[str, int]:
    """Messages lost or refused, by link: overtaken on a ring (its reader counts), turned away by a full DENY link."""
    addresses = memory.links_of()
    found = {}
    for link in SHARED_LINKS:
        if link.when_full in (Full.LATEST, Full.SET):
            continue
        missed = 0
        for index in range(len(link.consumers)):
            head = addresses[link.name] + RING_HEADS + index * WORD_SPACING_BYTES
            missed += int(load_word(head + RING_HEAD_MISSED))
        found[link.name] = missed
    found["book_market"] += int(memory.state("book")[0]["market_dropped"])
    found["strategy_risk"] += int(record_of(memory, "strategy", "DESK")["denied"])
    found["risk_router"] += int(record_of(memory, "risk", "RISK")["refused_by_reason"][RefusalReason.NO_ROOM])
    return found


MAY_LOSE = {link.name for link in LINKS if link.when_full in (Full.DROP, Full.DENY)}
"""Links on which a loss is foreseen: the reader sees the gap, or the sender is told."""
