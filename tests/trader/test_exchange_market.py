"""The generated market: what it publishes is one consistent book, and moves like a market."""

import hashlib

import numpy as np
import pytest

from tests.trader.exchange_desk import ALL_STREAMS, MARKET, MS, WALL_OFFSET_NS, Desk
from trader.enums import WireKind
from trader.exchange.config import ExchangeConfig

Side = dict[str, str]


class DictBook:
    """A book from a snapshot and depth updates, as anybody would build it from the documentation."""

    def __init__(self, snapshot: dict[str, object]) -> None:
        self.last_id = snapshot["lastUpdateId"]
        self.sides: dict[str, Side] = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}  # type: ignore[call-overload]

    def apply(self, update: dict[str, object]) -> None:
        for side, levels in self.sides.items():
            for price, size in update[side]:  # type: ignore[attr-defined]
                levels.pop(price, None)
                if float(size) > 0:
                    levels[price] = size
        self.last_id = update["u"]

    def touch(self) -> tuple[str, str, str, str]:
        bid = max(self.sides["b"], key=float)
        ask = min(self.sides["a"], key=float)
        return bid, self.sides["b"][bid], ask, self.sides["a"][ask]


def market_frames(desk: Desk, ms: int) -> list[dict[str, object]]:
    return [frame.body["data"] for frame in desk.pass_time(ms) if MARKET in frame.connections]


def test_book_built_from_depth_always_has_the_touch_of_the_last_best_quote() -> None:
    desk = Desk(events_per_second=2_000.0, volatility_bps=2.0, connect=False)
    frames = [frame.body["data"] for frame in desk.listen()]
    frames += market_frames(desk, 200)
    snapshot = desk.rest("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000")[1]
    frames += market_frames(desk, 4_000)
    updates = [frame for frame in frames if frame["e"] == "depthUpdate" and frame["u"] >= snapshot["lastUpdateId"]]
    quotes = [frame for frame in frames if frame["e"] == "bookTicker"]
    book = DictBook(snapshot)
    checked = 0
    assert updates[0]["U"] <= snapshot["lastUpdateId"] <= updates[0]["u"]
    for before, update in zip([None, *updates], updates, strict=False):
        assert before is None or (update["pu"] == before["u"] and update["U"] == before["u"] + 1)
        book.apply(update)
        assert max(map(float, book.sides["b"])) < min(map(float, book.sides["a"]))
        decided = [quote for quote in quotes if quote["u"] <= update["u"]]
        if decided and quotes[-1]["u"] > update["u"]:
            last = decided[-1]
            assert book.touch() == (last["b"], last["B"], last["a"], last["A"])
            checked += 1

    assert checked > 300
    assert len(book.sides["b"]) > 20 < len(book.sides["a"])


def test_frames_have_the_recorded_form_and_times_of_the_wall_clock() -> None:
    desk = Desk(connect=False)
    desk.listen()
    frames = [frame for frame in desk.pass_time(2_000) if MARKET in frame.connections]
    kinds = {frame.body["data"]["e"]: frame.body for frame in frames}
    wall_ms = (desk.now_ns + WALL_OFFSET_NS) // MS

    assert {kind: list(body["data"]) for kind, body in kinds.items()} == {
        "depthUpdate": ["e", "E", "T", "s", "U", "u", "pu", "b", "a"],
        "bookTicker": ["e", "u", "s", "b", "B", "a", "A", "T", "E"],
        "trade": ["e", "E", "T", "s", "t", "p", "q", "X", "m"],
    }
    assert {body["stream"] for body in kinds.values()} == {"btcusdt@depth@0ms", "btcusdt@bookTicker", "btcusdt@trade"}
    assert all(body["data"]["T"] <= body["data"]["E"] <= wall_ms for body in kinds.values())
    assert all(wall_ms - 2_000 <= frame.body["data"]["E"] for frame in frames)
    assert all(frame.body["data"]["p"].endswith("0") for frame in frames if frame.body["data"]["e"] == "trade")


