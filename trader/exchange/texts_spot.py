"""What the exchange says as Binance spot: texts by the names of trader.exchange.templates.

An order that was canceled goes by an id of the cancel's own, here `x<order id>`; the order's is in `C`, or in
`origClientOrderId`. The type stands in slot H.
"""

_ORDER = (
    b'{"symbol":"#s","orderId":#iC,"orderListId":-1,"clientOrderId":"#cE","price":"#pG","origQty":"#qI",'
    b'"executedQty":"#qJ","cummulativeQuoteQty":"#eK","status":"#wD","timeInForce":"#wL","type":"#wH","side":"#wM",'
    b'"stopPrice":"0.00000000","icebergQty":"0.00000000","time":#iN,"updateTime":#iO,"isWorking":true,'
    b'"workingTime":#iN,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"EXPIRE_MAKER"}'
)
_PLACED = (
    b'"transactTime":#iO,"price":"#pG","origQty":"#qI","executedQty":"#qJ","origQuoteOrderQty":"0.00000000",'
    b'"cummulativeQuoteQty":"#eK","status":"#wD","timeInForce":"#wL","type":"#wH","side":"#wM",'
    b'"selfTradePreventionMode":"EXPIRE_MAKER"}'
)
_REPORT_REST = (
    b'"S":"#wM","o":"#wH","f":"#wL","q":"#qI","p":"#pG","P":"0.00000000","F":"0.00000000","g":-1,#x"x":"#wP","X":"#wD",'
    b'"r":"NONE","i":#iC,"l":"#qQ","z":"#qJ","L":"#pR","n":"#eS","N":"#u","T":#iB,"t":#iT,"I":#iC,"w":true,"m":#bU,'
    b'"M":false,"O":#iN,"Z":"#eK","Y":"0.00000000","Q":"0.00000000","W":#iN,"V":"EXPIRE_MAKER"}}'
)
_REPORT_HEAD = b'{"subscriptionId":0,"event":{"e":"executionReport","E":#iB,"s":"#s",'

SPOT: dict[str, bytes] = {
    "TRADE": b'{"stream":"#l@trade","data":{"e":"trade","E":#iA,"s":"#s","t":#iC,"p":"#pD","q":"#qE","T":#iB,"m":#bF,'
    b'"M":true}}',
    "TOUCH": b'{"stream":"#l@bookTicker","data":{"u":#iC,"s":"#s","b":"#pD","B":"#qE","a":"#pF","A":"#qG"}}',
    "DEPTH_HEAD": b'{"stream":"#l@depth#wC","data":{"e":"depthUpdate","E":#iA,"s":"#s","U":#iD,"u":#iE,"b":[',
    "SNAPSHOT_HEAD": b'{"lastUpdateId":#iC,"bids":[',
    "REPLY": b'{"id":#cX,"status":200,"result":{"symbol":"#s","orderId":#iC,"orderListId":-1,"clientOrderId":"#cE",'
    + _PLACED
    + b"}",
    "CANCEL_REPLY": b'{"id":#cX,"status":200,"result":{"symbol":"#s","origClientOrderId":"#cE","orderId":#iC,'
    b'"orderListId":-1,"clientOrderId":"x#iC",' + _PLACED + b"}",
    "QUERY_REPLY": b'{"id":#cX,"status":200,"result":' + _ORDER + b"}",
    "LISTED_ORDER": _ORDER,
    "ORDER_EVENT": _REPORT_HEAD + b'"c":"#cE",' + _REPORT_REST.replace(b"#x", b'"C":"",'),
    "CANCEL_EVENT": _REPORT_HEAD + b'"c":"x#iC",' + _REPORT_REST.replace(b"#x", b'"C":"#cE",'),
    "ACCOUNT_EVENT": b'{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":#iB,"u":#iB,"U":#iB,"B":['
    b'{"a":"#a","f":"#qC","l":"#qD"},{"a":"#u","f":"#eE","l":"#eF"}]}}',
    "INFO_HEAD": b'{"timezone":"UTC","serverTime":#iA,"rateLimits":[],"exchangeFilters":[],"symbols":[',
    "INFO_SYMBOL": b'{"symbol":"#s","status":"#wM","baseAsset":"#a","baseAssetPrecision":8,"quoteAsset":"#u",'
    b'"quotePrecision":8,"quoteAssetPrecision":8,"baseCommissionPrecision":8,"quoteCommissionPrecision":8,'
    b'"orderTypes":["LIMIT","LIMIT_MAKER"],"icebergAllowed":false,"ocoAllowed":false,"isSpotTradingAllowed":true,'
    b'"isMarginTradingAllowed":false,"filters":['
    b'{"filterType":"PRICE_FILTER","minPrice":"#pG","maxPrice":"#pH","tickSize":"#pF"},'
    b'{"filterType":"LOT_SIZE","minQty":"#qI","maxQty":"#qJ","stepSize":"#qF"},'
    b'{"filterType":"MAX_NUM_ORDERS","maxNumOrders":#iK},'
    b'{"filterType":"NOTIONAL","minNotional":"#eL","applyMinToMarket":true,"maxNotional":"9000000.00000000",'
    b'"applyMaxToMarket":false,"avgPriceMins":5}],"permissions":[],"permissionSets":[["SPOT"]]}',
    "TRADE_ROW": b'{"symbol":"#s","id":#iC,"orderId":#iD,"orderListId":-1,"price":"#pF","qty":"#qG","quoteQty":"#eI",'
    b'"commission":"#eJ","commissionAsset":"#u","time":#iB,"isBuyer":#bK,"isMaker":#bL,"isBestMatch":true}',
    "POSITION_ROW": b'{"asset":"#a","free":"#qC","locked":"#qD"}',
}
