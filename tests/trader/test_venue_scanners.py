"""The scanners of Hyperliquid, OKX and both versions of Kraken against the json module: what every scanner owes.

(Binance's, the oldest, has its own file.)
"""

import json
import random

import pytest

from tests.trader.guarded_bytes import GuardedBytes
from tests.trader.market_frames import mutate
from tests.trader.venue_frames import FRAMES, VENUES, new_scanner, scan_of
from tests.trader.venue_reference import RefusedError, reference
from trader.venues.json_bytes import DEPTH_MAX, FRAME_BYTES_MAX, Fault
from trader.venues.scanner import MarketKind, Slot

STRICTER = {Fault.DUPLICATE_KEY, Fault.OVERFLOW, Fault.MISSING_FIELD}
"""Faults of frames that json accepts and that say too little, too much, or twice what they say."""

MARKET = (MarketKind.DEPTH, MarketKind.SNAPSHOT, MarketKind.TICKER, MarketKind.TRADE)


@pytest.fixture(scope="module")
def guarded():
    return GuardedBytes(pages=16)


class Scan:
    """A venue's scanner over guarded memory."""

    def __init__(self, venue, guarded):
        self.venue, self.guarded, self.scan = venue, guarded, scan_of(venue)
        self.scanner = new_scanner(venue)

    def __call__(self, frame):
        return MarketKind(self.scan(self.scanner[0], self.guarded.at_end(frame), len(frame)))

    @property
    def fault(self):
        return Fault(int(self.scanner[0]["fault"]["code"]))

    def found(self, kind):
        """What the scanner holds, in the reference's form."""
        own = self.scanner[0]
        value = own["values"].tolist()
        if kind == MarketKind.TRADE:
            return [tuple(row.tolist()) for row in own["trades"][: own["trade_count"]]]
        if kind == MarketKind.TICKER:
            numbers = (Slot.LAST_ID, Slot.BID, Slot.BID_SIZE, Slot.ASK, Slot.ASK_SIZE)
            return [int(own["symbol"]), *(value[slot] for slot in numbers)]
        pairs = [tuple(pair) for pair in own["levels"].reshape(-1, 2)[: own["bid_count"] + own["ask_count"]].tolist()]
        slots = {
            "hyperliquid": (Slot.LAST_ID,),
            "okx": (Slot.EVENT_MS, Slot.LAST_ID, Slot.PREVIOUS_ID, Slot.CHECKSUM),
            "kraken": (Slot.EVENT_NS, Slot.CHECKSUM),
            "kraken_v1": (Slot.EVENT_NS, Slot.CHECKSUM, Slot.DEPTH_LIMIT),
        }[self.venue]
        return [
            int(own["symbol"]), pairs[: own["bid_count"]], pairs[own["bid_count"] :], *(value[slot] for slot in slots),
        ]  # fmt: skip

    def agrees(self, frame):
        """The scanner accepts what json accepts, with the same values, and refuses the rest; what it is."""
        kind = self(frame)
        try:
            expected, values = reference(self.venue, frame)
        except (RefusedError, json.JSONDecodeError, RecursionError):
            assert kind not in MARKET, frame
            assert kind != MarketKind.BAD or 0 <= self.scanner[0]["fault_offset"] <= len(frame)
            return kind
        if kind == MarketKind.BAD:
            # what stands beside a foreign symbol or channel is still read
            assert self.fault in STRICTER or expected not in MARKET or b"\\" in frame, (frame, self.fault)
        elif kind != expected:
            assert (kind not in MARKET and expected not in MARKET) or b"\\" in frame, (frame, kind, expected)
        elif kind in MARKET:
            assert self.found(kind) == values, frame
        return kind


@pytest.fixture(params=VENUES)
def scan(request, guarded):
    return Scan(request.param, guarded)


def test_usual_frames_scan_to_what_json_says(scan):
    kinds = [scan.agrees(frame) for frame in FRAMES[scan.venue]]
    assert MarketKind.BAD not in kinds
    assert len(set(kinds) & set(MARKET)) == 3
    assert MarketKind.REPLY in kinds


def test_every_truncation_is_refused(scan):
    for frame in FRAMES[scan.venue]:
        for length in range(len(frame)):
            assert scan(frame[:length]) == MarketKind.BAD, frame[:length]


