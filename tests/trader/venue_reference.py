"""What a frame of each venue must scan to, by the json module: the oracle of the scanner tests.

`reference(venue, frame)` gives (MarketKind, values); RefusedError or a JSONDecodeError where the frame is none. Units
are 0.01 a tick and 0.00000001 a lot for every symbol.
"""

import json
import re
from datetime import datetime
from decimal import Decimal

from trader.venues.scanner import MarketKind

PRICE_DECIMALS, SIZE_DECIMALS = 2, 8
SYMBOLS = {
    "hyperliquid": ("BTC", "kPEPE"),
    "okx": ("BTC-USDT", "UNI-USD-SWAP"),
    "kraken": ("BTC/USD", "MATIC/USD"),
    "kraken_v1": ("XBT/USD", "XMR/USD"),
}
MEANT = {
    "hyperliquid": "channel data coin time levels bbo px sz side tid",
    "okx": "arg channel instId action data asks bids ts checksum seqId prevSeqId event tradeId px sz side",
    "kraken": "channel type data symbol bids asks checksum timestamp method result depth price qty side trade_id",
    "kraken_v1": "as bs a b c event",
}
"""Keys that mean something to a scanner: they may not stand twice in one object."""

EVENT_MS_MAX = 9_000_000_000_000
DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class RefusedError(ValueError):
    """The reference does not accept a frame."""


class Number(str):
    """A number that was not quoted, as it was written."""


def need(sound, why="not so"):
    """Refuse unless."""
    if not sound:
        raise RefusedError(why)


def units(text, decimals):
    """Exact units of a quoted decimal of at most 36 bytes."""
    need(type(text) is str and DECIMAL.fullmatch(text) and len(text) <= 36, f"no decimal: {text!r}")
    return scaled(text, decimals)


def scaled(text, decimals):
    value = Decimal(text)
    need(value == 0 or value.adjusted() < 30, "too large")
    value = value.scaleb(decimals)
    need(value == int(value) and 0 <= value < 10**18, "off the grid")
    return int(value)


def bare(number, decimals):
    """Exact units of a number without quotes."""
    need(type(number) is Number and not number.startswith("-"), f"no number: {number!r}")
    value = Decimal(number)
    need(value == 0 or -60 < value.adjusted() < 30, "too large or small")
    return scaled(number, decimals)


def natural(number):
    """A bare integer from 0 to 10**18 - 1."""
    need(type(number) is Number and number.isdecimal() and int(number) < 10**18, f"no integer: {number!r}")
    return int(number)


def quoted_natural(text):
    """An integer in quotes, without superfluous zeros."""
    need(type(text) is str and text.isdecimal() and (text == "0" or text[0] != "0"), f"no integer: {text!r}")
    return natural(Number(text))


def known(venue, symbol):
    """Index of a symbol, -1 for a foreign one."""
    need(type(symbol) is str, "no symbol")
    return SYMBOLS[venue].index(symbol) if symbol in SYMBOLS[venue] else -1


def levels(side, price, size, read):
    """(ticks, lots) of a list of levels."""
    kind = list if price == 0 else dict
    need(isinstance(side, list) and all(isinstance(level, kind) for level in side), "no levels")
    try:
        return [(read(level[price], PRICE_DECIMALS), read(level[size], SIZE_DECIMALS)) for level in side]
    except (TypeError, KeyError, IndexError) as problem:
        raise RefusedError(repr(problem)) from None


def reference(venue, frame):
    """What a frame must scan to."""
    if (venue == "hyperliquid" and frame.startswith(b"Websocke")) or (venue == "okx" and frame == b"pong"):
        return (MarketKind.OTHER if venue == "hyperliquid" else MarketKind.REPLY), None
    meant = set(MEANT[venue].split())

    def pairs(items):
        keys = [key for key, _ in items if key in meant]
        need(len(set(keys)) == len(keys), "a key stands twice")
        return dict(items)

    def constant(name):
        raise RefusedError(name)

    message = json.loads(
        frame.decode("latin-1"),
        object_pairs_hook=pairs,
        parse_constant=constant,
        parse_float=Number,
        parse_int=Number,
    )
    try:
        return _READERS[venue](message)
    except (KeyError, AttributeError, TypeError) as problem:
        raise RefusedError(repr(problem)) from None


