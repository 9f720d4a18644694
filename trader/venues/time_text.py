"""Venue times written as text, to nanoseconds since 1970.

"1618678133.365913"               seconds with a fraction, quoted
"2023-10-06T17:35:55.440295Z"     RFC 3339, in UTC
"""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.json_bytes import DOT, NINE, QUOTE, ZERO, Fault, refuse

SECONDS_MAX = 9_000_000_000
"""The year 2255: later ones would not fit int64 nanoseconds."""

_POWERS = np.array([10**i for i in range(19)], dtype=np.int64)
_SHAPE = np.frombuffer(b"0000-00-00T00:00:00", dtype=np.uint8).copy()
_DIGIT, _Z = ord("0"), ord("Z")


@kernel
def seconds_ns(p, end, fault):
    """Nanoseconds of the text of seconds at `p` (after its quote): (nanoseconds, address after its quote or 0)."""
    never_inlined()
    start = p
    seconds = 0
    while p < end and ZERO <= load_u8(p) <= NINE and p - start < 10:
        seconds = seconds * 10 + load_u8(p) - ZERO
        p += 1
    if p == start or seconds > SECONDS_MAX:
        return 0, refuse(fault, Fault.NUMBER, start)
    return _with_fraction(p, end, seconds, QUOTE, fault)


@kernel
def _with_fraction(p, end, seconds, closing, fault):
    """The fraction of a second, if any, up to nine digits that count, then the closing byte (and a quote after a Z)."""
    never_inlined()
    fraction = places = 0
    if p < end and load_u8(p) == DOT:
        p += 1
        start = p
        while p < end and ZERO <= load_u8(p) <= NINE:
            if places < 9:
                fraction = fraction * 10 + load_u8(p) - ZERO
                places += 1
            p += 1
        if p == start:
            return 0, refuse(fault, Fault.NUMBER, p)
    if p < end and closing == _Z:
        if load_u8(p) != _Z:
            return 0, refuse(fault, Fault.NUMBER, p)
        p += 1
    if p >= end:
        return 0, refuse(fault, Fault.TRUNCATED, p)
    if load_u8(p) != QUOTE:
        return 0, refuse(fault, Fault.NUMBER, p)
    return seconds * 1_000_000_000 + fraction * _POWERS[9 - places], p + 1


@kernel
def rfc3339_ns(p, end, fault):
    """Nanoseconds of the UTC time at `p` (after its quote): (nanoseconds, address after its quote or 0)."""
    never_inlined()
    if p + _SHAPE.size > end:
        return 0, refuse(fault, Fault.TRUNCATED, end)
    fields = 0
    year = month = day = hour = minute = second = value = 0
    for i in range(_SHAPE.size):
        byte = load_u8(p + i)
        if _SHAPE[i] == _DIGIT:
            if not ZERO <= byte <= NINE:
                return 0, refuse(fault, Fault.NUMBER, p + i)
            value = value * 10 + byte - ZERO
            continue
        if byte != _SHAPE[i]:
            return 0, refuse(fault, Fault.NUMBER, p + i)
        year = value if fields == 0 else year
        month = value if fields == 1 else month
        day = value if fields == 2 else day
        hour = value if fields == 3 else hour
        minute = value if fields == 4 else minute
        fields += 1
        value = 0
    second = value
    sound = 1970 <= year < 2255 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60
    if not sound:
        return 0, refuse(fault, Fault.NUMBER, p)
    seconds = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    return _with_fraction(p + _SHAPE.size, end, seconds, _Z, fault)


@kernel
def _days(year, month, day):
    """Days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that leap days stand last."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
