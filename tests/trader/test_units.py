"""Decimal text to units and back; venue filters to instruments; rounding by name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trader.market_frames import new_scanner, scan_bytes, ticker
from trader.instrument import INSTRUMENT, UnknownSymbolError
from trader.units import UNITS_MAX, ceil_units, floor_units, format_units, nearest_units, parse_units
from trader.venues.binance.instruments import parse_instruments
from trader.venues.binance.market import scan
from trader.venues.decimals import DECIMALS_MAX
from trader.venues.scanner import MarketKind, Slot
from trader.venues.units_of import split_unit


@given(units=st.integers(-UNITS_MAX, UNITS_MAX), decimals=st.integers(0, 12), multiple=st.integers(1, 1000))
def test_text_and_units_are_each_others_inverse(units, decimals, multiple):
    text = format_units(units, decimals=decimals, multiple=multiple)
    assert parse_units(text, decimals=decimals, multiple=multiple) == units


@pytest.mark.parametrize("text", ["61800.25", "NaN", "Infinity", "1e999", "1_0", "", "abc", "9" * 30])
def test_what_is_no_whole_number_of_units_is_refused(text):
    with pytest.raises(ValueError, match=r"'.*'"):
        parse_units(text, decimals=1, multiple=1)


@given(units=st.integers(0, UNITS_MAX), decimals=st.integers(0, DECIMALS_MAX), extra=st.integers(0, 12))
def test_the_scanner_reads_every_spelling_of_a_price(units, decimals, extra):
    scanner = new_scanner(price=(decimals, 1))
    text = format_units(units, decimals=decimals, multiple=1)
    padded = text + ("." if decimals == 0 and extra else "") + "0" * extra
    bare = text.rstrip("0").rstrip(".") if decimals else text
    for spelling in (text, padded, bare):
        assert scan_bytes(scan, scanner, ticker(spelling, "1", "1", "1")) == MarketKind.TICKER
        assert scanner[0]["values"][Slot.BID] == units


@pytest.mark.parametrize(
    ("value", "floor", "ceil", "nearest"),
    [(2.0, 2, 2, 2), (2.4, 2, 3, 2), (2.5, 2, 3, 3), (-2.4, -3, -2, -2), (-2.5, -3, -2, -2), (0.0, 0, 0, 0)],
)
def test_rounding_does_what_its_name_says(value, floor, ceil, nearest):
    assert (floor_units(value), ceil_units(value), nearest_units(value)) == (floor, ceil, nearest)


@pytest.mark.parametrize(
    ("text", "unit"), [("0.10", (1, 1)), ("0.05", (2, 5)), ("1", (0, 1)), ("10", (0, 10)), ("0.00001000", (5, 1))]
)
def test_a_tick_size_becomes_decimals_and_a_multiple(text, unit):
    assert split_unit(text) == unit


def exchange_info(**changes):
    filters = {
        "PRICE_FILTER": {"tickSize": "0.10", "minPrice": "556.80", "maxPrice": "4529764"},
        "LOT_SIZE": {"stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
        "MIN_NOTIONAL": {"notional": "100"},
    }
    filters.update(changes)
    listed = [{"filterType": name, **values} for name, values in filters.items()]
    symbol = {"symbol": "BTCUSDT", "baseAsset": "BTC", "pricePrecision": 2, "quantityPrecision": 3, "filters": listed}
    return json.dumps({"timezone": "UTC", "symbols": [{"symbol": "ETHUSDT", "filters": []}, symbol]}).encode()


def test_exchange_info_becomes_an_instrument_row():
    row = parse_instruments(exchange_info(), ["BTCUSDT"], venue_id=3)[0]

    assert row.dtype == INSTRUMENT
    assert {name: row[name].item() for name in row.dtype.names if name not in ("symbol",)} == {
        "symbol_id": 0, "venue_id": 3, "market": 0,
            "price_decimals": 1, "tick_multiple": 1, "size_decimals": 3, "lot_multiple": 1,
        "size_lots_min": 1, "size_lots_max": 1_000_000, "notional_e8_min": 100 * 10**8, "tick_value_e8": 10_000,
        "symbol_length": 7, "base_length": 3,
    }  # fmt: skip
    assert bytes(row["symbol"][:7]) == b"BTCUSDT"


def test_a_symbol_that_the_venue_does_not_list_is_named():
    with pytest.raises(UnknownSymbolError, match="XRPUSDT"):
        parse_instruments(exchange_info(), ["XRPUSDT"])
    with pytest.raises(UnknownSymbolError, match=r"ETHUSDT.*PRICE_FILTER"):
        parse_instruments(exchange_info(), ["ETHUSDT"])
    with pytest.raises(UnknownSymbolError, match="'0'"):
        parse_instruments(exchange_info(PRICE_FILTER={"tickSize": "0"}), ["BTCUSDT"])
