"""The times of a Kraken v1 book: each level has its own, in seconds, behind price and volume."""

import numpy as np

from shm.kernel import inlined, kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.json_bytes import (
    CLOSE_ARRAY,
    COMMA,
    OPEN_ARRAY,
    QUOTE,
    Fault,
    expect,
    refuse,
    skip_space,
    skip_string,
    skip_value,
)
from trader.venues.scanner import Slot
from trader.venues.text_levels import first_further_text
from trader.venues.time_text import seconds_ns

_LEVEL_DEPTH = np.int64(4)


@inlined
def note_time(scanner, further, end, fault):
    """The time of a side's last level, which is its newest; the book's is the later one of both sides.

    A level that is told again (`"r"` behind its time) has the time of long ago, and none for this purpose.
    """
    text = first_further_text(further, end) if further != 0 else 0
    if text == 0:
        refuse(fault, Fault.MISSING_FIELD, further)
        return False
    event_ns, after = seconds_ns(text, end, fault)
    if after != 0 and first_further_text(after, end) == 0:
        scanner.values[Slot.EVENT_NS] = max(scanner.values[Slot.EVENT_NS], event_ns)
    return after != 0


@kernel
def note_times(scanner, p, count, end, fault):
    """The newest time among a snapshot's levels, which stand by price; `p`: the array's bracket, walked before."""
    never_inlined()
    p += 1
    for _ in range(count):
        p = expect(p, end, OPEN_ARRAY, fault)
        for _ in range(2):
            p = expect(p, end, QUOTE, fault) if p != 0 else 0
            p = skip_string(p, end, fault) if p != 0 else 0
            p = expect(p, end, COMMA, fault) if p != 0 else 0
        p = expect(p, end, QUOTE, fault) if p != 0 else 0
        if p == 0:
            return False
        event_ns, p = seconds_ns(p, end, fault)
        if p == 0:
            return False
        scanner.values[Slot.EVENT_NS] = max(scanner.values[Slot.EVENT_NS], event_ns)
        while p < end and load_u8(skip_space(p, end)) == COMMA:
            p = skip_value(skip_space(p, end) + 1, end, _LEVEL_DEPTH, fault)
            if p == 0:
                return False
        p = expect(p, end, CLOSE_ARRAY, fault)
        p = skip_space(p, end) + 1 if p != 0 else 0
    return True
