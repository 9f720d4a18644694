"""What the exchange says as Binance USD-M futures: texts by the names of trader.exchange.templates."""

_ORDER = (
    b'{"orderId":#iC,"symbol":"#s","status":"#wD","clientOrderId":"#cE","price":"#pG","avgPrice":"#dH","origQty":"#qI",'
    b'"executedQty":"#qJ","cumQty":"#qJ","cumQuote":"#eK","timeInForce":"#wL","type":"LIMIT","reduceOnly":false,'
    b'"closePosition":false,"side":"#wM","positionSide":"BOTH","stopPrice":"0","workingType":"CONTRACT_PRICE",'
    b'"priceProtect":false,"origType":"LIMIT","priceMatch":"NONE","selfTradePreventionMode":"EXPIRE_MAKER",'
    b'"goodTillDate":0,"time":#iN,"updateTime":#iO}'
)
_ORDER_EVENT = (
    b'{"e":"ORDER_TRADE_UPDATE","E":#iB,"T":#iB,"o":{"s":"#s","c":"#cE","S":"#wM","o":"LIMIT","f":"#wL","q":"#qI",'
    b'"p":"#pG","ap":"#dH","sp":"0","x":"#wP","X":"#wD","i":#iC,"l":"#qQ","z":"#qJ","L":"#pR","n":"#eS","N":"USDT",'
    b'"T":#iB,"t":#iT,"b":"0","a":"0","m":#bU,"R":false,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"BOTH","cp":false,'
    b'"rp":"#eV","pP":false,"si":0,"ss":0,"V":"EXPIRE_MAKER","pm":"NONE","gtd":0}}'
)
_SYMBOL = (
    b'{"symbol":"#s","pair":"#s","contractType":"PERPETUAL","deliveryDate":4133404800000,"onboardDate":1569398400000,'
    b'"status":"#wM","maintMarginPercent":"2.5000","requiredMarginPercent":"5.0000","baseAsset":"#a",'
    b'"quoteAsset":"#u","marginAsset":"#u","pricePrecision":#iC,"quantityPrecision":#iD,"baseAssetPrecision":8,'
    b'"quotePrecision":8,"underlyingType":"COIN","orderTypes":["LIMIT"],"timeInForce":["GTC","IOC","GTX"],"filters":['
    b'{"filterType":"PRICE_FILTER","tickSize":"#pF","minPrice":"#pG","maxPrice":"#pH"},'
    b'{"filterType":"LOT_SIZE","stepSize":"#qF","minQty":"#qI","maxQty":"#qJ"},'
    b'{"filterType":"MARKET_LOT_SIZE","stepSize":"#qF","minQty":"#qI","maxQty":"#qJ"},'
    b'{"filterType":"MAX_NUM_ORDERS","limit":#iK},{"filterType":"MIN_NOTIONAL","notional":"#eL"}]}'
)

USDM: dict[str, bytes] = {
    "TRADE": b'{"stream":"#l@trade","data":{"e":"trade","E":#iA,"T":#iB,"s":"#s","t":#iC,"p":"#pD","q":"#qE",'
    b'"X":"MARKET","m":#bF}}',
    "TOUCH": b'{"stream":"#l@bookTicker","data":{"e":"bookTicker","u":#iC,"s":"#s","b":"#pD","B":"#qE","a":"#pF",'
    b'"A":"#qG","T":#iB,"E":#iA}}',
    "DEPTH_HEAD": b'{"stream":"#l@depth#wC","data":{"e":"depthUpdate","E":#iA,"T":#iB,"s":"#s","U":#iD,"u":#iE,'
    b'"pu":#iF,"b":[',
    "SNAPSHOT_HEAD": b'{"lastUpdateId":#iC,"E":#iA,"T":#iB,"bids":[',
    "REPLY": b'{"id":#cX,"status":200,"result":' + _ORDER + b"}",
    "CANCEL_REPLY": b'{"id":#cX,"status":200,"result":' + _ORDER + b"}",
    "QUERY_REPLY": b'{"id":#cX,"status":200,"result":' + _ORDER + b"}",
    "LISTED_ORDER": _ORDER,
    "ORDER_EVENT": _ORDER_EVENT,
    "CANCEL_EVENT": _ORDER_EVENT,
    "ACCOUNT_EVENT": b'{"e":"ACCOUNT_UPDATE","E":#iB,"T":#iB,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"#eC","cw":"#eC",'
    b'"bc":"0"}],"P":[{"s":"#s","pa":"#qD","ep":"#dE","cr":"#eF","up":"0","mt":"cross","iw":"0","ps":"BOTH"}]}}',
    "INFO_HEAD": b'{"timezone":"UTC","serverTime":#iA,"futuresType":"U_MARGINED","rateLimits":[],"exchangeFilters":[],'
    b'"assets":[{"asset":"USDT","marginAvailable":true,"autoAssetExchange":"0"}],"symbols":[',
    "INFO_SYMBOL": _SYMBOL,
    "HTTP_PREMIUM": b'{"symbol":"#s","markPrice":"#dC","indexPrice":"#dC","estimatedSettlePrice":"#dC",'
    b'"lastFundingRate":"0.00010000","interestRate":"0.00010000","nextFundingTime":#iD,"time":#iB}',
    "TRADE_ROW": b'{"symbol":"#s","id":#iC,"orderId":#iD,"side":"#wE","price":"#pF","qty":"#qG","realizedPnl":"#eH",'
    b'"quoteQty":"#eI","commission":"#eJ","commissionAsset":"USDT","time":#iB,"positionSide":"BOTH","buyer":#bK,'
    b'"maker":#bL}',
    "POSITION_ROW": b'{"symbol":"#s","positionSide":"BOTH","positionAmt":"#qC","entryPrice":"#dD","markPrice":"#dE",'
    b'"unRealizedProfit":"#eF","liquidationPrice":"0","isolatedMargin":"0","notional":"#eG","marginAsset":"USDT",'
    b'"updateTime":#iB}',
}
