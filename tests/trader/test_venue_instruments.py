"""Each venue's own list of instruments to ticks and lots: recorded replies, and what they lack."""

import json
import re
from pathlib import Path

import pytest
import zstandard

from trader.instrument import UnknownSymbolError, symbol_names
from trader.venues.hyperliquid.instruments import parse_instruments as parse_hyperliquid
from trader.venues.kraken.instruments import parse_instruments as parse_kraken
from trader.venues.kraken_v1.instruments import parse_instruments as parse_kraken_v1
from trader.venues.okx.instruments import parse_instruments as parse_okx


def replies(path: Path, part: str) -> list[bytes]:
    """Bodies of the recorded REST replies whose URL has this part."""
    with path.open("rb") as file:
        rows = [json.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()]
    return [row["data"].encode() for row in rows if row["t"] == "http" and part in row["url"]]


def units(row):
    """(price decimals, tick multiple, size decimals, lot multiple)."""
    return tuple(int(row[name]) for name in ("price_decimals", "tick_multiple", "size_decimals", "lot_multiple"))


def test_recorded_kraken_pairs(trader_data):
    (reply,) = replies(trader_data / "cryptofeed/KRAKEN.jsonl.zst", "AssetPairs")
    rows = parse_kraken_v1(reply, ["XMR/USD", "ADA/XBT"])
    assert symbol_names(rows) == ["XMR/USD", "ADA/XBT"]
    assert units(rows[0])[2:] == (8, 1)
    assert (rows["size_lots_min"] > 0).all()
    with pytest.raises(UnknownSymbolError, match="NO/PAIR"):
        parse_kraken_v1(reply, ["NO/PAIR"])


def test_recorded_okx_instruments(trader_data):
    path = trader_data / "cryptofeed/OKX.jsonl.zst"
    spot = parse_okx(replies(path, "instType=SPOT")[0], ["BTC-USDT"])
    assert units(spot[0]) == (1, 1, 8, 1)
    futures = parse_okx(replies(path, "instType=FUTURES")[0], ["BTC-USD-220527"])
    assert units(futures[0]) == (1, 1, 0, 1)
    with pytest.raises(UnknownSymbolError, match="BTC-USDT"):
        parse_okx(b'{"code":"0","data":[]}', ["BTC-USDT"])


def test_recorded_hyperliquid_coins(trader_data):
    text = (trader_data / "hyperliquid/rest_cassettes/test_get_info.yaml").read_text()
    found = re.search(r"string: '(\{\"universe\".*?\})'\n", text, re.S)
    reply = re.sub(r"\n\s*", " ", found.group(1)).encode()
    rows = parse_hyperliquid(reply, ["BTC", "ETH"])
    assert [units(row) for row in rows] == [(1, 1, 5, 1), (2, 1, 4, 1)]
    assert rows[0]["tick_value_e8"] == 100
    with pytest.raises(UnknownSymbolError, match="NOCOIN"):
        parse_hyperliquid(reply, ["NOCOIN"])


def test_kraken_units_keep_the_precision_that_checksums_count():
    pair = {
        "symbol": "A/B", "price_precision": 2, "price_increment": 0.5, "qty_precision": 8, "qty_increment": 1e-8,
        "qty_min": 0.0001, "cost_min": 0.5,
    }  # fmt: skip
    reply = json.dumps({"channel": "instrument", "type": "snapshot", "data": {"pairs": [pair]}}).encode()
    (row,) = parse_kraken(reply, ["A/B"])
    assert units(row) == (2, 50, 8, 1)
    assert row["size_lots_min"] == 10_000
    with pytest.raises(UnknownSymbolError, match="price_increment"):
        parse_kraken(reply.replace(b"price_increment", b"other"), ["A/B"])
