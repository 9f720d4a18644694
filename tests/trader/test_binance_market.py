"""The market scanner against the json module: recorded frames, any spelling, mutations between guard pages, limits."""

import json
import random

import pytest

from shm.kernel import new_record
from tests.trader.guarded_bytes import GuardedBytes
from tests.trader.market_frames import (
    RefusedError,
    depth,
    frame_of,
    instruments,
    mutate,
    new_scanner,
    recorded_frames,
    reference,
    scan_bytes,
    snapshot,
    ticker,
    trade,
)
from trader.venues.binance.market import scan
from trader.venues.json_bytes import DEPTH_MAX, FRAME_BYTES_MAX, Fault
from trader.venues.scanner import LEVELS_MAX, MARKET_SCANNER, SCANNER_SYMBOLS_MAX, MarketKind, Slot, prepare_scanner

STRICTER = {Fault.DUPLICATE_KEY, Fault.OVERFLOW, Fault.MISSING_FIELD}
"""Faults of frames that json accepts and that say too little, too much, or twice what they say."""


@pytest.fixture(scope="module")
def scanner():
    return new_scanner()


@pytest.fixture(scope="module")
def guarded():
    return GuardedBytes(pages=16)


def found(scanner, kind):
    """What the scanner holds, in the reference's form."""
    own = scanner[0]
    value = own["values"]
    pairs = own["levels"][: 2 * (own["bid_count"] + own["ask_count"])].reshape(-1, 2).tolist()
    levels = [tuple(pair) for pair in pairs]
    bids, asks = levels[: own["bid_count"]], levels[own["bid_count"] :]
    match kind:
        case MarketKind.DEPTH:
            return [[value[slot] for slot in (Slot.FIRST_ID, Slot.LAST_ID, Slot.PREVIOUS_ID)], bids, asks]
        case MarketKind.SNAPSHOT:
            return [value[Slot.LAST_ID], bids, asks]
        case MarketKind.TICKER:
            return [value[slot] for slot in (Slot.LAST_ID, Slot.BID, Slot.BID_SIZE, Slot.ASK, Slot.ASK_SIZE)]
        case MarketKind.TRADE:
            return [value[slot] for slot in (Slot.TRADE_ID, Slot.PRICE, Slot.SIZE, Slot.MAKER)]
    return []


def assert_agrees(scanner, guarded, frame):
    """The scanner accepts what json accepts, with the same values, and refuses the rest."""
    kind = MarketKind(scan(scanner[0], guarded.at_end(frame), len(frame)))
    fault = Fault(int(scanner[0]["fault"]["code"]))
    try:
        expected, values = reference(frame)
    except (RefusedError, json.JSONDecodeError, RecursionError):
        assert kind in (MarketKind.BAD, MarketKind.OTHER, MarketKind.REPLY), frame
        if kind == MarketKind.BAD:
            assert 0 <= scanner[0]["fault_offset"] <= len(frame)
        return kind
    if kind == MarketKind.BAD:
        foreign = expected == MarketKind.OTHER  # what stands before a foreign symbol is still read
        assert fault in STRICTER or foreign or b"\\" in frame, (frame, fault)
    elif kind == MarketKind.REPLY:
        assert expected == MarketKind.OTHER
    else:
        assert kind == expected or b"\\" in frame, (frame, kind, expected)
        if kind == expected:
            assert found(scanner, kind) == values, frame
    return kind


def test_recorded_frames_scan_to_what_json_says(scanner, guarded, trader_data):
    kinds = {assert_agrees(scanner, guarded, frame) for frame in recorded_frames(trader_data, 3_000)}
    assert kinds == {MarketKind.DEPTH, MarketKind.TICKER, MarketKind.TRADE, MarketKind.SNAPSHOT}


def small_frames():
    return [
        depth([("61800.20", "2.5"), ("1000", "0.000")], [("61800.30", "0.001"), ("99999.9", "123456.789")], first=5),
        depth(),
        ticker("61800.20", "2.507", "61800.3", "2.51", update_id=5123107839020, event_ms=1723161256313),
        ticker("0.1", "0.001", "12345678901.0", "1", wrapped=False),
        trade("61800.30", "0.006", maker=True, trade_id=5266583935),
        snapshot([("61800.20", "2.909")] * 3, [("61800.30", "1.0")], last=5123107852948),
        b'{"result":null,"id":1}',
        b'{"code":-1121,"msg":"Invalid symbol."}',
        frame_of({"e": "markPriceUpdate", "s": "BTCUSDT", "p": "61800.12345678", "i": [1, {"x": None}]}, "m"),
    ]


