"""Frames as each venue spells them, and scanners that know their symbols, for the tests that all scanners pass."""

import json
from importlib import import_module

from shm.kernel import new_record
from tests.trader.market_frames import instruments
from tests.trader.venue_reference import PRICE_DECIMALS, SIZE_DECIMALS, SYMBOLS
from trader.venues.scanner import MARKET_SCANNER, prepare_scanner

VENUES = tuple(SYMBOLS)


def packed(message):
    """The bytes of a message without white space."""
    return json.dumps(message, separators=(",", ":")).encode()


def unquoted(message, keys=("price", "qty")):
    """The bytes of a message in which the texts of these keys stand as numbers."""
    text = packed(message)
    for key in keys:
        head = b'"' + key.encode() + b'":"'
        while head in text:
            before, _, after = text.partition(head)
            number, _, rest = after.partition(b'"')
            text = before + head[:-1] + number + rest
    return text


def hyperliquid_frames():
    levels = [
        [{"px": "61800.5", "sz": "3.03622", "n": 5}, {"px": "61800.0", "sz": "0.1", "n": 12}],
        [{"n": 1, "px": "61801.0", "sz": "2.5"}, {"n": 53, "px": "61802.25", "sz": "15.55272"}],
    ]
    book = {"coin": "BTC", "time": 1737918843542, "levels": levels}
    trade = {
        "coin": "BTC", "side": "B", "px": "61801.0", "sz": "0.00219", "hash": "0xde47", "time": 1737918794873,
        "tid": 121451470284048, "users": ["0xe9", "0x68"],
    }  # fmt: skip
    return [
        packed({"channel": "l2Book", "data": book}),
        packed({"channel": "l2Book", "data": {"coin": "BTC", "levels": [[], []], "time": 1, "fast": True}}),
        packed({"channel": "bbo", "data": {"coin": "BTC", "time": 1746364055109, "bbo": [levels[0][0], levels[1][0]]}}),
        packed({"channel": "bbo", "data": {"coin": "kPEPE", "time": 7, "bbo": [None, levels[1][0]]}}),
        packed({"channel": "trades", "data": [trade, {**trade, "side": "A", "coin": "ETH"}, {**trade, "side": "A"}]}),
        packed({"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": {"type": "bbo"}}}),
        packed({"channel": "allMids", "data": {"mids": {"BTC": "97432.5"}}}),
        packed({"channel": "pong"}),
        packed({"channel": "l2Book", "data": {**book, "levels": [long_side(20), long_side(3)[::-1]]}}),
    ]


def long_side(count):
    """Levels most of which look alike."""
    sizes = ("3.03622", "0.1428", "0.16179", "15.55272", "1.0")
    return [{"n": 1 + 13 * (i % 5), "px": f"{61800 - i}.0", "sz": sizes[i * i % len(sizes)]} for i in range(count)]


def okx_frames():
    bids = [["30182.6", "452", "0", "1"], ["30182", "0.06523858", "0", "4"]]
    book = {"asks": [["30249.4", "0", "0", "0"]], "bids": bids, "ts": "1652459225464", "checksum": -914047754}
    trade = {"instId": "BTC-USDT", "tradeId": "7849", "px": "30218.8", "sz": "1", "side": "buy", "ts": "1652459199958"}
    arg = {"channel": "books", "instId": "BTC-USDT"}
    return [
        packed({"arg": arg, "action": "snapshot", "data": [book]}),
        packed({"arg": arg, "action": "update", "data": [{**book, "bids": [], "seqId": 123457, "prevSeqId": 123456}]}),
        packed({"arg": {**arg, "instId": "UNI-USD-SWAP"}, "action": "update", "data": [{**book, "checksum": 0}]}),
        packed({"arg": {**arg, "channel": "trades"}, "data": [trade, {**trade, "side": "sell"}]}),
        packed({"event": "subscribe", "arg": arg}),
        packed({"arg": {"channel": "tickers", "instId": "BTC-USDT"}, "data": [{"last": "1", "bidPx": "x"}]}),
    ]


def kraken_frames():
    bids = [{"price": "45283.5", "qty": "0.10000000"}, {"price": "45283.4", "qty": "1.5"}]
    asks = [{"price": "45285.25", "qty": "0.001"}, {"price": "45286", "qty": "0"}]
    book = {"symbol": "BTC/USD", "bids": bids, "asks": asks, "checksum": 3310070434}
    trade = {
        "symbol": "MATIC/USD", "side": "sell", "price": "0.51", "qty": "40.0", "ord_type": "market",
        "trade_id": 4665906, "timestamp": "2023-09-25T07:49:37.708706Z",
    }  # fmt: skip
    result = {"channel": "book", "depth": 10, "snapshot": True, "symbol": "BTC/USD"}
    update = {**book, "asks": [], "timestamp": "2023-10-06T17:35:55.440295Z"}
    return [
        unquoted({"channel": "book", "type": "snapshot", "data": [book]}),
        unquoted({"channel": "book", "type": "update", "data": [update]}),
        unquoted({"channel": "trade", "type": "update", "data": [trade, {**trade, "symbol": "X/Y"}]}),
        unquoted({"channel": "trade", "type": "snapshot", "data": [trade]}),
        packed({"method": "subscribe", "result": result, "success": True}),
        packed({"channel": "heartbeat"}),
    ]


def kraken_v1_frames():
    bids = [["354.15", "5.00000000", "1618678133.365913"], ["354.1", "1.0", "1618678130.1", "r"]]
    asks = [["354.25", "0.00000000", "1618678134.5"]]
    trades = [["354.11", "0.89594024", "1618678142.557535", "s", "l", ""]] * 2
    return [
        packed([992, {"as": asks, "bs": bids}, "book-1000", "XMR/USD"]),
        packed([992, {"b": bids, "c": "2583817756"}, "book-1000", "XMR/USD"]),
        packed([992, {"a": asks}, {"b": bids[:1], "c": "4105471083"}, "book-10", "XBT/USD"]),
        packed([993, trades, "trade", "XMR/USD"]),
        packed([996, {"a": ["355.24", 27, "27.1"], "b": ["354.3", 6, "6.8"]}, "ticker", "XMR/USD"]),
        packed([996, {"a": ["355.24", 27]}, "ticker", 6]),
        packed({"event": "heartbeat"}),
        packed({"channelID": 992, "event": "subscriptionStatus", "pair": "XMR/USD", "status": "subscribed"}),
    ]


FRAMES = {
    "hyperliquid": hyperliquid_frames(),
    "okx": okx_frames(),
    "kraken": kraken_frames(),
    "kraken_v1": kraken_v1_frames(),
}


def new_scanner(venue):
    """A scanner that knows the venue's two symbols."""
    scanner = new_record(MARKET_SCANNER)
    rows = instruments(*SYMBOLS[venue], price=(PRICE_DECIMALS, 1), size=(SIZE_DECIMALS, 1))
    prepare_scanner(scanner[0], rows)
    return scanner


def scan_of(venue):
    """The venue's compiled scan."""
    return import_module(f"trader.venues.{venue}.market").scan
