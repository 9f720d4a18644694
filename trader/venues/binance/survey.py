"""What a Binance frame is, before its values are read: its kind, its symbol, where its event begins.

In the venue's usual spelling the first bytes of an event tell its kind. A frame in any other order is walked
once as a whole, strictly, so that reading it afterwards meets no surprise.
"""

import numpy as np

from shm.kernel import inlined, kernel, load_i64, load_u8
from trader.compile_hints import never_inlined
from trader.venues.binance.fields import (
    KEY_CODE,
    KEY_DATA,
    KEY_ERROR,
    KEY_LAST_UPDATE,
    KEY_RESULT,
    event_kind,
    read_key,
)
from trader.venues.json_bytes import (
    CLOSE_OBJECT,
    OPEN_OBJECT,
    QUOTE,
    Fault,
    expect,
    refuse,
    skip_space,
    skip_value,
)
from trader.venues.json_walk import END, next_member
from trader.venues.scanner import BAD, DEPTH, OTHER, REPLY, SNAPSHOT, TICKER, TRADE

_DEPTH_HEAD, _DEPTH_MIDDLE, _TICKER_HEAD, _TICKER_MIDDLE, _TRADE_HEAD, _TRADE_MIDDLE = (
    int.from_bytes(text, "little")
    for text in (b'{"e":"de', b"pthUpdat", b'{"e":"bo', b"okTicker", b'{"e":"tr', b'ade"')
)

_OUTER, _INNER = np.int64(1), np.int64(2)
_A, _E, _S, _Z = (ord(letter) for letter in "aesz")


def _bit(letter: str) -> int:
    return 1 << (ord(letter) - ord("a")) if letter.islower() else 1 << (32 + ord(letter) - ord("A"))


_TICKER_LETTERS = _bit("u") | _bit("b") | _bit("B") | _bit("a") | _bit("A")


@inlined
def usual_kind(p, end):
    """Kind of the event whose brace is at `p` if it is spelled as the venue does, else OTHER. Reads 24 bytes."""
    if p + 24 > end:
        return OTHER
    head = load_i64(p)
    middle = load_i64(p + 8)
    if head == _TICKER_HEAD and middle == _TICKER_MIDDLE and load_u8(p + 16) == QUOTE:
        return TICKER
    if head == _DEPTH_HEAD and middle == _DEPTH_MIDDLE and load_u8(p + 16) == _E and load_u8(p + 17) == QUOTE:
        return DEPTH
    if head == _TRADE_HEAD and (middle & 0xFFFFFFFF) == _TRADE_MIDDLE:
        return TRADE
    return OTHER


@kernel
def survey_frame(survey, address, end, fault):
    """Walk a whole frame and tell its kind; its event lies behind `event_address`, inside `depth` containers."""
    never_inlined()
    p = skip_space(address, end)
    inside = _survey_object(survey, p, end, _OUTER, fault)
    if inside == 0:
        return BAD
    if skip_space(inside, end) != end:
        refuse(fault, Fault.TRAILING, skip_space(inside, end))
        return BAD
    survey.event_address = p + 1
    survey.depth = 1
    data = survey.data_address
    if data != 0 and load_u8(data) == OPEN_OBJECT:
        _survey_object(survey, data, end, _INNER, fault)
        survey.event_address = data + 1
        survey.depth = 2
    return _kind(survey, end)


@kernel
def _kind(survey, end):
    if survey.type_address != 0:
        return event_kind(survey.type_address, end)
    if survey.words & (1 << KEY_LAST_UPDATE):
        return SNAPSHOT
    if (survey.letters & _TICKER_LETTERS) == _TICKER_LETTERS:
        return TICKER
    replies = (1 << KEY_RESULT) | (1 << KEY_CODE) | (1 << KEY_ERROR)
    return REPLY if survey.words & replies else OTHER


@kernel
def _survey_object(survey, p, end, depth, fault):
    """Note the keys of the object at `p`; the address after its closing brace, or 0."""
    never_inlined()
    survey.symbol_address = 0
    survey.type_address = 0
    survey.data_address = 0
    survey.letters = 0
    survey.words = 0
    p = expect(p, end, OPEN_OBJECT, fault)
    if p == 0:
        return 0
    more, p = next_member(p, end, CLOSE_OBJECT, True, fault)
    while more > END:
        code, p = read_key(p, end, fault)
        if p == 0 or not _note(survey, code, p, end, fault):
            return 0
        p = skip_value(p, end, depth, fault)
        if p == 0:
            return 0
        more, p = next_member(p, end, CLOSE_OBJECT, False, fault)
    return p


@kernel
def _note(survey, code, p, end, fault):
    """Remember that this object holds this key, its value at `p`; False if it holds it twice."""
    never_inlined()
    letter = code | 32
    if _A <= letter <= _Z:
        bit = letter - _A + (0 if code & 32 else 32)
        if survey.letters & (1 << bit):
            refuse(fault, Fault.DUPLICATE_KEY, p)
            return False
        survey.letters |= 1 << bit
    elif code > 0:
        if survey.words & (1 << (code & 63)):
            refuse(fault, Fault.DUPLICATE_KEY, p)
            return False
        survey.words |= 1 << (code & 63)
    text = p < end and load_u8(p) == QUOTE
    if code == _E and text:
        survey.type_address = p + 1
    elif code == _S and text:
        survey.symbol_address = p + 1
    elif code == KEY_DATA and p < end:
        survey.data_address = p
    return True
