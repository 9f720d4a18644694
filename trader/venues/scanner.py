"""What a venue's scanner leaves behind: one record, the same for every venue, and the units that it reads by.

scan(scanner, address, length) -> MarketKind        every venue's `market` module has one

DEPTH     levels that changed: `bid_count`, `ask_count`, `levels`; ids, time and checksum in `values`
SNAPSHOT  all levels of one symbol, likewise
TICKER    best bid and offer in `values`
TRADE     one trade in `values`, or `trade_count` of them in `trades`
REPLY     the answer to a request; OTHER: nothing of ours; BAD: refused, see `fault` and `fault_offset`
"""

from enum import IntEnum

import numpy as np

from shm.kernel import inlined, kernel, load_u8
from trader.compile_hints import never_inlined
from trader.enums import Side
from trader.instrument import SYMBOL_BYTES_MAX
from trader.intrinsics import move
from trader.venues.decimals import SCALE, fill_scale
from trader.venues.json_bytes import FAULT, FRAME_BYTES_MAX, QUOTE, Fault, refuse, skip_space, skip_string
from trader.venues.json_walk import open_text
from trader.venues.level_shape import SHAPES_SEEN, USUAL

SCANNER_SYMBOLS_MAX = 64
"""Symbols that one scanner knows."""

LEVELS_MAX = 10_240
"""Levels of both sides in one message: a 5,000-level snapshot and some."""

SIDE_LEVELS_MAX = LEVELS_MAX // 2
"""Where sides may come in any order: asks are read behind the room of the bids, and then join them."""

TRADES_MAX = 128
"""Trades of one message that are kept, the first ones; `trades_left_out` counts the others."""

ABSENT, FOREIGN = -1, -2
"""What a frame does not tell (a symbol, an id, a checksum), and a symbol that is none of ours."""

EVENT_MS_MAX = 9_000_000_000_000
"""Venue times beyond the year 2255 are refused: in nanoseconds they would not fit int64."""


class MarketKind(IntEnum):
    """What a market frame is."""

    BAD = -1
    OTHER = 0
    DEPTH = 1
    TICKER = 2
    TRADE = 3
    SNAPSHOT = 4
    REPLY = 5


class Slot(IntEnum):
    """Where a value goes; also its bit in `seen`. Up to MAKER an int64 each; the rest have their own places."""

    SKIP = 0
    EVENT_MS = 1
    FIRST_ID = 2
    LAST_ID = 3
    PREVIOUS_ID = 4
    TRADE_ID = 5
    BID = 6
    BID_SIZE = 7
    ASK = 8
    ASK_SIZE = 9
    PRICE = 10
    SIZE = 11
    MAKER = 12
    EVENT_TYPE = 13
    SYMBOL = 14
    BIDS = 15
    ASKS = 16
    CHECKSUM = 17
    DEPTH_LIMIT = 18
    CHANNEL = 19
    EVENT_NS = 20


# Plain integers for kernels: an enum member would be a type of its own, and each mix one more compilation.
BAD, OTHER, DEPTH, TICKER, TRADE, SNAPSHOT, REPLY = (np.int64(kind) for kind in MarketKind)

_BUY, _SELL = np.int64(Side.BUY), np.int64(Side.SELL)

SLOTS = len(Slot)

NAME = np.dtype([("length", "i8"), ("text", "u1", (SYMBOL_BYTES_MAX,))], align=True)
SYMBOL_SCALE = np.dtype([("price", SCALE), ("size", SCALE)], align=True)

