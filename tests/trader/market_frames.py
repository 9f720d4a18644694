"""Market frames for tests: recorded ones, made ones, and what they must scan to by the json module."""

import gzip
import json
import random
import re
from decimal import Decimal
from pathlib import Path

import numpy as np

from shm.kernel import address_of_array, new_record
from trader.instrument import INSTRUMENT
from trader.venues.scanner import MARKET_SCANNER, MarketKind, prepare_scanner

RECORDING = "binance/usdm_btcusdt_20240808.gz"
DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
MEANT = {"e", "E", "s", "U", "u", "pu", "b", "a", "B", "A", "t", "p", "q", "m", "lastUpdateId", "bids", "asks", "data"}
"""Keys that mean something to the scanner: they may not stand twice."""

EVENT_MS_MAX = 9_000_000_000_000


def instruments(*symbols, price=(2, 10), size=(3, 1)):
    """INSTRUMENT rows: 0.10 a tick and 0.001 a lot unless told otherwise."""
    rows = np.zeros(len(symbols), INSTRUMENT)
    for index, symbol in enumerate(symbols):
        rows[index]["symbol_id"] = index
        rows[index]["price_decimals"], rows[index]["tick_multiple"] = price
        rows[index]["size_decimals"], rows[index]["lot_multiple"] = size
        rows[index]["symbol_length"] = len(symbol)
        rows[index]["symbol"][: len(symbol)] = np.frombuffer(symbol.encode(), np.uint8)
    return rows


def new_scanner(*symbols, **units):
    """A scanner that knows these symbols (BTCUSDT if none)."""
    scanner = new_record(MARKET_SCANNER)
    prepare_scanner(scanner[0], instruments(*(symbols or ("BTCUSDT",)), **units))
    return scanner


def scan_bytes(scan, scanner, frame: bytes) -> MarketKind:
    """Scan one frame by a venue's compiled `scan`."""
    raw = np.frombuffer(frame or b" ", dtype=np.uint8)
    return MarketKind(scan(scanner[0], address_of_array(raw), len(frame)))


def recorded_frames(folder: Path, count: int) -> list[bytes]:
    """The first frames of the futures recording."""
    with gzip.open(folder / RECORDING) as file:
        return [next(file).split(b" ", 1)[1].rstrip(b"\n") for _ in range(count)]


def depth(bids=(), asks=(), *, first=1, last=2, previous=0, event_ms=5, symbol="BTCUSDT", wrapped=True):
    """A depth update as the venue writes it."""
    event = {
        "e": "depthUpdate", "E": event_ms, "T": event_ms, "s": symbol, "U": first, "u": last, "pu": previous,
        "b": [list(level) for level in bids], "a": [list(level) for level in asks],
    }  # fmt: skip
    return frame_of(event, f"{symbol.lower()}@depth@0ms" if wrapped else None)


def ticker(bid, bid_size, ask, ask_size, *, update_id=1, event_ms=5, symbol="BTCUSDT", wrapped=True):
    """A best quote as the venue writes it."""
    event = {
        "e": "bookTicker", "u": update_id, "s": symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size,
        "T": event_ms, "E": event_ms,
    }  # fmt: skip
    return frame_of(event, f"{symbol.lower()}@bookTicker" if wrapped else None)


def trade(price, size, *, maker=False, trade_id=7, event_ms=5, symbol="BTCUSDT"):
    """A trade as the venue writes it."""
    event = {
        "e": "trade", "E": event_ms, "T": event_ms, "s": symbol, "t": trade_id, "p": price, "q": size,
        "X": "MARKET", "m": maker,
    }  # fmt: skip
    return frame_of(event, f"{symbol.lower()}@trade")


def snapshot(bids, asks, *, last, event_ms=5):
    """A depth snapshot as the venue writes it."""
    return frame_of(
        {
            "lastUpdateId": last,
            "E": event_ms,
            "T": event_ms,
            "bids": [list(level) for level in bids],
            "asks": [list(level) for level in asks],
        },
        None,
    )


def frame_of(event, stream):
    """The bytes of an event, in a combined stream's wrapper or bare."""
    return json.dumps({"stream": stream, "data": event} if stream else event, separators=(",", ":")).encode()


class RefusedError(ValueError):
    """The reference does not accept a frame."""


