"""Levels that look alike: exact whatever their digits, refused whatever is damaged, never read past their end."""

import json
import random
from decimal import Decimal
from itertools import product

import pytest

from tests.trader import market_frames, venue_reference
from tests.trader.guarded_bytes import GuardedBytes
from tests.trader.market_frames import depth, new_scanner
from tests.trader.venue_frames import packed, scan_of
from trader.venues.json_bytes import Fault
from trader.venues.level_shape import SHAPES
from trader.venues.scanner import MarketKind

VENUES = ("binance", "hyperliquid")
SYMBOL = {"binance": "BTCUSDT", "hyperliquid": "BTC"}
UNITS_END = 10**18

USUAL = [("61800.20", "0.123"), ("61801.30", "1.450"), ("61802.00", "0.000"), ("61807.90", "9.999")]


class Venue:
    """One venue's scanner over guarded memory, and how it spells levels."""

    def __init__(self, name, guarded, *, decimals=(1, 3), symbols=()):
        self.name, self.guarded, self.decimals = name, guarded, decimals
        self.scan = scan_of(name)
        self.scanner = new_scanner(*(symbols or (SYMBOL[name],)), price=(decimals[0], 1), size=(decimals[1], 1))

    def frame(self, levels, *, counts=(5,), counted=True, symbol=""):
        """A book of these bids and no asks; where levels have a count of orders, it comes first or last."""
        if self.name == "binance":
            return depth(levels, symbol=symbol or "BTCUSDT")
        objects = []
        for index, (price, size) in enumerate(levels):
            count = {"n": counts[index % len(counts)]}
            numbers = {"px": price, "sz": size}
            objects.append({**count, **numbers} if counted else {**numbers, **count})
        return packed({"channel": "l2Book", "data": {"coin": symbol or "BTC", "levels": [objects, []], "time": 5}})

    def read(self, frame):
        """The bids of a frame; None if it is refused."""
        kind = MarketKind(self.scan(self.scanner[0], self.guarded.at_end(frame), len(frame)))
        if kind == MarketKind.BAD:
            return None
        own = self.scanner[0]
        assert (kind, own["ask_count"]) in ((MarketKind.DEPTH, 0), (MarketKind.SNAPSHOT, 0))
        return [tuple(pair) for pair in own["levels"][: 2 * own["bid_count"]].reshape(-1, 2).tolist()]

    def expected(self, levels):
        """The same by decimal arithmetic."""
        rows = [tuple(map(exact, level, self.decimals)) for level in levels]
        return None if any(None in row for row in rows) else rows

    def agrees(self, frame):
        """Whether a frame is a book is what the json module says, and so are its levels; what it is."""
        kind = MarketKind(self.scan(self.scanner[0], self.guarded.at_end(frame), len(frame)))
        try:
            if self.name == "binance":
                expected, values = market_frames.reference(frame)
            else:
                expected, values = venue_reference.reference("hyperliquid", frame)
        except (market_frames.RefusedError, venue_reference.RefusedError, json.JSONDecodeError):
            assert kind not in (MarketKind.DEPTH, MarketKind.SNAPSHOT), frame
            return kind
        if kind in (MarketKind.DEPTH, MarketKind.SNAPSHOT):
            own = self.scanner[0]
            pairs = own["levels"][: 2 * (own["bid_count"] + own["ask_count"])].reshape(-1, 2).tolist()
            assert kind == expected, frame
            assert list(map(tuple, pairs)) == values[1] + values[2], frame
        elif kind == MarketKind.BAD:
            fault = Fault(int(self.scanner[0]["fault"]["code"]))
            stricter = (Fault.DUPLICATE_KEY, Fault.MISSING_FIELD, Fault.OVERFLOW)
            assert fault in stricter or b"\\" in frame, (frame, fault)
        return kind


def exact(text, decimals):
    """Units of a decimal; None if it has none."""
    scaled = Decimal(text).scaleb(decimals)
    return int(scaled) if scaled == int(scaled) and scaled < UNITS_END else None


@pytest.fixture(scope="module")
def guarded():
    return GuardedBytes(pages=16)


def texts(dice, decimals):
    """A number of every width up to 20 digits, with its dot at every place and without one, exact and not."""
    for digits in range(1, 21):
        for dot in range(1, digits + 1):
            for whole_units in (False, True):
                text = "".join(dice.choice("0123456789") for _ in range(digits))
                if whole_units:
                    text = text[: dot + decimals].ljust(digits, "0")
                yield text if dot == digits else f"{text[:dot]}.{text[dot:]}"