def _hyperliquid(message):
    channel = message.get("channel", "")
    need(type(channel) is str)
    if channel in ("subscriptionResponse", "pong", "error"):
        return MarketKind.REPLY, None
    if channel == "trades":
        trades = []
        for one in message["data"]:
            symbol = known("hyperliquid", one["coin"])
            time_ms, trade_id = natural(one.get("time", Number(0))), natural(one.get("tid", Number(0)))
            need(one.get("side", "A") in ("A", "B"))
            if symbol >= 0:
                need(time_ms <= EVENT_MS_MAX and {"time", "tid", "side"} <= set(one))
                price, size = units(one["px"], PRICE_DECIMALS), units(one["sz"], SIZE_DECIMALS)
                side = 1 if one["side"] == "B" else -1
                trades.append((symbol, time_ms * 10**6, trade_id, side, price, size))
        return (MarketKind.TRADE, trades) if trades else (MarketKind.OTHER, None)
    if channel not in ("l2Book", "bbo"):
        return MarketKind.OTHER, None
    data = message["data"]
    symbol = known("hyperliquid", data["coin"])
    if symbol < 0:
        return MarketKind.OTHER, None
    time_ms = natural(data["time"])
    need(time_ms <= EVENT_MS_MAX)
    sides = data["levels" if channel == "l2Book" else "bbo"]
    need(isinstance(sides, list) and len(sides) >= 2)
    if channel == "l2Book":
        bids, asks = (levels(side, "px", "sz", units) for side in sides[:2])
        return MarketKind.SNAPSHOT, [symbol, bids, asks, time_ms]
    best = [levels([level], "px", "sz", units)[0] if isinstance(level, dict) else (0, 0) for level in sides[:2]]
    return MarketKind.TICKER, [symbol, time_ms, *best[0], *best[1]]


def _okx(message):
    need(isinstance(message, dict))
    if "event" in message:
        return MarketKind.REPLY, None
    arg = message.get("arg", {})
    channel = arg.get("channel", "")
    need(type(channel) is str)
    if "data" not in message or channel not in ("books", "books-l2-tbt", "books50-l2-tbt", "trades"):
        return MarketKind.OTHER, None
    symbol = known("okx", arg.get("instId", ""))
    if symbol < 0:
        return MarketKind.OTHER, None
    data = message["data"]
    need(isinstance(data, list))
    if channel == "trades":
        trades = [_okx_trade(symbol, one) for one in data]
        return (MarketKind.TRADE, trades) if trades else (MarketKind.OTHER, None)
    need(len(data) == 1 and message["action"] in ("snapshot", "update"))
    book = data[0]
    time_ms = quoted_natural(book["ts"])
    need(time_ms <= EVENT_MS_MAX)
    ids = []
    for key in ("seqId", "prevSeqId", "checksum"):
        number = book.get(key, Number(-1))
        need(type(number) is Number and number.lstrip("-").isdecimal() and abs(int(number)) < 10**18, "no integer")
        ids.append(int(number))
    if "checksum" in book:
        ids[2] &= 0xFFFFFFFF
    bids, asks = (levels(book[side], 0, 1, units) for side in ("bids", "asks"))
    kind = MarketKind.SNAPSHOT if message["action"] == "snapshot" else MarketKind.DEPTH
    return kind, [symbol, bids, asks, time_ms, *ids]


def _okx_trade(symbol, one):
    need(one["side"] in ("buy", "sell"))
    time_ms = quoted_natural(one["ts"])
    need(time_ms <= EVENT_MS_MAX)
    price, size = units(one["px"], PRICE_DECIMALS), units(one["sz"], SIZE_DECIMALS)
    return symbol, time_ms * 10**6, quoted_natural(one["tradeId"]), 1 if one["side"] == "buy" else -1, price, size


def rfc3339_ns(text):
    """Nanoseconds of a UTC time."""
    need(type(text) is str and TIME.fullmatch(text), f"no time: {text!r}")
    whole, _, fraction = text[:-1].partition(".")
    try:
        moment = datetime.fromisoformat(whole + "+00:00")
    except ValueError as problem:
        raise RefusedError(str(problem)) from None
    need(1970 <= moment.year < 2255)
    return int(moment.timestamp()) * 10**9 + int(fraction[:9].ljust(9, "0"))