def test_mutated_frames_are_right_or_refused_and_never_read_past_their_end(scanner, guarded):
    dice = random.Random(1)
    frames = small_frames()
    accepted = refused = 0
    for turn in range(6_000):
        kind = assert_agrees(scanner, guarded, mutate(frames[turn % len(frames)], dice))
        accepted += kind != MarketKind.BAD
        refused += kind == MarketKind.BAD
    assert accepted > 300
    assert refused > 2_000


def test_recorded_frames_mutated_are_right_or_refused(scanner, guarded, trader_data):
    dice = random.Random(2)
    frames = [frame for frame in recorded_frames(trader_data, 54) if len(frame) < 3_000]
    for turn in range(3_000):
        assert_agrees(scanner, guarded, mutate(frames[turn % len(frames)], dice))


def test_every_truncation_is_refused(scanner, guarded):
    for frame in small_frames():
        for length in range(len(frame)):
            assert scan(scanner[0], guarded.at_end(frame[:length]), length) == MarketKind.BAD


def test_any_key_order_white_space_and_unknown_fields_give_the_same_values(scanner, guarded):
    dice = random.Random(3)
    for frame in small_frames()[:6]:
        expected = reference(frame)
        for _ in range(40):
            message = json.loads(frame)
            event = message.get("data", message)
            event["zz"] = {"deep": [1, "two", None, {"b": "9"}], "e": "trade"}
            event["ps"] = 'BTC"\\USD'
            items = list(event.items())
            dice.shuffle(items)
            event = dict(items)
            wrapped = {"data": event, "stream": "x"} if dice.random() < 0.5 else event
            text = json.dumps(
                wrapped, indent=dice.choice((None, 1)), separators=dice.choice(((",", ":"), (" , ", "\t:\n")))
            )
            assert reference(text.encode()) == expected
            assert assert_agrees(scanner, guarded, text.encode()) == expected[0]


def test_integers_of_every_width_at_every_distance_from_the_end(scanner, guarded):
    head = b'{"b":"1.0","B":"1.0","a":"2.0","A":"1.0","s":"BTCUSDT",'
    taken = 0
    for width in range(1, 21):
        for digits in (b"9" * width, b"1" + b"0" * (width - 1), b"0" * width, b"123456789012345678901"[:width]):
            for tail in (b"}", b" }", b',"x":1}', b"}   ", b",", b"", b".5}", b"e2}", b"x}", b"\xff}", b"-}"):
                for key in (b'"u":', b'"u":7,"T":'):
                    taken += assert_agrees(scanner, guarded, head + key + digits + tail) == MarketKind.TICKER
    assert taken > 300


@pytest.mark.parametrize(
    ("price", "fault"),
    [
        ("61800.25", Fault.OFF_GRID), ("61800.2000001", Fault.OFF_GRID), ("NaN", Fault.NUMBER), ("1e999", Fault.NUMBER),
        ("1_0", Fault.NUMBER), ("-1.0", Fault.NUMBER), ("", Fault.NUMBER), (".5", Fault.NUMBER), ("5.", Fault.NUMBER),
        ("1.2.3", Fault.NUMBER), ("+1", Fault.NUMBER), (" 1", Fault.NUMBER), ("9" * 19, Fault.OVERFLOW),
        ("9" * 400, Fault.OVERFLOW), (1.5, Fault.WRONG_TYPE), (None, Fault.WRONG_TYPE), (["1"], Fault.WRONG_TYPE),
    ],
)  # fmt: skip
def test_prices_that_are_no_whole_number_of_ticks_are_named(scanner, price, fault):
    for frame in (
        ticker(price, "1.000", "61800.30", "1.000"),
        depth([("61800.10", "1.0"), (price, "1.000"), ("61800.00", "1.0")], [("61900.10", "1.000")] * 9),
    ):
        assert scan_bytes(scan, scanner, frame) == MarketKind.BAD
        assert Fault(int(scanner[0]["fault"]["code"])) == fault
        value = json.dumps(price).encode()
        at = frame.index(b'"b":') + 4
        start = frame.index(value, at)
        assert start <= scanner[0]["fault_offset"] <= start + len(value)


