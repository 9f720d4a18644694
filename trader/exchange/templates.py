"""Texts that the exchange sends, by number: the names of NAMES, once for each market that it can be.

    number = market * len(NAMES) + place of the name in NAMES

A text with places (see text.write) is named by its place; `outbox.say` and `text_of` add the market's. What one market
alone says is empty in the others.
"""

import numpy as np

from trader.exchange.texts_spot import SPOT
from trader.exchange.texts_usdm import USDM

# fmt: off
NAMES = (
    "TRADE", "TOUCH", "DEPTH_HEAD", "SNAPSHOT_HEAD", "REPLY", "CANCEL_REPLY", "QUERY_REPLY", "LISTED_ORDER",
    "ORDER_EVENT", "CANCEL_EVENT", "ACCOUNT_EVENT", "INFO_HEAD", "INFO_SYMBOL", "TRADE_ROW", "POSITION_ROW",
    "ERROR_REPLY", "DONE_REPLY", "SUBSCRIBED_REPLY", "HTTP_ERROR", "HTTP_EMPTY", "HTTP_TIME", "HTTP_KEY", "HTTP_DONE",
    "HTTP_COUNTDOWN", "LIMIT_REPLY", "HTTP_PREMIUM",
)
(TRADE, TOUCH, DEPTH_HEAD, SNAPSHOT_HEAD, REPLY, CANCEL_REPLY, QUERY_REPLY, LISTED_ORDER, ORDER_EVENT, CANCEL_EVENT,
 ACCOUNT_EVENT, INFO_HEAD, INFO_SYMBOL, TRADE_ROW, POSITION_ROW, ERROR_REPLY, DONE_REPLY, SUBSCRIBED_REPLY, HTTP_ERROR,
 HTTP_EMPTY, HTTP_TIME, HTTP_KEY, HTTP_DONE, HTTP_COUNTDOWN, LIMIT_REPLY, HTTP_PREMIUM) = range(len(NAMES))
# fmt: on

MARKETS = (USDM, SPOT)
MARKET_USDM, MARKET_SPOT = range(len(MARKETS))

_SHARED: dict[str, bytes] = {
    "ERROR_REPLY": b'{"id":#cX,"status":#iC,"error":{"code":#iD,"msg":"#mE"}}',
    "DONE_REPLY": b'{"id":#cX,"result":null}',
    "SUBSCRIBED_REPLY": b'{"id":#cX,"status":200,"result":{"subscriptionId":0}}',
    "HTTP_ERROR": b'{"code":#iD,"msg":"#mE"}',
    "HTTP_EMPTY": b"{}",
    "HTTP_PREMIUM": b"",
    "HTTP_TIME": b'{"serverTime":#iA}',
    "HTTP_KEY": b'{"listenKey":"#cC"}',
    "HTTP_DONE": b'{"code":200,"msg":"The operation of cancel all open order is done."}',
    "HTTP_COUNTDOWN": b'{"symbol":"#s","countdownTime":"#iC"}',
    "LIMIT_REPLY": (
        b'{"id":#cX,"status":#iC,"error":{"code":#iD,"msg":"#mE","data":{"serverTime":#iA,"retryAfter":#iF}}}'
    ),
}
TEMPLATES = tuple({**_SHARED, **texts}[name] for texts in MARKETS for name in NAMES)

PLACE_BYTES = 24
LONG_BYTES = 192
BYTES_MAX = np.array(
    [
        len(text) + PLACE_BYTES * text.count(b"#") + LONG_BYTES * (text.count(b"#c") + text.count(b"#m"))
        for text in TEMPLATES
    ],
    dtype=np.int64,
)
"""No text is longer: a number, word or symbol has at most PLACE_BYTES, a message, key or id LONG_BYTES more."""
