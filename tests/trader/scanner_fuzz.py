"""A compiled, seeded mutator that feeds a scanner with damaged frames between guard pages, and looks at what it says.

    corpus frame -> 1 to 4 changes -> scan at the end of the guarded bytes -> again at their start -> both the same?

A read outside a frame ends the process (guard page) or makes the two scans differ (other bytes stand there). A write
outside the scanner's record changes a canary. Everything is drawn from one seed, so `fuzz(.., first, 1)` repeats the
input number `first`.
"""

import numpy as np

from shm.kernel import address_of, copy, inlined, kernel, load_i64, step, store_u8, view
from shm.memory import call_entry
from trader.intrinsics import move
from trader.units import UNITS_MAX
from trader.venues.binance.market import scan as binance_scan
from trader.venues.hyperliquid.market import scan as hyperliquid_scan
from trader.venues.json_bytes import Fault
from trader.venues.kraken.market import scan as kraken_scan
from trader.venues.kraken_v1.market import scan as kraken_v1_scan
from trader.venues.okx.market import scan as okx_scan
from trader.venues.scanner import LEVELS_MAX, MARKET_SCANNER, TRADES_MAX, MarketKind

FRAMES_MAX = 256
FRAME_BYTES_MAX = 16_384
KINDS = len(MarketKind)
FAULTS = len(Fault)

CANARY = 0x5CA1AB1E0DDBA11
_ZERO, _SEVEN, _SPACE, _NEWLINE = (ord(sign) for sign in "07 \n")
_DEPTH, _SNAPSHOT = int(MarketKind.DEPTH), int(MarketKind.SNAPSHOT)

TOKENS = (
    b"NaN", b"1e999", b'"1_0"', b"-0", b"null", b"true", b"[" * 34, b'{"a":{"a":{"a":', b'"\\u00', b'"\\', b"\x00",
    b"\x1f", b"\xff\xfe", b"9" * 20, b"0." + b"0" * 20 + b"1", b'"', b",", b":", b"]", b"}", b"[]", b"{}",
    b'["1","1"],', b'"b":[],', b'"s":"BTCUSDT",', b"1E+5", b"-", b".", b"e", b"18446744073709551616",
)  # fmt: skip


def _packed_tokens() -> np.ndarray:
    rows = np.zeros((len(TOKENS), 48), dtype=np.uint8)
    for row, token in zip(rows, TOKENS, strict=True):
        row[0] = len(token)
        row[1 : 1 + len(token)] = np.frombuffer(token, dtype=np.uint8)
    return rows


_TOKENS = _packed_tokens()

FUZZ = np.dtype(
    [
        ("random", "i8"),
        ("frame_count", "i8"),
        ("offsets", "i8", (FRAMES_MAX,)),
        ("lengths", "i8", (FRAMES_MAX,)),
        ("corpus", "i8"),
        ("start", "i8"),
        ("size", "i8"),
        ("kinds", "i8", (KINDS,)),
        ("faults", "i8", (FAULTS,)),
        ("broken", "i8"),
        ("broken_input", "i8"),
        ("length", "i8"),
        ("work", "u1", (FRAME_BYTES_MAX,)),
        ("before", "i8"),
        ("scanner", MARKET_SCANNER),
        ("after", "i8"),
    ],
    align=True,
)
"""`start`, `size`: the guarded bytes. `kinds`: how often each came, BAD first. `broken`: what was wrong with the first
input that broke a promise (0: nothing), `broken_input` its number, and `work` and `length` the input itself."""

_SCANNER_BYTES = MARKET_SCANNER.itemsize
_RESULTS = MARKET_SCANNER.fields["survey"][1] // 8  # type: ignore[index]


@step
def binance_entry(scanner, address, length, unused, unused_too):
    return binance_scan(view(scanner, MARKET_SCANNER), address, length)


@step
def hyperliquid_entry(scanner, address, length, unused, unused_too):
    return hyperliquid_scan(view(scanner, MARKET_SCANNER), address, length)


@step
def okx_entry(scanner, address, length, unused, unused_too):
    return okx_scan(view(scanner, MARKET_SCANNER), address, length)


@step
def kraken_entry(scanner, address, length, unused, unused_too):
    return kraken_scan(view(scanner, MARKET_SCANNER), address, length)


@step
def kraken_v1_entry(scanner, address, length, unused, unused_too):
    return kraken_v1_scan(view(scanner, MARKET_SCANNER), address, length)


@step
def place_telling_entry(scanner, address, length, unused, unused_too):
    """A scanner that says something of where its frame stands, as one does that reads past its end."""
    own = view(scanner, MARKET_SCANNER)
    kind = okx_scan(own, address, length)
    own.bid_count = 0
    own.values[0] = address & 1
    return kind


@step
def careless_entry(scanner, address, length, unused, unused_too):
    """A scanner that writes behind its record."""
    kind = okx_scan(view(scanner, MARKET_SCANNER), address, length)
    store_u8(scanner + _SCANNER_BYTES, 0)
    return kind


ENTRIES = {
    "binance": binance_entry,
    "hyperliquid": hyperliquid_entry,
    "okx": okx_entry,
    "kraken": kraken_entry,
    "kraken_v1": kraken_v1_entry,
}


@inlined
def draw(own, limit):
    """A number from 0 to limit - 1 (xorshift)."""
    word = own.random
    word ^= word << 13
    word ^= (word >> 7) & 0x01FFFFFFFFFFFFFF
    word ^= word << 17
    own.random = word
    return ((word >> 11) & 0x7FFFFFFFFFFF) % max(limit, 1)


