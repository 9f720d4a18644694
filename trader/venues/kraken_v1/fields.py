"""Which key and channel of a Kraken v1 frame means what. A frame's last two texts say what it is about:

[1664,{"as":[[price,volume,time],..],"bs":[..]},"book-1000","WAVES/EUR"]           snapshot
[1664,{"a":[["13.28","1396.0","1618678133.38"],..]},{"b":[..],"c":"176333288"},"book-1000","WAVES/EUR"]
[993,[["354.11","0.89","1618678142.557535","s","l",""],..],"trade","XMR/USD"]      side b or s
{"event":"heartbeat"} or {"event":"subscriptionStatus",..} ..
"""

from trader.venues.json_walk import text_table

AS, BS, A, B, C, EVENT = range(1, 7)
KEYS = text_table({"as": AS, "bs": BS, "a": A, "b": B, "c": C, "event": EVENT})

BOOK, TRADES = 1, 2
BOOKS = {"book-10": 10, "book-25": 25, "book-100": 100, "book-500": 500, "book-1000": 1000}
"""Channels that are books, by the depth at which they are cut."""

CHANNELS = text_table({**BOOKS, "trade": TRADES})
HEARTBEAT = 1
EVENTS = text_table({"heartbeat": HEARTBEAT, "systemStatus": 2})
