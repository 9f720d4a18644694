"""Which key, and which channel, of a Hyperliquid frame means what.

{"channel":"l2Book","data":{"coin":"BTC","time":1737918843542,"levels":[[{"px":"105055.0","sz":"3.03622","n":5},..],..]}}
{"channel":"bbo","data":{"coin":"BTC","time":..,"bbo":[{..} or null,{..} or null]}}
{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"..","sz":"..","time":..,"tid":..,"hash":"..","users":[..]},..]}
{"channel":"subscriptionResponse" or "pong" or "error",..}      {"channel":"allMids",..} informs nobody here
"""

from trader.venues.json_walk import text_table

CHANNEL, DATA, COIN, TIME, LEVELS, BBO, PX, SZ, SIDE, TID = range(1, 11)
L2_BOOK, BEST, TRADES, RESPONSE, PONG, ERROR = range(1, 7)

KEYS = text_table(
    {
        "channel": CHANNEL, "data": DATA, "coin": COIN, "time": TIME, "levels": LEVELS, "bbo": BBO, "px": PX, "sz": SZ,
        "side": SIDE, "tid": TID,
    }
)  # fmt: skip
CHANNELS = text_table({"l2Book": L2_BOOK, "bbo": BEST, "trades": TRADES, "pong": PONG, "error": ERROR})

RESPONSE_NAME = b"subscriptionResponse"
"""Too long for the table; its first bytes and its length tell."""
