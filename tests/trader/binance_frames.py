"""Frames as Binance sends them about orders, in any key order and whitespace, with fields nobody asked for."""

import json
import random

import numpy as np

from shm.kernel import new_record
from trader.instrument import INSTRUMENT
from trader.venues.binance import order_events

STATUSES = {
    "NEW": order_events.NEW,
    "PARTIALLY_FILLED": order_events.PARTIALLY_FILLED,
    "FILLED": order_events.FILLED,
    "CANCELED": order_events.CANCELED,
    "EXPIRED": order_events.EXPIRED,
    "EXPIRED_IN_MATCH": order_events.EXPIRED,
    "REJECTED": order_events.REJECTED,
    "TRADE": order_events.TRADE,
    "AMENDMENT": order_events.OTHER,
}


def instrument(
    price: tuple[int, int] = (1, 1), size: tuple[int, int] = (3, 1), symbol: bytes = b"BTCUSDT"
) -> np.ndarray:
    row = new_record(INSTRUMENT)
    row["price_decimals"], row["tick_multiple"] = price
    row["size_decimals"], row["lot_multiple"] = size
    row["symbol_length"] = len(symbol)
    row["symbol"][0, : len(symbol)] = np.frombuffer(symbol, np.uint8)
    return row


def dumped(rng: random.Random, value) -> bytes:
    """JSON in a random key order with random whitespace."""

    def space() -> str:
        return "".join(rng.choice(" \n\t\r") for _ in range(rng.choice((0, 0, 0, 1, 3))))

    def text(one) -> str:
        if isinstance(one, dict):
            members = list(one.items())
            rng.shuffle(members)
            inner = ",".join(f"{space()}{json.dumps(key)}{space()}:{space()}{text(it)}{space()}" for key, it in members)
            return "{" + (inner or space()) + "}"
        if isinstance(one, list):
            return "[" + ",".join(space() + text(it) + space() for it in one) + "]"
        return json.dumps(one)

    return (space() + text(value) + space()).encode()


def decimal_text(rng: random.Random, whole: int = 10**6, places: int = 8) -> str:
    digits = rng.randint(0, places)
    return f"{rng.randint(0, whole)}" + (f".{rng.randint(0, 10**digits - 1):0{digits}d}" if digits else "")


def noise(rng: random.Random) -> dict:
    return {
        "zz": rng.choice((None, True, -1.5e3, 'a\\"b{[,', [1, [2, {}], "]"], {"e": "x", "o": {"i": 5}})),
        "rateLimits": [{"limit": 300, "x": "}"}, []],
        'q"uote': "\\",
        "long_key_" * 4: "v" * rng.randint(0, 40),
    }


def reply_frame(rng: random.Random) -> dict:
    frame = {
        "id": f"{rng.choice('pcq')}{rng.randint(1, 2**63 - 1)}",
        "status": rng.choice((200, 400, 503)),
        **noise(rng),
    }
    if frame["status"] == 200:
        result = {"orderId": rng.randint(1, 10**17), "status": rng.choice(list(STATUSES)), "symbol": "BTCUSDT"}
        frame["result"] = result | {"executedQty": decimal_text(rng), "updateTime": rng.randint(0, 10**13)} | noise(rng)
    else:
        frame["error"] = {"code": -rng.randint(1_000, 9_999), "msg": 'no "order" {here}'}
    return frame


def event_frame(rng: random.Random) -> dict:
    order = {
        "s": "BTCUSDT", "c": f"t{rng.randint(1, 2**63 - 1)}", "S": rng.choice(("BUY", "SELL")), "o": "LIMIT",
        "x": rng.choice(list(STATUSES)), "X": rng.choice(list(STATUSES)), "i": rng.randint(1, 10**17),
        "t": rng.randint(0, 10**12), "m": rng.choice((True, False)), "f": "GTX", "N": "USDT", "R": False,
        "T": rng.randint(0, 10**13), "rp": "-0.5",
    }  # fmt: skip
    order |= {name: decimal_text(rng) for name in ("p", "q", "l", "L", "z", "ap")} | noise(rng)
    order["n"] = rng.choice(("", "-")) + decimal_text(rng)
    kind = rng.choice(("ORDER_TRADE_UPDATE",) * 4 + ("ACCOUNT_UPDATE", "listenKeyExpired", "ORDER_TRADE_UPDATES"))
    return {"e": kind, "E": rng.randint(0, 10**13), "T": rng.randint(0, 10**13), "o": order, **noise(rng)}
