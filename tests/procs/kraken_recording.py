"""The recorded Kraken books of 2021 as the second version of the stream would have told them, checksums included."""

import json
from datetime import UTC, datetime
from pathlib import Path

import zstandard

from tests.trader.venue_frames import packed, unquoted


def recorded_frames(path: Path) -> list[tuple[float, object]]:
    """(receive time, decoded frame) of everything that a cryptofeed recording received."""
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read()
    rows = [json.loads(line) for line in text.splitlines()]
    return [(row["ts"], json.loads(row["data"])) for row in rows if row["t"] == "recv"]


def second_version(path: Path, *, stripped: bool) -> list[bytes]:
    """Its books as lines of our format. `stripped`: numbers without trailing zeros, and each pair's precision told."""
    frames, precision = [], {}
    for _, message in recorded_frames(path):
        if not isinstance(message, list) or not str(message[-2]).startswith("book"):
            continue
        sides, checksum, times = {}, {}, ["0"]
        for contents in message[1:-2]:
            for key, value in contents.items():
                if key == "c":
                    checksum = {"checksum": int(value)}
                    continue
                sides["asks" if key[0] == "a" else "bids"] = [{"price": row[0], "qty": row[1]} for row in value]
                times += [row[2] for row in value]
                for row in value:
                    precision[message[-1]] = [len(text.partition(".")[2]) for text in row[:2]]
        moment = datetime.fromtimestamp(float(max(times)), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        book = {"symbol": message[-1], "bids": [], "asks": [], **sides, **checksum, "timestamp": moment}
        kind = "snapshot" if "as" in message[1] else "update"
        frames.append({"channel": "book", "type": kind, "data": [book]})
    if not stripped:
        return [unquoted(frame) for frame in frames]
    for frame in frames:
        for level in frame["data"][0]["bids"] + frame["data"][0]["asks"]:
            level.update({key: text.rstrip("0").rstrip(".") for key, text in level.items()})
    pairs = [
        {"symbol": symbol, "price_precision": decimals[0], "qty_precision": decimals[1]}
        for symbol, decimals in precision.items()
    ]
    told = {"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": pairs}}
    return [packed(told), *(unquoted(frame) for frame in frames)]