@pytest.mark.parametrize("decimals", [(1, 3), (0, 0), (2, 8), (8, 5), (9, 2)])
@pytest.mark.parametrize("name", VENUES)
def test_numbers_of_every_width_with_the_dot_at_every_place_are_exact_or_refused(name, decimals, guarded):
    venue = Venue(name, guarded, decimals=decimals)
    dice = random.Random(1)
    usual = [("61800.0", "7.00")] * 4
    taken = refused = 0
    for side in range(2):
        for text in texts(dice, decimals[side]):
            odd = (text, "7.00") if side == 0 else ("61800.0", text)
            levels = [*usual, odd, *usual, odd, odd, odd, odd, usual[0]]
            expected = venue.expected(levels)
            assert venue.read(venue.frame(levels)) == expected, text
            assert venue.read(venue.frame([odd])) == venue.expected([odd]), text
            taken += expected is not None
            refused += expected is None
    assert taken > 300
    assert refused > 80


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("name", VENUES)
def test_every_byte_of_a_level_among_others_alike_is_looked_at(name, counted, guarded):
    venue = Venue(name, guarded)
    if name == "hyperliquid":
        venue = Venue(name, guarded, decimals=(venue_reference.PRICE_DECIMALS, venue_reference.SIZE_DECIMALS))
    frame = venue.frame(USUAL * 4, counts=(53,), counted=counted)
    assert venue.agrees(frame) in (MarketKind.DEPTH, MarketKind.SNAPSHOT)
    first = frame.index(USUAL[1][0].encode())
    start = frame.index(USUAL[1][0].encode(), first + 1) - len('{"n":"px":"')
    size = frame.index(USUAL[2][0].encode(), start) - start
    kinds = []
    for at, byte in product(range(start, start + size), range(256)):
        kinds.append(venue.agrees(frame[:at] + bytes([byte]) + frame[at + 1 :]))
        assert venue.agrees(frame) != MarketKind.BAD
    assert kinds.count(MarketKind.BAD) > len(kinds) // 2
    assert len(kinds) - kinds.count(MarketKind.BAD) > 100


@pytest.mark.parametrize("name", VENUES)
def test_a_shape_that_asks_less_is_noticed(name, guarded):
    venue = Venue(name, guarded)
    frame = venue.frame(USUAL * 4)
    assert venue.read(frame) == venue.expected(USUAL * 4)
    off_grid = frame.replace(b"61801.30", b"61801.37")
    assert venue.read(off_grid) is None
    rows = venue.scanner[0]["shapes"]["rows"]
    rows["span"][rows["owner"] == 1] = 255
    assert venue.read(off_grid) == venue.expected(USUAL * 4), (
        "wrong, and so the last digit is looked at by nothing else"
    )


@pytest.mark.parametrize("name", VENUES)
def test_every_truncation_of_a_long_side_is_refused(name, guarded):
    venue = Venue(name, guarded)
    for frame in (venue.frame(USUAL * 3), venue.frame([*USUAL, ("1000.0", "606.675"), *USUAL], counts=(1, 20))):
        assert venue.read(frame) is not None
        for length in range(len(frame)):
            assert venue.read(frame[:length]) is None, frame[:length]


@pytest.mark.parametrize("name", VENUES)
def test_white_space_and_further_members_among_levels_alike(name, guarded):
    venue = Venue(name, guarded)
    dice = random.Random(2)
    expected = venue.expected(USUAL * 4)
    plain = venue.frame(USUAL * 4).decode()
    for _ in range(300):
        text = plain
        for _ in range(dice.choice((1, 2, 5))):
            marks = [at for at, sign in enumerate(text) if sign in "[]{}," and '"' != text[at - 1]]
            at = dice.choice(marks)
            text = text[:at] + dice.choice((" ", "\n\t", "  " * 40)) + text[at:]
        if name == "binance":
            text = text.replace('"1.450"]', dice.choice(('"1.450"]', '"1.450",[1,{"x":2}]]', '"1.450","z"]')), 1)
        else:
            text = text.replace('"sz":"1.450"', dice.choice(('"sz":"1.450"', '"sz":"1.450","z":{"n":1}')), 1)
        assert venue.read(text.encode()) == expected, text


@pytest.mark.parametrize("name", VENUES)
def test_more_shapes_than_are_remembered_are_read_all_the_same(name, guarded):
    venue = Venue(name, guarded, decimals=(5, 5))
    shapes = list(product(range(1, 8), range(1, 5), range(1, 8), range(1, 3)))
    assert len(shapes) > SHAPES
    dice = random.Random(3)

    def level(count, behind, size_count, size_behind):
        digits = ["".join(dice.choice("123456789") for _ in range(n)) for n in (count, behind, size_count, size_behind)]
        return f"{digits[0]}.{digits[1]}", f"{digits[2]}.{digits[3]}"

    for _ in range(40):
        levels = [level(*shape) for shape in dice.sample(shapes, 90)]
        assert venue.read(venue.frame(levels, counts=(1, 20, 300))) == venue.expected(levels)


@pytest.mark.parametrize("name", VENUES)
def test_symbols_with_levels_alike_keep_their_own_units(name, guarded):
    venue = Venue(name, guarded, symbols=("A", "B"))
    scales = venue.scanner[0]["scales"]
    finer = Venue(name, guarded, symbols=("A", "B"), decimals=(2, 5)).scanner[0]["scales"]
    scales[1] = finer[1]
    for _ in range(3):
        for symbol, decimals in (("A", (1, 3)), ("B", (2, 5))):
            venue.decimals = decimals
            assert venue.read(venue.frame(USUAL * 2, symbol=symbol)) == venue.expected(USUAL * 2)


def test_a_count_of_orders_with_a_superfluous_zero_is_no_json(guarded):
    venue = Venue("hyperliquid", guarded)
    for counted in (True, False):
        frame = venue.frame(USUAL * 3, counts=(53, 7, 120), counted=counted)
        assert venue.read(frame) == venue.expected(USUAL * 3)
        assert venue.read(frame.replace(b'"n":53', b'"n":50', 1)) is not None
        for wrong in (b"05", b"00"):
            assert venue.read(frame.replace(b'"n":53', b'"n":' + wrong, 1)) is None
        assert venue.read(frame.replace(b'"n":7', b'"n":0', 1)) is not None
        assert venue.read(frame.replace(b'"n":120', b'"n":020', 1)) is None