def units(text, decimals=1):
    """Exact units of a decimal text, or RefusedError."""
    if not isinstance(text, str) or not DECIMAL.fullmatch(text):
        raise RefusedError(f"no decimal: {text!r}")
    scaled = Decimal(text).scaleb(decimals)
    if scaled != int(scaled):
        raise RefusedError("off the grid")
    return int(scaled)


def natural(value):
    """An integer from 0 to 10**18 - 1, or RefusedError."""
    if type(value) is not int or not 0 <= value < 10**18:
        raise RefusedError(f"no id: {value!r}")
    return value


def _object(pairs):
    keys = [key for key, _ in pairs if key in MEANT]
    if len(set(keys)) != len(keys):
        raise RefusedError("a key stands twice")
    return dict(pairs)


def _constant(name):
    raise RefusedError(name)


def reference(frame: bytes) -> tuple[MarketKind, list]:
    """What a frame must scan to, by the json module. Raises RefusedError or json.JSONDecodeError."""
    message = json.loads(frame.decode("latin-1"), object_pairs_hook=_object, parse_constant=_constant)
    if not isinstance(message, dict):
        raise RefusedError("no object")
    event = message["data"] if isinstance(message.get("data"), dict) else message
    kind = event.get("e")
    if isinstance(kind, str) and kind not in ("depthUpdate", "bookTicker", "trade"):
        return MarketKind.OTHER, []
    if not isinstance(kind, str):
        if "lastUpdateId" in event:
            kind = "snapshot"
        elif {"u", "b", "B", "a", "A"} <= set(event):
            kind = "bookTicker"
        else:
            return MarketKind.OTHER, []
    if kind != "snapshot":
        if not isinstance(event.get("s"), str):
            raise RefusedError("no symbol")
        if event["s"] != "BTCUSDT":
            return MarketKind.OTHER, []
    try:
        return _values(kind, event)
    except (KeyError, IndexError, TypeError) as problem:
        raise RefusedError(repr(problem)) from None


def _values(kind, event):
    if natural(event.get("E", 0)) > EVENT_MS_MAX:
        raise RefusedError("too late")
    if kind == "depthUpdate":
        ids = [natural(event["U"]), natural(event["u"]), natural(event["pu"]) if "pu" in event else -1]
        return MarketKind.DEPTH, [ids, _levels(event["b"]), _levels(event["a"])]
    if kind == "snapshot":
        return MarketKind.SNAPSHOT, [natural(event["lastUpdateId"]), _levels(event["bids"]), _levels(event["asks"])]
    if kind == "bookTicker":
        sizes = [units(event[key], decimals) for key, decimals in (("b", 1), ("B", 3), ("a", 1), ("A", 3))]
        return MarketKind.TICKER, [natural(event["u"]), *sizes]
    if type(event["m"]) is not bool:
        raise RefusedError("maker is no bool")
    values = [natural(event["t"]), units(event["p"], 1), units(event["q"], 3), int(event["m"])]
    return MarketKind.TRADE, values


def _levels(levels):
    if not isinstance(levels, list):
        raise RefusedError("no levels")
    return [(units(level[0], 1), units(level[1], 3)) for level in levels if isinstance(level, list) or _constant("x")]


JSON_BYTES = b'{}[]",:.0123456789-+eE\\ \n\tntfalsrueNaIn_x\x00\x1f\x80\xff'


def mutate(frame: bytes, dice: random.Random) -> bytes:
    """One to three changes: a byte replaced, inserted, a span deleted, doubled or moved, the end cut off."""
    data = bytearray(frame)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        at = dice.randrange(len(data)) if data else 0
        span = slice(at, at + dice.choice((1, 1, 2, 5, 20)))
        change = dice.randrange(6)
        if change == 0 and data:
            data[at] = dice.choice(JSON_BYTES)
        elif change == 1:
            data.insert(at, dice.choice(JSON_BYTES))
        elif change == 2:
            del data[span]
        elif change == 3:
            data[at:at] = data[span]
        elif change == 4:
            piece = data[span]
            del data[span]
            to = dice.randrange(len(data) + 1)
            data[to:to] = piece
        elif change == 5 and dice.random() < 0.3:
            del data[at:]
    return bytes(data)