def test_only_subscribed_streams_are_sent_and_to_whom() -> None:
    desk = Desk(symbols=("BTCUSDT", "ETHUSDT"), price_start_by_symbol={"ETHUSDT": 2_600.0}, connect=False)
    paths = (b"/stream?streams=ethusdt@trade", b"/public/stream?streams=btcusdt@depth", b"/x")
    for connection, path in enumerate(paths, 1):
        refused = desk.give(connection, WireKind.CONNECTED, path)
    desk.give(4, WireKind.CONNECTED, b"/market/stream")
    wanted = b'{"method":"SUBSCRIBE","params":["btcusdt@depth","ethusdt@bookTicker"],"id":7}'
    subscribed = desk.give(4, WireKind.FRAME, wanted)
    frames = desk.pass_time(1_000)
    seen = {number: {frame.body["stream"] for frame in frames if number in frame.connections} for number in range(1, 5)}
    desk.give(4, WireKind.FRAME, b'{"method":"UNSUBSCRIBE","params":["ethusdt@bookTicker"],"id":8}')
    desk.give(2, WireKind.LOST)
    later = desk.pass_time(1_000)

    assert [(frame.kind, frame.connections) for frame in refused] == [(WireKind.CLOSE, {3})]
    assert subscribed[0].body == {"id": 7, "result": None}
    assert subscribed[1].body["stream"] == "ethusdt@bookTicker"
    assert seen == {1: {"ethusdt@trade"}, 2: {"btcusdt@depth"}, 3: set(), 4: {"btcusdt@depth", "ethusdt@bookTicker"}}
    assert {frame.connections for frame in later} == {frozenset({1}), frozenset({4})}


def digest_of(desk: Desk) -> str:
    digest = hashlib.sha256()
    desk.listen()
    desk.pass_time(1_000)
    desk.place("BUY", "60100.00", "5.000", newClientOrderId="t1")
    desk.pass_time(1_000)
    for frame in desk.log:
        digest.update(b"%d %d " % (frame.kind, min(frame.connections)) + frame.payload)
    return digest.hexdigest()


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert digest_of(Desk(seed=5)) == digest_of(Desk(seed=5)) != digest_of(Desk(seed=6))


def test_paused_flow_sends_nothing_but_still_lets_a_client_synchronise() -> None:
    desk = Desk(flow_paused=True, connect=False)
    quote = desk.listen()[0].body["data"]
    quiet = desk.pass_time(1_000)
    snapshot = desk.rest("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=100")[1]
    (update,) = market_frames(desk, 1_000)

    assert quiet == []
    assert [*snapshot["bids"][0], *snapshot["asks"][0]] == [quote["b"], quote["B"], quote["a"], quote["A"]]
    assert update["U"] <= snapshot["lastUpdateId"] <= update["u"]
    assert update["b"] == update["a"] == []


def test_market_looks_like_one_narrow_deep_clustered() -> None:
    desk = Desk(seed=3, connect=False)
    book, flow = desk.row["markets"][0]["book"], desk.row["markets"][0]["flow"]
    mids, spreads, filled, arrivals = [], [], [], []
    for _ in range(1_800):
        desk.pass_time(100, every_ms=50)
        bid, ask = int(book["best_bid"]), int(book["best_ask"])
        mids.append((bid + ask) / 2)
        spreads.append(ask - bid)
        arrivals.append(int(flow["arrivals"]))
        lots = book["levels"]["lots"]
        filled.append(min((lots[bid - 200 : bid + 1] > 0).sum(), (lots[ask : ask + 201] < 0).sum()))
    squared = np.diff(mids) ** 2
    centred = squared - squared.mean()
    autocorrelation = [(centred[lag:] * centred[:-lag]).mean() / centred.var() for lag in range(1, 11)]
    counts = np.diff(arrivals)

    assert 1 <= np.median(spreads) <= 3
    assert np.percentile(filled, 5) >= 20
    assert np.mean(autocorrelation) > 0.03
    assert counts.var() / counts.mean() > 2
    assert 400 < counts.mean() * 10 < 800


def test_step_is_bounded_and_a_flow_that_lags_catches_up() -> None:
    desk = Desk(events_per_second=20_000.0, connect=False)
    for connection in range(1, 21):
        desk.give(connection, WireKind.CONNECTED, ALL_STREAMS)
    desk.now_ns += 900 * MS
    sizes = []
    for _ in range(60):
        desk.now_ns += MS
        sent = desk.pass_time(5)
        sizes.append(sum(len(frame.connections) * (len(frame.payload) + 160) for frame in sent))

    assert max(sizes) <= 1_000_000
    assert int(desk.row["outbox"]["refused"]) == 0
    assert int(desk.row["markets"][0]["flow"]["arrivals"]) > 3_000


@pytest.mark.parametrize(
    ("knobs", "key"),
    [
        ({"events_per_second": float("nan")}, "exchange.events_per_second: found nan, allowed 0 to 20000"),
        ({"clustering": 1.0}, "exchange.clustering: found 1.0, allowed 0 to 0.95"),
        ({"price_start_by_symbol": {"X": -1.0}}, "exchange.price_start_by_symbol.X: found -1.0, allowed 1e-08"),
        ({"fee_maker_e8": -60_000}, "exchange.fee_taker_e8: found 50000, allowed at least 60000"),
    ],
)
def test_configuration_that_cannot_work_is_refused_with_its_key(knobs: dict[str, float], key: str) -> None:
    (problem,) = ExchangeConfig(**knobs).problems()

    assert problem.startswith(key)
