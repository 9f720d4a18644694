"""Texts that go out whole: frames of the market, of the order API and of the user stream, short HTTP answers.

See text.write for the places. They are named by number in the outbox and written at the end of a step.
"""

import numpy as np

ORDER_TEXT = (
    b'{"orderId":#iC,"symbol":"#s","status":"#wD","clientOrderId":"#cE","price":"#pG","avgPrice":"#dH","origQty":"#qI",'
    b'"executedQty":"#qJ","cumQty":"#qJ","cumQuote":"#eK","timeInForce":"#wL","type":"LIMIT","reduceOnly":false,'
    b'"closePosition":false,"side":"#wM","positionSide":"BOTH","stopPrice":"0","workingType":"CONTRACT_PRICE",'
    b'"priceProtect":false,"origType":"LIMIT","priceMatch":"NONE","selfTradePreventionMode":"EXPIRE_MAKER",'
    b'"goodTillDate":0,"time":#iN,"updateTime":#iO}'
)
"""An order as the order API and the open orders tell it."""

# fmt: off
(TRADE, TOUCH, REPLY, ERROR_REPLY, DONE_REPLY, ORDER_EVENT, ACCOUNT_EVENT,
 HTTP_ERROR, HTTP_EMPTY, HTTP_TIME, HTTP_KEY, HTTP_DONE, HTTP_COUNTDOWN) = range(13)
# fmt: on

_TRADE = (
    b'{"stream":"#l@trade","data":{"e":"trade","E":#iA,"T":#iB,"s":"#s","t":#iC,"p":"#pD","q":"#qE","X":"MARKET",'
    b'"m":#bF}}'
)
_TOUCH = (
    b'{"stream":"#l@bookTicker","data":{"e":"bookTicker","u":#iC,"s":"#s","b":"#pD","B":"#qE","a":"#pF","A":"#qG",'
    b'"T":#iB,"E":#iA}}'
)
_REPLY = b'{"id":#cX,"status":200,"result":' + ORDER_TEXT + b"}"
_ERROR_REPLY = b'{"id":#cX,"status":#iC,"error":{"code":#iD,"msg":"#mD"}}'
_DONE_REPLY = b'{"id":#cX,"result":null}'
_ORDER_EVENT = (
    b'{"e":"ORDER_TRADE_UPDATE","E":#iB,"T":#iB,"o":{"s":"#s","c":"#cE","S":"#wM","o":"LIMIT","f":"#wL","q":"#qI",'
    b'"p":"#pG","ap":"#dH","sp":"0","x":"#wP","X":"#wD","i":#iC,"l":"#qQ","z":"#qJ","L":"#pR","n":"#eS","N":"USDT",'
    b'"T":#iB,"t":#iT,"b":"0","a":"0","m":#bU,"R":false,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"BOTH","cp":false,'
    b'"rp":"#eV","pP":false,"si":0,"ss":0,"V":"EXPIRE_MAKER","pm":"NONE","gtd":0}}'
)
_ACCOUNT_EVENT = (
    b'{"e":"ACCOUNT_UPDATE","E":#iB,"T":#iB,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"#eC","cw":"#eC","bc":"0"}],'
    b'"P":[{"s":"#s","pa":"#qD","ep":"#dE","cr":"#eF","up":"0","mt":"cross","iw":"0","ps":"BOTH"}]}}'
)
_HTTP_ERROR = b'{"code":#iD,"msg":"#mD"}'
_HTTP_EMPTY = b"{}"
_HTTP_TIME = b'{"serverTime":#iA}'
_HTTP_KEY = b'{"listenKey":"#cC"}'
_HTTP_DONE = b'{"code":200,"msg":"The operation of cancel all open order is done."}'
_HTTP_COUNTDOWN = b'{"symbol":"#s","countdownTime":"#iC"}'

TEMPLATES = (
    _TRADE,
    _TOUCH,
    _REPLY,
    _ERROR_REPLY,
    _DONE_REPLY,
    _ORDER_EVENT,
    _ACCOUNT_EVENT,
    _HTTP_ERROR,
    _HTTP_EMPTY,
    _HTTP_TIME,
    _HTTP_KEY,
    _HTTP_DONE,
    _HTTP_COUNTDOWN,
)
assert len(TEMPLATES) == HTTP_COUNTDOWN + 1

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