TRADE_ROW = np.dtype(
    [
        ("symbol", "i8"),
        ("event_ns", "i8"),
        ("trade_id", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("size_lots", "i8"),
    ],
    align=True,
)
"""One of several trades in a message; `side` is the aggressor's (Side)."""

SURVEY = np.dtype(
    [
        ("event_address", "i8"),
        ("depth", "i8"),
        ("symbol_address", "i8"),
        ("type_address", "i8"),
        ("data_address", "i8"),
        ("letters", "i8"),
        ("words", "i8"),
    ],
    align=True,
)
"""Addresses of what an object holds (0: absent). `letters`: bits of the lower-case one-letter keys, then of the
upper-case ones; `words`: bits of the longer ones, by a venue's own codes."""

MARKET_SCANNER = np.dtype(
    [
        ("kind", "i8"),
        ("symbol", "i8"),
        ("bid_count", "i8"),
        ("ask_count", "i8"),
        ("asks_first", "i8"),
        ("trade_count", "i8"),
        ("trades_left_out", "i8"),
        ("values", "i8", (SLOTS,)),
        ("fault", FAULT),
        ("fault_offset", "i8"),
        ("snapshot_symbol", "i8"),
        ("symbol_count", "i8"),
        ("survey", SURVEY),
        ("names", NAME, (SCANNER_SYMBOLS_MAX,)),
        ("scales", SYMBOL_SCALE, (SCANNER_SYMBOLS_MAX,)),
        ("trades", TRADE_ROW, (TRADES_MAX,)),
        ("levels", "i8", (2 * LEVELS_MAX,)),
        ("lengths", "u2", (LEVELS_MAX,)),
        ("usual", USUAL, (SCANNER_SYMBOLS_MAX,)),
        ("shapes", SHAPES_SEEN),
    ],
    align=True,
)
"""`symbol`: index of the frame's symbol in the configured order, ABSENT if it names none, FOREIGN if none of ours.
`values` by Slot: times (EVENT_MS, or EVENT_NS where a venue is finer), ids, ticks, lots, 1 where the buyer was the
maker. `levels`: pairs, `bid_count` bids, then asks. `lengths`: where a checksum is over texts, the bytes of each
level's price, and of its size << 8. `usual`, `shapes`: what levels looked like so far. `snapshot_symbol`: set by the
caller before scanning a snapshot that names no symbol itself."""


def prepare_scanner(scanner: np.ndarray, instruments: np.ndarray) -> None:
    """Teach a zeroed MARKET_SCANNER its symbols (cold): INSTRUMENT rows, at most SCANNER_SYMBOLS_MAX, in order."""
    if len(instruments) > SCANNER_SYMBOLS_MAX:
        raise ValueError(f"feed.symbols: found {len(instruments)}, allowed up to {SCANNER_SYMBOLS_MAX}")
    scanner["symbol_count"] = len(instruments)
    scanner["shapes"]["rows"]["owner"] = 0
    for index, instrument in enumerate(instruments):
        name, scale = scanner["names"][index], scanner["scales"][index]
        name["length"] = instrument["symbol_length"]
        name["text"] = instrument["symbol"]
        for side, decimals, multiple in (
            ("price", "price_decimals", "tick_multiple"),
            ("size", "size_decimals", "lot_multiple"),
        ):
            fill_scale(scale[side], decimals=int(instrument[decimals]), multiple=int(instrument[multiple]))


@inlined
def begin_frame(scanner, address, end):
    """Nothing is known of this frame yet: the address of its first byte that is no white space, 0 if it is too long."""
    fault = scanner.fault
    fault.code = 0
    fault.address = address
    scanner.kind = OTHER
    scanner.symbol = ABSENT
    scanner.bid_count = 0
    scanner.ask_count = 0
    scanner.trade_count = 0
    if end - address > FRAME_BYTES_MAX:
        return refuse(fault, Fault.TOO_LONG, address + FRAME_BYTES_MAX)
    return skip_space(address, end)


@inlined
def end_frame(scanner, address, p, end):
    """Its kind; BAD if anything was refused. `p`: behind its value, where only white space may follow, or 0."""
    fault = scanner.fault
    if p != 0 and skip_space(p, end) != end:
        refuse(fault, Fault.TRAILING, skip_space(p, end))
    if fault.code != 0:
        scanner.fault_offset = fault.address - address
        scanner.kind = BAD
    return scanner.kind


@inlined
def match_symbol(names, count, p, end):
    """Index of the symbol whose text, up to its closing quote, stands at `p`; FOREIGN if it is none of ours."""
    for index in range(count):
        length = names[index].length
        if p + length < end and load_u8(p + length) == QUOTE:
            same = True
            for i in range(length):
                same = same and names[index].text[i] == load_u8(p + i)
            if same:
                return index
    return FOREIGN


@inlined
def note_symbol(scanner, p, end):
    """The frame's symbol is the one whose text stands at `p`, after its quote."""
    scanner.symbol = match_symbol(scanner.names, scanner.symbol_count, p, end)


@kernel
def read_symbol(scanner, p, end, fault):
    """Note which symbol the text at `p` is; the address after it, or 0."""
    never_inlined()
    text = open_text(p, end, fault)
    if text == 0:
        return 0
    note_symbol(scanner, text, end)
    return skip_string(text, end, fault)


@inlined
def note_count(scanner, asks, count):
    """How many levels one side has."""
    if asks:
        scanner.ask_count = count
    else:
        scanner.bid_count = count


@kernel
def join_sides(scanner):
    """Move the asks, read from place SIDE_LEVELS_MAX on, to directly behind the bids."""
    levels, lengths = scanner.levels.ctypes.data, scanner.lengths.ctypes.data
    bids, asks = scanner.bid_count, scanner.ask_count
    move(levels + 16 * bids, levels + 16 * SIDE_LEVELS_MAX, 16 * asks)
    move(lengths + 2 * bids, lengths + 2 * SIDE_LEVELS_MAX, 2 * asks)


@inlined
def keep_trade(scanner, event_ns, trade_id, bought, price_ticks, size_lots):
    """Append a trade of the frame's symbol to `trades`, or count it where there is no room; `bought`: by its taker."""
    if scanner.trade_count == TRADES_MAX:
        scanner.trades_left_out += 1
        return
    trade = scanner.trades[scanner.trade_count]
    trade.symbol = scanner.symbol
    trade.event_ns = event_ns
    trade.trade_id = trade_id
    trade.side = _BUY if bought else _SELL
    trade.price_ticks = price_ticks
    trade.size_lots = size_lots
    scanner.trade_count += 1
