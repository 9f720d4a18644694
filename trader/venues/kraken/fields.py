"""Which key, channel and type of a Kraken frame means what. Numbers are not quoted.

{"channel":"book","type":"snapshot" or "update","data":[{"symbol":"BTC/USD","bids":[{"price":45283.5,"qty":0.1},..],
  "asks":[..],"checksum":3310070434,"timestamp":"2023-10-06T17:35:55.440295Z"}]}
{"channel":"trade","type":"update","data":[{"symbol":..,"side":"buy","price":..,"qty":..,"ord_type":"market",
  "trade_id":4665906,"timestamp":".."},..]}          a trade snapshot is history
{"method":"subscribe","result":{"channel":"book","symbol":"BTC/USD","depth":10,..},"success":true,..}
{"channel":"heartbeat"}      {"channel":"status",..}      {"channel":"instrument",..}
"""

from trader.venues.json_walk import text_table

CHANNEL, TYPE, DATA, SYMBOL, BIDS, ASKS, CHECKSUM, TIMESTAMP, METHOD, RESULT, DEPTH = range(1, 12)
PRICE, QTY, SIDE, TRADE_ID = range(12, 16)

BOOK, TRADES = 1, 2
SNAPSHOT_TYPE, UPDATE_TYPE, BUY, SELL = range(1, 5)

KEYS = text_table(
    {
        "channel": CHANNEL, "type": TYPE, "data": DATA, "symbol": SYMBOL, "bids": BIDS, "asks": ASKS,
        "checksum": CHECKSUM, "timestamp": TIMESTAMP, "method": METHOD, "result": RESULT, "depth": DEPTH,
        "price": PRICE, "qty": QTY, "side": SIDE, "trade_id": TRADE_ID,
    }
)  # fmt: skip
CHANNELS = text_table({"book": BOOK, "trade": TRADES})
WORDS = text_table({"snapshot": SNAPSHOT_TYPE, "update": UPDATE_TYPE, "buy": BUY, "sell": SELL})

DEPTHS = (10, 25, 100, 500, 1000)
"""Levels a side that can be subscribed to."""
