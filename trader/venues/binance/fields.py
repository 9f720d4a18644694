"""Which key of which Binance market message means what: the tables that the scanner follows.

A key of one letter is its own code; the few longer ones get codes below the letters. `FIELDS[kind, code]` is
the slot that the value goes to, 0 for a value to skip:

    depthUpdate  E event ms   U first id   u last id   pu previous id   s symbol   b, a levels
    bookTicker   E event ms   u id         s symbol    b, B bid price and size   a, A ask (spot: no e, no E)
    trade        E event ms   t id         s symbol    p price   q size   m buyer is the maker
    snapshot     E event ms   lastUpdateId             bids, asks levels
"""

import numpy as np

from shm.kernel import inlined, kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.json_bytes import COLON, QUOTE, expect, skip_space, skip_string
from trader.venues.scanner import DEPTH, OTHER, TICKER, TRADE, MarketKind, Slot

KINDS = 6

KEY_PREVIOUS = 1
KEY_LAST_UPDATE = 2
KEY_BIDS = 3
KEY_ASKS = 4
KEY_STREAM = 5
KEY_DATA = 6
KEY_RESULT = 7
KEY_CODE = 8
KEY_ERROR = 9

_LAYOUT: dict[MarketKind, dict[int, Slot]] = {
    MarketKind.DEPTH: {
        ord("e"): Slot.EVENT_TYPE, ord("E"): Slot.EVENT_MS, ord("s"): Slot.SYMBOL, ord("U"): Slot.FIRST_ID,
        ord("u"): Slot.LAST_ID, KEY_PREVIOUS: Slot.PREVIOUS_ID, ord("b"): Slot.BIDS, ord("a"): Slot.ASKS,
    },
    MarketKind.TICKER: {
        ord("e"): Slot.EVENT_TYPE, ord("E"): Slot.EVENT_MS, ord("s"): Slot.SYMBOL, ord("u"): Slot.LAST_ID,
        ord("b"): Slot.BID, ord("B"): Slot.BID_SIZE, ord("a"): Slot.ASK, ord("A"): Slot.ASK_SIZE,
    },
    MarketKind.TRADE: {
        ord("e"): Slot.EVENT_TYPE, ord("E"): Slot.EVENT_MS, ord("s"): Slot.SYMBOL, ord("t"): Slot.TRADE_ID,
        ord("p"): Slot.PRICE, ord("q"): Slot.SIZE, ord("m"): Slot.MAKER,
    },
    MarketKind.SNAPSHOT: {
        ord("E"): Slot.EVENT_MS, KEY_LAST_UPDATE: Slot.LAST_ID, KEY_BIDS: Slot.BIDS, KEY_ASKS: Slot.ASKS,
    },
}  # fmt: skip

_OPTIONAL = {Slot.EVENT_TYPE, Slot.EVENT_MS, Slot.PREVIOUS_ID}


def _tables() -> tuple[np.ndarray, np.ndarray]:
    fields = np.zeros((KINDS, 128), dtype=np.int64)
    required = np.zeros(KINDS, dtype=np.int64)
    for kind, keys in _LAYOUT.items():
        for code, slot in keys.items():
            fields[kind, code] = slot
            if slot not in _OPTIONAL:
                required[kind] |= 1 << slot
    return fields, required


FIELDS, REQUIRED = _tables()
"""FIELDS[kind, key code] -> Slot; REQUIRED[kind] -> bits of the slots without which a frame is refused."""


def _word(text: str) -> int:
    return int.from_bytes(text.encode()[:8].ljust(8, b"\0"), "little", signed=True)


_LAST_UPDATE, _ID = _word("lastUpda"), _word('teId"')
_PREVIOUS, _BIDS, _ASKS = _word('pu"'), _word('bids"'), _word('asks"')
_STREAM, _DATA, _RESULT, _CODE, _ERROR = (_word(text) for text in ('stream"', 'data"', 'result"', 'code"', 'error"'))

_DEPTH_UPDATE = (_word("depthUpd"), _word('ate"'))
_BOOK_TICKER = (_word("bookTick"), _word('er"'))
_TRADE = _word('trade"')


@kernel
def _load_word(p, end, skip):
    """Up to eight bytes from p + skip through the first quote, the rest zero; never past `end`."""
    word = 0
    for i in range(8):
        if p + skip + i >= end:
            return word
        byte = load_u8(p + skip + i)
        word |= byte << (8 * i)
        if byte == QUOTE:
            return word
    return word


@kernel
def key_code(p, end):
    """Code of the key that begins at `p` (after its quote): its letter, a KEY_ constant, or 0 if it means nothing."""
    never_inlined()
    if p + 2 <= end and load_u8(p + 1) == QUOTE:
        byte = load_u8(p)
        return byte if 32 < byte < 128 else 0
    word = _load_word(p, end, 0)
    if word == _PREVIOUS:
        return KEY_PREVIOUS
    if word == _BIDS:
        return KEY_BIDS
    if word == _ASKS:
        return KEY_ASKS
    if word == _LAST_UPDATE:
        return KEY_LAST_UPDATE if _load_word(p, end, 8) == _ID else 0
    if word == _STREAM:
        return KEY_STREAM
    if word == _DATA:
        return KEY_DATA
    if word == _RESULT:
        return KEY_RESULT
    if word == _CODE:
        return KEY_CODE
    return KEY_ERROR if word == _ERROR else 0


@inlined
def read_key(p, end, fault):
    """The key at `p`, any white space around it: (its code, address of its value), address 0 after a fault."""
    p = expect(p, end, QUOTE, fault)
    code = key_code(p, end) if p != 0 else 0
    p = skip_string(p, end, fault) if p != 0 else 0
    p = expect(p, end, COLON, fault) if p != 0 else 0
    return code, skip_space(p, end) if p != 0 else 0


@kernel
def event_kind(p, end):
    """Kind of the event whose type's text begins at `p` (after its quote)."""
    never_inlined()
    word = _load_word(p, end, 0)
    if word == _DEPTH_UPDATE[0]:
        return DEPTH if _load_word(p, end, 8) == _DEPTH_UPDATE[1] else OTHER
    if word == _BOOK_TICKER[0]:
        return TICKER if _load_word(p, end, 8) == _BOOK_TICKER[1] else OTHER
    return TRADE if word == _TRADE else OTHER
