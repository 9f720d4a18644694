"""The feed stage: what it asks of the wire, what it tells the book, and that it repeats itself exactly."""

import numpy as np

from tests.procs.market_stage import MarketStage
from tests.trader.market_frames import depth, recorded_frames, snapshot, ticker, trade
from trader.book import ClearCause
from trader.enums import BookState, Command, DeltaKind, Side, WireKind
from trader.messages import BestQuote, BookClear, BookDelta, BookResync, Control, Timer, Trade

MS = 1_000_000
BIDS, ASKS = [("100.0", "1.0")], [("100.1", "1.5")]


def running(*symbols, **settings):
    stage = MarketStage("feed", *(symbols or ("BTCUSDT",)), **settings)
    assert stage.give(Control(Command.RUN, 0), 0) == 0
    return stage


def test_run_connects_to_every_stream_of_every_symbol():
    stage = running("BTCUSDT", "ETHUSDT")
    (connect,) = stage.taken("feed_wire_out")
    assert (connect.connection_id, connect.kind, connect.delay_ns) == (1, WireKind.CONNECT, 0)
    assert connect.payload == (
        b"/stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker/btcusdt@trade"
        b"/ethusdt@depth@0ms/ethusdt@bookTicker/ethusdt@trade"
    )
    assert stage.give(Control(Command.RUN, 0), 0) == 0
    assert stage.taken("feed_wire_out") == []


def test_frames_become_messages_in_ticks_and_lots():
    stage = running()
    stage.wire(1, WireKind.CONNECTED)
    assert stage.taken("feed_book") == [BookClear(0, 0, 0, BookState.SYNCING, ClearCause.START)]
    stage.taken("feed_wire_out")
    stage.wire(1, WireKind.FRAME, depth([("99.9", "2.0")], [], first=1, last=10, previous=0, event_ms=7))
    (request,) = stage.taken("feed_wire_out")
    assert (request.connection_id, request.kind, request.status) == (0, WireKind.REQUEST, 0)
    assert request.payload == b"GET /fapi/v1/depth?symbol=BTCUSDT&limit=1000\n\n"
    stage.wire(0, WireKind.RESPONSE, snapshot(BIDS, ASKS, last=5, event_ms=8), status=200)
    stage.wire(1, WireKind.FRAME, ticker("100.0", "1.0", "100.1", "1.5", update_id=11, event_ms=9))
    stage.wire(1, WireKind.FRAME, trade("100.1", "0.5", trade_id=77, event_ms=10))

    assert stage.taken("feed_book") == [
        BookDelta(0, 0, 8 * MS, DeltaKind.SNAPSHOT, 5, 5, 0, 1, 1, pairs((1000, 1000), (1001, 1500))),
        BookDelta(0, 0, 7 * MS, DeltaKind.UPDATE, 1, 10, 5, 1, 0, pairs((999, 2000))),
        BestQuote(0, 0, 9 * MS, 11, 1000, 1000, 1001, 1500),
        Trade(0, 0, 10 * MS, 77, Side.BUY, 1001, 500),
    ]


def pairs(*levels):
    return np.array(levels, dtype="<i8").tobytes()


def test_a_loss_is_told_and_the_next_connection_waits():
    stage = running()
    stage.wire(1, WireKind.CONNECTED)
    for content in (b"", b""):
        stage.wire(1, WireKind.LOST, content, status=1006)
    assert [type(message) for message in stage.taken("feed_book")] == [BookClear, BookClear]
    first, again, later = stage.taken("feed_wire_out")
    assert (first.delay_ns, again.kind) == (0, WireKind.CONNECT)
    assert later.delay_ns > again.delay_ns > 0


def test_silence_and_a_book_that_disproves_itself_are_told_on_the_timer_and_at_once():
    stage = running(silence_ms_max=1_000)
    stage.wire(1, WireKind.CONNECTED)
    stage.wire(1, WireKind.FRAME, depth(first=1, last=10))
    stage.wire(0, WireKind.RESPONSE, snapshot(BIDS, ASKS, last=5), status=200)
    stage.taken("feed_book")
    stage.give(Timer(1), 1_500 * MS)
    assert [message.cause for message in stage.taken("feed_book")] == [ClearCause.SILENCE] * 2
    stage.wire(1, WireKind.FRAME, depth(first=11, last=20, previous=10), now_ns=1_600 * MS)
    stage.give(Timer(2), 3_000 * MS)
    stage.wire(0, WireKind.RESPONSE, snapshot(BIDS, ASKS, last=15), status=200, now_ns=3_001 * MS)
    stage.taken("feed_book")
    stage.give(BookResync(0, 0, 0, 1, ClearCause.MISMATCH), 3_002 * MS)
    assert [(message.state, message.cause) for message in stage.taken("feed_book")] == [
        (BookState.STALE, ClearCause.REQUESTED), (BookState.SYNCING, ClearCause.REQUESTED),
    ]  # fmt: skip
    assert stage.give(BookResync(9, 0, 0, 1, 0), 3_003 * MS) == 0


def test_nothing_is_done_before_run():
    stage = MarketStage("feed", "BTCUSDT")
    stage.give(Timer(1), 10**12)
    stage.wire(1, WireKind.LOST)
    assert stage.taken("feed_wire_out") == stage.taken("feed_book") == []


def test_the_same_input_gives_the_same_output(trader_data):
    def outputs():
        stage = running()
        stage.wire(1, WireKind.CONNECTED)
        found = []
        for turn, frame in enumerate(recorded_frames(trader_data, 800)):
            assert stage.wire(1, WireKind.FRAME, frame, now_ns=turn * MS) == 0
            found += stage.taken("feed_book") + stage.taken("feed_wire_out")
        assert stage.row["feed"]["messages"] == 800
        return found

    first = outputs()
    assert len(first) > 700
    assert outputs() == first
