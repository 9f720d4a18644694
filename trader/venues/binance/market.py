"""One frame of a Binance market stream, or one depth snapshot, scanned from raw bytes into a record.

    {"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":..,"s":"BTCUSDT","U":..,"u":..,"b":[..],"a":[..]}}
    ^ wrapper, may be absent             ^ event: one turn per key, by the tables of `fields`

`scan` takes (scanner, address, length) and returns a MarketKind; what it found is in the scanner's fields.
In the venue's usual order a frame is read once. Otherwise it is surveyed first (what kind, which symbol),
then read. A refused frame leaves its code and offset in `fault.code` and `fault_offset`, and no value of it
may be used. No byte outside [address, address + length) is ever read.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_i64, load_u8, load_u32
from trader.compile_hints import never_inlined
from trader.venues.binance.fields import FIELDS, REQUIRED, read_key
from trader.venues.binance.levels import scan_levels, swap_sides
from trader.venues.binance.survey import survey_frame, usual_kind
from trader.venues.decimals import decimal, natural, skip_natural
from trader.venues.json_bytes import (
    CLOSE_OBJECT,
    OPEN_ARRAY,
    QUOTE,
    Fault,
    refuse,
    skip_space,
    skip_string,
    skip_value,
)
from trader.venues.json_walk import END, next_member
from trader.venues.scanner import (
    BAD,
    EVENT_MS_MAX,
    LEVELS_MAX,
    OTHER,
    REPLY,
    SNAPSHOT,
    Slot,
    begin_frame,
    end_frame,
    note_symbol,
)

_WRAPPER = int.from_bytes(b'{"stream', "little")
_WRAPPER_REST = int.from_bytes(b'":"', "little")
_DATA = int.from_bytes(b',"data":', "little")
_SHORT_KEY = int.from_bytes(b'"\0":', "little")
_INNER = np.int64(2)
_BACKSLASH, _S, _T, _F = (ord(letter) for letter in "\\stf")


@kernel
def scan(scanner, address, length):
    """What the `length` bytes at `address` are (MarketKind); see the module's docstring.

    The wrapper and the event's type in the venue's own spelling are read at once; whatever else is surveyed.
    """
    never_inlined()
    fault = scanner.fault
    end = address + length
    kind = OTHER
    p = 0
    if begin_frame(scanner, address, end) == 0:
        kind = BAD
    elif length > 64 and load_i64(address) == _WRAPPER and (load_u32(address + 8) & 0xFFFFFF) == _WRAPPER_REST:
        p = skip_string(address + 11, end, fault)
        if p != 0 and p + 32 <= end and load_i64(p) == _DATA:
            kind = usual_kind(p + 8, end)
    surveyed = kind == OTHER
    start, depth = p + 9, _INNER
    while kind != BAD:
        if surveyed:
            fault.code = 0
            kind = survey_frame(scanner.survey, address, end, fault)
            start, depth = scanner.survey.event_address, scanner.survey.depth
        if kind <= OTHER or kind == REPLY:
            break
        p = read_event(scanner, start, end, depth, kind)
        kind = scanner.kind
        if p == 0 or surveyed:
            break
        p = skip_space(p, end)
        if p < end and load_u8(p) == CLOSE_OBJECT and skip_space(p + 1, end) == end:
            break
        surveyed = True
    scanner.kind = kind
    return end_frame(scanner, address, 0, end)


@kernel
def read_event(scanner, start, end, depth, kind):
    """Read one event of a known kind, from the byte after its brace; the address after its closing brace, or 0."""
    never_inlined()
    fault = scanner.fault
    scanner.symbol = scanner.snapshot_symbol if kind == SNAPSHOT else -1
    scanner.bid_count = 0
    scanner.ask_count = 0
    scanner.asks_first = 0
    scanner.values[Slot.EVENT_MS] = 0
    scanner.values[Slot.PREVIOUS_ID] = -1
    table = kind
    seen = 0
    more, p = next_member(start, end, CLOSE_OBJECT, True, fault)
    while more > END:
        code = 0
        if p + 8 <= end and (load_u32(p) & 0xFFFF00FF) == _SHORT_KEY:
            code = load_u8(p + 1)
        if 32 < code < 128 and code != _BACKSLASH:
            p = skip_space(p + 4, end)
        else:
            code, p = read_key(p, end, fault)
            if p == 0:
                return 0
        if p >= end:
            return refuse(fault, Fault.TRUNCATED, p)
        slot = FIELDS[table, code]
        if slot == Slot.SKIP:
            after = skip_natural(p, end)
            p = after if after != 0 else skip_value(p, end, depth, fault)
        elif seen & (1 << slot):
            return refuse(fault, Fault.DUPLICATE_KEY, p)
        else:
            seen |= 1 << slot
            p = _read_value(scanner, p, end, start, depth, slot)
            if scanner.symbol < -1:
                table = OTHER
        if p == 0:
            return 0
        more, p = next_member(p, end, CLOSE_OBJECT, False, fault)
    return p if p != 0 and _finish(scanner, kind, seen, p) else 0


@inlined
def _read_value(scanner, p, end, start, depth, slot):
    """Read the value at `p` into its slot; the address after it, or 0."""
    fault = scanner.fault
    byte = load_u8(p)
    if slot <= Slot.TRADE_ID:
        value, p = natural(p, end, fault)
        scanner.values[slot] = value
        return p
    if slot == Slot.MAKER:
        scanner.values[slot] = 1 if byte == _T else 0
        return skip_value(p, end, depth, fault) if byte == _T or byte == _F else refuse(fault, Fault.WRONG_TYPE, p)
    if byte != (OPEN_ARRAY if slot >= Slot.BIDS else QUOTE):
        return refuse(fault, Fault.WRONG_TYPE, p)
    if slot == Slot.EVENT_TYPE:
        return skip_string(p + 1, end, fault)
    if slot == Slot.SYMBOL:
        note_symbol(scanner, p + 1, end)
        return skip_string(p + 1, end, fault)
    if scanner.symbol == -1:
        _find_symbol(scanner, start, end, depth)
    if scanner.symbol < 0:
        return skip_value(p, end, depth, fault) if fault.code == 0 else 0
    scales = scanner.scales[scanner.symbol]
    if slot >= Slot.BIDS:
        before = scanner.bid_count + scanner.ask_count
        pairs = scanner.levels.ctypes.data + 16 * before
        count, p = scan_levels(scanner, p + 1, end, pairs, LEVELS_MAX - before, depth, fault)
        if slot == Slot.BIDS:
            scanner.asks_first = before
            scanner.bid_count = count
        else:
            scanner.ask_count = count
        return p
    scale = scales.price if (slot & 1) == 0 else scales.size
    value, p = decimal(p + 1, end, scale, fault)
    scanner.values[slot] = value
    return p


@kernel
def _find_symbol(scanner, p, end, depth):
    """A price came before the symbol: look for the symbol through the event that begins at `p`."""
    never_inlined()
    fault = scanner.fault
    more, p = next_member(p, end, CLOSE_OBJECT, True, fault)
    while more > END:
        code, p = read_key(p, end, fault)
        if p == 0:
            return
        if code == _S and p < end and load_u8(p) == QUOTE:
            note_symbol(scanner, p + 1, end)
            return
        p = skip_value(p, end, depth, fault)
        if p == 0:
            return
        more, p = next_member(p, end, CLOSE_OBJECT, False, fault)
    if more == END:
        refuse(fault, Fault.MISSING_FIELD, p - 1)


@inlined
def _finish(scanner, kind, seen, p):
    """Is the event whole? False after a fault. An event of a foreign symbol counts as OTHER."""
    if scanner.symbol < -1:
        scanner.kind = OTHER
        return True
    if (seen & REQUIRED[kind]) != REQUIRED[kind]:
        refuse(scanner.fault, Fault.MISSING_FIELD, p - 1)
        return False
    if scanner.values[Slot.EVENT_MS] > EVENT_MS_MAX:
        refuse(scanner.fault, Fault.OVERFLOW, p - 1)
        return False
    if scanner.asks_first > 0:
        swap_sides(scanner.levels, scanner.ask_count, scanner.bid_count)
    scanner.kind = kind
    return True