@inlined
def _open_gap(work, length, at, count):
    """Make room for `count` bytes at `at`; the new length, the old one if there is none."""
    if length + count > FRAME_BYTES_MAX:
        return length
    move(work + at + count, work + at, length - at)
    return length + count


@kernel
def _change(own, length):
    """One random change of the input; its new length."""
    work = own.work.ctypes.data
    at = draw(own, length + 1)
    span = min(1 + draw(own, 1 + draw(own, 64)), length - at)
    what = draw(own, 9)
    if what == 0 and at < length:
        store_u8(work + at, draw(own, 256))
    elif what == 1 and at < length:
        store_u8(work + at, _ZERO + draw(own, 10))
    elif what == 2:
        move(work + at, work + at + span, length - at - span)
        return length - span
    elif what == 3:
        grown = _open_gap(work, length, at, span)
        if grown != length:
            move(work + at, work + at + span, span)
        return grown
    elif what == 4 and span > 0 and length > 0:
        move(work + draw(own, length - span + 1), work + at, span)
    elif what == 5 and draw(own, 4) == 0:
        return at
    elif what == 6:
        row = draw(own, _TOKENS.shape[0])
        count = _TOKENS[row, 0]
        grown = _open_gap(work, length, at, count)
        if grown != length:
            for i in range(count):
                store_u8(work + at + i, _TOKENS[row, 1 + i])
        return grown
    elif what == 7:
        other = draw(own, own.frame_count)
        start = draw(own, own.lengths[other])
        count = min(own.lengths[other] - start, FRAME_BYTES_MAX - at)
        copy(work + at, own.corpus + own.offsets[other] + start, count)
        return at + count
    elif what == 8:
        grown = _open_gap(work, length, at, span)
        for i in range(grown - length):
            store_u8(work + at + i, _SPACE if draw(own, 4) else _NEWLINE)
        return grown
    return length


@kernel
def _fingerprint(scanner):
    """Everything that a scan says, in one number: of a refused frame only why, and where."""
    base = address_of(scanner)
    value = np.uint64(0xCBF29CE484222325)
    if scanner.kind < 0:
        return scanner.fault.code << 32 | scanner.fault_offset
    for i in range(_RESULTS if scanner.kind > 0 else 1):
        # addresses differ from place to place
        if base + 8 * i != address_of(scanner.fault) + 8:
            value = (value ^ np.uint64(load_i64(base + 8 * i))) * np.uint64(0x100000001B3)
    for i in range(2 * (scanner.bid_count + scanner.ask_count) if scanner.kind > 0 else 0):
        value = (value ^ np.uint64(scanner.levels[i])) * np.uint64(0x100000001B3)
    return np.int64(value)


@kernel
def _promise_broken(own, kind, length):
    """0 if what the scanner says is sound, else which promise it broke."""
    scanner = own.scanner
    if own.before != CANARY or own.after != CANARY:
        return 1
    if not -1 <= kind < KINDS - 1 or scanner.kind != kind:
        return 2
    if kind == -1:
        sound = 0 < scanner.fault.code < FAULTS and 0 <= scanner.fault_offset <= length
        return 0 if sound else 3
    if scanner.fault.code != 0:
        return 4
    if not -2 <= scanner.symbol < scanner.symbol_count:
        return 5
    pairs = scanner.bid_count + scanner.ask_count
    if kind == _DEPTH or kind == _SNAPSHOT:
        if scanner.symbol < 0 or scanner.bid_count < 0 or scanner.ask_count < 0 or pairs > LEVELS_MAX:
            return 6
        for i in range(2 * pairs):
            if not 0 <= scanner.levels[i] <= UNITS_MAX:
                return 7
    return 0 if 0 <= scanner.trade_count <= TRADES_MAX else 8


@kernel
def fuzz(own, entry, seed, first, count):
    """Inputs number `first` to first + count - 1 of a seed, up to the first broken promise; how many were sound."""
    own.before = CANARY
    own.after = CANARY
    scanner = address_of(own.scanner)
    for number in range(first, first + count):
        own.random = (seed * 1_000_003 + number) * 2_654_435_761 + 88_172_645_463_325_252
        for _ in range(4):
            draw(own, 2)
        frame = draw(own, own.frame_count)
        length = own.lengths[frame]
        copy(own.work.ctypes.data, own.corpus + own.offsets[frame], length)
        for _ in range(1 + draw(own, 4)):
            length = _change(own, length)
        own.length = length
        at_end = own.start + own.size - length
        copy(at_end, own.work.ctypes.data, length)
        own.scanner.trades_left_out = 0
        kind = call_entry(entry, scanner, at_end, length, 0, 0)
        own.kinds[kind + 1] += 1
        own.faults[own.scanner.fault.code] += 1
        broken = _promise_broken(own, kind, length)
        said = _fingerprint(own.scanner)
        copy(own.start, own.work.ctypes.data, length)
        store_u8(own.start + length, _SEVEN)
        own.scanner.trades_left_out = 0
        again = call_entry(entry, scanner, own.start, length, 0, 0)
        if broken == 0 and (again != kind or _fingerprint(own.scanner) != said):
            broken = 9
        if broken != 0:
            own.broken = broken
            own.broken_input = number
            return number - first
    return count


@kernel
def beyond(array, index):
    """One element, wherever it is: with bounds checks on, IndexError where it is none of the array's."""
    return array[index]
