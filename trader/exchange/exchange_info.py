"""The answer to exchangeInfo: symbols with their filters."""

from shm.kernel import kernel
from trader.compile_hints import never_inlined
from trader.enums import WireKind
from trader.exchange.account import OPEN_MAX
from trader.exchange.market_data import aim
from trader.exchange.matching import LEVELS
from trader.exchange.outbox import OK, TEMPLATE_BYTES, begin, commit
from trader.exchange.text import write

HEAD = (
    b'{"timezone":"UTC","serverTime":#iA,"futuresType":"U_MARGINED","rateLimits":[],"exchangeFilters":[],'
    b'"assets":[{"asset":"USDT","marginAvailable":true,"autoAssetExchange":"0"}],"symbols":['
)
FIRST_SYMBOL = (
    b'{"symbol":"#s","pair":"#s","contractType":"PERPETUAL","deliveryDate":4133404800000,"onboardDate":1569398400000,'
    b'"status":"TRADING","maintMarginPercent":"2.5000","requiredMarginPercent":"5.0000","quoteAsset":"USDT",'
    b'"marginAsset":"USDT","pricePrecision":#iC,"quantityPrecision":#iD,"baseAssetPrecision":8,"quotePrecision":8,'
    b'"underlyingType":"COIN","orderTypes":["LIMIT"],"timeInForce":["GTC","IOC","GTX"],"filters":['
    b'{"filterType":"PRICE_FILTER","tickSize":"#pF","minPrice":"#pG","maxPrice":"#pH"},'
    b'{"filterType":"LOT_SIZE","stepSize":"#qF","minQty":"#qI","maxQty":"#qJ"},'
    b'{"filterType":"MARKET_LOT_SIZE","stepSize":"#qF","minQty":"#qI","maxQty":"#qJ"},'
    b'{"filterType":"MAX_NUM_ORDERS","limit":#iK},{"filterType":"MIN_NOTIONAL","notional":"#eL"}]}'
)
NEXT_SYMBOL = b"," + FIRST_SYMBOL
END = b"]}"


@kernel
def send_exchange_info(exchange, connection_id):
    """Answer with every symbol: PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, MAX_NUM_ORDERS, MIN_NOTIONAL."""
    never_inlined()
    cursor = begin(exchange.outbox, TEMPLATE_BYTES * (1 + exchange.symbol_count), 1 << connection_id)
    if cursor == 0:
        return
    writer = exchange.writer
    writer.values[0] = exchange.event_ms
    cursor = write(cursor, HEAD, writer)
    for symbol_id in range(exchange.symbol_count):
        instrument = exchange.instruments[symbol_id]
        market = exchange.markets[symbol_id]
        base_ticks = market.recorded.base_ticks if exchange.is_recorded else market.book.base_ticks
        values = aim(exchange, symbol_id, exchange.event_ms).values
        values[2] = instrument.price_decimals
        values[3] = instrument.size_decimals
        values[5] = 1
        values[6] = max(1, base_ticks)
        values[7] = base_ticks + LEVELS - 1 if base_ticks > 0 else 2**31
        values[8] = max(1, instrument.size_lots_min)
        values[9] = instrument.size_lots_max
        values[10] = OPEN_MAX
        values[11] = instrument.notional_e8_min
        cursor = write(cursor, NEXT_SYMBOL if symbol_id > 0 else FIRST_SYMBOL, writer)
    commit(exchange.outbox, 1 << connection_id, WireKind.RESPONSE, OK, write(cursor, END, writer))