def _kraken(message):
    need(isinstance(message, dict))
    if "method" in message:
        return MarketKind.REPLY, None
    channel, kind = message.get("channel", ""), message.get("type", "")
    need(type(channel) is str and type(kind) is str)
    if channel not in ("book", "trade") or kind not in ("snapshot", "update") or "data" not in message:
        return MarketKind.OTHER, None
    data = message["data"]
    need(isinstance(data, list))
    if channel == "trade":
        trades = [trade for one in data if (trade := _kraken_trade(one)) is not None]
        return (MarketKind.TRADE, trades) if trades and kind == "update" else (MarketKind.OTHER, None)
    need(len(data) == 1)
    book = data[0]
    symbol = known("kraken", book["symbol"])
    if symbol < 0:
        return MarketKind.OTHER, None
    checksum = natural(book["checksum"]) if "checksum" in book else -1
    event_ns = rfc3339_ns(book["timestamp"]) if "timestamp" in book else 0
    bids, asks = (levels(book[side], "price", "qty", bare) for side in ("bids", "asks"))
    return MarketKind.SNAPSHOT if kind == "snapshot" else MarketKind.DEPTH, [symbol, bids, asks, event_ns, checksum]


def _kraken_trade(one):
    symbol = known("kraken", one["symbol"])
    need(one["side"] in ("buy", "sell") and type(one["price"]) is Number and type(one["qty"]) is Number)
    trade_id, event_ns = natural(one["trade_id"]), rfc3339_ns(one["timestamp"])
    if symbol < 0:
        return None
    price, size = bare(one["price"], PRICE_DECIMALS), bare(one["qty"], SIZE_DECIMALS)
    return symbol, event_ns, trade_id, 1 if one["side"] == "buy" else -1, price, size


def seconds_ns(text):
    """Nanoseconds of quoted seconds."""
    need(type(text) is str and re.fullmatch(r"[0-9]{1,10}(\.[0-9]+)?", text), f"no time: {text!r}")
    whole, _, fraction = text.partition(".")
    need(int(whole) <= 9_000_000_000)
    return int(whole) * 10**9 + int(fraction[:9].ljust(9, "0"))


def _kraken_v1(message):
    if isinstance(message, dict):
        event = message.get("event")
        need(event is None or type(event) is str)
        quiet = event is None or event in ("heartbeat", "systemStatus")
        return MarketKind.OTHER if quiet else MarketKind.REPLY, None
    need(isinstance(message, list))
    if len(message) < 2 or not all(type(name) is str for name in message[-2:]):
        return MarketKind.OTHER, None
    depths = {"book-10": 10, "book-25": 25, "book-100": 100, "book-500": 500, "book-1000": 1000}
    channel, pair = message[-2:]
    symbol = known("kraken_v1", pair)
    if symbol < 0 or (channel not in depths and channel != "trade"):
        return MarketKind.OTHER, None
    if channel == "trade":
        trades = [_kraken_v1_trade(symbol, one) for group in message if isinstance(group, list) for one in group]
        return (MarketKind.TRADE, trades) if trades else (MarketKind.OTHER, None)
    sides, checksum, event_ns = {}, -1, 0
    for contents in message:
        for key, value in contents.items() if isinstance(contents, dict) else ():
            if key == "c":
                need(checksum < 0)
                checksum = quoted_natural(value)
            elif key in ("a", "b", "as", "bs"):
                need(key not in sides)
                sides[key] = levels(value, 0, 1, units)
                if value:
                    need(len(value[-1]) > 2 and seconds_ns(value[-1][2]) >= 0, "no time")
                    flagged = any(type(flag) is str for flag in value[-1][3:4])
                    event_ns = max(event_ns, 0 if flagged else seconds_ns(value[-1][2]))
                for level in value if len(key) == 2 else ():
                    need(len(level) > 2, "no time")
                    event_ns = max(event_ns, seconds_ns(level[2]))
    need(set(sides) in ({"as", "bs"}, {"a"}, {"b"}, {"a", "b"}), "sides")
    kind = MarketKind.SNAPSHOT if "as" in sides else MarketKind.DEPTH
    bids, asks = (sides.get(key, sides.get(f"{key}s", [])) for key in ("b", "a"))
    return kind, [symbol, bids, asks, event_ns, checksum, depths[channel]]


def _kraken_v1_trade(symbol, one):
    need(isinstance(one, list) and len(one) >= 4 and one[3] in ("b", "s"))
    price, size = units(one[0], PRICE_DECIMALS), units(one[1], SIZE_DECIMALS)
    return symbol, seconds_ns(one[2]), 0, 1 if one[3] == "b" else -1, price, size


_READERS = {"hyperliquid": _hyperliquid, "okx": _okx, "kraken": _kraken, "kraken_v1": _kraken_v1}
