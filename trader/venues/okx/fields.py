"""Which key, channel and action of an OKX frame means what.

{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot" or "update","data":[
    {"asks":[["30243.5","1.2112","0","4"],..],"bids":[..],"ts":"1652459225453","checksum":-652563973,
     "seqId":123457,"prevSeqId":123456}]}
{"arg":{"channel":"trades","instId":..},"data":[{"tradeId":"7849","px":"..","sz":"..","side":"buy","ts":".."},..]}
{"event":"subscribe" or "error",..}     pong
"""

from trader.venues.json_walk import text_table

ARG, CHANNEL, INST_ID, ACTION, DATA, ASKS, BIDS, TS, CHECKSUM, SEQ_ID, PREV_SEQ_ID = range(1, 12)
EVENT, TRADE_ID, PX, SZ, SIDE = range(12, 17)

BOOKS, BOOKS_TBT, BOOKS_50, TRADES = range(1, 5)
SNAPSHOT_ACTION, UPDATE_ACTION, BUY, SELL = range(1, 5)

KEYS = text_table(
    {
        "arg": ARG, "channel": CHANNEL, "instId": INST_ID, "action": ACTION, "data": DATA, "asks": ASKS, "bids": BIDS,
        "ts": TS, "checksum": CHECKSUM, "seqId": SEQ_ID, "prevSeqId": PREV_SEQ_ID, "event": EVENT,
        "tradeId": TRADE_ID, "px": PX, "sz": SZ, "side": SIDE,
    }
)  # fmt: skip
CHANNELS = text_table({"books": BOOKS, "books-l2-tbt": BOOKS_TBT, "books50-l2-tbt": BOOKS_50, "trades": TRADES})
WORDS = text_table({"snapshot": SNAPSHOT_ACTION, "update": UPDATE_ACTION, "buy": BUY, "sell": SELL})
