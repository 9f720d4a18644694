"""The same as `mutation_truth` for the venues with checksums: Kraken, both versions, and OKX, of both ages."""

import json
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zstandard

from tests.trader.mutation_truth import Model, Stream, finish, nothing, packed, update


def decimals_of(texts: list[str]) -> int:
    return max((len(text.partition(".")[2]) for text in texts), default=0)


def cryptofeed(path: Path) -> list[tuple[int, bytes]]:
    """What a cryptofeed recording received."""
    with path.open("rb") as file:
        rows = [json.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()]
    return [(int(row["ts"] * 1e9), row["data"].encode()) for row in rows if row["t"] == "recv"]


def kraken_v1(path: Path, symbol: str, count: int) -> Stream:
    """The first frames of one pair's book, its snapshot at the head."""
    rows, texts = [], []
    for now_ns, frame in cryptofeed(path):
        message = json.loads(frame)
        if not isinstance(message, list) or message[-1] != symbol or message[-2] != "book-1000":
            continue
        sides = {"a": [], "b": []}
        for contents in message[1:-2]:
            for key in ("as", "bs", "a", "b"):
                sides[key[0]] += [level[:2] for level in contents.get(key, [])]
        texts += sides["a"] + sides["b"]
        whole = "as" in message[1]
        newest = max(
            level[2] for contents in message[1:-2] for key in contents if key != "c" for level in contents[key]
        )
        apply = update(sides["b"], sides["a"], depth=1000, whole=whole)
        rows.append((now_ns, frame, apply, _reply_kraken_v1(symbol, newest)))
        if len(rows) == count:
            break
    decimals = tuple(decimals_of([level[place] for level in texts]) for place in (0, 1))
    return finish("kraken_v1", "", symbol, decimals, rows)


def _reply_kraken_v1(symbol: str, newest: str):
    def reply(model: Model) -> bytes:
        sides = {
            f"{side[0]}s": [[*level, "1600000000.000000"] for level in model.best(side, 1000)]
            for side in ("asks", "bids")
        }
        sides["as"][len(sides["as"]) // 2][2] = newest
        return packed([992, sides, "book-1000", symbol])

    return reply


def kraken(first: Stream) -> Stream:
    """The same book as the second version of the stream tells it."""
    rows = []
    for now_ns, frame in zip(first.times_ns, first.frames, strict=True):
        message = json.loads(frame)
        sides, checksum, times = {"asks": [], "bids": []}, "", ["0"]
        for contents in message[1:-2]:
            for key, value in contents.items():
                if key == "c":
                    checksum = f',"checksum":{value}'
                else:
                    sides["asks" if key[0] == "a" else "bids"] += [level[:2] for level in value]
                    times += [level[2] for level in value]
        moment = datetime.fromtimestamp(float(max(times)), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        checksum += f',"timestamp":"{moment}"'
        whole = "as" in message[1]
        text = _kraken_text(first.symbol, sides, checksum, whole=whole)
        apply = update(sides["bids"], sides["asks"], depth=1000, whole=whole)
        rows.append((now_ns, text, apply, lambda model: _reply_kraken(first.symbol, model)))
    return finish("kraken", "", first.symbol, first.decimals, rows)


def _kraken_text(symbol: str, sides: Any, checksum: str, *, whole: bool) -> bytes:
    levels = {
        side: ",".join(f'{{"price":{price},"qty":{size}}}' for price, size in rows) for side, rows in sides.items()
    }
    return (
        f'{{"channel":"book","type":"{"snapshot" if whole else "update"}","data":[{{"symbol":"{symbol}",'
        f'"bids":[{levels["bids"]}],"asks":[{levels["asks"]}]{checksum}}}]}}'
    ).encode()


def _reply_kraken(symbol: str, model: Model) -> bytes:
    sides = {side: model.best(side, 1000) for side in ("asks", "bids")}
    digits = "".join(
        text.replace(".", "").lstrip("0") for side in ("asks", "bids") for level in sides[side][:10] for text in level
    )
    return _kraken_text(symbol, sides, f',"checksum":{zlib.crc32(digits.encode())}', whole=True)


def okx(path: Path, symbol: str, *, sequenced: bool) -> Stream:
    """One instrument's book. `sequenced`: as since 2026, with sequence ids, and 0 for a checksum."""
    rows, texts, number = [], [], 1_000
    for now_ns, frame in cryptofeed(path):
        message = json.loads(frame)
        if message.get("arg", {}).get("instId") != symbol or "data" not in message:
            continue
        if message["arg"]["channel"] != "books":
            rows.append((now_ns, frame, nothing, _reply_okx(symbol, number, sequenced, "0")))
            continue
        book = message["data"][0]
        sides = {side: [level[:2] for level in book[side]] for side in ("bids", "asks")}
        texts += sides["bids"] + sides["asks"]
        whole = message["action"] == "snapshot"
        if sequenced:
            number += 3
            book.update(checksum=0, seqId=number, prevSeqId=-1 if whole else number - 3)
            frame = packed(message)
        reply = _reply_okx(symbol, number, sequenced, book["ts"])
        rows.append((now_ns, frame, update(*sides.values(), whole=whole), reply))
    while rows[0][2] is nothing:
        rows.pop(0)
    decimals = tuple(decimals_of([level[place] for level in texts]) for place in (0, 1))
    return finish("okx", "", symbol, decimals, rows)


def _reply_okx(symbol: str, number: int, sequenced: bool, time_ms: str):
    def reply(model: Model) -> bytes:
        sides = {side: model.best(side, 400) for side in ("asks", "bids")}
        parts = []
        for place in range(25):
            for side in ("bids", "asks"):
                parts += sides[side][place] if place < len(sides[side]) else ()
        crc = zlib.crc32(":".join(parts).encode())
        book = {side: [[*level, "0", "1"] for level in levels] for side, levels in sides.items()}
        book |= {"ts": time_ms, "checksum": 0 if sequenced else crc - ((crc >> 31) << 32)}
        if sequenced:
            book |= {"seqId": number, "prevSeqId": -1}
        return packed({"arg": {"channel": "books", "instId": symbol}, "action": "snapshot", "data": [book]})

    return reply