def test_any_key_order_white_space_and_unknown_fields_give_the_same_values(scan):
    dice = random.Random(3)

    def shuffled(value):
        if isinstance(value, dict):
            items = [(key, shuffled(item)) for key, item in value.items()]
            items += [("zz", {"deep": [1, "two", None, {"px": "9"}]}), ('q\\"uote', "\\")]
            dice.shuffle(items)
            return dict(items)
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    for frame in FRAMES[scan.venue]:
        expected = scan(frame)
        found = scan.found(expected) if expected in MARKET else None
        for _ in range(30):
            message = shuffled(json.loads(frame))
            separators = dice.choice(((",", ":"), (" , ", "\t:\n")))
            text = json.dumps(message, indent=dice.choice((None, 1)), separators=separators).encode()
            assert scan.agrees(text) == expected, text
            assert found is None or scan.found(expected) == found


def test_mutated_frames_are_right_or_refused_and_never_read_past_their_end(scan):
    dice = random.Random(1)
    frames = FRAMES[scan.venue]
    accepted = refused = 0
    for turn in range(4_000):
        kind = scan.agrees(mutate(frames[turn % len(frames)], dice))
        accepted += kind in MARKET
        refused += kind == MarketKind.BAD
    assert accepted > 150
    assert refused > 1_500


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("61800.255", Fault.OFF_GRID), ("NaN", Fault.NUMBER), ("1e999", Fault.NUMBER), ("1_0", Fault.NUMBER),
        ("-1.0", Fault.NUMBER), ("", Fault.NUMBER), (".5", Fault.NUMBER), ("5.", Fault.NUMBER),
        ("1.2.3", Fault.NUMBER), ("+1", Fault.NUMBER), (" 1", Fault.NUMBER), ("9" * 19, Fault.OVERFLOW),
        ("9" * 400, Fault.OVERFLOW),
    ],
)  # fmt: skip
def test_prices_that_are_no_whole_number_of_ticks_are_named(scan, number, fault):
    price = {"hyperliquid": b"61800.5", "okx": b"30182.6", "kraken": b"45283.5", "kraken_v1": b"354.15"}[scan.venue]
    if scan.venue == "kraken":
        if number == " 1":
            return  # white space before a bare number is JSON
        fault = {"1e999": Fault.OVERFLOW}.get(number, fault)
    frame = FRAMES[scan.venue][0]
    start = frame.index(price)
    text = frame.replace(price, number.encode(), 1)
    assert scan(text) == MarketKind.BAD
    if scan.venue != "kraken" or number not in ("1_0", "1.2.3", " 1", ""):
        assert scan.fault == fault
    assert start <= scan.scanner[0]["fault_offset"] <= start + len(number) + 1


def test_limits_of_size_depth_and_levels(scan):
    whole = FRAMES[scan.venue][0]
    kind = scan.agrees(whole)
    padded = whole.ljust(FRAME_BYTES_MAX)
    guarded = GuardedBytes(pages=1 + (FRAME_BYTES_MAX >> 12))
    assert scan.scan(scan.scanner[0], guarded.at_start(padded), len(padded)) == kind
    assert scan.scan(scan.scanner[0], guarded.at_start(padded + b" "), len(padded) + 1) == MarketKind.BAD
    assert scan.fault == Fault.TOO_LONG
    for levels, expected in ((DEPTH_MAX - 1, kind), (DEPTH_MAX, MarketKind.BAD)):
        nest = b"[" * levels + b"]" * levels
        head = b"[" if whole.startswith(b"[") else b'{"z":'
        assert scan(head + nest + b"," + whole[1:]) == expected


def test_a_key_that_stands_twice_and_what_is_left_behind_a_frame_are_refused(scan):
    frame = FRAMES[scan.venue][0]
    key = {"hyperliquid": b'"coin":"BTC",', "okx": b'"ts":"1652459225464",', "kraken": b'"symbol":"BTC/USD",'}
    twice = key.get(scan.venue, b'"as":[],')
    at = frame.index(twice[:5])
    assert scan(frame[:at] + twice + frame[at:]) == MarketKind.BAD
    assert scan.fault == Fault.DUPLICATE_KEY
    for text in (frame + b"x", frame + b"{}", b"", b" ", b"[1", b"nul", b'"text"', b"{}x"):
        assert scan(text) == MarketKind.BAD, text
