"""Scanner of the frames of a recorded market.

    {"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate",..,"u":9,..,"b":[["58710.20","0.014"]],"a":[..]}}
    {"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":7,..,"b":"61800.20","B":"2.507",..}}
    {"stream":"btcusdt@trade","data":{"e":"trade",..,"p":"61800.30","q":"0.006",..,"m":false}}
    {"lastUpdateId":8,"E":..,"T":..,"bids":[["61800.20","2.909"]],"asks":[..]}        the inline snapshot

Spot has no `e` in its best quotes, and no time in them or in the snapshot: `matched_ms` is 0 there.
Nothing beyond a frame's length is read, whatever its bytes are.
"""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.exchange.requests import skip_space, skip_text, skip_value
from trader.exchange.text import integer_at, word_at

BAD, DEPTH, QUOTE, TRADE, SNAPSHOT = range(5)
EVENTS = b"depthUpdate bookTicker trade "
SNAPSHOT_KEYS = b"lastUpdateId bids asks "
PENDING_MAX = 16_384
SNAPSHOT_BYTES = 128 * 1024

PENDING = np.dtype([("last_id", "i8"), ("side", "i8"), ("price_ticks", "i8"), ("lots", "i8")], align=True)

REPLAY = np.dtype(
    [
        ("frames", "i8"),
        ("bad_frames", "i8"),
        ("is_timed", "i8"),  # a frame with a time has come
        # the frame that was scanned last; numbers, or addresses and lengths of its texts
        ("kind", "i8"),
        ("event_ms", "i8"),  # E, when it was sent
        ("matched_ms", "i8"),  # T, when it happened; E where there is none
        ("last_id", "i8"),
        ("buyer_is_maker", "i8"),
        ("symbol", "i8"),
        ("symbol_length", "i8"),
        ("bids", "i8"),  # address of an array of levels, or of the best bid's price
        ("bids_end", "i8"),
        ("asks", "i8"),
        ("asks_end", "i8"),
        ("price", "i8"),
        ("price_length", "i8"),
        ("bid_size", "i8"),
        ("bid_size_length", "i8"),
        ("ask_size", "i8"),  # or the trade's quantity
        ("ask_size_length", "i8"),
        ("snapshot_length", "i8"),  # 0: none yet
        ("pending_count", "i8"),
        ("pending", PENDING, (PENDING_MAX,)),  # ring of level changes from before the snapshot
        ("snapshot", "u1", (SNAPSHOT_BYTES,)),
    ],
    align=True,
)
SNAPSHOT_OFFSET = int(REPLAY.fields["snapshot"][1])  # type: ignore[index]


@kernel
def scan_frame(replay, text, length):
    """Scan one recorded frame into `replay`: its kind, or BAD."""
    never_inlined()
    end = text + length
    replay.kind = BAD
    replay.event_ms = 0
    replay.matched_ms = 0
    replay.last_id = 0
    replay.bids = 0
    replay.asks = 0
    replay.price = 0
    replay.symbol_length = 0
    replay.bid_size_length = 0
    replay.ask_size_length = 0
    at = skip_space(text, end)
    if at >= end or load_u8(at) != 123:
        return BAD
    at += 1
    while True:
        key = skip_space(at, end)
        at = skip_text(key, end)
        if at == 0:
            return BAD
        key_length = at - key - 2
        at = skip_space(at, end)
        if at >= end or load_u8(at) != 58:
            return BAD
        value = skip_space(at + 1, end)
        if key_length == 4 and load_u8(key + 1) == 100 and value < end and load_u8(value) == 123:
            at = value + 1
            continue
        at = skip_value(value, end)
        if at == 0:
            return BAD
        _note(replay, key + 1, key_length, value, at)
        at = skip_space(at, end)
        if at >= end or load_u8(at) != 44:
            break
        at += 1
    if replay.kind == BAD and replay.bid_size_length > 0 and replay.ask_size_length > 0 and replay.bids != 0:
        replay.kind = QUOTE
    return replay.kind


@kernel
def _note(replay, key, length, value, end):
    """Keep what matters of one member."""
    never_inlined()
    if length > 1:
        _note_snapshot(replay, key, length, value, end)
        return
    name = load_u8(key) if length == 1 else 0
    is_text = load_u8(value) == 34
    inner = value + 1 if is_text else value
    inner_length = end - value - 2 if is_text else end - value
    if name == 101:  # e
        replay.kind = 1 + word_at(EVENTS, inner, inner_length)
    elif name == 69:  # E
        replay.event_ms = max(0, integer_at(inner, inner_length))
        if replay.matched_ms == 0:
            replay.matched_ms = replay.event_ms
    elif name == 84:  # T
        replay.matched_ms = max(0, integer_at(inner, inner_length))
    elif name == 117:  # u
        replay.last_id = integer_at(inner, inner_length)
    elif name == 115:  # s
        replay.symbol = inner
        replay.symbol_length = inner_length
    elif name == 98:  # b
        replay.bids = inner
        replay.bids_end = inner + inner_length
    elif name == 97:  # a
        replay.asks = inner
        replay.asks_end = inner + inner_length
    elif name == 66:  # B
        replay.bid_size = inner
        replay.bid_size_length = inner_length
    elif name == 65 or name == 113:  # A, q
        replay.ask_size = inner
        replay.ask_size_length = inner_length
    elif name == 112:  # p
        replay.price = inner
        replay.price_length = inner_length
    elif name == 109:  # m
        replay.buyer_is_maker = 1 if load_u8(inner) == 116 else 0


@kernel
def _note_snapshot(replay, key, length, value, end):
    """Keep what matters of one member of a depth snapshot."""
    name = word_at(SNAPSHOT_KEYS, key, length)
    if name == 0:
        replay.kind = SNAPSHOT
        replay.last_id = integer_at(value, end - value)
    elif name == 1:
        replay.bids = value
        replay.bids_end = end
    elif name == 2:
        replay.asks = value
        replay.asks_end = end
