"""DECODED: one frame of a recorded market in numbers, as a backtest hands it to exchange and feed instead of its text.

     0                            144
     +----------------------------+---------------------------------------------+
     | kind, size, times, ids, .. | bid_count bids, then ask_count asks: int64  |    DEPTH, QUOTE, TRADE
     |                            | pairs (price_ticks, size_lots); 0 deletes   |
     +----------------------------+---------------------------------------------+
     | kind = TEXT                | the frame as it was recorded, padded to 8   |    everything else
     +----------------------------+---------------------------------------------+

What was read of it by two scanners that share no code, the feed's and the exchange's, stands here only where both
agree; a snapshot, and whatever either of them refuses, stays text. Both then do with the numbers all that they do with
those that they have scanned themselves.
"""

import numpy as np

DECODED_FRAME = 1
"""The status of a FRAME (WireIn) whose payload is a DECODED instead of text, which is 0. The exchange of a backtest is
told where it stands instead: its payload is an address and a length, and whoever plays hands the frame to the feed."""

TEXT, DEPTH, QUOTE, TRADE = range(4)

DECODED = np.dtype(
    [
        ("kind", "i8"),
        ("size", "i8"),
        ("receive_ns", "i8"),
        ("symbol_id", "i8"),
        ("event_ms", "i8"),
        ("matched_ms", "i8"),
        ("first_id", "i8"),
        ("last_id", "i8"),
        ("previous_id", "i8"),
        ("bid_count", "i8"),
        ("ask_count", "i8"),
        ("bid_ticks", "i8"),
        ("bid_lots", "i8"),
        ("ask_ticks", "i8"),
        ("ask_lots", "i8"),
        ("price_ticks", "i8"),
        ("size_lots", "i8"),
        ("buyer_is_maker", "i8"),
    ],
    align=True,
)
"""`size`: bytes of head and levels, or of head and text without padding. `event_ms`: when the venue sent it (0: it does
not say), `matched_ms`: when it happened. `last_id`: of a TRADE, the trade's own."""

HEAD_BYTES = DECODED.itemsize
PAIR_BYTES = 16