def test_control_characters_and_damaged_escapes_are_refused(scanner):
    for text in (
        b'"a\x01b"',
        b'"\\x"',
        b'"\\u12g4"',
        b'"\\u12',
        b'"abc',
        b"nul",
        b"01",
        b"1.",
        b"1e",
        b"-",
        b"NaN",
        b"tru",
    ):
        frame = b'{"e":"trade","z":' + text + b',"s":"BTCUSDT","t":1,"p":"1.0","q":"1.0","m":true}'
        assert scan_bytes(scan, scanner, frame) == MarketKind.BAD, text


def test_limits_of_size_depth_and_levels(scanner):
    whole = ticker("61800.20", "2.507", "61800.30", "2.510", wrapped=False)
    assert scan_bytes(scan, scanner, whole.ljust(FRAME_BYTES_MAX)) == MarketKind.TICKER
    assert scan_bytes(scan, scanner, whole.ljust(FRAME_BYTES_MAX + 1)) == MarketKind.BAD
    assert scanner[0]["fault"]["code"] == Fault.TOO_LONG
    for levels, expected in ((DEPTH_MAX - 1, MarketKind.TICKER), (DEPTH_MAX, MarketKind.BAD)):
        nested = b'{"z":' + b"[" * levels + b"]" * levels + b"," + whole[1:]
        assert scan_bytes(scan, scanner, nested) == expected
    for count, expected in ((LEVELS_MAX, MarketKind.DEPTH), (LEVELS_MAX + 1, MarketKind.BAD)):
        assert scan_bytes(scan, scanner, depth([("1", "1")] * count)) == expected
    assert scanner[0]["fault"]["code"] == Fault.TOO_MANY_LEVELS


def test_a_key_that_stands_twice_and_one_that_is_missing_are_refused(scanner):
    frame = trade("1.0", "1.0")
    assert scan_bytes(scan, scanner, frame.replace(b'"t":7', b'"t":7,"t":7')) == MarketKind.BAD
    assert scanner[0]["fault"]["code"] == Fault.DUPLICATE_KEY
    assert scan_bytes(scan, scanner, frame.replace(b'"t":7,', b"")) == MarketKind.BAD
    assert scanner[0]["fault"]["code"] == Fault.MISSING_FIELD
    assert scan_bytes(scan, scanner, frame + b"x") == MarketKind.BAD
    assert scan_bytes(scan, scanner, b"") == MarketKind.BAD
    assert scan_bytes(scan, scanner, b"[1]") == MarketKind.BAD


def test_symbols_are_told_apart_and_foreign_ones_are_none_of_ours():
    scanner = new_scanner("BTCUSDT", "ETHUSDT", "BTCUSDT_240927")
    for index, symbol in enumerate(("BTCUSDT", "ETHUSDT", "BTCUSDT_240927")):
        assert scan_bytes(scan, scanner, ticker("1.0", "1.0", "2.0", "1.0", symbol=symbol)) == MarketKind.TICKER
        assert scanner[0]["symbol"] == index
    for symbol in ("BTCUSD", "BTCUSDTX", "", "XRPUSDT"):
        assert scan_bytes(scan, scanner, ticker("1.12345", "1.0", "2.0", "1.0", symbol=symbol)) == MarketKind.OTHER


def test_each_symbol_has_its_own_units_whatever_the_key_order():
    scanner = new_scanner("BTCUSDT", price=(2, 5), size=(0, 100))
    frame = b'{"b":"61800.15","B":"300","a":"61800.20","A":"500.0","u":3,"s":"BTCUSDT"}'
    assert scan_bytes(scan, scanner, frame) == MarketKind.TICKER
    assert found(scanner, MarketKind.TICKER) == [3, 1_236_003, 3, 1_236_004, 5]
    assert scan_bytes(scan, scanner, frame.replace(b"61800.15", b"61800.16")) == MarketKind.BAD
    assert scanner[0]["fault"]["code"] == Fault.OFF_GRID


def test_more_symbols_than_fit_are_refused_at_the_start():
    with pytest.raises(ValueError, match=f"allowed up to {SCANNER_SYMBOLS_MAX}"):
        prepare_scanner(new_record(MARKET_SCANNER)[0], instruments(*(f"S{i}" for i in range(SCANNER_SYMBOLS_MAX + 1))))
